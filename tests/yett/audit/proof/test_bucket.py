"""Checkpoints in a bucket with object lock: what is there cannot be taken away, and is compared with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.buckets import CREDENTIALS, bucket_store, client
from tests.yett.audit.proof.scene import Scene
from tests.yett.audit.scene import CLOCK
from yett.audit.backends.checkpoint_bucket import BucketPlace
from yett.audit.config import BucketSection
from yett.audit.proof.port import Unkept


@pytest.fixture(name="endpoint", scope="module")
def _endpoint() -> Iterator[str]:
    with bucket_store() as endpoint, pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        yield endpoint


def place(endpoint: str, bucket: str = "s3://records/gate") -> BucketPlace:
    section = BucketSection(bucket, lock="400d", endpoint=endpoint, region="eu-central-1")
    return BucketPlace(section, CLOCK)


def test_a_rollback_is_found_with_what_nobody_could_delete(endpoint: str, tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.places = [place(endpoint)]  # type: ignore[list-item]  # any place will do
    scene.write(20)
    scene.sign()
    scene.write(5)
    size = scene.sign()
    assert scene.verify().checkpoints == 2
    store = client(endpoint)
    versions = store.list_object_versions(Bucket="records", Prefix="gate/")["Versions"]
    assert len(versions) == 2
    for version in versions:
        with pytest.raises(ClientError, match="AccessDenied"):
            store.delete_object(Bucket="records", Key=version["Key"], VersionId=version["VersionId"])  # fmt: skip
    path = scene.segments()[-1]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-3]))
    (scene.directory / "head").unlink()

    damage = scene.verify().damage

    assert damage is not None
    assert f"the bucket s3://records/gate says the log had {size} records" in damage.text


@pytest.mark.parametrize("cover", ["mark", "junk", "old"])
def test_what_is_locked_cannot_be_covered(endpoint: str, tmp_path: Path, cover: str) -> None:
    """Attack: a lock keeps each version, and not what stands in front of it."""
    where = f"s3://records/{cover}"
    scene = Scene(tmp_path)
    scene.places = [place(endpoint, where)]  # type: ignore[list-item]  # any place will do
    scene.write(20)
    scene.sign()
    scene.write(5)
    size = scene.sign()
    store = client(endpoint)
    first, last = sorted(
        one["Key"]
        for one in store.list_objects_v2(Bucket="records", Prefix=f"{cover}/")["Contents"]
    )
    if cover == "mark":
        store.delete_object(Bucket="records", Key=last)
    elif cover == "old":
        note = store.get_object(Bucket="records", Key=first)["Body"].read()
        store.put_object(Bucket="records", Key=last, Body=note, ChecksumAlgorithm="SHA256")
    else:
        store.put_object(Bucket="records", Key=last, Body=b"x", ChecksumAlgorithm="SHA256")
        with pytest.raises(Unkept, match="is no checkpoint"):
            list(place(endpoint, where).all())
        return
    path = scene.segments()[-1]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-3]))
    (scene.directory / "head").unlink()

    damage = scene.verify().damage

    assert damage is not None
    assert f"says the log had {size} records" in damage.text


def test_a_bucket_that_is_not_there_or_does_not_answer_is_told(
    endpoint: str, tmp_path: Path
) -> None:
    scene = Scene(tmp_path)
    scene.write(3)
    scene.places.append(place(endpoint, "s3://elsewhere/x"))  # type: ignore[arg-type]  # as above
    made, failures = scene.checkpointer().make()

    assert made is not None
    assert list(failures) == ["the bucket s3://elsewhere/x"]
    with pytest.raises(Unkept):
        list(place(endpoint, "s3://elsewhere/x").all())
