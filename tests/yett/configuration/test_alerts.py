"""Alerts go where somebody reads them, and nobody else does."""

import pytest

from yett.configuration.load import load_text
from yett.core.errors import ConfigurationError

GOOD = """\
alerts:
  to:
    ops: {slack: "secret:slack-url"}
    soc: {webhook: "https://soc.example.com/yett", secret: "secret:soc-hook", ca: ca.pem}
    mail: {email: {server: "mail.example.com:587", sender: a@example.com, to: [b@example.com], username: a, password: "secret:mail"}}
    siem: {syslog: siem.example.com}
  routes:
    - {severity: high, to: [soc], kinds: ["tool.*"], tenants: [acme]}
  hours:
    "*": {zone: Europe/Zurich, open: 08:00-18:00, holidays: ["2026-12-25"]}
    night: {zone: America/New_York, days: [fri, sat], open: 22:00-06:00}
"""


def test_every_kind_of_destination_can_be_named() -> None:
    alerts = load_text(GOOD, "yett.yaml").alerts

    assert list(alerts.to) == ["ops", "soc", "mail", "siem"]
    assert alerts.hours["night"].open == "22:00-06:00"


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ('{slack: "secret:slack-url"}', '{slack: "https://hooks.slack.example/T0/x"}', "--server alerts"),
        ('{slack: "secret:slack-url"}', "{}", "exactly one of"),
        ('{slack: "secret:slack-url"}', '{slack: "secret:s", syslog: h}', "exactly one of"),
        (', secret: "secret:soc-hook"', "", "go together"),
        ("https://soc.example.com/yett", "http://soc.example.com/yett", "plain http"),
        ("https://soc.example.com/yett", "https://u:p4ssw0rd@soc.example.com/", "seems to hold a secret"),
        ("to: [b@example.com]", "to: []", "somebody who gets them"),
        ("to: [b@example.com]", 'to: ["b@example.com\\nBcc: c"]', "alerts.to.mail.email.to"),
        ("username: a, ", "", "go together"),
        ("username: a,", "username: a, security: none,", "in the clear"),
        ("mail.example.com:587", "mail.example.com:99999", "no such port"),
        ("syslog: siem.example.com", "syslog: 'tcp://siem'", "alerts.to.siem.syslog"),
        ("to: [soc]", "to: [nobody]", "no destination"),
        ("Europe/Zurich", "Europe/Atlantis", "no time zone"),
        ("08:00-18:00", "08:00-08:00", "nobody works"),
        ("08:00-18:00", "8-18", "alerts.hours.*.open"),
        ("2026-12-25", "2026-02-30", "there is no 2026-02-30"),
        ("ca: ca.pem", "ca: ~/ca.pem", "word of the shell"),
    ],
)  # fmt: skip
def test_what_leads_nowhere_or_to_others_is_refused(good: str, bad: str, said: str) -> None:
    assert good in GOOD
    with pytest.raises(ConfigurationError) as caught:
        load_text(GOOD.replace(good, bad), "yett.yaml")

    assert said in str(caught.value)
    assert "p4ssw0rd" not in str(caught.value)
    assert all(problem.line > 0 for problem in caught.value.problems)
