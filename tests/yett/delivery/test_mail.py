"""Mail is handed over under TLS, or not at all."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.receivers import authority, mail_server
from yett.core.secret import Secret
from yett.delivery import Undelivered
from yett.delivery.mail import Relay, Security, send


def letter(*receivers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "gate@a.example", ", ".join(receivers), "x"
    message.set_content("Grüße\n.\nend")
    return message


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_it_arrives_under_tls_with_the_password(security: Security, tmp_path: Path) -> None:
    known = authority(tmp_path)
    with mail_server(known.context, at_once=security == "tls") as server:
        relay = Relay(
            "localhost", server.port, security, str(known.ca.path), "gate", Secret("pass word")
        )
        send(relay, letter("a@b.example", "c@d.example"))

    (got,) = server.got
    assert got.secured
    assert got.login == ("gate", "pass word")
    assert (got.sender, got.receivers) == ("gate@a.example", ["a@b.example", "c@d.example"])


def test_without_tls_nothing_is_said(tmp_path: Path) -> None:
    """Somebody between who takes the offer of STARTTLS away gets neither the password nor the letter."""
    known = authority(tmp_path)
    with mail_server(known.context, offers=False) as server:
        stranger = Relay("localhost", server.port, "starttls", None, "gate", Secret("password"))
        with pytest.raises(Undelivered, match="not trusted"):
            send(stranger, letter("a@b.example"))

    assert server.got == []


def test_a_receiver_that_is_refused_is_said(tmp_path: Path) -> None:
    known = authority(tmp_path)
    with mail_server(known.context) as server:
        relay = Relay("localhost", server.port, "starttls", str(known.ca.path))
        with pytest.raises(Undelivered, match="refused for 1 of the receivers"):
            send(relay, letter("a@b.example", "c@refused.example"))
        with pytest.raises(Undelivered, match="SMTPRecipientsRefused"):
            send(relay, letter("c@refused.example"))
