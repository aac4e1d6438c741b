"""Certificates for tests, good and bad in one way each, and a TLS server on loopback that echoes."""

import asyncio
import contextlib
import ipaddress
import ssl
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = time.time()
DAY = 86400.0


class Issued(NamedTuple):
    path: Path
    key_path: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def issue(
    folder: Path,
    name: str,
    *,
    by: Issued | None = None,
    ca: bool = False,
    hosts: tuple[str, ...] = ("localhost", "127.0.0.1"),
    start: float = NOW - DAY,
    end: float = NOW + 30 * DAY,
    key: ec.EllipticCurvePrivateKey | None = None,
    client: bool = False,
) -> Issued:
    """Make `name.pem` and `name-key.pem`; self-signed without `by`."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = by.key if by else key
    purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
    names = [
        x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        for host in hosts
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(start, UTC))
        .not_valid_after(datetime.fromtimestamp(end, UTC))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, content_commitment=False, key_encipherment=False,
                data_encipherment=False, key_agreement=False, key_cert_sign=ca, crl_sign=ca,
                encipher_only=False, decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )  # fmt: skip
    if not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(signer, hashes.SHA256())
    path, key_path = folder / f"{name}.pem", folder / f"{name}-key.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.touch(mode=0o600)
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return Issued(path, key_path, certificate, key)


class Served(NamedTuple):
    """received: everything that any client sent."""

    port: int
    received: bytearray


@contextlib.asynccontextmanager
async def serve(context: ssl.SSLContext) -> AsyncIterator[Served]:
    """Echo lines over TLS until the block ends."""
    served = bytearray()
    open_writers: set[asyncio.StreamWriter] = set()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_writers.add(writer)
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                served.extend(line)
                writer.write(line)
                await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        open_writers.discard(writer)

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)  # failed handshakes are what is tested
    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=context)
    try:
        yield Served(server.sockets[0].getsockname()[1], served)
    finally:
        server.close()
        for writer in list(open_writers):
            writer.transport.abort()
        for _ in range(50):
            if not open_writers:
                break
            await asyncio.sleep(0.01)


class Line:
    """One open TLS connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @property
    def peer(self) -> x509.Certificate:
        found = self.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(found)

    async def say(self, text: str) -> str:
        self.writer.write(text.encode() + b"\n")
        await self.writer.drain()
        answer = await asyncio.wait_for(self.reader.readline(), 5)
        if not answer:
            raise ConnectionResetError
        return answer.decode().rstrip()


@contextlib.asynccontextmanager
async def connect(
    port: int, context: ssl.SSLContext, *, name: str = "localhost"
) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname=name, ssl_handshake_timeout=5
    )
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
