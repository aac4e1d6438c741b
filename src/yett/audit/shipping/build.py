"""The `ship` section in, shippers out."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from yett.audit.ocsf import event_of
from yett.audit.port import AuditSource
from yett.audit.reading import Merger
from yett.audit.seeking import line_of
from yett.audit.shipping.backends.https import HttpsSink
from yett.audit.shipping.backends.syslog import SyslogSink
from yett.audit.shipping.config import ShipConfig, split_host
from yett.audit.shipping.port import Sink
from yett.audit.shipping.shipper import Shipper
from yett.audit.shipping.translating import Events, Translator, Verbatim
from yett.core.clock import Clock
from yett.core.document import encode
from yett.core.errors import ConfigurationError, Problem
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.delivery.syslog import PORT as SYSLOG_PORT

_KAFKA_PORT: Final = 9092


def note_of(data: Path, name: str) -> Path:
    """Return the file that says how far a destination got."""
    return data / "shipping" / f"{name}.json"


def open_shippers(
    destinations: Mapping[str, ShipConfig],
    *,
    data: Path,
    source: AuditSource,
    clock: Clock,
    secret: Callable[[str], Secret],
    record: Callable[[dict[str, JSON]], None],
) -> tuple[Shipper, ...]:
    """Make one for each destination; none runs yet. secret: returns what a reference names, when it is needed.

    Raises:
        ConfigurationError: a driver is missing.
    """
    return tuple(
        Shipper(
            name,
            source=source,
            sink=_sink(name, config, clock, secret),
            translator=_translator(config, source),
            note=note_of(data, name),
            clock=clock,
            record=record,
        )
        for name, config in destinations.items()
    )


def _translator(config: ShipConfig, source: AuditSource) -> Translator:
    if config.format == "lines":
        return Verbatim()
    merger = Merger(lambda sequence: line_of(source, sequence))
    return Events(merger, lambda entry: encode(event_of(entry)))


def _sink(name: str, config: ShipConfig, clock: Clock, secret: Callable[[str], Secret]) -> Sink:
    reference = config.secret
    reader = None if reference is None else lambda: secret(reference)
    if config.syslog is not None:
        host, port = split_host(config.syslog, SYSLOG_PORT)
        return SyslogSink(host, port, config.ca)
    if config.https is not None:
        return HttpsSink(urlsplit(config.https), config.ca, reader, clock.wall)
    try:
        from yett.audit.shipping.backends.kafka import KafkaSink  # noqa: PLC0415 - its driver is an extra
    except ImportError as error:
        raise ConfigurationError(
            [
                Problem(
                    "the driver for Kafka is not installed",
                    fix="Run `pip install 'yett[kafka]'`",
                    path=("audit", "ship", name),
                )
            ]
        ) from error
    brokers = [":".join(map(str, split_host(broker, _KAFKA_PORT))) for broker in config.kafka]
    return KafkaSink(
        brokers,
        config.topic,
        tls=config.tls,
        ca=config.ca,
        username=config.username,
        secret=reader,
    )
