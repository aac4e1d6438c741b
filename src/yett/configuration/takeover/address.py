"""Takes over a server that has an address: its secret goes into `credential`, never into the URL."""

import base64
import binascii
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from yett.configuration.secret_finder import find_in_text, find_in_url
from yett.configuration.takeover.server_secrets import (
    HIDDEN,
    CannotTakeOverError,
    ServerSecrets,
    check_texts,
    text_of,
)
from yett.credentials.headers import can_carry


def take_address(
    section: dict[str, Any], address: str, secrets: ServerSecrets, notes: list[str]
) -> dict[str, Any]:
    if str(section.get("type", section.get("transport", ""))).lower() == "sse":
        notes.append("it was used over SSE; give the address of its Streamable HTTP endpoint")
    headers = section.get("headers") or {}
    check_texts("headers", headers, dict)
    url, credential = _split_address(secrets.expanded(address), secrets, notes)
    from_headers = _credential(
        {name: secrets.expanded(text_of(value)) for name, value in headers.items()}, secrets, notes
    )
    if credential and from_headers:
        notes.append("the secret in its address was left out, since it sends one in a header")
    chosen = from_headers or credential
    return {"url": url, "credential": chosen} if chosen else {"url": url}


def _split_address(
    address: str, secrets: ServerSecrets, notes: list[str]
) -> tuple[str, dict[str, Any] | None]:
    """Take user, password and secret parameters out of an address; none of them stays in a URL."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        raise CannotTakeOverError("its address cannot be read") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise CannotTakeOverError("its address is no http or https address")
    credential: dict[str, Any] | None = None
    userinfo, _, netloc = parts.netloc.rpartition("@")
    if userinfo:
        user, _, password = userinfo.partition(":")
        name = secrets.store("password", unquote(password or user))
        basic = {"username": unquote(user), "password": f"secret:{name}"}
        credential = {"basic": basic} if password else {"bearer": f"secret:{name}"}
    kept = []
    for pair in filter(None, parts.query.split("&")):
        key, _, value = pair.partition("=")
        if find_in_url(f"https://h/?{pair}") or HIDDEN.search(value):
            whole = HIDDEN.fullmatch(value)
            reference = whole[1] if whole else f"secret:{secrets.store(key, unquote(value))}"
            credential = credential or {"bearer": reference}
            notes.append(
                f"its address held a secret in `{key}`; it is sent as `Authorization: Bearer` now."
                " If the server wants another header, change `credential`"
            )
        else:
            kept.append(pair)
    url = urlunsplit((parts.scheme, netloc, parts.path, "&".join(kept), ""))
    if find_in_url(url) or HIDDEN.search(url):
        raise CannotTakeOverError(
            "its address holds a secret in the path, and Yett keeps secrets out of addresses"
        )
    return url, credential


def _credential(
    headers: dict[str, str], secrets: ServerSecrets, notes: list[str]
) -> dict[str, Any] | None:
    usable = {name: value for name, value in headers.items() if can_carry(name)}
    dropped = sorted(headers.keys() - usable.keys())
    if dropped:
        notes.append(f"left out, since no credential stands in them: {', '.join(dropped)}")
    if len(usable) == 1:
        name, value = next(iter(usable.items()))
        if name.lower() == "authorization":
            return _authorization(value, secrets, notes)
    written = {name: _header(name, value, secrets, notes) for name, value in usable.items()}
    return {"headers": written} if written else None


def _authorization(value: str, secrets: ServerSecrets, notes: list[str]) -> dict[str, Any]:
    scheme, _, token = value.strip().partition(" ")
    if scheme.lower() == "bearer" and token:
        return {"bearer": _header("token", token.strip(), secrets, notes)}
    if scheme.lower() == "basic" and token and not HIDDEN.search(token):
        try:
            user, colon, password = base64.b64decode(token, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            colon = user = password = ""
        if colon and password and not find_in_text(user):
            return {
                "basic": {
                    "username": user,
                    "password": f"secret:{secrets.store('password', password)}",
                }
            }
    return {"headers": {"Authorization": _header("authorization", value, secrets, notes)}}


def _header(name: str, value: str, secrets: ServerSecrets, notes: list[str]) -> str:
    """Store a header's value whole: a header is given to Yett by reference only."""
    whole = HIDDEN.fullmatch(value)
    if whole:
        return whole[1]
    part = HIDDEN.search(value)
    if part is None:
        return f"secret:{secrets.store(name, value)}"
    reference = part.group().strip("{}")
    stored = secrets.values.pop(reference.removeprefix("secret:"), None)
    if stored is not None and len(HIDDEN.findall(value)) == 1:
        full = value.replace(part.group(), stored.reveal_text())
        return f"secret:{secrets.store(name, full)}"
    notes.append(
        f"store the whole value of the header `{name}`, with what stands around the secret"
    )
    return reference
