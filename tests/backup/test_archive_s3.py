"""The built-in archive in an S3-compatible store, a real one: with authentication and object lock; frozen, restarted, and away."""

from __future__ import annotations

import hashlib
import os
import random
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from tests.backup.repository_contract import RepositoryContract, request, watch
from tests.backup.test_archive import IDENTITIES
from tests.backup.trees import content
from tests.support.seaweed import ACCESS_KEY, SECRET_KEY, Seaweed
from trueup.connectors.archive import CONNECTOR, s3
from trueup.connectors.archive.repository import Archive
from trueup.connectors.archive.retention import Retention
from trueup.core.supervision import Deadline
from trueup.model.errors import LoginRefused, Permanent, TimedOut, Transient
from trueup.model.repository import Repository

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("seaweed")]
ENDPOINT = "TRUEUP_TEST_S3"  # for processes of the contract


@pytest.fixture(scope="module")
def server() -> Iterator[Seaweed]:
    with Seaweed() as running:
        os.environ[ENDPOINT] = running.endpoint
        yield running
        del os.environ[ENDPOINT]


def archive(folder: Path, bucket: str = "plain", **more: object) -> Archive:
    prefix = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    options = {
        "url": f"s3://{bucket}/{prefix}",
        "endpoint": os.environ[ENDPOINT],
        "allow_http": True,
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "identity": IDENTITIES[0],
        "cache": folder / "cache",
        "pack_size": 16,
    }
    return CONNECTOR.open("vault", {**options, **more})


@pytest.mark.usefixtures("server")
class TestArchiveInS3(RepositoryContract):
    secrets: ClassVar[tuple[str, ...]] = (*IDENTITIES, SECRET_KEY)

    def make(self, folder: Path, key: int = 0) -> Repository:
        return archive(folder, identity=IDENTITIES[key])

    def files(self, folder: Path) -> list[Path]:
        return []

    def test_a_disk_that_is_full(self, tmp_path: Path, small: Path) -> None:
        pytest.skip(
            "the store's disk is its own; unsent objects are in the cache, where test_archive_faults.py fills the disk"
        )

    @pytest.mark.parametrize("action", ["store", "prune"])
    def test_killed_at_any_time(self, vault: Repository, tmp_path: Path, small: Path, action: str) -> None:
        pytest.skip(
            "killed at every object that is written or removed instead: tests/unit/backup/test_archive_kills.py"
        )

    def test_no_secret_can_be_seen(self, tmp_path: Path, tree: Path) -> None:
        """Kept by the process to itself, as with a folder; what is left is the cache."""
        vault = self.make(tmp_path)
        vault.prepare(False, watch())
        vault.store(request(tree, tmp_path), watch())
        for file in (one for one in (tmp_path / "cache").rglob("*") if one.is_file()):
            assert not any(secret.encode() in file.read_bytes() for secret in self.secrets)
        assert not any(secret in repr((vault, vars(vault), vars(vars(vault)["_place"]))) for secret in self.secrets)


@pytest.fixture
def big(tmp_path: Path) -> Path:
    folder = tmp_path / "big"
    folder.mkdir()
    for number in range(5):
        (folder / f"file{number}").write_bytes(random.Random(number).randbytes(9_000_000))
    return folder


def comes_back(vault: Archive, snapshot: str, into: Path) -> dict[str, bytes]:
    into.mkdir()
    vault.restore(snapshot, into, watch())
    return content(into)


@pytest.mark.usefixtures("server")
def test_refused_keys_a_missing_bucket_and_nobody_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ({"access_key": "nobody"}, {"secret_key": "another secret"}):
        with pytest.raises(LoginRefused) as refused:
            archive(tmp_path, **wrong).prepare(False, watch())
        assert refused.value.hint
        assert SECRET_KEY not in f"{refused.value}"
    with pytest.raises(Permanent, match="no such bucket"):
        archive(tmp_path, bucket="nowhere").prepare(False, watch())
    monkeypatch.setattr(s3, "PATIENCE", 1.0)
    with pytest.raises(Transient):
        archive(tmp_path, endpoint="http://127.0.0.1:9").prepare(False, watch())


@pytest.mark.usefixtures("server")
def test_object_lock(tmp_path: Path, server: Seaweed) -> None:
    """What is locked stays whatever keys one has; a later snapshot's date holds for what it shares with an earlier one."""
    root = tmp_path / "data"
    root.mkdir()
    (root / "file").write_bytes(b"the content")
    assert not archive(tmp_path).traits.lock
    vault = archive(tmp_path, bucket="locked")
    assert vault.traits.lock
    vault.prepare(False, watch())
    soon, later = time.time() + 3600, time.time() + 7200
    first = vault.store(request(root, tmp_path, lock_until=soon), watch()).snapshot
    second = vault.store(request(root, tmp_path, run="r2", lock_until=later), watch()).snapshot
    place = vault._place
    names = [name for name in place.listing("", watch()) if not name.startswith(("locks/", "repository"))]
    assert len(names) == 5
    prefix = vars(place)["_address"].prefix
    bucket = Retention(server.address("locked"))
    for name in names:
        status, until = bucket._ask("GET", f"{prefix}/{name}", "retention")
        assert status == 200
        assert "COMPLIANCE" in until
        date = (
            time.mktime(time.strptime(until.partition("<RetainUntilDate>")[2][:19], "%Y-%m-%dT%H:%M:%S"))
            - time.timezone
        )
        mine = first.id in name or (name.startswith("trees/") and abs(date - later) > 10)
        assert abs(date - (soon if mine else later)) <= 2, name
    versions = _versions(bucket, prefix)
    for name in names:
        status, body = bucket._ask("DELETE", f"{prefix}/{name}", f"versionId={versions[f'{prefix}/{name}']}")
        assert status == 403, (name, status, body)
    assert comes_back(vault, second.id, tmp_path / "out") == content(root)


def _versions(bucket: Retention, prefix: str) -> dict[str, str]:
    _, body = bucket._ask("GET", "", "versions")
    pairs = re.findall(r"<Version>.*?<Key>(.*?)</Key>.*?<VersionId>(.*?)</VersionId>", body, re.DOTALL)
    return {key: version for key, version in pairs if key.startswith(prefix)}


@pytest.mark.usefixtures("server")
def test_a_lock_where_there_is_none_is_refused(tmp_path: Path, big: Path) -> None:
    vault = archive(tmp_path)
    vault.prepare(False, watch())
    with pytest.raises(Permanent, match="object lock"):
        vault.store(request(big, tmp_path, lock_until=time.time() + 60), watch())
    assert vault.snapshots(watch()) == []


def test_restarted_and_frozen(tmp_path: Path, big: Path, server: Seaweed) -> None:
    """A store that is away for a few seconds costs nothing but time; one that hangs is given up when the watch says so."""
    vault = archive(tmp_path)
    vault.prepare(False, watch())
    timer = threading.Timer(0.4, lambda: (server.stop(), time.sleep(2), server.start()))
    timer.start()
    stored = vault.store(request(big, tmp_path), watch()).snapshot
    timer.join()
    assert comes_back(vault, stored.id, tmp_path / "out") == content(big)
    weed = _weed(server)
    os.kill(weed, signal.SIGSTOP)
    try:
        with pytest.raises(TimedOut):
            vault.store(request(big, tmp_path, run="r2"), Deadline("x", timeout=60, no_progress=2))
    finally:
        os.kill(weed, signal.SIGCONT)
    assert vault.snapshots(watch()) == [stored]
    assert vault.check(1.0, watch()).damage == ()


def _weed(server: Seaweed) -> int:
    """The server's own process, below its guard."""
    assert server.process is not None
    (child,) = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return int(child)


@pytest.mark.usefixtures("server")
def test_copied_into_a_bucket_and_back(tmp_path: Path, big: Path) -> None:
    """Objects go over as they are; what is there already is not sent again."""
    near = CONNECTOR.open(
        "near", {"path": tmp_path / "near", "identity": IDENTITIES[0], "cache": tmp_path / "c", "pack_size": 10}
    )
    far = archive(tmp_path)
    for one in (near, far):
        one.prepare(False, watch())
    stored = near.store(request(big, tmp_path), watch()).snapshot
    assert far.receive(near, stored, None, watch()) == stored
    assert far.snapshots(watch()) == [stored]
    assert comes_back(far, stored.id, tmp_path / "out") == content(big)
    assert far.check(1.0, watch()).damage == ()
    far.forget([stored.id], watch())
    sent: list[int] = []
    again = watch()
    again.moved = sent.append  # type: ignore[assignment,method-assign]
    assert far.receive(near, stored, None, again) == stored
    assert sum(sent) < 100_000
    assert far.check(1.0, watch()).damage == ()
    other = archive(tmp_path / "other", identity=IDENTITIES[1])
    other.prepare(False, watch())
    assert other.receive(near, stored, None, watch()) is None
