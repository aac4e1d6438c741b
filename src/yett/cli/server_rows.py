"""What `yett server list` says: the configuration held against the lock; no server is asked."""

from typing import Any

from yett.catalogue.build import open_lock
from yett.catalogue.lock import SECTIONS, ServerPins
from yett.cli.command import Place
from yett.configuration.model import ServerSection
from yett.configuration.secret_finder import find_in_argument, find_in_url, masked
from yett.core.operations import Kind
from yett.credentials.references import references_of


def server_rows(place: Place) -> list[dict[str, Any]]:
    """Raises:
    ConfigurationError: the configuration or the lock cannot be used.
    """
    configuration = place.configuration()
    lock = open_lock(place.folder).read()
    return [
        _row(name, section, lock.servers.get(name, ServerPins()))
        for name, section in configuration.servers.items()
    ]


def credential_names(section: ServerSection) -> list[str]:
    """Return the references of a server, such as `secret:github-token`; never a value."""
    return list(references_of(section.credential, section.env, section.command))


def _row(name: str, section: ServerSection, pins: ServerPins) -> dict[str, Any]:
    held = [pin for kind in SECTIONS for pin in pins.of(kind).values()]
    approved = pins.of(Kind.TOOL)
    return {
        "name": name,
        "kind": section.kind or ("stdio" if section.command else "http"),
        "address": _address(section),
        "approved": sum(not pin.quarantined for pin in held),
        "quarantined": sum(pin.quarantined for pin in held),
        "missing": sorted(set(section.tools) - set(approved)),
        "credentials": credential_names(section),
        "may_ask": sorted(set(section.may_ask)),
    }


def _address(section: ServerSection) -> str:
    """Literal secrets are refused at load; this masks what a later version might call one."""
    address = section.url or section.database
    if address is not None:
        return masked(address, find_in_url(address))
    words, previous = [], ""
    for word in section.command:
        words.append(masked(word, find_in_argument(word, previous=previous)))
        previous = word
    return " ".join(words)
