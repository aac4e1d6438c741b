"""One alert to one destination: one attempt, at the address that the configuration names."""

import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, final
from urllib.parse import SplitResult, urlsplit

from yett.alerts.alert import Alert
from yett.alerts.config import Destination, Email
from yett.alerts.messages import as_document, as_mail, as_slack, as_syslog
from yett.core.address import is_loopback
from yett.core.clock import Clock
from yett.core.errors import Refusal
from yett.core.secret import Secret
from yett.delivery import Undelivered, syslog
from yett.delivery.http import post, signed_headers

if TYPE_CHECKING:
    from email.message import EmailMessage

ReadSecret = Callable[[str], Secret]
"""reference → value. Raises Fault: there is none, or it is not for alerts."""


@final
class Sender:
    """secret: reads what a destination's references mean, when it is needed."""

    def __init__(self, secret: ReadSecret, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock
        self._host = socket.gethostname()

    def send(self, destination: Destination, type_: str, alert: Alert) -> None:
        """type_: `raised`, `resolved` or `test`.

        Raises:
            Undelivered: nobody took it, or what is needed to send it is not there.
        """
        try:
            self._send(destination, type_, alert)
        except Refusal as refusal:
            raise Undelivered(refusal.private) from refusal

    def _send(self, to: Destination, type_: str, alert: Alert) -> None:
        now = self._clock.wall()
        if to.webhook is not None:
            body = as_document(type_, alert)
            key = self._secret(to.secret or "")
            post(_address(to.webhook), body, signed_headers(key, now, body), ca=to.ca)
        elif to.slack is not None:
            url = _address(self._secret(to.slack).reveal_text().strip())
            post(url, as_slack(type_, alert), ca=to.ca)
        elif to.syslog is not None:
            host, port = split_host(to.syslog, syslog.PORT)
            line = as_syslog(type_, alert, host=self._host, process=os.getpid(), now=now)
            syslog.send(host, port, [line], ca=to.ca)
        elif to.email is not None:
            self._send_mail(to.email, to.ca, as_mail(type_, alert, to.email, now))

    def _send_mail(self, email: Email, ca: str | None, letter: "EmailMessage") -> None:
        from yett.delivery import mail  # noqa: PLC0415 - as in `as_mail`

        host, port = split_host(email.server or "", mail.PORTS[email.security])
        if email.security == "none" and not is_loopback(host):
            raise Undelivered("mail goes without TLS to this machine only")
        password = None if email.password is None else self._secret(email.password)
        relay = mail.Relay(host, port, email.security, ca, email.username, password)
        mail.send(relay, letter)


def split_host(text: str, port: int) -> tuple[str, int]:
    """Read `HOST`, `HOST:PORT` or `[IPv6]:PORT`. port: where none is named."""
    host, colon, digits = text.rpartition(":")
    if colon and digits.isdigit() and (not host.count(":") or host.endswith("]")):
        return host.strip("[]"), int(digits)
    return text.strip("[]"), port


def _address(text: str) -> SplitResult:
    """Read the address of a webhook. What is wrong with it is said without quoting it: it may be a secret.

    Raises:
        Undelivered: it is none, or everybody on the way could read what is sent there.
    """
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port
    except ValueError:
        host, url = None, urlsplit("")
    if not host or not text.isascii() or not text.isprintable() or " " in text:
        raise Undelivered("its address is none")
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(host)):
        raise Undelivered("its address does not begin with https://")
    return url
