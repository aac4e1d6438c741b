"""Does `audit.ship` say where records go, and do they go there unread by others?"""

from collections.abc import Callable, Iterator

from yett.audit.shipping.config import DESTINATIONS_MAX, ShipConfig, split_host
from yett.configuration.model import Configuration
from yett.core.address import is_loopback
from yett.core.errors import Problem

_Path = tuple[str, ...]


def shipping_problems(
    configuration: Configuration, url_problems: Callable[[str, _Path], Iterator[Problem]]
) -> Iterator[Problem]:
    """url_problems: what is wrong with an address to which anything private goes."""
    ship = configuration.audit.ship
    if len(ship) > DESTINATIONS_MAX:
        yield Problem(
            f"there are {len(ship)} destinations, and each one is read for and sent to all the time",
            fix=f"Name at most {DESTINATIONS_MAX}, and let one of them pass the records on.",
            path=("audit", "ship"),
        )
    for name, config in ship.items():
        path = ("audit", "ship", name)
        yield from _one(config, path)
        if config.https is not None:
            yield from url_problems(config.https, (*path, "https"))
        if config.kafka:
            yield from _kafka(config, path)


def _one(config: ShipConfig, path: _Path) -> Iterator[Problem]:
    named = [bool(config.syslog), bool(config.https), bool(config.kafka)]
    if named.count(True) != 1:
        yield Problem(
            "a destination is exactly one of `syslog`, `https` and `kafka`",
            fix="Write syslog: HOST, or https: ADDRESS, or kafka: [BROKER].",
            path=path,
        )
    if config.syslog is not None and config.secret is not None:
        yield Problem(
            "syslog has nothing that a secret is for: its records are not signed",
            fix="Remove this line.",
            path=(*path, "secret"),
        )


def _kafka(config: ShipConfig, path: _Path) -> Iterator[Problem]:
    hosts = [split_host(broker, 0)[0] for broker in config.kafka]
    if not config.tls and not all(map(is_loopback, hosts)):
        yield Problem(
            "records do not go in the clear beyond this machine: everybody on the way reads them",
            fix="Remove tls: false.",
            path=(*path, "tls"),
        )
    if (config.username is None) != (config.secret is None):
        yield Problem(
            "a user of the brokers and its password go together",
            fix="Write both username and secret, or neither.",
            path=(*path, "username" if config.secret is None else "secret"),
        )
