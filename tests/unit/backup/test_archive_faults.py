"""An archive among adversities: damage and what is done about it, keys, files that change, vanish or cannot be read, full disks, two at once."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from tests.backup.repository_contract import request, tiny_disk, watch
from tests.backup.trees import content, picture
from trueup.connectors.archive import CONNECTOR, locks, storing
from trueup.connectors.archive import reading as file_reading
from trueup.connectors.archive.keys import new_identity
from trueup.connectors.archive.objects import Damaged
from trueup.connectors.archive.places import Folder
from trueup.connectors.archive.repository import Archive
from trueup.connectors.archive.storing import Storing
from trueup.connectors.archive.trees import Node, line, node
from trueup.core.supervision import Deadline
from trueup.model.diagnostics import Severity
from trueup.model.errors import ConfigError, NotFound, Permanent, TimedOut, Transient

IDENTITY, RECIPIENT = new_identity()


def archive(folder: Path, **more: object) -> Archive:
    options: dict[str, object] = {"path": folder / "vault", "cache": folder / "cache", "identity": IDENTITY, **more}
    return CONNECTOR.open("vault", {key: value for key, value in options.items() if value is not None})


@pytest.fixture
def vault(tmp_path: Path) -> Archive:
    made = archive(tmp_path)
    made.prepare(False, watch())
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_bytes(b"first")
    (folder / "sub" / "b").write_bytes(b"second")
    return folder


def old() -> None:
    """Long unchanged, as far as the archive asks: what was just written is read again."""
    time.sleep(storing._SETTLED / 1e9 + 0.1)


def restored(vault: Archive, snapshot: str, into: Path, only: tuple[str, ...] = ()) -> dict[str, bytes]:
    into.mkdir()
    vault.restore(snapshot, into, watch(), only)
    return content(into)


def packs(folder: Path) -> list[Path]:
    return sorted((folder / "vault" / "packs").rglob("*.age"))


# --- damage -----------------------------------------------------------------------------------------------------------


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def remove(file: Path) -> None:
    file.unlink()


def flip_early(file: Path) -> None:
    """In age's header: it says that there is no matching key."""
    data = bytearray(file.read_bytes())
    data[60] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("harm", [flip, flip_early, cut, remove])
def test_a_damaged_pack_is_told_with_its_files_and_not_built_upon(
    vault: Archive, tmp_path: Path, root: Path, harm: Callable[[Path], None]
) -> None:
    first = vault.store(request(root, tmp_path), watch()).snapshot
    harm(packs(tmp_path)[0])
    with pytest.raises(Permanent) as error:
        restored(vault, first.id, tmp_path / "out")
    assert error.value.hint
    found = vault.check(1.0, watch())
    assert found.snapshots == (first.id,)
    (damage,) = found.damage
    assert "files of 2025-10-09" in damage
    assert "a, sub/b" in damage
    second = vault.store(request(root, tmp_path, run="r2"), watch()).snapshot
    assert restored(vault, second.id, tmp_path / "out2") == content(root)
    assert vault.check(1.0, watch()).snapshots == (first.id,)
    vault.forget([first.id], watch())
    vault.prune(watch())
    assert vault.check(1.0, watch()).damage == ()


def test_a_cache_that_says_what_is_not_so_is_found_out(tmp_path: Path, vault: Archive, root: Path) -> None:
    """The worst it can do: a part is thought to be in a pack that does not have it. A full check tells, by the file's name."""
    vault.store(request(root, tmp_path), watch())
    (root / "new").write_bytes(b"third")
    (file,) = (tmp_path / "cache").glob("*.sqlite")
    with sqlite3.connect(file) as db:
        db.execute("INSERT INTO part SELECT ?, id FROM pack", (blake3(b"third").digest(),))
    second = vault.store(request(root, tmp_path, run="r2"), watch()).snapshot
    found = vault.check(1.0, watch())
    assert second.id in found.snapshots
    assert any("new" in one for one in found.damage)
    third = vault.store(request(root, tmp_path, run="r3"), watch()).snapshot
    assert restored(vault, third.id, tmp_path / "out") == content(root)


def test_a_damaged_head_is_listed_and_stops_a_prune(tmp_path: Path, vault: Archive, root: Path) -> None:
    stored = vault.store(request(root, tmp_path), watch()).snapshot
    flip(tmp_path / "vault" / "snapshots" / f"{stored.id}.json")
    shutil.rmtree(tmp_path / "cache")
    fresh = archive(tmp_path)
    (listed,) = fresh.snapshots(watch())
    assert (listed.id, listed.complete, listed.source) == (stored.id, False, "")
    assert listed.time == pytest.approx(time.time(), abs=60)
    assert fresh.check(0.0, watch()).snapshots == (stored.id,)
    with pytest.raises(Permanent, match="cannot be pruned"):
        fresh.prune(watch())
    fresh.forget([stored.id], watch())
    assert fresh.prune(watch()) > 0


def test_what_a_later_version_wrote_is_refused(tmp_path: Path, vault: Archive, root: Path) -> None:
    vault.store(request(root, tmp_path), watch())
    file = tmp_path / "vault" / "repository.json"
    about = json.loads(file.read_text())
    file.write_text(json.dumps({**about, "version": 2}))
    for use in (
        lambda one: one.prepare(True, watch()),
        lambda one: one.snapshots(watch()),
        lambda one: one.prune(watch()),
    ):
        with pytest.raises(Permanent, match="later version") as error:
            use(archive(tmp_path))
        assert "upgrade" in error.value.hint


def test_a_cache_that_is_damaged_or_of_another_time_is_made_anew(tmp_path: Path, vault: Archive, root: Path) -> None:
    first = vault.store(request(root, tmp_path), watch()).snapshot
    (file,) = (tmp_path / "cache").glob("*.sqlite")
    for text in (b"no database" * 1000, b""):
        for one in (tmp_path / "cache").glob("*.sqlite*"):
            one.unlink()
        file.write_bytes(text)
        again = vault.store(request(root, tmp_path, run="again"), watch()).snapshot
        assert restored(vault, again.id, tmp_path / f"out{len(text)}") == content(root)
        assert again.added < first.added  # learnt from the tree
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version=99")
    vault.store(request(root, tmp_path, run="last"), watch())


def test_what_is_no_archive_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "vault" / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(Permanent, match="not empty"):
        archive(tmp_path).prepare(False, watch())
    with pytest.raises(Permanent):
        CONNECTOR.open("v", {"path": tmp_path / "not" / "there", "identity": IDENTITY}).prepare(False, watch())
    assert content(tmp_path / "vault") == {"holiday.jpg": b"x"}
    assert not (tmp_path / "not").exists()


def test_a_disk_that_is_unmounted_between_two_backups(tmp_path: Path, vault: Archive, root: Path) -> None:
    vault.store(request(root, tmp_path), watch())
    (tmp_path / "vault").rename(tmp_path / "elsewhere")
    (tmp_path / "vault").mkdir()
    for use in (
        lambda: vault.store(request(root, tmp_path), watch()),
        lambda: vault.prepare(True, watch()),
        lambda: vault.prune(watch()),
    ):
        with pytest.raises(Permanent, match="not there") as error:
            use()
        assert "mounted" in error.value.hint
    assert list((tmp_path / "vault").iterdir()) == []


# --- keys -------------------------------------------------------------------------------------------------------------


def test_a_machine_with_public_keys_only(tmp_path: Path, root: Path) -> None:
    """It stores without storing twice, lists, checks, copies, forgets and prunes; it cannot read."""
    blind = archive(tmp_path, identity=None, recipients=RECIPIENT)
    blind.prepare(False, watch())
    (root / "large").write_bytes(random.Random(1).randbytes(1_000_000))
    first = blind.store(request(root, tmp_path), watch()).snapshot
    second = blind.store(request(root, tmp_path, run="r2"), watch()).snapshot
    assert first.added > 1_000_000 > 100_000 > second.added
    checked = blind.check(1.0, watch())
    assert checked.damage == ()
    assert "key" in checked.unchecked
    with pytest.raises(Permanent, match="cannot be read on this machine"):
        restored(blind, first.id, tmp_path / "out")
    flip(packs(tmp_path)[0])
    assert set(blind.check(1.0, watch()).snapshots) == {first.id, second.id}
    third = blind.store(request(root, tmp_path, run="r3"), watch()).snapshot
    assert third.added > 1_000_000
    blind.forget([first.id, second.id], watch())
    blind.prune(watch())
    seeing = archive(tmp_path / "elsewhere", path=tmp_path / "vault")
    assert seeing.snapshots(watch()) == [third]
    assert restored(seeing, third.id, tmp_path / "out2") == content(root)


def test_several_recipients_each_of_whom_can_read(tmp_path: Path, root: Path) -> None:
    other, public = new_identity()
    file = tmp_path / "keys.txt"
    file.write_text(f"# ours\n{RECIPIENT}\n{public}\n")
    both = archive(tmp_path, identity=None, recipients=str(file))
    both.prepare(False, watch())
    stored = both.store(request(root, tmp_path), watch()).snapshot
    for number, identity in enumerate((IDENTITY, f"# created\n# public key: {public}\n{other}\n")):
        one = archive(tmp_path, identity=identity)
        assert restored(one, stored.id, tmp_path / f"out{number}") == content(root)
        with pytest.raises(Permanent, match="other keys"):  # it would write what the other cannot read
            one.store(request(root, tmp_path), watch())
    with pytest.raises(Permanent, match="other keys"):
        archive(tmp_path, identity=None, recipients=public).prepare(True, watch())
    with pytest.raises(Permanent, match="encrypted"):
        archive(tmp_path, identity=None, encrypt=False).prepare(True, watch())


def test_a_key_added_in_the_place_is_not_written_for(tmp_path: Path, vault: Archive, root: Path) -> None:
    """Who can write to the place could have put a key of their own into repository.json."""
    _, public = new_identity()
    file = tmp_path / "vault" / "repository.json"
    about = json.loads(file.read_text())
    file.write_text(json.dumps({**about, "recipients": sorted([RECIPIENT, public])}))
    with pytest.raises(Permanent, match="other keys"):
        archive(tmp_path).store(request(root, tmp_path), watch())


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({}, "folder or in a bucket"),
        ({"path": "/x", "url": "s3://b"}, "folder or in a bucket"),
        ({"path": "/x"}, "no key"),
        ({"path": "/x", "identity": IDENTITY, "encrypt": False}, "encrypt"),
        ({"path": "/x", "identity": IDENTITY, "level": 0}, "level"),
        ({"path": "/x", "identity": IDENTITY, "pack_size": 0}, "pack_size"),
        ({"url": "https://b", "identity": IDENTITY}, "not a bucket"),
        ({"url": "s3://b", "endpoint": "http://h", "identity": IDENTITY}, "TLS"),
        ({"url": "s3://b", "endpoint": "host:80", "identity": IDENTITY}, "not an address"),
    ],
)
def test_options_that_contradict_each_other(options: dict[str, object], what: str) -> None:
    with pytest.raises(ConfigError, match=what) as error:
        CONNECTOR.open("vault", options)
    assert IDENTITY not in f"{error.value}{error.value.hint}"


@pytest.mark.parametrize(
    "options",
    [{"identity": RECIPIENT}, {"identity": IDENTITY + "X"}, {"recipients": "age1nonsense"}, {"recipients": IDENTITY}],
)
def test_keys_that_are_none(tmp_path: Path, options: dict[str, str]) -> None:
    broken = archive(tmp_path, **{"identity": None, **options})
    with pytest.raises(ConfigError) as error:
        broken.prepare(False, watch())
    shown = f"{error.value}{error.value.hint}{error.value.__cause__}"
    assert IDENTITY not in shown
    assert not (tmp_path / "vault").exists() or list((tmp_path / "vault").iterdir()) == []


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_file_that_did_not_change_is_not_read_again(
    vault: Archive, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = Storing._read
    monkeypatch.setattr(Storing, "_read", lambda self, one: (read.append(one.path), real(self, one))[1])
    old()
    vault.store(request(root, tmp_path), watch())
    assert read == ["a", "sub/b"]
    read.clear()
    second = vault.store(request(root, tmp_path, run="r2"), watch()).snapshot
    assert read == []
    (root / "a").chmod(0o600)  # its content may have changed, too: stat cannot tell
    os.utime(root / "sub" / "b")
    third = vault.store(request(root, tmp_path, run="r3"), watch()).snapshot
    assert read == ["a", "sub/b"]
    assert (
        restored(vault, second.id, tmp_path / "out2") == restored(vault, third.id, tmp_path / "out3") == content(root)
    )
    assert picture(tmp_path / "out3") == picture(root)
    assert len(packs(tmp_path)) == 1


def test_a_change_with_the_same_size_and_time_is_seen(vault: Archive, tmp_path: Path, root: Path) -> None:
    old()
    before = (root / "a").stat()
    vault.store(request(root, tmp_path), watch())
    (root / "a").write_bytes(b"FIRST")
    os.utime(root / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    second = vault.store(request(root, tmp_path, run="r2"), watch()).snapshot
    assert restored(vault, second.id, tmp_path / "out") == {"a": b"FIRST", "sub/b": b"second"}


def test_files_that_vanish_grow_and_shrink_while_they_are_read(
    vault: Archive, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 3 * file_reading.PART
    for name in ("grows", "shrinks", "vanishes", "becomes a pipe"):
        (root / name).write_bytes(random.Random(name).randbytes(size))
    real, began = file_reading._read_at, set()

    def reading(descriptor: int, offset: int, length: int) -> bytes:
        name = os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))
        if offset and name not in began:
            began.add(name)
            if name == "grows":
                with (root / name).open("ab") as file:
                    file.write(b"more")
            if name == "shrinks":
                os.truncate(root / name, file_reading.PART + 5)
        return real(descriptor, offset, length)

    def opening(self: Storing, one: object) -> object:
        path = root / one.path  # type: ignore[attr-defined]
        if path.name in ("vanishes", "becomes a pipe"):
            path.unlink()
            if path.name != "vanishes":
                os.mkfifo(path)
        return really(self, one)

    really = Storing._read
    monkeypatch.setattr(file_reading, "_read_at", reading)
    monkeypatch.setattr(Storing, "_read", opening)
    grows = (root / "grows").read_bytes()
    stored = vault.store(request(root, tmp_path), watch())
    assert stored.unread == ()
    assert stored.snapshot.complete
    got = restored(vault, stored.snapshot.id, tmp_path / "out")
    assert got == {"a": b"first", "sub/b": b"second", "grows": grows, "shrinks": (root / "shrinks").read_bytes()}
    monkeypatch.undo()
    again = vault.store(request(root, tmp_path, run="r2"), watch()).snapshot
    assert restored(vault, again.id, tmp_path / "out2") == {**got, "grows": grows + b"more"}


def test_a_large_file_that_grows_costs_what_is_new(vault: Archive, tmp_path: Path, root: Path) -> None:
    (root / "log").write_bytes(random.Random(1).randbytes(file_reading.PART * 3 + 100))
    vault.store(request(root, tmp_path), watch())
    with (root / "log").open("ab") as file:
        file.write(b"one more line\n")
    second = vault.store(request(root, tmp_path, run="r2"), watch()).snapshot
    assert second.added < 10_000
    assert restored(vault, second.id, tmp_path / "out") == content(root)


def test_sockets_and_pipes(vault: Archive, tmp_path: Path, root: Path) -> None:
    os.mkfifo(root / "pipe", 0o622)
    (root / "pipe").chmod(0o622)
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(root)  # a socket's path must be short
        try:
            one.bind("socket")
        finally:
            os.chdir(here)
    stored = vault.store(request(root, tmp_path), watch())
    assert {entry.path: entry.type for entry in vault.entries(stored.snapshot.id, watch())} == {
        "a": "file", "pipe": "fifo", "socket": "socket", "sub": "dir", "sub/b": "file",
    }  # fmt: skip
    restored(vault, stored.snapshot.id, tmp_path / "out")
    assert (tmp_path / "out" / "pipe").is_fifo()
    assert (tmp_path / "out" / "pipe").stat().st_mode & 0o777 == 0o622
    assert not (tmp_path / "out" / "socket").exists()


def test_names_of_one_file_of_which_the_first_is_not_asked_for(vault: Archive, tmp_path: Path, root: Path) -> None:
    os.link(root / "a", root / "sub" / "x")
    os.link(root / "a", root / "sub" / "y")
    stored = vault.store(request(root, tmp_path), watch()).snapshot
    got = restored(vault, stored.id, tmp_path / "out", ("sub/x", "sub/y"))
    assert got == {"sub/x": b"first", "sub/y": b"first"}
    assert (tmp_path / "out" / "sub" / "x").stat().st_nlink == 2
    with pytest.raises(NotFound):
        restored(vault, stored.id, tmp_path / "out2", ("sub/x", "sub/z"))
    assert content(tmp_path / "out2") == {}


def test_other_mounts_are_not_entered(vault: Archive, tmp_path: Path, root: Path) -> None:
    with tiny_disk(root / "mount", "1m"):
        (root / "mount" / "inside").write_bytes(b"x")
        across = vault.store(request(root, tmp_path), watch()).snapshot
        within = vault.store(request(root, tmp_path, run="r2", one_file_system=True), watch()).snapshot
        assert "mount/inside" in restored(vault, across.id, tmp_path / "across")
        assert "mount/inside" not in restored(vault, within.id, tmp_path / "within")
        assert (tmp_path / "within" / "mount").is_dir()


def test_a_tree_that_leads_out_of_the_restore(tmp_path: Path, vault: Archive) -> None:
    """Who can write to the place can make a snapshot: its paths and links must not reach what is outside."""
    for path in ("../x", "/etc/x", "a/../../x", "a//b", "", "a/\0"):
        with pytest.raises(Damaged):
            node(line(Node(path, "file"), 0).encode())
        with pytest.raises(Damaged):
            node(line(Node("a", "file", hard=path), 0).encode())
    assert node(line(Node("a/b", "link", link="../../x"), 0).encode()).link == "../../x"


# --- room, locks, two at once ------------------------------------------------------------------------------------------


def test_the_cache_has_no_room(tmp_path: Path, root: Path) -> None:
    with tiny_disk(tmp_path / "cache", "300k"):
        vault = archive(tmp_path)
        vault.prepare(False, watch())
        (tmp_path / "cache" / "other").write_bytes(bytes(250_000))
        for number in range(4000):
            (root / f"{'x' * 200}{number}").touch()
        with pytest.raises(Permanent) as error:
            vault.store(request(root, tmp_path), watch())
        assert error.value.hint
        (tmp_path / "cache" / "other").unlink()
    stored = vault.store(request(root, tmp_path), watch()).snapshot
    assert restored(vault, stored.id, tmp_path / "out") == content(root)


def test_a_prune_waits_for_backups_and_they_for_it(
    tmp_path: Path, vault: Archive, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.5)
    place = Folder(tmp_path / "vault")
    with locks.locked(place, watch(), exclusive=False):
        with pytest.raises(Transient, match="in use") as error:
            vault.prune(watch())
        assert "a backup by process" in str(error.value)
        vault.store(request(root, tmp_path), watch())  # another backup does no harm

    with locks.locked(place, watch(), exclusive=True), pytest.raises(TimedOut):
        vault.store(request(root, tmp_path, run="r2"), Deadline("x", timeout=1))
    vault.prune(watch())
    assert list((tmp_path / "vault" / "locks").iterdir()) == []


def test_locks_of_the_dead_hold_nobody(tmp_path: Path, vault: Archive, root: Path) -> None:
    place = Folder(tmp_path / "vault")
    lock = locks.Lock(place, exclusive=True)
    lock.write(watch())
    file = tmp_path / "vault" / lock.name
    about = json.loads(file.read_text())
    ended = subprocess.Popen(["true"])
    ended.wait()
    for dead in ({"pid": ended.pid}, {"start": "1"}, {"boot": "another"}):
        file.write_text(json.dumps({**about, **dead}))
        vault.store(request(root, tmp_path), watch())
        assert not file.exists()
    file.write_text(json.dumps({**about, "host": "another"}))  # nothing is known of it
    with pytest.raises(TimedOut):
        vault.store(request(root, tmp_path), Deadline("x", timeout=1))
    stale = time.time() - locks.STALE - 5
    os.utime(file, (stale, stale))
    vault.store(request(root, tmp_path), watch())
    assert not file.exists()


def test_a_backup_that_lost_its_lock_writes_no_head(
    tmp_path: Path, vault: Archive, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks.Lock, "valid", property(lambda self: False))
    with pytest.raises(Transient, match="overtaken"):
        vault.store(request(root, tmp_path), watch())
    assert vault.snapshots(watch()) == []
    monkeypatch.undo()
    vault.store(request(root, tmp_path), watch())
    assert vault.check(1.0, watch()).damage == ()


def test_backups_and_prunes_at_once(tmp_path: Path, vault: Archive) -> None:
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            folder = tmp_path / f"data{number}"
            folder.mkdir()
            mine = archive(tmp_path)
            for run in range(4):
                (folder / "file").write_bytes(random.Random(run).randbytes(100_000))  # shared with the others
                stored = mine.store(request(folder, tmp_path, source=str(number), run=str(run)), watch()).snapshot
                assert restored(mine, stored.id, tmp_path / f"out{number}-{run}") == content(folder)
                mine.forget([stored.id], watch())
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        vault.prune(watch())
    for thread in threads:
        thread.join()
    assert failed == []
    assert vault.check(1.0, watch()).damage == ()


# --- as a store --------------------------------------------------------------------------------------------------------


def test_as_a_store(tmp_path: Path, root: Path) -> None:
    vault = archive(tmp_path)
    (told,) = vault.check()
    assert told.severity == Severity.INFO
    vault.prepare(False, watch())
    for run in range(2):
        vault.store(request(root, tmp_path, run=str(run)), watch())
    (info,) = vault.collections()
    assert (info.name, info.items, info.writable) == ("office/files", 2, False)
    assert vault.open("office/files") is None
    with pytest.raises(Permanent, match="is a repository"):
        vault.create("x")
    assert [one.severity for one in vault.check()] == [Severity.INFO]
    (wrong,) = archive(tmp_path, identity=new_identity()[0]).check()
    assert wrong.severity == Severity.ERROR
    assert CONNECTOR.holds == "snapshots"
    vault.close()


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = (
        "import sys; from trueup.connectors.archive import CONNECTOR\n"
        "CONNECTOR.open('v', {'path': '/x', 'identity': 'y'}); CONNECTOR.open('v', {'url': 's3://b', 'identity': 'y'})\n"
        "print([one for one in ('zstandard', 'blake3', 'pyrage', 'obstore') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
