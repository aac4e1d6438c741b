"""A bucket that speaks S3: files put, got, locked. Needs the extra `s3`, whose client signs (SigV4) and finds
the credentials where Amazon's tools look for them: the environment, a profile, the machine's role.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, final
from urllib.parse import urlsplit

from yett.core.address import is_loopback
from yett.core.errors import CommandError

SCHEME: Final = "s3"
_SECONDS_MAX: Final = 30
_TRIES: Final = 4
_PAGE: Final = 1000


@final
class Bucket:
    """url: s3://BUCKET[/PREFIX]. endpoint: of a store that is not Amazon's; plain HTTP on this machine only."""

    def __init__(self, url: str, *, endpoint: str | None = None, region: str | None = None) -> None:
        """Prepare the client; nothing is asked yet.

        Raises:
            CommandError: the address is none, or the extra is missing.
        """
        parts = urlsplit(url)
        if parts.scheme != SCHEME or not parts.netloc or parts.query or parts.username:
            raise CommandError(f"`{url}` is no bucket. Write s3://BUCKET or s3://BUCKET/PREFIX")
        self.url = url
        self._bucket = parts.netloc
        prefix = parts.path.strip("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._client = _client(endpoint, region)

    def put(
        self,
        name: str,
        data: bytes | Path,
        *,
        lock_until: float | None = None,
        hold: bool = False,
    ) -> None:
        """Store an object. lock_until: nobody can delete it before (seconds since 1970). hold: nor later, until
        the hold is taken away. Both need a bucket with object lock.

        Raises:
            CommandError: the store refuses, or does not answer.
            OSError: the file cannot be read.
        """
        more: dict[str, Any] = {"ChecksumAlgorithm": "SHA256"}  # the store compares what arrived
        if lock_until is not None:
            until = datetime.fromtimestamp(lock_until, UTC)
            more |= {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
        if hold:
            more["ObjectLockLegalHoldStatus"] = "ON"
        with self._words("put", name):
            if isinstance(data, bytes):
                self._client.put_object(Bucket=self._bucket, Key=self._key(name), Body=data, **more)
                return
            with data.open("rb") as file:
                self._client.put_object(Bucket=self._bucket, Key=self._key(name), Body=file, **more)

    def get(self, name: str, version: str | None = None) -> bytes:
        """Return an object. version: None: the newest.

        Raises:
            CommandError: the store refuses, or does not answer, or has none of this name.
        """
        more = {} if version is None else {"VersionId": version}
        with self._words("get", name):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(name), **more)
            found: bytes = answer["Body"].read()
            return found

    def download(self, name: str, path: Path) -> None:
        """Write an object to a file.

        Raises:
            CommandError: the store refuses, or does not answer, or has none of this name.
            OSError: the file cannot be written.
        """
        with self._words("get", name), path.open("wb") as file:
            body = self._client.get_object(Bucket=self._bucket, Key=self._key(name))["Body"]
            for block in body.iter_chunks(1024 * 1024):
                file.write(block)

    def names(self) -> list[str]:
        """Return the names of all objects under the prefix.

        Raises:
            CommandError: the store refuses, or does not answer.
        """
        with self._words("list", ""):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix, PaginationConfig={"PageSize": _PAGE}
            )
            return [
                item["Key"].removeprefix(self._prefix)
                for page in pages
                for item in page.get("Contents", ())
            ]

    def versions(self) -> list[tuple[str, str]]:
        """Return name and version of all that was ever put under the prefix and is not gone for good: a lock keeps
        nobody from putting something else, or the mark of a deletion, in front of an object.

        Raises:
            CommandError: the store refuses, or does not answer.
        """
        with self._words("list the versions of", ""):
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=self._bucket, Prefix=self._prefix, PaginationConfig={"PageSize": _PAGE}
            )
            return [
                (item["Key"].removeprefix(self._prefix), item["VersionId"])
                for page in pages
                for item in page.get("Versions", ())
            ]

    def hold(self, name: str, *, on: bool) -> None:
        """Put a legal hold on an object, or take it away.

        Raises:
            CommandError: the store refuses, or does not answer.
        """
        with self._words("hold", name):
            self._client.put_object_legal_hold(
                Bucket=self._bucket,
                Key=self._key(name),
                LegalHold={"Status": "ON" if on else "OFF"},
            )

    def _key(self, name: str) -> str:
        return self._prefix + name

    @contextmanager
    def _words(self, verb: str, name: str) -> Iterator[None]:
        """Say what went wrong in one sentence; the client's own may quote headers."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - an extra

        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown")
            raise CommandError(f"{self.url}: cannot {verb} `{name}`: {code}") from None
        except BotoCoreError as error:
            raise CommandError(
                f"{self.url}: cannot {verb} `{name}`: {type(error).__name__}"
            ) from None


def _client(endpoint: str | None, region: str | None) -> Any:
    try:
        import boto3  # noqa: PLC0415 - an extra
        from botocore.config import Config  # noqa: PLC0415 - an extra
    except ImportError:
        raise CommandError("buckets need the extra `s3`: pip install 'yett[s3]'") from None
    if endpoint is not None:
        address = urlsplit(endpoint)
        is_near = address.scheme == "http" and is_loopback(address.hostname or "")
        if address.scheme != "https" and not is_near:
            raise CommandError(f"`{endpoint}`: a store is spoken to over https:// only")
    config = Config(
        signature_version="s3v4",
        connect_timeout=_SECONDS_MAX,
        read_timeout=_SECONDS_MAX,
        retries={"total_max_attempts": _TRIES, "mode": "standard"},
        s3={"addressing_style": "path" if endpoint else "auto"},
    )
    return boto3.client(SCHEME, endpoint_url=endpoint, region_name=region, config=config)
