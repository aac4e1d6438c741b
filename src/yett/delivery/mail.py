"""One e-mail by SMTP: over TLS from the first byte or from STARTTLS on, else only to this machine itself."""

import smtplib
import socket
import ssl
from contextlib import suppress
from email.message import EmailMessage
from typing import Final, Literal, final

import msgspec

from yett.core.secret import Secret
from yett.delivery.connection import Undelivered, client_context, connected

Security = Literal["starttls", "tls", "none"]
_READY: Final = 220
PORTS: Final[dict[Security, int]] = {"starttls": 587, "tls": 465, "none": 25}


@final
class Relay(msgspec.Struct, frozen=True):
    """The server that takes our mail. security: `none` is for one on this machine. ca: as for `client_context`."""

    host: str
    port: int
    security: Security
    ca: str | None = None
    username: str | None = None
    password: Secret | None = None


def send(relay: Relay, message: EmailMessage) -> None:
    """Hand a message over; its headers say from whom and to whom.

    Raises:
        Undelivered: it was not taken for every receiver.
    """
    tls = None if relay.security == "none" else client_context(relay.ca)
    at_once = tls if relay.security == "tls" else None
    with connected(relay.host, relay.port, tls=at_once) as connection:
        try:
            _hand_over(relay, message, connection, tls if at_once is None else None)
        except smtplib.SMTPResponseException as error:
            raise Undelivered(f"answered {error.smtp_code}") from error
        except smtplib.SMTPException as error:
            raise Undelivered(type(error).__name__) from error
        except OSError:  # said by `connected`; some errors of TLS are values as well
            raise
        except ValueError as error:  # a line that is none, or letters that the server does not take
            raise Undelivered("the server does not speak SMTP, or not these letters") from error


def _hand_over(
    relay: Relay, message: EmailMessage, connection: socket.socket, tls: ssl.SSLContext | None
) -> None:
    client = smtplib.SMTP(local_hostname=socket.gethostname())
    client.sock = connection
    try:
        _expect(client.getreply(), _READY)
        if tls is not None:
            _start_tls(client, connection, tls, relay.host)
        client.ehlo_or_helo_if_needed()
        if relay.username is not None and relay.password is not None:
            client.login(relay.username, relay.password.reveal_text())
        refused = client.send_message(message)
        with suppress(smtplib.SMTPException, OSError):  # it has the message
            client.quit()
    finally:
        client.close()
    if refused:
        raise Undelivered(f"refused for {len(refused)} of the receivers")


def _start_tls(
    client: smtplib.SMTP, connection: socket.socket, tls: ssl.SSLContext, host: str
) -> None:
    """Begin anew inside TLS: what was said before it may come from whoever sits between (CVE-2011-0411)."""
    client.ehlo()
    _expect(client.docmd("STARTTLS"), _READY)
    client.sock = tls.wrap_socket(connection, server_hostname=host)
    client.file = None
    client.helo_resp = client.ehlo_resp = None
    client.esmtp_features = {}


def _expect(reply: tuple[int, bytes], code: int) -> None:
    if reply[0] != code:
        raise smtplib.SMTPResponseException(*reply)
