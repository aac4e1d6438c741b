"""Where the stores are that several gates share, and how they are entered."""

import ssl
from typing import final

import msgspec

from yett.core.address import Address
from yett.core.secret import Secret


@final
class PostgresPlace(msgspec.Struct, frozen=True):
    """context: for a connection with TLS, which verifies; None: the database is on this machine."""

    address: Address
    password: Secret | None
    context: ssl.SSLContext | None


@final
class CountersPlace(msgspec.Struct, frozen=True):
    """context: as above. replicas: that must have a count, too, before a call goes on."""

    address: Address
    password: Secret | None = None
    context: ssl.SSLContext | None = None
    replicas: int = 0
