"""Folders into an archive: each file is read once, and the list of files says what the archive read."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from tests.support.trees import age, context, new_folder, odd_tree, patient, somebody_else, spec
from trueup.connectors.archive import CONNECTOR, reading
from trueup.connectors.archive.repository import Archive
from trueup.jobs.backup.sources.path import KIND
from trueup.jobs.backup.sources.path import records as recording
from trueup.model.backup import Captured, Drilled
from trueup.model.errors import Permanent, StoreError
from trueup.model.repository import Stored, StoreRequest


@pytest.fixture
def vault(tmp_path: Path) -> Archive:
    found: Archive = CONNECTOR.open(
        "vault", {"path": tmp_path / "vault", "cache": tmp_path / "index", "encrypt": False}
    )
    found.prepare(False, patient())
    return found


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    path = tmp_path / "share"
    path.mkdir()
    return path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the files that are read."""
    found: list[int] = []
    real = reading.Reader.read

    def counted(self: reading.Reader, descriptor: int, status: os.stat_result) -> reading.Content:
        found.append(status.st_size)
        return real(self, descriptor, status)

    monkeypatch.setattr(reading.Reader, "read", counted)
    return found


def night(vault: Archive, tree: Path, tmp_path: Path, **options: object) -> tuple[Captured, Stored]:
    """As a job does it, with the list settled afterwards."""
    source, place = spec(tree, **options), context(tmp_path)
    place.cache.mkdir(parents=True, exist_ok=True)
    whole: list[Captured] = []
    listing = KIND.listing(source, place, new_folder(tmp_path, "spool"), patient(), whole.append)
    root, about = listing.captured.root, listing.captured.about
    stored = vault.store(StoreRequest(root, about, "office", "files", "r", 1.0, listing=listing), patient())
    assert whole == [listing.captured]
    return KIND.settle(source, place, listing.captured, patient()), stored


def proven(vault: Archive, stored: Stored, tmp_path: Path, volatile: Path | None = None) -> Drilled:
    """What a drill says of a snapshot."""
    about, data = new_folder(tmp_path, "about"), new_folder(tmp_path, "data")
    vault.about(stored.snapshot.id, about, patient())
    vault.restore(stored.snapshot.id, data, patient())
    if volatile is not None:
        shutil.copy(volatile, about)
    return KIND.drill(about, data, new_folder(tmp_path, "scratch"), context(tmp_path), patient())


def listed(captured: Captured) -> dict[str, dict[str, object]]:
    lines = (captured.about / recording.FILES).read_text("ascii").splitlines()
    return {one["path"]: one for one in map(json.loads, lines)}


def test_the_list_is_the_one_that_a_capture_by_itself_makes(vault: Archive, tree: Path, tmp_path: Path) -> None:
    odd_tree(tree)
    (tree / "large").write_bytes(random.Random(1).randbytes(2 * reading.PART + 5))
    age(tree)
    captured, stored = night(vault, tree, tmp_path)
    alone = KIND.capture(spec(tree), context(tmp_path / "other"), new_folder(tmp_path, "spool"), patient())
    assert (captured.about / recording.FILES).read_bytes() == (alone.about / recording.FILES).read_bytes()
    assert (captured.bytes, captured.files, captured.measures) == (alone.bytes, alone.files, alone.measures)
    assert captured.files == stored.snapshot.files
    drilled = proven(vault, stored, tmp_path)
    assert drilled.differences == ()
    assert drilled.compared["bytes"] == captured.bytes


def test_what_is_known_is_not_read(vault: Archive, tree: Path, tmp_path: Path, read: list[int]) -> None:
    odd_tree(tree)
    age(tree)
    first, _ = night(vault, tree, tmp_path)
    files = {os.lstat(tree / os.fsdecode(os.fsencode(one))).st_ino for one, it in listed(first).items() if "sum" in it}
    assert len(read) == len(files)  # names of one file are read once
    read.clear()
    second, stored = night(vault, tree, tmp_path)
    assert read == []
    assert second.measures["changed"] == 0.0
    shutil.rmtree(
        context(tmp_path).cache
    )  # the list is gone, what the archive remembers is not: only holes are read anew
    third, _ = night(vault, tree, tmp_path)
    assert read == [5_000_000]
    assert {one: it.get("sum") for one, it in listed(third).items()} == {
        one: it.get("sum") for one, it in listed(first).items()
    }
    shutil.rmtree(tmp_path / "index")  # and the other way round
    read.clear()
    fourth, stored = night(vault, tree, tmp_path)
    assert len(read) == len(files)
    assert fourth.measures["changed"] == 0.0
    assert (fourth.about / recording.FILES).read_bytes() == (second.about / recording.FILES).read_bytes()
    assert proven(vault, stored, tmp_path).differences == ()


def test_names_of_a_file_with_holes_have_its_sum(vault: Archive, tree: Path, tmp_path: Path, read: list[int]) -> None:
    with (tree / "a").open("wb") as file:
        file.write(b"begin")
        file.truncate(1 << 20)
    os.link(tree / "a", tree / "b")
    age(tree)
    expected = blake3((tree / "a").read_bytes()).hexdigest()
    night(vault, tree, tmp_path, exclude=["b"])
    for reads in ([1 << 20], []):  # a name that is new in the list, and was there all the time; then one that is known
        read.clear()
        captured, stored = night(vault, tree, tmp_path)
        assert read == reads
        assert [one["sum"] for one in listed(captured).values()] == [expected] * 2
        assert captured.notes == ()
    assert proven(vault, stored, tmp_path).differences == ()


def while_read(monkeypatch: pytest.MonkeyPatch, change: Callable[[int], None]) -> None:
    """Calls `change` with the number of the reading, in the middle of each."""
    real, count = reading.Reader.read, iter(range(100))

    def changed(self: reading.Reader, descriptor: int, status: os.stat_result) -> reading.Content:
        found = real(self, descriptor, status)
        change(next(count))
        return found

    monkeypatch.setattr(reading.Reader, "read", changed)


@pytest.mark.parametrize("times", [1, 2])
def test_a_file_that_changes_while_it_is_read_is_read_once_more_and_told(
    vault: Archive, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    (tree / "log").write_text("first\n")
    age(tree)

    def append(number: int) -> None:
        if number < times:
            with (tree / "log").open("a") as file:
                file.write(f"{number}\n")

    while_read(monkeypatch, append)
    captured, stored = night(vault, tree, tmp_path)
    (record,) = listed(captured).values()
    if times == 1:
        assert record["sum"] == blake3(b"first\n0\n").hexdigest()
        assert captured.notes == ()
    else:
        assert record["volatile"]
        assert "sum" not in record
        assert "changed while they were read, twice: log" in captured.notes
    monkeypatch.undo()
    assert proven(vault, stored, tmp_path, captured.about / "volatile.json").differences == ()


def test_what_comes_and_goes_meanwhile_is_settled(
    vault: Archive, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        (tree / name).write_text(name)
    age(tree)

    opened = os.open

    def vanishing(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if path == "b" and (tree / "b").exists():
            (tree / "b").unlink()
            (tree / "d").write_text("new")
            (tree / "a").write_text("other")
        return opened(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", vanishing)
    captured, stored = night(vault, tree, tmp_path)
    monkeypatch.undo()
    assert sorted(listed(captured)) == ["a", "c"]
    notes = " ".join(captured.notes)
    assert "vanished while the folder was read: b" in notes
    assert "a" in json.loads((captured.about / "volatile.json").read_text())["changed"]
    assert "d" in json.loads((captured.about / "volatile.json").read_text())["appeared"]
    assert proven(vault, stored, tmp_path, captured.about / "volatile.json").differences == ()


def test_unreadable_files_fail_the_backup_and_are_all_named(vault: Archive, tree: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become somebody who may not read everything")
    for name in ("a", "b", "c", "d"):
        (tree / name).write_text(name)
    (tree / "b").chmod(0)
    (tree / "d").chmod(0)
    age(tree)
    tmp_path.chmod(0o777)
    for folder in (tmp_path, *tmp_path.rglob("*")):
        if folder.is_dir() and folder != tree:
            folder.chmod(0o777)
    for folder in tmp_path.parents:
        if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    shutil.rmtree(tmp_path / "vault")
    with somebody_else():
        vault.prepare(False, patient())
        with pytest.raises(Permanent, match="2 files or folders") as error:
            night(vault, tree, tmp_path)
        assert "b, d" in str(error.value)
        assert vault.snapshots(patient()) == []
        captured, stored = night(vault, tree, tmp_path, unreadable="warn")
    assert stored.unread == ("b", "d")
    assert not stored.snapshot.complete
    assert [one for one, it in listed(captured).items() if it.get("unread")] == ["b", "d"]
    assert "cannot be read, and missing from the backup: b, d" in captured.notes


def test_a_list_that_cannot_be_written_leaves_no_snapshot(
    vault: Archive, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "a").write_text("a")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("trueup.jobs.backup.sources.path.source._write_manifest", full)
    with pytest.raises(StoreError, match="the list of files cannot be written"):
        night(vault, tree, tmp_path)
    assert vault.snapshots(patient()) == []


def test_a_single_file(vault: Archive, tree: Path, tmp_path: Path) -> None:
    (tree / "app.cfg").write_text("x = 1\n")
    captured, stored = night(vault, tree / "app.cfg", tmp_path)
    assert list(listed(captured)) == ["app.cfg"]
    assert proven(vault, stored, tmp_path).differences == ()
