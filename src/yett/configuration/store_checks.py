"""Do `storage` and `counters`, which several gates share, make sense together? Pure."""

from collections.abc import Callable, Iterator
from typing import Final

from yett.configuration.model import Configuration
from yett.core.address import Address, parse_counters, parse_storage
from yett.core.errors import Problem
from yett.storage.config import CountersConfig, StorageConfig, counters_of, storage_of

_ENVIRONMENT: Final = "env:"


def store_problems(configuration: Configuration) -> Iterator[Problem]:
    """Find what is wrong with what several gates would share."""
    storage, counters = storage_of(configuration.storage), counters_of(configuration.counters)
    if (storage is None) != (counters is None):
        missing, fix = (
            ("storage", "postgresql://yett@HOST/yett")
            if storage is None
            else ("counters", "valkeys://HOST")
        )
        yield Problem(
            "gates that share only one of `storage` and `counters` would each have limits or keys of"
            " their own",
            fix=f"Add {missing}: {fix}, or remove the other one.",
            path=("counters" if storage is None else "storage",),
        )
    production = configuration.mode == "production"
    if storage is not None:
        yield from _section("storage", storage, parse_storage, production=production)
    if counters is not None:
        yield from _section("counters", counters, parse_counters, production=production)


def _section(
    name: str,
    section: StorageConfig | CountersConfig,
    parse: Callable[[str], Address],
    *,
    production: bool,
) -> Iterator[Problem]:
    try:
        parse(section.url)
    except ValueError as error:
        what = str(error)
        yield Problem(what, fix="Write it in the form of the example.", path=(name, "url"))
    if production and (section.password or "").startswith(_ENVIRONMENT):
        yield Problem(
            "production takes no secret from the environment, which every child inherits",
            fix="Write the password into a file that only Yett's user may read, and password: file:/path.",
            path=(name, "password"),
        )
