"""`yett audit hold|archive|restore`: what stays of the record, where, and for how long."""

import sys
from pathlib import Path
from typing import Any, Final, final

import click

from yett.audit.archived import ArchivedSegments, Copy
from yett.audit.archiving import DirectoryStore, Store, open_store, restore, segments_in
from yett.audit.asking import moment
from yett.audit.build import open_archiver, open_compressed
from yett.audit.holds import Holds
from yett.audit.port import Aged
from yett.audit.retention import is_covered, sealed
from yett.cli.audit_filters import SINCE
from yett.cli.audit_source import config_of, source_of
from yett.cli.command import Place, command
from yett.core.errors import CommandError
from yett.core.quantities import duration_seconds

hold: Final = click.Group("hold", help="Keep records whatever their age: legal holds.")

_COLUMNS: Final = [
    "id",
    "reason",
    "tenant",
    "since",
    "until",
    "placed_by",
    "placed_at",
    "released_at",
]
_REASON: Final = click.option("--reason", required=True, help="Why. It is in the record.")


def _store_options(function: Any) -> Any:
    for option in (
        click.option("--region", help="Of the bucket."),
        click.option(
            "--endpoint", metavar="URL", help="Of a store that speaks S3 and is not Amazon's."
        ),
    ):
        function = option(function)
    return function


@hold.command("add")
@command()
@_REASON
@click.option("--tenant", help="Only what holds records of this tenant.")
@SINCE
@click.option("--until", metavar="WHEN", help="Like --since. Default: without an end.")
def add(
    place: Place, *, reason: str, tenant: str | None, since: str | None, until: str | None
) -> None:
    """Keep the segments that hold such records, and all that come after them, until the hold is released."""
    now = place.clock.wall()
    placed = Holds(place.database(), place.clock, actor=place.actor).add(
        reason, tenant=tenant, since=moment(since, now), until=moment(until, now)
    )
    place.print_record(placed.describe())


@hold.command("list")
@command()
@click.option("--all", "with_released", is_flag=True, help="Those too that were released.")
def list_holds(place: Place, *, with_released: bool) -> None:
    """List the holds."""
    holds = Holds(place.database(), place.clock)
    found = holds.all() if with_released else holds.active()
    place.print_rows([item.describe() for item in found], _COLUMNS, empty="no hold")


@hold.command("release")
@command()
@click.argument("id_", metavar="ID")
@_REASON
def release(place: Place, *, id_: str, reason: str) -> None:
    """Let go of a hold: from here on only the retention counts."""
    released = Holds(place.database(), place.clock, actor=place.actor).release(id_, reason)
    place.print_record(released.describe())


@click.command("archive")
@command()
@click.option("--to", required=True, metavar="PLACE", help="A directory, or s3://BUCKET/PREFIX.")
@_store_options
@click.option(
    "--older-than", metavar="TIME", help="Only segments that ended so long ago, e.g. 30d."
)
@click.option("--parquet", is_flag=True, help="Also as Parquet (extra `archive`).")
@click.option(
    "--lock",
    metavar="TIME",
    help="Nobody can delete a copy for so long (a bucket with object lock).",
)
def archive(
    place: Place, *, to: str, endpoint: str | None, region: str | None, **options: Any
) -> None:
    """Copy the sealed segments that are not there yet; nothing is deleted.

    The copies are packed with gzip and can be searched and verified where they lie, if that is a directory (--data PLACE).
    In a bucket, those that a legal hold covers are held there, too.
    """
    store = open_store(to, endpoint=endpoint, region=region)
    work = _Archiving(place, store, holds_there=not isinstance(store, DirectoryStore))
    fresh = work.missing(_seconds(options["older_than"]) or 0.0)
    lock = _seconds(options["lock"])
    lock_until = None if lock is None else place.clock.wall() + lock
    is_hidden = place.as_json or not sys.stderr.isatty()
    packed = 0
    with click.progressbar(fresh, label="archiving", file=sys.stderr, hidden=is_hidden) as segments:
        for segment in segments:
            packed += work.copy(segment, parquet=options["parquet"], lock_until=lock_until)
    changed = work.follow_holds()
    place.print_record(
        {"archived": len(fresh), "bytes": packed, "holds_changed": changed, "place": store.url}
    )


@final
class _Archiving:
    """One run. holds_there: the store can be told to keep something whatever its age."""

    def __init__(self, place: Place, store: Store, *, holds_there: bool) -> None:
        database = place.database()
        self._clock = place.clock
        self._source = source_of(place)
        self._store = store
        self._archiver = open_archiver(config_of(place), place.data, store)
        self._known = ArchivedSegments(database, place.clock, actor=place.actor)
        self._holds = Holds(database, place.clock).active() if holds_there else []
        self._sealed = {segment.name: segment for segment in sealed(self._source)}
        self._there = set(segments_in(store))

    def missing(self, older_than: float) -> list[Aged]:
        noted = self._known.at(self._store.url)
        before = self._clock.wall() - older_than
        return [
            segment
            for segment in self._sealed.values()
            if segment.ended <= before
            and (segment.name not in self._there or segment.name not in noted)
        ]

    def copy(self, segment: Aged, *, parquet: bool, lock_until: float | None) -> int:
        """Archive one; return how many bytes its copy takes."""
        held = is_covered(self._source, segment, self._holds)
        done = self._archiver.archive(
            segment.name, parquet=parquet, lock_until=lock_until, hold=held
        )
        self._known.add(self._store.url, Copy(segment.name, done.sha256, done.bytes, held))
        return done.packed

    def follow_holds(self) -> int:
        """Hold the copies that a hold has come to cover, and let go of others; return how many those were. What
        is no longer in the log is left as it is: nobody can tell whose records it holds."""
        changed = 0
        for name, copy in self._known.at(self._store.url).items():
            segment = self._sealed.get(name)
            if segment is None or name not in self._there:
                continue
            held = is_covered(self._source, segment, self._holds)
            if held != copy.held:
                self._archiver.hold(name, on=held)
                self._known.mark(self._store.url, Copy(name, copy.sha256, copy.bytes, held))
                changed += 1
        return changed


@click.command("restore")
@command()
@click.argument("from_", metavar="PLACE")
@_store_options
@click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="A new directory; search it with --data.",
)
def restore_log(
    place: Place, *, from_: str, endpoint: str | None, region: str | None, to: Path
) -> None:
    """Unpack an archive into a directory of its own."""
    store = open_store(from_, endpoint=endpoint, region=region)
    segments = segments_in(store)
    if not segments:
        raise CommandError(f"there is no archived segment in `{from_}`")
    written = restore(store, segments, to, unpack=open_compressed)
    place.print_record({"segments": len(segments), "bytes": written, "directory": str(to)})


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else duration_seconds(text)
    except ValueError:
        raise CommandError(f"`{text}` is no time. Write 30d, 12h or 90s") from None
