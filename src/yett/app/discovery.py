"""Ask one configured server what it offers, without a gate: for commands."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, final

import msgspec

from yett.app.assemble import build_armourer
from yett.app.upstream_pool import Discovery, UpstreamPool
from yett.app.vault import open_vault
from yett.catalogue import Definitions
from yett.configuration.model import Configuration, ServerSection
from yett.core.clock import Clock
from yett.core.errors import Refusal
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.credentials import Armourer
from yett.credentials.references import Template, parse_text, parse_value
from yett.sanitising import Redactor
from yett.storage import outbox
from yett.storage.port import Database
from yett.upstreams import Era

_WORDS_LINES_MAX: Final = 10
_STARS: Final = "***"


@final
class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking one server. Exactly one of definitions and refusal is set.

    era, version: as far as they were agreed on. seconds: from the start until everything was listed,
    or failed. last_words: the last lines that a program wrote to standard error, secrets redacted.
    """

    definitions: Definitions | None = None
    refusal: Refusal | None = None
    era: Era | None = None
    version: str | None = None
    seconds: float
    last_words: tuple[str, ...] = ()


async def discover_once(
    configuration: Configuration,
    data: Path,
    server: str,
    *,
    folder: Path,
    database: Database,
    clock: Clock,
) -> Definitions:
    """Start or reach the server with its own credential, list all it offers, and end it again.

    folder: where the configuration file lies. Works beside a running gate: what it records of the
    secrets it used goes through the outbox.

    Raises:
        ConfigurationError: the vault's key or the server's address cannot be used.
        Fault: the server cannot be reached, or its secret cannot be had.
    """
    contact = await contact_once(
        configuration, data, server, folder=folder, database=database, clock=clock
    )
    if contact.definitions is None:
        assert contact.refusal is not None  # noqa: S101 - one of the two is set
        raise contact.refusal
    return contact.definitions


async def contact_once(
    configuration: Configuration,
    data: Path,
    server: str,
    *,
    folder: Path,
    database: Database,
    clock: Clock,
) -> Contact:
    """As `discover_once`, and say how it went: a refusal is returned, not raised.

    Raises:
        ConfigurationError: the vault's key or the server's address cannot be used.
    """

    def record(event: dict[str, JSON]) -> None:
        with database.transaction() as transaction:
            outbox.post(transaction, event, clock.wall())

    # Nothing of the other servers: their secrets are not this command's business.
    section = configuration.servers[server]
    alone = msgspec.structs.replace(configuration, servers={server: section})
    vault = open_vault(configuration, data=data, database=database, clock=clock)
    armourer = build_armourer(alone, vault=vault, clock=clock, record_event=record)
    pool = UpstreamPool(clock)
    began = clock.monotonic()
    try:
        pool.routes(alone, folder, armourer=armourer)
        transport = pool.transport(server)
        try:
            definitions = await Discovery(pool).discover(server)
        except Refusal as refusal:
            seconds = clock.monotonic() - began
            words = await _fit_to_show(transport.last_words(), server, section, armourer)
            return Contact(refusal=refusal, era=transport.era, seconds=seconds, last_words=words)
        return Contact(
            definitions=definitions,
            era=transport.era,
            version=transport.version,
            seconds=clock.monotonic() - began,
        )
    finally:
        await pool.close()


async def _fit_to_show(
    words: tuple[str, ...], server: str, section: ServerSection, armourer: Armourer
) -> tuple[str, ...]:
    """Take the server's own secrets out of its last words, and what looks like one (CWE-532)."""
    if not words:
        return ()
    environment = await armourer.environment_for(server)
    command = await armourer.command_for(server)
    filled: list[tuple[Template, Secret | str]] = [
        (parse_value(text, path=()), environment[name]) for name, text in section.env.items()
    ]
    filled += [(parse_text(t, path=()), c) for t, c in zip(section.command, command, strict=True)]
    values = [value for template, text in filled for value in _secrets_of(template, text)]
    redact = Redactor().redact_text
    shown = []
    for word in words[-_WORDS_LINES_MAX:]:
        for value in values:
            word = word.replace(value, _STARS)  # noqa: PLW2901 - one value after the other
        shown.append(redact(word))
    return tuple(shown)


def _secrets_of(template: Template, filled: Secret | str) -> Iterator[str]:
    """Return what stands where the references stood; with several of them, all from the first on."""
    if isinstance(filled, str) or not template.references:
        return
    text = filled.reveal_text()
    secret = text.removeprefix(template.literals[0]).removesuffix(template.literals[-1])
    if secret:
        yield secret
