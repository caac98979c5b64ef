"""Folders of files: what the contract does not say because only a file system does it."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract import bodies
from tests.contract.suite import create, fetch, listing, read, send
from trueup.connectors.folder import durable, layout, mounts, writing
from trueup.connectors.folder.collection import FolderCollection
from trueup.connectors.folder.store import FolderStore
from trueup.connectors.vdir import CONNECTOR
from trueup.connectors.vdir.connector import CALENDARS
from trueup.model.diagnostics import Severity
from trueup.model.errors import NotFound, Permanent, StoreError
from trueup.model.ports import Outcome, Verb, Write

ROOT = Path(__file__).parents[3]
HOSTILE = sorted((ROOT / "examples" / "hostile").glob("*.ics"))
LONG_AGO = time.time() - 3600


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return CONNECTOR.open("laptop", {"path": tmp_path})


@pytest.fixture
def team(store: FolderStore) -> FolderCollection:
    return store.create("team")


@pytest.fixture
def folder(team: FolderCollection, tmp_path: Path) -> Path:
    return tmp_path / "team"


def put(path: Path, data: bytes = b"BEGIN:VCALENDAR\r\n", *, age: float = 3600) -> Path:
    """A file that someone else wrote a while ago."""
    path.write_bytes(data)
    then = time.time() - age
    os.utime(path, (then, then))
    return path


@contextlib.contextmanager
def as_somebody() -> Iterator[None]:
    """Without the rights of root, who may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that everyone may use (`tmp_path` lies in one that only its owner may enter)."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o777)
    yield path
    for one in (path, *path.rglob("*")):
        if one.is_dir():
            one.chmod(0o700)
    shutil.rmtree(path)


class TestWhichFilesAreItems:
    @pytest.mark.parametrize(
        "name",
        [".hidden.ics", ".#lock.ics", "#autosave#.ics", "~backup.ics", "x.ics~", "x.tmp", "x.ICS.part", "displayname"],
    )
    def test_left_out(self, team: FolderCollection, folder: Path, name: str) -> None:
        put(folder / name)
        assert listing(team) == {}

    def test_a_folder_is_no_item(self, team: FolderCollection, folder: Path) -> None:
        (folder / "folder.ics").mkdir()
        assert listing(team) == {}

    def test_names_that_differ_in_normalisation_only_are_two_items(self, team: FolderCollection, folder: Path) -> None:
        composed, decomposed = (unicodedata.normalize(form, "café.ics") for form in ("NFC", "NFD"))
        put(folder / composed, b"1")
        put(folder / decomposed, b"2")
        assert {one.href: one.data for one in team.fetch(list(listing(team)))} == {composed: b"1", decomposed: b"2"}

    def test_every_odd_name(self, team: FolderCollection, folder: Path) -> None:
        odd = [
            "a b.ics",
            "a\nb.ics",
            "'\".ics",
            "%41.ics",
            "\\x41.ics",
            "日本語🎉.ics",
            "a" * 251 + ".ics",
            "-rf.ics",
            "*.ics",
        ]
        for name in odd:
            put(folder / name, name.encode())
        assert {one.href: one.data for one in team.fetch(list(listing(team)))} == {name: name.encode() for name in odd}

    def test_a_name_that_is_not_utf8_is_named_and_never_gone(self, team: FolderCollection, folder: Path) -> None:
        with open(os.fsencode(folder) + b"/caf\xe9.ics", "wb") as file:
            file.write(b"x")
        [href] = listing(team)
        href.encode()  # can be stored
        found = read(team, href)
        assert found.data is None
        assert "UTF-8" in found.error

    @pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
    def test_bytes_are_handed_out_as_they_are(self, team: FolderCollection, folder: Path, path: Path) -> None:
        shutil.copy(path, folder)
        assert read(team, next(iter(listing(team)))).data == path.read_bytes()

    def test_there_are_hostile_files(self) -> None:
        assert len(HOSTILE) > 50


class TestWhatCannotBeRead:
    """Never "gone": that would delete it everywhere else."""

    @pytest.mark.parametrize(
        "make", [os.mkfifo, lambda path: socket.socket(socket.AF_UNIX).bind(path)], ids=["fifo", "socket"]
    )
    def test_no_regular_file(
        self, team: FolderCollection, folder: Path, make: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(folder)  # the name of a socket is short
        make("odd.ics")
        assert list(listing(team)) == ["odd.ics"]
        found = read(team, "odd.ics")  # opening a FIFO would wait for a writer for ever
        assert found.data is None
        assert "not a regular file" in found.error

    def test_no_permission(self, open_to_all: Path) -> None:
        put(open_to_all / "secret.ics").chmod(0)
        put(open_to_all / "open.ics").chmod(0o644)
        collection = CONNECTOR.open("laptop", {"path": open_to_all}).open(".")
        assert collection is not None
        with as_somebody():
            assert set(listing(collection)) == {"secret.ics", "open.ics"}
            found = fetch(collection, ["secret.ics", "open.ics"])
        assert found["secret.ics"].data is None
        assert "permission denied" in found["secret.ics"].error
        assert found["open.ics"].data is not None

    def test_no_permission_to_list(self, open_to_all: Path) -> None:
        closed = open_to_all / "closed"
        closed.mkdir()
        put(closed / "a.ics")
        collection = CONNECTOR.open("laptop", {"path": open_to_all}).open("closed")
        assert collection is not None
        closed.chmod(0)
        with as_somebody(), pytest.raises(Permanent, match="permission denied") as caught:
            listing(collection)
        assert caught.value.hint
        assert str(closed) in str(caught.value)

    def test_no_permission_to_enter(self, open_to_all: Path) -> None:
        """Names may be listed, but not looked at."""
        closed = open_to_all / "closed"
        closed.mkdir()
        put(closed / "a.ics")
        collection = CONNECTOR.open("laptop", {"path": open_to_all}).open("closed")
        assert collection is not None
        closed.chmod(0o444)
        with as_somebody():
            assert listing(collection) == {"a.ics": None}
            assert "permission denied" in read(collection, "a.ics").error

    def test_too_large(self, team: FolderCollection, folder: Path) -> None:
        with open(folder / "disk-image.ics", "wb") as file:
            file.truncate(10**10)
        assert list(listing(team)) == ["disk-image.ics"]
        assert "limit" in read(team, "disk-image.ics").error

    def test_the_folder_is_a_file(self, team: FolderCollection, folder: Path) -> None:
        folder.rmdir()
        folder.write_text("now a file")
        with pytest.raises(Permanent):
            listing(team)

    def test_the_folder_vanishes_while_it_is_listed(self, team: FolderCollection, folder: Path) -> None:
        for number in range(20):
            put(folder / f"{number}.ics")
        entries = iter(team.changes(None))
        next(entries)
        shutil.rmtree(folder)
        with pytest.raises(StoreError, match="removed"):
            list(entries)

    def test_the_folder_vanishes_while_it_is_read(self, team: FolderCollection, folder: Path) -> None:
        for number in range(20):
            put(folder / f"{number}.ics")
        found = team.fetch([f"{number}.ics" for number in range(20)])
        assert next(found).data is not None
        shutil.rmtree(folder)
        rest = list(found)
        assert len(rest) == 19
        assert all(one.error for one in rest)


class TestLinks:
    @pytest.fixture
    def shared(self, tmp_path: Path) -> Path:
        path = tmp_path / "shared"
        path.mkdir()
        return put(path / "one.ics", b"shared")

    def test_inside_the_store_is_followed(self, team: FolderCollection, folder: Path, shared: Path) -> None:
        (folder / "link.ics").symlink_to("../shared/one.ics")
        etag = listing(team)["link.ics"]
        found = read(team, "link.ics")
        assert (found.data, found.etag) == (b"shared", etag)

    def test_an_update_goes_through_the_link(self, team: FolderCollection, folder: Path, shared: Path) -> None:
        (folder / "link.ics").symlink_to(shared)
        [stale] = send(team, Write(1, Verb.UPDATE, "link.ics", b"new", "0-0-0"))
        [answer] = send(team, Write(1, Verb.UPDATE, "link.ics", b"new", read(team, "link.ics").etag))
        assert (stale.outcome, answer.outcome) == (Outcome.PRECONDITION, Outcome.DONE)
        assert (folder / "link.ics").is_symlink()
        assert shared.read_bytes() == b"new"
        assert [one.name for one in shared.parent.iterdir()] == ["one.ics"]

    def test_a_deletion_takes_the_link_only(self, team: FolderCollection, folder: Path, shared: Path) -> None:
        (folder / "link.ics").symlink_to(shared)
        [answer] = send(team, Write(1, Verb.DELETE, "link.ics", None, read(team, "link.ics").etag))
        assert answer.outcome is Outcome.DONE
        assert list(folder.iterdir()) == []
        assert shared.read_bytes() == b"shared"

    @pytest.mark.parametrize("target", ["/etc/hostname", "../../outside.ics", "nowhere.ics", "link.ics"])
    def test_outside_or_nowhere_is_left_alone(
        self, team: FolderCollection, folder: Path, target: str, tmp_path: Path
    ) -> None:
        outside = put(tmp_path.parent / "outside.ics", b"not ours")
        (folder / "link.ics").symlink_to(target)
        assert list(listing(team)) == ["link.ics"]
        assert "symbolic link" in read(team, "link.ics").error
        [answer] = send(team, Write(1, Verb.UPDATE, "link.ics", b"new"))
        assert answer.outcome is Outcome.REFUSED
        assert outside.read_bytes() == b"not ours"
        assert (folder / "link.ics").is_symlink()

    def test_creating_over_a_dangling_link_is_stopped(
        self, team: FolderCollection, folder: Path, tmp_path: Path
    ) -> None:
        (folder / "link.ics").symlink_to(tmp_path / "target.ics")
        [answer] = send(team, Write(1, Verb.CREATE, "link.ics", b"new"))
        assert answer.outcome is Outcome.PRECONDITION
        assert not (tmp_path / "target.ics").exists()


class TestEtags:
    def test_an_old_file_has_one_and_keeps_it(self, team: FolderCollection, folder: Path) -> None:
        put(folder / "a.ics")
        first = listing(team)["a.ics"]
        assert first is not None
        assert listing(team)["a.ics"] == first == read(team, "a.ics").etag

    @pytest.mark.parametrize("age", [0, 1.5, -3600], ids=["now", "just now", "in the future"])
    def test_a_fresh_file_of_someone_else_has_none_in_a_listing(
        self, team: FolderCollection, folder: Path, age: float
    ) -> None:
        put(folder / "a.ics", age=age)
        assert listing(team) == {"a.ics": None}

    def test_a_fresh_file_is_read_again_when_it_has_cooled_down(self, team: FolderCollection, folder: Path) -> None:
        put(folder / "a.ics", age=0)
        fresh = read(team, "a.ics").etag
        assert fresh is not None
        assert fresh.startswith("W/")
        put(folder / "a.ics", age=3)
        assert listing(team)["a.ics"] not in (None, fresh)

    def test_a_weak_etag_is_good_as_a_precondition(self, team: FolderCollection, folder: Path) -> None:
        put(folder / "a.ics", b"1", age=0)
        etag = read(team, "a.ics").etag
        [answer] = send(team, Write(1, Verb.UPDATE, "a.ics", b"2", etag))
        assert answer.outcome is Outcome.DONE
        [answer] = send(team, Write(1, Verb.UPDATE, "a.ics", b"3", etag))
        assert answer.outcome is Outcome.PRECONDITION

    def test_what_we_wrote_is_not_read_again(self, team: FolderCollection) -> None:
        hrefs = [create(team, f"uid-{number}") for number in range(20)]
        etags = listing(team)
        assert None not in etags.values()
        assert {one.href: one.etag for one in team.fetch(hrefs)} == etags

    def test_an_edit_in_place_right_after_our_write_is_seen(self, team: FolderCollection, folder: Path) -> None:
        """Of the same size, within one tick of the clock: the hole that a time stamp leaves."""
        for number in range(50):
            [written] = send(team, Write(1, Verb.CREATE, f"{number}.ics", b"ours..."))
            with open(folder / f"{number}.ics", "r+b") as file:
                file.write(b"theirs.")
            etag = listing(team)[f"{number}.ics"]
            assert etag is None or etag != written.etag
            [answer] = send(team, Write(1, Verb.UPDATE, f"{number}.ics", b"again", written.etag))
            assert answer.outcome is Outcome.PRECONDITION

    def test_what_we_wrote_is_older_than_any_later_edit_can_be(self, team: FolderCollection, folder: Path) -> None:
        """By more than a tick of the coarsest clock (Linux before 6.13 marks files by the tick, 10 ms at most)."""
        href = create(team, "a")
        assert (folder / href).stat().st_mtime_ns <= time.time_ns() - 15_000_000

    def test_no_two_writes_of_ours_look_alike(self, team: FolderCollection) -> None:
        """Same size, and sooner or later the inode of a replaced file again."""
        create(team, "a")
        etags = [send(team, Write(1, Verb.UPDATE, "a.ics", b"%3d" % number))[0].etag for number in range(300)]
        assert len(set(etags)) == 300

    def test_another_process_knows_what_we_wrote(self, store: FolderStore, team: FolderCollection) -> None:
        [answer] = send(team, Write(1, Verb.CREATE, "a.ics", b"x"))
        other = store.open("team")
        assert other is not None
        assert listing(other) == {"a.ics": answer.etag}
        assert read(other, "a.ics").etag == answer.etag

    def test_where_the_clock_is_coarse_it_is_read_once_more(self, team: FolderCollection, folder: Path) -> None:
        href = create(team, "a")
        seconds = (folder / href).stat().st_mtime_ns // 2_000_000_000 * 2_000_000_000  # as FAT keeps it
        os.utime(folder / href, ns=(seconds, seconds + 1_000_000_000))
        assert listing(team) == {href: None}
        assert read(team, href).data is not None

    def test_a_replaced_file_of_the_same_time_and_size(self, team: FolderCollection, folder: Path) -> None:
        put(folder / "a.ics", b"old")
        before = listing(team)["a.ics"]
        put(folder / "new", b"new")
        os.utime(folder / "new", ns=(0, (folder / "a.ics").stat().st_mtime_ns))
        (folder / "new").rename(folder / "a.ics")
        assert listing(team)["a.ics"] != before


class TestWriting:
    def test_nothing_is_left_beside_the_items(self, team: FolderCollection, folder: Path) -> None:
        href = create(team, "a")
        send(
            team,
            Write(1, Verb.CREATE, href, b"again"),
            Write(2, Verb.UPDATE, href, b"stale", "0-0-0"),
            Write(3, Verb.UPDATE, "none.ics", b""),
        )
        send(team, Write(4, Verb.UPDATE, href, bodies.event("a", "new")))
        assert os.listdir(folder) == [href]

    def test_the_mode_of_a_file_is_kept(self, team: FolderCollection, folder: Path) -> None:
        href = create(team, "a")
        (folder / href).chmod(0o640)
        send(team, Write(1, Verb.UPDATE, href, b"new"))
        assert stat.S_IMODE((folder / href).stat().st_mode) == 0o640

    def test_a_new_file_has_the_mode_that_the_umask_says(self, team: FolderCollection, folder: Path) -> None:
        before = os.umask(0o027)
        try:
            href = create(team, "a")
        finally:
            os.umask(before)
        assert stat.S_IMODE((folder / href).stat().st_mode) == 0o640

    @pytest.mark.parametrize(
        "href",
        [
            "../up.ics",
            "a/b.ics",
            "/abs.ics",
            ".hidden.ics",
            "x.txt",
            "",
            ".ics",
            "a\0.ics",
            "a" * 252 + ".ics",
            "é" * 126 + ".ics",
            "\udc80.ics",
        ],
    )
    @pytest.mark.parametrize("verb", Verb)
    def test_a_href_that_is_no_file_name_is_refused(
        self, team: FolderCollection, folder: Path, href: str, verb: Verb
    ) -> None:
        [answer] = send(team, Write(1, verb, href, None if verb is Verb.DELETE else b"x"))
        assert answer.outcome is Outcome.REFUSED
        assert answer.reason
        assert sorted(one.name for one in folder.parent.iterdir()) == ["team"]

    def test_the_same_href_twice_in_a_batch_goes_in_order(self, team: FolderCollection) -> None:
        answers = send(
            team,
            Write(1, Verb.CREATE, "a.ics", b"1"),
            Write(2, Verb.UPDATE, "a.ics", b"2"),
            Write(3, Verb.DELETE, "a.ics"),
            Write(4, Verb.CREATE, "a.ics", b"4"),
        )
        assert [one.outcome for one in answers] == [Outcome.DONE] * 4
        assert read(team, "a.ics").data == b"4"

    @pytest.mark.parametrize("verb", [Verb.UPDATE, Verb.DELETE])
    def test_an_edit_between_the_two_looks_is_kept(
        self, team: FolderCollection, folder: Path, verb: Verb, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(folder / "a.ics", b"before")
        etag = listing(team)["a.ics"]
        flush = durable.flush

        def edit_then_flush(*arguments: object) -> None:
            put(folder / "a.ics", b"theirs", age=0)
            flush(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(durable, "flush", edit_then_flush)
        [answer] = send(team, Write(1, verb, "a.ics", None if verb is Verb.DELETE else b"ours", etag))
        assert answer.outcome is Outcome.PRECONDITION
        assert (folder / "a.ics").read_bytes() == b"theirs"
        assert os.listdir(folder) == ["a.ics"]

    def test_a_file_that_appears_between_the_two_looks_is_kept(
        self, team: FolderCollection, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(writing, "_check", lambda folder, job: None)  # as if it came right after the second look
        put(folder / "a.ics", b"theirs")
        [answer] = send(team, Write(1, Verb.CREATE, "a.ics", b"ours"))
        assert answer.outcome is Outcome.PRECONDITION
        assert (folder / "a.ics").read_bytes() == b"theirs"
        assert os.listdir(folder) == ["a.ics"]

    def test_of_many_creators_one_wins(self, store: FolderStore, folder: Path) -> None:
        outcomes: list[tuple[Outcome, bytes]] = []
        barrier = threading.Barrier(8)

        def race(number: int) -> None:
            mine = store.open("team")
            assert mine is not None
            barrier.wait()
            for round_ in range(20):
                data = f"{number}".encode()
                [answer] = mine.write([Write(1, Verb.CREATE, f"{round_}.ics", data)])
                outcomes.append((answer.outcome, data))

        threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        winners = [data for outcome, data in outcomes if outcome is Outcome.DONE]
        assert len(outcomes) == 160
        assert {outcome for outcome, _ in outcomes} == {Outcome.DONE, Outcome.PRECONDITION}
        assert sorted(winners) == sorted((folder / f"{round_}.ics").read_bytes() for round_ in range(20))


class TestFailingDisk:
    def test_a_file_that_may_not_get_so_large(self, team: FolderCollection, folder: Path) -> None:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
        try:
            answers = send(
                team, Write(1, Verb.CREATE, "big.ics", b"x" * 5000), Write(2, Verb.CREATE, "small.ics", b"x")
            )
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert [one.outcome for one in answers] == [Outcome.REFUSED, Outcome.DONE]
        assert answers[0].reason == "the file is too large"
        assert os.listdir(folder) == ["small.ics"]

    def test_a_full_disk(self, tmp_path: Path) -> None:
        """On a real file system of 1 MB, in a mount namespace of its own."""
        script = f"""
import sys; sys.path[:0] = {sys.path!r}
from pathlib import Path
from trueup.connectors.vdir import CONNECTOR
from trueup.model.ports import Verb, Write
team = CONNECTOR.open("laptop", {{"path": Path({str(tmp_path)!r})}}).create("team")
answers = list(team.write([Write(n, Verb.CREATE, f"{{n}}.ics", b"x" * 4096) for n in range(600)]))
done = [one for one in answers if one.outcome == "done"]
refused = [one for one in answers if one.outcome == "refused"]
assert done and refused and len(done) + len(refused) == 600
assert {{one.reason for one in refused}} == {{"the disk is full"}}, refused[0]
files = list(Path({str(tmp_path)!r}, "team").iterdir())
assert len(files) == len(done), "debris"
assert {{one.stat().st_size for one in files}} == {{4096}}
[answer] = team.write([Write(1, Verb.UPDATE, "0.ics", b"y" * 40960)])
assert answer.outcome == "refused" and files[0].stat().st_size == 4096
[answer] = team.write([Write(1, Verb.DELETE, "0.ics")])
assert answer.outcome == "done"
print("ok")
"""
        command = f'mount -t tmpfs -o size=1m trueup-test {tmp_path} && exec {sys.executable} -c "$SCRIPT"'
        for unshare in (["unshare", "-m"], ["unshare", "-rm"]):
            probe = subprocess.run(
                [*unshare, "sh", "-c", f"mount -t tmpfs probe {tmp_path}"], capture_output=True, check=False
            )
            if probe.returncode == 0:
                break
        else:
            pytest.skip("no file system can be mounted here, not even in a namespace")
        result = subprocess.run(
            [*unshare, "sh", "-c", command],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "SCRIPT": script},
        )
        assert result.stdout == "ok\n", result.stderr

    def test_a_folder_that_may_not_be_written(self, open_to_all: Path) -> None:
        team = CONNECTOR.open("laptop", {"path": open_to_all}).create("team")
        create(team, "a")
        (open_to_all / "team").chmod(0o555)
        with as_somebody():
            answers = send(
                team,
                Write(1, Verb.CREATE, "new.ics", b"x"),
                Write(2, Verb.DELETE, "a.ics"),
                Write(3, Verb.UPDATE, "a.ics", b"x"),
            )
        assert [(one.outcome, one.reason) for one in answers] == [(Outcome.REFUSED, "permission denied")] * 3
        assert os.listdir(open_to_all / "team") == ["a.ics"]

    @pytest.mark.parametrize("count", [1, 3, 20])
    def test_what_cannot_be_flushed_is_not_done(
        self, team: FolderCollection, folder: Path, count: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(durable, "flush", fail)
        answers = send(team, *(Write(key, Verb.CREATE, f"{key}.ics", b"x") for key in range(count)))
        assert {one.outcome for one in answers} == {Outcome.REFUSED}
        assert "input/output error" in answers[0].reason
        assert os.listdir(folder) == []

    def test_a_folder_that_cannot_be_flushed_leaves_it_open(
        self, team: FolderCollection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(durable, "flush", lambda *_: None)
        monkeypatch.setattr(os, "fsync", fail)
        answers = send(team, Write(1, Verb.CREATE, "a.ics", b"x"), Write(2, Verb.DELETE, "none.ics"))
        assert [one.outcome for one in answers] == [Outcome.UNCERTAIN, Outcome.MISSING]


class TestDurable:
    """Every way to do it, not only the one this file system takes."""

    @pytest.fixture(params=["renameat2", "link", "reserve"])
    def way(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
        def no_links(*_: object, **__: object) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        if request.param != "renameat2":
            monkeypatch.setattr(durable, "_renameat2", None)
        if request.param == "reserve":
            monkeypatch.setattr(os, "link", no_links)
        return str(request.param)

    @pytest.mark.usefixtures("way")
    def test_creates_and_never_overwrites(self, team: FolderCollection, folder: Path) -> None:
        fd = os.open(folder, os.O_RDONLY)
        try:
            put(folder / "temporary", b"new")
            durable.move_new(fd, "temporary", "a.ics")
            assert (folder / "a.ics").read_bytes() == b"new"
            put(folder / "temporary", b"newer")
            with pytest.raises(FileExistsError):
                durable.move_new(fd, "temporary", "a.ics")
            assert (folder / "a.ics").read_bytes() == b"new"
            assert sorted(os.listdir(folder)) == ["a.ics", "temporary"]
        finally:
            os.close(fd)

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux has renameat2")
    def test_linux_has_the_calls(self) -> None:
        assert durable._renameat2 is not None
        assert durable._syncfs is not None

    @pytest.mark.parametrize("count", [0, 1, 3, 20])
    @pytest.mark.parametrize("syncfs", [True, False])
    def test_flushes_any_number(self, folder: Path, count: int, syncfs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        if not syncfs:
            monkeypatch.setattr(durable, "_syncfs", None)
        fd = os.open(folder, os.O_RDONLY)
        try:
            for number in range(count):
                put(folder / str(number))
            durable.flush(fd, [str(number) for number in range(count)])
        finally:
            os.close(fd)

    def test_a_flush_of_what_is_not_there_fails(self, folder: Path) -> None:
        fd = os.open(folder, os.O_RDONLY)
        try:
            with pytest.raises(FileNotFoundError):
                durable.flush(fd, ["missing"])
        finally:
            os.close(fd)


class TestKilled:
    def test_at_any_moment_every_item_is_whole_and_a_repetition_completes_it(self, tmp_path: Path) -> None:
        """kill -9 while 3,000 items are written; then once more, to the end."""
        script = f"""
import sys; sys.path[:0] = {sys.path!r}
from pathlib import Path
from trueup.connectors.vdir import CONNECTOR
from trueup.model.ports import Verb, Write
team = CONNECTOR.open("laptop", {{"path": Path({str(tmp_path)!r})}}).create("team")
print("go", flush=True)
for start in range(0, 3000, 100):
    for one in team.write([Write(n, Verb.CREATE, f"{{n}}.ics", b"%5d" % n * 400) for n in range(start, start + 100)]):
        print(one.key, one.outcome.value)
    sys.stdout.flush()
"""

        def run(seconds: float | None) -> list[str]:
            process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None
            assert process.stdout.readline() == "go\n"
            if seconds is not None:
                time.sleep(seconds)
                process.send_signal(signal.SIGKILL)
            lines = process.stdout.read().splitlines()
            process.wait()
            return lines

        def whole() -> set[str]:
            found = {one.name: one.read_bytes() for one in (tmp_path / "team").glob("*.ics")}
            assert all(data == b"%5d" % int(name[:-4]) * 400 for name, data in found.items())
            return set(found)

        told: set[str] = set()
        for seconds in (0.0, 0.02, 0.05, 0.1):
            lines = [line.split() for line in run(seconds)]
            told |= {f"{line[0]}.ics" for line in lines if line[1:] == ["done"]}
            assert told <= whole(), "what was told as done is there"
        outcomes = dict(line.split() for line in run(None))
        assert len(outcomes) == 3000
        assert set(outcomes.values()) <= {"done", "precondition"}
        assert len(whole()) == 3000

    def test_what_a_kill_left_is_removed_after_a_day(self, team: FolderCollection, folder: Path) -> None:
        day = 24 * 3600
        put(folder / layout.scratch(), age=day + 60)
        young = put(folder / layout.scratch(), age=day - 60)
        foreign = [put(folder / name, age=10 * day) for name in (".trueup-note.tmp", ".other.tmp", "old.ics")]
        listing(team)
        assert len(os.listdir(folder)) == 5, "reading removes nothing"
        send(team, Write(1, Verb.CREATE, "a.ics", b"x"))
        assert set(os.listdir(folder)) == {"a.ics", young.name, *(one.name for one in foreign)}


class TestNewHref:
    @pytest.mark.parametrize("uid", ["plain", "a-b_c.d@example.org", "20261116t090000z-17@host"])
    def test_is_the_uid_where_that_is_safe(self, uid: str) -> None:
        assert CALENDARS.new_href(uid) == f"{uid}.ics"

    @pytest.mark.parametrize("uid", [*bodies.ODD_UIDS, "", "\ud800", "a" * 1000, "nul.x", "COM1", "a\0b", "-rf", "x."])
    def test_is_a_name_that_every_file_system_takes(self, uid: str) -> None:
        href = CALENDARS.new_href(uid)
        assert CALENDARS.why_not_writable(href) == ""
        assert href.isascii()
        assert href == href.lower()
        assert len(href) < 120
        assert not set(href) & set('<>:"/\\|?*\0 ')

    def test_is_readable_where_it_can_be(self) -> None:
        assert CALENDARS.new_href("Team Meeting 17!").startswith("team-meeting-17-")


class TestStore:
    def test_collections(self, store: FolderStore, tmp_path: Path) -> None:
        for name in ("team", "home", ".git", "~old"):
            (tmp_path / name).mkdir()
        (tmp_path / "team" / "displayname").write_text("Team Ä\n", encoding="utf-8")
        put(tmp_path / "team" / "a.ics")
        put(tmp_path / "team" / ".hidden.ics")
        put(tmp_path / "readme.txt")
        assert [(one.name, one.title, one.items) for one in store.collections()] == [
            ("home", "", 0),
            ("team", "Team Ä", 1),
        ]

    def test_a_folder_with_items_is_a_collection_itself(self, store: FolderStore, tmp_path: Path) -> None:
        (tmp_path / "team").mkdir()
        put(tmp_path / "a.ics")
        assert [one.name for one in store.collections()] == [".", "team"]
        for name in (".", ""):
            found = store.open(name)
            assert found is not None
            assert list(listing(found)) == ["a.ics"]

    def test_a_folder_that_cannot_be_written_says_so(self, open_to_all: Path) -> None:
        (open_to_all / "team").mkdir(mode=0o555)
        (open_to_all / "team").chmod(0o555)
        store = CONNECTOR.open("laptop", {"path": open_to_all})
        pid = os.fork()  # `access` asks for the real user, which only a process of its own can change back from
        if pid == 0:
            if os.getuid() == 0:
                os.setuid(65534)
            os._exit(0 if [one.writable for one in store.collections()] == [False] else 1)
        assert os.waitpid(pid, 0)[1] == 0

    @pytest.mark.parametrize("name", ["..", "a/b", "/etc", ".hidden", "a\0b", "x" * 256])
    def test_a_name_that_no_folder_has(self, store: FolderStore, name: str, tmp_path: Path) -> None:
        with pytest.raises(NotFound):
            store.open(name)
        with pytest.raises(NotFound):
            store.create(name)
        assert list(tmp_path.iterdir()) == []

    def test_a_file_in_place_of_the_folder(self, store: FolderStore, tmp_path: Path) -> None:
        put(tmp_path / "team")
        with pytest.raises(Permanent, match="not a folder"):
            store.open("team")
        with pytest.raises(Permanent):
            store.create("team")

    def test_makes_its_own_folder_but_not_the_ones_above(self, tmp_path: Path) -> None:
        assert CONNECTOR.open("laptop", {"path": tmp_path / "calendars"}).open("team") is None
        CONNECTOR.open("laptop", {"path": tmp_path / "calendars"}).create("team")
        assert (tmp_path / "calendars" / "team").is_dir()
        far = CONNECTOR.open("laptop", {"path": tmp_path / "no" / "such" / "drive"})
        for call in (lambda: far.open("team"), lambda: far.create("team"), far.collections):
            with pytest.raises(Permanent) as caught:
                call()
            assert "drive" in caught.value.hint
        assert not (tmp_path / "no").exists()

    def test_check(self, store: FolderStore, team: FolderCollection, folder: Path) -> None:
        create(team, "a")
        assert [(one.severity, one.what) for one in store.check()] == [
            (Severity.INFO, "laptop: calendars: 1, items: 1")
        ]
        (folder / "link.ics").symlink_to("nowhere")
        (folder / "circle.ics").symlink_to("circle.ics")
        (folder / "folder.ics").mkdir()
        os.mkfifo(folder / "fifo.ics")
        with open(os.fsencode(folder) + b"/caf\xe9.ics", "wb"):
            pass
        found = list(store.check())[1:]
        assert {one.severity for one in found} == {Severity.WARNING}
        assert sorted(one.what.split()[-1] for one in found) == ["UTF-8", "file", "nowhere", "nowhere"]
        for one in found:
            one.where.encode()

    def test_check_of_a_missing_folder(self, tmp_path: Path) -> None:
        [found] = CONNECTOR.open("laptop", {"path": tmp_path / "missing"}).check()
        assert found.severity is Severity.WARNING  # the first run makes it
        assert "the first run makes it" in found.hint


class TestUnmounted:
    FSTAB = """
# comment
UUID=1 / ext4 defaults 0 1
UUID=2 {mount} ext4 defaults 0 2
UUID=3 {spaced} ext4 defaults 0 2
UUID=4 none swap sw 0 0
tmpfs /proc/ proc defaults
broken
"""

    @pytest.fixture
    def fstab(self, tmp_path: Path) -> Path:
        path = tmp_path / "fstab"
        path.write_text(
            self.FSTAB.format(mount=tmp_path / "disk", spaced=str(tmp_path / "my disk").replace(" ", "\\040"))
        )
        return path

    @pytest.mark.parametrize("below", ["disk", "disk/calendars", "disk/a/b", "my disk/calendars"])
    def test_is_noticed(self, tmp_path: Path, fstab: Path, below: str) -> None:
        assert mounts.unmounted(str(tmp_path / below), fstab) == str(tmp_path / below.split("/")[0])

    @pytest.mark.parametrize("path", ["/proc/self", "/nowhere", "/"])
    def test_all_is_well(self, path: str, fstab: Path, tmp_path: Path) -> None:
        assert mounts.unmounted(path, fstab) == ""
        assert mounts.unmounted(str(tmp_path / "disk-2"), fstab) == ""
        assert mounts.unmounted(str(tmp_path), tmp_path / "no-fstab") == ""

    def test_nothing_is_read_or_made_there(self, tmp_path: Path, fstab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "disk").mkdir()
        monkeypatch.setattr(mounts.unmounted, "__defaults__", (fstab,))
        store = CONNECTOR.open("laptop", {"path": tmp_path / "disk"})
        for call in (store.collections, lambda: store.open("team"), lambda: store.create("team")):
            with pytest.raises(Permanent, match="not mounted"):
                call()
        assert list((tmp_path / "disk").iterdir()) == []
        assert [one.severity for one in store.check()] == [Severity.ERROR]
