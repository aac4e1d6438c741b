"""Can checkpoints be kept where the `audit` section says?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from yett.audit.config import AuditConfig, CheckpointPlaceSection
from yett.configuration.addresses import split_url
from yett.core.address import is_loopback
from yett.core.errors import Problem
from yett.core.quantities import duration_seconds

_EVERY_SECONDS_MIN: Final = 1.0
_PLACES: Final = ("directory", "s3", "witness")


def audit_problems(config: AuditConfig) -> Iterator[Problem]:
    """Find what makes no sense or is not safe."""
    where: tuple[str | int, ...] = ("audit", "checkpoints")
    if duration_seconds(config.checkpoints.every) < _EVERY_SECONDS_MIN:
        yield Problem(
            "the log is signed once a second at most",
            fix="Write every: 1m.",
            path=(*where, "every"),
        )
    for number, place in enumerate(config.checkpoints.to):
        yield from _place(place, (*where, "to", number))


def _place(place: CheckpointPlaceSection, where: tuple[str | int, ...]) -> Iterator[Problem]:
    if sum(getattr(place, name) is not None for name in _PLACES) != 1:
        yield Problem(
            "a place for checkpoints is a directory, a bucket or a witness",
            fix="Write one of directory: PATH, s3: {bucket: s3://…}, witness: {url: …, key: …}.",
            path=where,
        )
    if place.s3 is not None and not place.s3.bucket.startswith("s3://"):
        yield Problem(
            "this is no bucket", fix="Write s3://NAME/PREFIX.", path=(*where, "s3", "bucket")
        )
    urls = []
    if place.witness is not None:
        urls.append((place.witness.url, ("witness", "url")))
    if place.s3 is not None and place.s3.endpoint is not None:
        urls.append((place.s3.endpoint, ("s3", "endpoint")))
    for url, path in urls:
        parts = split_url(url)
        if (
            parts is None
            or (
                parts.scheme != "https"
                and not (parts.scheme == "http" and is_loopback(parts.hostname or ""))
            )
            or "@" in parts.netloc
            or parts.query
        ):
            yield Problem(
                "checkpoints leave over https only, and addresses hold no secrets",
                fix="Write https://HOST/PATH.",
                path=(*where, *path),
            )


def with_absolute_places(config: AuditConfig, folder: Path) -> AuditConfig:
    """Write the paths of the places out in full."""
    places = tuple(_with_absolute(place, folder) for place in config.checkpoints.to)
    checkpoints = msgspec.structs.replace(config.checkpoints, to=places)
    return msgspec.structs.replace(config, checkpoints=checkpoints)


def _with_absolute(place: CheckpointPlaceSection, folder: Path) -> CheckpointPlaceSection:
    witness = place.witness
    if witness is not None and witness.ca is not None:
        witness = msgspec.structs.replace(witness, ca=str(folder / witness.ca))
    directory = None if place.directory is None else str(folder / place.directory)
    return msgspec.structs.replace(place, directory=directory, witness=witness)
