"""TLS towards PostgreSQL: verified always, and plain only on this machine."""

import asyncio
import os
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.certificates import Issued, issue
from tests.postgres import Postgres
from tests.yett.upstreams.scene import lease_nothing
from tests.yett.upstreams.sql.scene import Sql
from yett.core.errors import ConfigurationError, Fault
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.upstreams.backends.sql.postgres import PostgresEngine
from yett.upstreams.build import build
from yett.upstreams.config import UpstreamConfig
from yett.upstreams.databases import PostgresAddress, parse_database
from yett.upstreams.port import Transport
from yett.upstreams.tls import client_context, public_key_pin


@pytest.fixture(scope="module", name="authority")
def _authority(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issued]:
    """The cluster serves TLS with a certificate for 127.0.0.1 while these tests run."""
    folder = tmp_path_factory.mktemp("tls")
    authority = issue(folder, "authority", ca=True)
    server = issue(folder, "server", by=authority, hosts=("127.0.0.1",))
    [found] = postgres.fetch("select current_setting('data_directory') as folder")
    data = Path(found["folder"])
    for source, name in ((server.path, "server.crt"), (server.key_path, "server.key")):
        target = data / name
        target.write_bytes(source.read_bytes())
        target.chmod(0o600)
        owner = data.stat()
        os.chown(target, owner.st_uid, owner.st_gid)
    postgres.run("alter system set ssl = on", "select pg_reload_conf()")
    yield authority
    postgres.run("alter system set ssl = off", "select pg_reload_conf()")


async def discover(postgres: Postgres, context: Callable[[], ssl.SSLContext], host: str) -> None:
    address = PostgresAddress(host, postgres.port, "reader", "postgres", tls=True)
    sql = Sql(PostgresEngine(address, context, ()), "postgres")
    try:
        await sql.transport.discover(sql.credential)
    finally:
        await sql.transport.close()


def context_of(ca: Path, *pins: str) -> Callable[[], ssl.SSLContext]:
    return lambda: client_context(ca=str(ca), client_certificate=None, client_key=None, pins=pins)


async def test_a_certificate_of_the_right_authority_for_the_right_host_is_taken(
    postgres: Postgres, authority: Issued
) -> None:
    await discover(postgres, context_of(authority.path), "127.0.0.1")

    [found] = await asyncio.to_thread(postgres.fetch, "select current_setting('ssl') as ssl")
    assert found["ssl"] == "on"


async def test_another_authority_another_host_and_another_key_are_refused(
    postgres: Postgres, authority: Issued, tmp_path: Path
) -> None:
    other = issue(tmp_path, "other", ca=True)
    pin = public_key_pin(other.certificate.public_bytes(Encoding.DER))
    for context, host in (
        (context_of(other.path), "127.0.0.1"),
        (context_of(authority.path), "localhost"),
        (context_of(authority.path, pin), "127.0.0.1"),
    ):
        with pytest.raises(Fault) as caught:
            await discover(postgres, context, host)
        assert "certificate is refused" in caught.value.private


def built(address: str, context: Callable[[], ssl.SSLContext]) -> Transport:
    async def no_command() -> tuple[str, ...]:
        return ()

    async def no_environment() -> dict[str, Secret]:
        return {}

    return build(
        UpstreamConfig(name="s", database=address),
        command=no_command,
        environment=no_environment,
        lease=lease_nothing,
        base_environment={},
        ssl_context_factory=context,
    )


async def test_without_tls_no_statement_leaves_this_machine() -> None:
    asked = []

    def context() -> ssl.SSLContext:
        asked.append(True)
        raise Fault(Reason.UPSTREAM_UNREACHABLE, "asked for TLS")

    for host, wanted in (("127.0.0.1", False), ("localhost", False), ("db.example", True)):
        transport = built(f"postgresql://reader@{host}:1/d", context)
        asked.clear()
        with pytest.raises(Fault):
            await transport.discover(Credential())
        assert bool(asked) is wanted
        await transport.close()


async def test_without_the_driver_it_is_said_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError) as caught:
        built("postgresql://reader@127.0.0.1:1/d", ssl.create_default_context)

    assert ".[postgres]" in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "postgresql://reader:hunter2@db.example/sales",
        "postgresql://:hunter2@db.example/sales",
        "postgresql://db.example/sales",
        "postgresql://reader@db.example",
        "postgresql://reader@db.example/a/b",
        "postgresql://reader@/sales",
        "postgresql://reader@db.example:99999/sales",
        "postgresql://reader@db.example/sales?sslmode=disable",
        "postgresql://reader@db.example/sales?sslmode=require",
        "postgresql://reader@db.example/sales?sslmode=verify-full&sslmode=prefer",
        "postgresql://reader@db.example/sales?password=hunter2",
        "postgresql://reader@db.example/sales?host=/tmp",
        "postgresql://reader@db.example/sales#x",
        "postgresql://reader@db.example/sal\nes",
        "mysql://reader@db.example/sales",
        "sqlite://host/path.db",
        "sqlite:///a.db?mode=rwc",
        "sqlite:",
        "sqlite:///",
        "sqlite:~/a.db",
        "file:///a.db",
    ],
)
def test_an_address_that_is_unsafe_or_none_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_database(address)

    assert "hunter2" not in str(caught.value)
