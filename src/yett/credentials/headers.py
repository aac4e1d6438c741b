"""How a server's credential becomes headers (RFC 6750, RFC 7617), and which headers may be one."""

import base64
import re
from typing import Final, Literal, final

import msgspec

from yett.core.errors import ConfigurationError, Fault, Problem
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.credentials.config import CredentialConfig

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
# CR, LF and NUL would begin another header or end this one early (CWE-113); the rest of the control
# characters has no business in a header either (RFC 9110, 5.5).
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# Whoever could set these would decide about the framing or the meaning of the request.
_NOT_A_CREDENTIAL: Final = frozenset(
    {
        "accept", "connection", "content-encoding", "content-length", "content-type", "expect",
        "host", "keep-alive", "last-event-id", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip


PASSWORD: Final = "password"  # noqa: S105 - a name, not a value
"""In place of a header's name: what a database is given. It is never sent in a header."""


@final
class HeaderForm(msgspec.Struct, frozen=True):
    """One header to be made of the value of one reference. username: of `basic` only."""

    header: str
    reference: str
    form: Literal["plain", "bearer", "basic"] = "plain"
    username: str = ""


def header_forms(server: str, config: CredentialConfig | None) -> tuple[HeaderForm, ...]:
    """Read how a server wants its credential; empty if it wants none.

    Raises:
        ConfigurationError: not exactly one form, or a header that cannot carry a credential.
    """
    if config is None:
        return ()
    path = ("servers", server, "credential")
    forms = (config.bearer, config.basic, config.password, config.headers or None)
    if len(forms) - forms.count(None) != 1:
        problem = Problem(
            "a credential has exactly one form",
            fix="Keep one of bearer, basic and headers; or password, for a database.",
            path=path,
        )
        raise ConfigurationError([problem])
    if config.password is not None:
        return (HeaderForm(PASSWORD, config.password),)
    if config.bearer is not None:
        return (HeaderForm("Authorization", config.bearer, "bearer"),)
    if config.basic is not None:
        username = config.basic.username
        if ":" in username or _CONTROL.search(username.encode()):
            problem = Problem(
                "a user name of basic has no colon and no control character (RFC 7617)",
                fix="Correct the user name.",
                path=(*path, "basic", "username"),
            )
            raise ConfigurationError([problem])
        return (HeaderForm("Authorization", config.basic.password, "basic", username),)
    unfit = [
        Problem(
            "this header cannot carry a credential",
            fix="Name the header that the server's documentation names, such as X-Api-Key.",
            path=(*path, "headers", name),
        )
        for name in config.headers
        if not can_carry(name) or sum(name.lower() == other.lower() for other in config.headers) > 1
    ]
    if unfit:
        raise ConfigurationError(unfit)
    return tuple(HeaderForm(name, reference) for name, reference in config.headers.items())


def can_carry(header: str) -> bool:
    """Say whether a header of this name may hold a credential."""
    name = header.lower()
    return (
        _TOKEN.fullmatch(header) is not None
        and name not in _NOT_A_CREDENTIAL
        and not name.startswith("mcp-")
    )


def make_header(form: HeaderForm, value: Secret) -> tuple[str, Secret]:
    """Put a value into its header.

    Raises:
        Fault: it cannot stand in a header. The private text names the reference, never the value.
    """
    if form.form == "basic":
        pair = base64.b64encode(form.username.encode() + b":" + _fit(form, value))
        return (form.header, Secret(b"Basic " + pair))
    prefix = b"Bearer " if form.form == "bearer" else b""
    return (form.header, Secret(prefix + _fit(form, value)))


def _fit(form: HeaderForm, value: Secret) -> bytes:
    revealed = value.reveal()
    if not revealed or _CONTROL.search(revealed):
        raise Fault(
            Reason.INTERNAL_ERROR,
            f"the value of `{form.reference}` is empty or holds a control character, so it cannot"
            f" stand in the header `{form.header}`",
        )
    return revealed
