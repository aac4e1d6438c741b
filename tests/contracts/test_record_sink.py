"""What every destination of records must do: have all of a portion, in order, or say that it has not."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import pytest
from confluent_kafka import Consumer, Producer

from tests.receivers import authority, collector, hook
from yett.audit.shipping.backends.https import HttpsSink
from yett.audit.shipping.backends.kafka import KafkaSink
from yett.audit.shipping.backends.syslog import SyslogSink
from yett.audit.shipping.port import Sink
from yett.core.secret import Secret
from yett.delivery import Undelivered

DOCUMENTS: Final = [
    b'{"sequence":%d,"at":"2026-11-22T13:00:00.000000Z","name":"J\xc3\xbcrgen"}' % number
    for number in range(1, 200)
] + [b'{"sequence":200,"long":"' + b"x" * 100_000 + b'"}']
WAIT_SECONDS: Final = 10.0


class Stand(NamedTuple):
    """got: what arrived, when there are at least so many."""

    sink: Sink
    got: Callable[[int], list[bytes]]
    stop: Callable[[], None]


def until(read: Callable[[], list[bytes]]) -> Callable[[int], list[bytes]]:
    def wait(count: int) -> list[bytes]:
        end = time.monotonic() + WAIT_SECONDS
        while len(found := read()) < count and time.monotonic() < end:
            time.sleep(0.01)
        return found

    return wait


@contextlib.contextmanager
def syslog_stand(folder: Path) -> Iterator[Stand]:
    known = authority(folder)
    with collector(known.context) as there:
        sink = SyslogSink("localhost", there.port, str(known.ca.path))
        read = until(lambda: [message.split(b" - ", 1)[1] for message in there.got])
        yield Stand(sink, read, there.stop)


@contextlib.contextmanager
def https_stand(folder: Path) -> Iterator[Stand]:
    known = authority(folder)
    with hook(known.context) as there:
        url = urlsplit(f"https://localhost:{there.port}/records")
        sink = HttpsSink(url, str(known.ca.path), lambda: Secret(b"key"), time.time)
        read = until(lambda: [line for one in there.got for line in one.body.splitlines()])
        yield Stand(sink, read, lambda: there.statuses.extend([500] * 100))


@contextlib.contextmanager
def kafka_stand(folder: Path) -> Iterator[Stand]:
    """Three brokers in this process that speak the protocol: the driver brings them for tests."""
    del folder
    cluster = [Producer({"test.mock.num.brokers": 3, "bootstrap.servers": "none", "log_level": 0})]
    found = cluster[0].list_topics(timeout=WAIT_SECONDS).brokers.values()
    brokers = [f"{broker.host}:{broker.port}" for broker in found]
    got: list[bytes] = []
    consumer = Consumer(
        {
            "bootstrap.servers": ",".join(brokers),
            "group.id": "test",
            "auto.offset.reset": "earliest",
            "topic.metadata.refresh.interval.ms": 200,
        }
    )
    consumer.subscribe(["records"])

    def read() -> list[bytes]:
        found = consumer.consume(1_000, 0.2)
        got.extend(message.value() or b"" for message in found if message.error() is None)
        return got

    sink = KafkaSink(brokers, "records", tls=False, seconds_max=3)
    yield Stand(sink, until(read), cluster.clear)
    consumer.close()


STANDS: Final = {"syslog": syslog_stand, "https": https_stand, "kafka": kafka_stand}


@pytest.fixture(params=STANDS, name="stand")
def _stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    with STANDS[request.param](tmp_path) as stand:
        yield stand
        stand.sink.close()


def test_each_document_arrives_whole_and_in_order(stand: Stand) -> None:
    stand.sink.send(DOCUMENTS[:120])
    stand.sink.send(DOCUMENTS[120:])

    assert stand.got(len(DOCUMENTS)) == DOCUMENTS


def test_what_nobody_takes_is_said_to_be_undelivered(stand: Stand) -> None:
    stand.sink.send(DOCUMENTS[:1])
    stand.stop()
    began = time.monotonic()

    with pytest.raises(Undelivered) as caught:
        stand.sink.send(DOCUMENTS[:3])

    assert time.monotonic() - began < 15
    assert "127.0.0.1" not in str(caught.value)
