"""A topic of Kafka: every broker that should have a copy has it before a portion counts as taken.

What one gate wrote is in one partition, in its order: its node is the key. The driver (librdkafka) is an extra. It does not repeat or reorder within one life of the gate; after a
restart a portion may come again, like everywhere.
"""

import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final, final

from confluent_kafka import KafkaError, KafkaException, Producer

from yett.core.secret import Secret
from yett.delivery import Undelivered
from yett.delivery.connection import SECONDS_MAX

_SILENT: Final = logging.getLogger("yett.audit.shipping.kafka.driver")
_SILENT.setLevel(logging.CRITICAL + 1)
"""The driver would tell each attempt of each broker; what counts comes with the report."""


@final
class KafkaSink:
    def __init__(
        self,
        brokers: Sequence[str],
        topic: str,
        *,
        tls: bool,
        ca: str | None = None,
        username: str | None = None,
        secret: Callable[[], Secret] | None = None,
        seconds_max: float = SECONDS_MAX,
    ) -> None:
        self._topic = topic
        self._seconds_max = seconds_max
        self._secret = secret
        self._node = socket.gethostname().encode()
        self._settings: dict[str, Any] = {
            "bootstrap.servers": ",".join(brokers),
            "enable.idempotence": True,  # and with it acks=all
            "message.timeout.ms": int(seconds_max * 1000),
            "security.protocol": ("SASL_" if username else "") + ("SSL" if tls else "PLAINTEXT"),
        }
        if ca is not None:
            self._settings["ssl.ca.location"] = ca
        if username is not None:
            self._settings |= {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": username}
        self._producer: Producer | None = None

    def send(self, documents: Sequence[bytes]) -> None:
        failed: list[KafkaError] = []

        def report(error: KafkaError | None, _message: object) -> None:
            if error is not None:
                failed.append(error)

        try:
            producer = self._producer or self._open()
            for document in documents:
                producer.produce(self._topic, document, self._node, on_delivery=report)
            waiting = producer.flush(self._seconds_max)
        except (KafkaException, BufferError) as error:
            self.close()
            raise Undelivered(_why(error)) from error
        if failed or waiting:
            self.close()
            raise Undelivered(failed[0].name() if failed else "not in time")

    def close(self) -> None:
        """Forget what is still on its way: it is sent again."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()

    def _open(self) -> Producer:
        settings = dict(self._settings)
        if self._secret is not None:
            settings["sasl.password"] = self._secret().reveal_text()
        self._producer = Producer(settings, logger=_SILENT)
        return self._producer


def _why(error: Exception) -> str:
    """Its name and never its text, which may quote settings."""
    cause = error.args[0] if error.args else None
    return cause.name() if isinstance(cause, KafkaError) else type(error).__name__
