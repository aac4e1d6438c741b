"""What each kind of destination is sent: the same alert in its words.

Names in an alert are the operator's and the catalogue's, but what a server is called, or says, may be a
stranger's: nothing of it is markup, a header or a control character here.
"""

import json
from typing import TYPE_CHECKING, Any, Final

from yett.alerts.alert import Alert
from yett.alerts.config import Email
from yett.alerts.kinds import kind_of
from yett.core.document import encode
from yett.delivery import syslog

if TYPE_CHECKING:
    from email.message import EmailMessage

_SUBJECT_CHARS_MAX: Final = 160
_SEVERITY: Final = {"high": 1, "low": 5}
"""Of syslog: `alert` and `notice` (RFC 5424, 6.2.1)."""


def as_document(type_: str, alert: Alert) -> bytes:
    """For webhooks: `{"type": "alert.raised", "alert": …}`."""
    return encode({"type": f"alert.{type_}", "alert": alert.described()})


def as_slack(type_: str, alert: Alert) -> bytes:
    """For incoming webhooks of Slack, in its mrkdwn."""
    lines = [f"*{_heading(type_, alert)}*", _escaped(alert.says)]
    lines += [
        f"• {_escaped(name)}: {_escaped(str(value))}" for name, value in alert.numbers.items()
    ]
    lines.append(_escaped(_do(alert)))
    return encode({"text": "\n".join(line for line in lines if line)})


def as_mail(type_: str, alert: Alert, email: Email, now: float) -> "EmailMessage":
    from email.message import EmailMessage  # noqa: PLC0415 - slow to import, for few destinations
    from email.utils import formatdate, make_msgid  # noqa: PLC0415 - likewise

    message = EmailMessage()
    sender = email.sender or ""
    message["From"] = sender
    message["To"] = ", ".join(email.to)
    subject = f"[yett] {_heading(type_, alert)}: {alert.says}"
    message["Subject"] = printable(subject)[:_SUBJECT_CHARS_MAX]
    message["Date"] = formatdate(now)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or None)
    message["Auto-Submitted"] = "auto-generated"
    numbers = [f"{name}: {value}" for name, value in alert.numbers.items()]
    message.set_content(
        "\n".join(
            printable(line)
            for line in (
                alert.says, "", *numbers, "", kind_of(alert.kind).means, _do(alert), "",
                f"alert {alert.id}, subject {alert.subject}, seen {alert.count} times",
            )
        )
    )  # fmt: skip
    return message


def as_syslog(type_: str, alert: Alert, *, host: str, process: int, now: float) -> bytes:
    text = json.dumps({"type": f"alert.{type_}", "alert": alert.described()})
    severity = _SEVERITY[alert.severity] if type_ == "raised" else _SEVERITY["low"]
    return syslog.message(
        severity=severity, at=now, host=host, process=process, kind=f"alert.{alert.kind}", text=text
    )


def printable(text: Any) -> str:
    """Return text on one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def _heading(type_: str, alert: Alert) -> str:
    state = "over" if type_ == "resolved" else alert.severity
    return _escaped(f"{state}: {alert.kind}")


def _do(alert: Alert) -> str:
    return f"{kind_of(alert.kind).do} Then `yett alert ack {alert.id}`.".strip()


def _escaped(text: str) -> str:
    """The three characters that Slack reads as the beginning of something; with them no mention and no
    link can be made."""
    return printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
