"""Taking a folder: what is listed, what is read again, what is refused."""

from __future__ import annotations

import base64
import json
import os
import resource
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from tests.support.trees import (
    ACL,
    TICK_NS,
    age,
    context,
    full_disk,
    new_folder,
    odd_tree,
    open_up,
    patient,
    somebody_else,
    spec,
)
from trueup.core.supervision import Deadline
from trueup.jobs.backup.sources.path import KIND, records, sums
from trueup.jobs.backup.sources.path.walk import FOLDER
from trueup.model.backup import MANIFEST, Captured, SourceSpec
from trueup.model.diagnostics import Severity
from trueup.model.errors import Cancelled, ConfigError, Permanent, StoreError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    path = tmp_path / "share"
    path.mkdir()
    return path


@pytest.fixture(autouse=True)
def fine_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seconds of waiting in every test would be a lot."""
    monkeypatch.setattr(records, "RACY_NS", TICK_NS)


def capture(tree: Path, tmp_path: Path, **options: object) -> Captured:
    return KIND.capture(spec(tree, **options), context(tmp_path), new_folder(tmp_path, "spool"), patient())


def settle(tree: Path, tmp_path: Path, captured: Captured, **options: object) -> Captured:
    return KIND.settle(spec(tree, **options), context(tmp_path), captured, patient())


def listed(captured: Captured) -> dict[str, dict[str, Any]]:
    lines = (captured.about / "files.jsonl").read_text().splitlines()
    return {one["path"]: one for one in map(json.loads, lines)}


def everything(root: Path) -> set[str]:
    return {
        os.path.relpath(os.path.join(folder, name), root)
        for folder, folders, files in os.walk(root)
        for name in folders + files
    }


def test_everything_is_listed_as_it_is(tree: Path, tmp_path: Path) -> None:
    odd_tree(tree)
    captured = capture(tree, tmp_path)
    found = listed(captured)
    assert captured.root == tree
    assert set(found) == everything(tree)
    for path, record in found.items():
        about = os.lstat(tree / path)
        assert (record["mode"], record["mtime_ns"]) == (about.st_mode & 0o7777, about.st_mtime_ns)
        if record["type"] == "file":
            assert record["sum"] == blake3((tree / path).read_bytes()).hexdigest()
            assert record["size"] == about.st_size
    assert {path: one["type"] for path, one in found.items() if one["type"] not in ("file", "dir", "link")} == {
        "fifo": "fifo",
        "sock": "socket",
    }
    assert found["out"]["link"] == "/etc/passwd"
    assert found["one"]["hardlink"] == found["docs/three"]["hardlink"] == found["two"]["hardlink"]
    assert "hardlink" not in found["empty"]
    assert any("fifo" in note and "sock" in note for note in captured.notes)
    manifest = json.loads((captured.about / MANIFEST).read_text())
    assert manifest["kind"] == "path"
    assert manifest["files"] == captured.files == sum(one["type"] == "file" for one in found.values())
    assert manifest["bytes"] == captured.bytes


def test_the_list_is_in_the_order_of_a_walk(tree: Path, tmp_path: Path) -> None:
    odd_tree(tree)
    paths = list(listed(capture(tree, tmp_path)))
    assert paths == sorted(paths, key=lambda path: path.split("/"))
    assert paths.index("docs/letter.txt") < paths.index("docs-old")


def test_attributes_are_listed(tree: Path, tmp_path: Path) -> None:
    (tree / "a").write_text("a")
    try:
        os.setxattr(tree / "a", "user.colour", b"blue")
    except OSError:
        pytest.skip("the file system of the test folder keeps no extended attributes")
    assert listed(capture(tree, tmp_path))["a"]["xattrs"] == {"user.colour": "Ymx1ZQ=="}


def test_acls_are_listed(tree: Path, tmp_path: Path) -> None:
    (tree / "a").write_text("a")
    try:
        os.setxattr(tree / "a", "system.posix_acl_access", ACL)
    except OSError:
        pytest.skip("the file system of the test folder keeps no ACLs")
    kept = listed(capture(tree, tmp_path))["a"]["xattrs"]["system.posix_acl_access"]
    assert base64.b64decode(kept) == ACL


def test_a_file_by_itself(tree: Path, tmp_path: Path) -> None:
    (tree / "one.db").write_text("data")
    (tree / "other").write_text("not asked for")
    captured = capture(tree / "one.db", tmp_path)
    assert captured.root == tree / "one.db"
    assert list(listed(captured)) == ["one.db"]
    assert (captured.files, captured.bytes) == (1, 4)


def test_a_link_to_the_folder_is_followed(tree: Path, tmp_path: Path) -> None:
    (tree / "a").write_text("a")
    (tmp_path / "alias").symlink_to(tree)
    assert capture(tmp_path / "alias", tmp_path).root == tree


def test_what_is_excluded_is_not_listed(tree: Path, tmp_path: Path) -> None:
    odd_tree(tree)
    captured = capture(tree, tmp_path, exclude=["*.odt", "/docs-old", "docs/thr??"])
    assert set(listed(captured)) == everything(tree) - {
        "docs/deep/er/plan.odt",
        "docs-old",
        "docs-old/x",
        "docs/three",
    }
    assert captured.exclude == ("*.odt", "/docs-old", "docs/thr??")


def test_trueup_s_own_folders_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    captured = capture(tmp_path, tmp_path)
    assert set(listed(captured)) == {"a"}
    assert captured.exclude == ("/.trueup", "/spool-0")
    assert any(".trueup" in note for note in captured.notes)


# -- what did not change is not read again ------------------------------------------------------------------------


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are opened to be read."""
    names: list[str] = []
    real = sums.open_file

    def opened(folder: int, name: str, seen: os.stat_result) -> sums.Reading | None:
        names.append(name)
        return real(folder, name, seen)

    monkeypatch.setattr("trueup.jobs.backup.sources.path.looking.open_file", opened)
    return names


def test_sums_of_unchanged_files_are_known(tree: Path, tmp_path: Path, read: list[str]) -> None:
    odd_tree(tree)
    age(tree)
    first = capture(tree, tmp_path)
    settle(tree, tmp_path, first)
    assert "changed" not in first.measures
    read.clear()
    second = capture(tree, tmp_path)
    assert read == []
    assert second.measures["changed"] == 0.0
    assert "entropy" not in second.measures
    assert {path: one.get("sum") for path, one in listed(second).items()} == {
        path: one.get("sum") for path, one in listed(first).items()
    }
    assert not any(one.get("changed") for one in listed(second).values())


@pytest.mark.parametrize(
    "edit",
    [
        lambda path: path.write_text("DEAR ALL,\n"),
        lambda path: path.write_text("longer than before"),
        lambda path: path.chmod(0o640),
        lambda path: (path.unlink(), path.write_text("Dear all,\n")),
        lambda path: os.setxattr(path, "user.new", b"1"),
    ],
    ids=["same size", "other size", "mode", "replaced", "attribute"],
)
def test_any_change_is_seen_even_where_the_time_was_set_back(
    tree: Path, tmp_path: Path, read: list[str], edit: Callable[[Path], object]
) -> None:
    odd_tree(tree)
    age(tree)
    settle(tree, tmp_path, capture(tree, tmp_path))
    read.clear()
    letter = tree / "docs" / "letter.txt"
    edit(letter)
    os.utime(letter, ns=(1, 1_234_567_890_123_456_789))
    captured = capture(tree, tmp_path)
    assert read == ["letter.txt"]
    record = listed(captured)["docs/letter.txt"]
    assert record["sum"] == blake3(letter.read_bytes()).hexdigest()
    assert record["mode"] == letter.stat().st_mode & 0o7777
    content = letter.read_text() != "Dear all,\n"
    assert captured.measures["changed"] == (1 / captured.files if content else 0)


def test_what_was_modified_just_before_is_read_again(tree: Path, tmp_path: Path, read: list[str]) -> None:
    (tree / "old").write_text("old")
    age(tree)
    (tree / "new").write_text("new")
    settle(tree, tmp_path, capture(tree, tmp_path))
    read.clear()
    assert capture(tree, tmp_path).measures["changed"] == 0.0
    assert read == ["new"]


def test_what_changed_is_still_changed_when_the_first_attempt_came_to_nothing(tree: Path, tmp_path: Path) -> None:
    for number in range(4):
        (tree / f"{number}").write_text("a" * 5000)
    age(tree)
    settle(tree, tmp_path, capture(tree, tmp_path))
    (tree / "0").write_bytes(os.urandom(5000))
    age(tree)
    assert capture(tree, tmp_path).measures["changed"] == 0.25  # never settled: the repository was away
    again = capture(tree, tmp_path)
    assert again.measures["changed"] == 0.25
    assert again.measures["entropy"] > 7.9
    settle(tree, tmp_path, again)
    assert capture(tree, tmp_path).measures["changed"] == 0.0


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b'{"path": 3}\n', b"[]\n", bytes(range(56, 256))],
    ids=["none", "cut", "text", "list", "noise"],
)
def test_a_damaged_cache_only_costs_time(tree: Path, tmp_path: Path, damage: bytes) -> None:
    (tree / "a").write_text("a")
    settle(tree, tmp_path, capture(tree, tmp_path))
    (context(tmp_path).cache / "files.jsonl").write_bytes(damage)
    assert listed(capture(tree, tmp_path))["a"]["sum"] == blake3(b"a").hexdigest()


def test_entropy_tells_text_from_noise(tree: Path, tmp_path: Path) -> None:
    (tree / "text").write_text("the quick brown fox jumps over the lazy dog " * 2000)
    assert 3 < capture(tree, tmp_path).measures["entropy"] < 5
    (tree / "text").write_bytes(os.urandom(90_000))
    assert capture(tree, tmp_path).measures["entropy"] > 7.9


# -- trouble ------------------------------------------------------------------------------------------------------


def test_files_that_cannot_be_read_are_a_failure_that_names_them(tree: Path, tmp_path: Path) -> None:
    for number in range(12):
        (tree / f"{number:02}").write_text("x")
        (tree / f"{number:02}").chmod(0)
    (tree / "fine").write_text("x")
    (tree / "locked").mkdir(mode=0)
    open_up(tree)
    (tree / "locked").chmod(0)
    tmp_path.chmod(0o777)
    with somebody_else(), pytest.raises(Permanent) as caught:
        capture(tree, tmp_path)
    assert "13 files or folders" in caught.value.what
    assert "00, 01" in caught.value.why
    assert "and 3 more" in caught.value.why
    assert "warn" in caught.value.hint


def test_files_that_cannot_be_read_may_be_a_warning(tree: Path, tmp_path: Path) -> None:
    (tree / "closed").write_text("x")
    (tree / "closed").chmod(0)
    (tree / "fine").write_text("x")
    (tree / "locked").mkdir()
    (tree / "locked" / "in it").write_text("x")
    (tree / "locked").chmod(0)
    open_up(tree)
    tmp_path.chmod(0o777)
    with somebody_else():
        captured = capture(tree, tmp_path, unreadable="warn")
    found = listed(captured)
    assert {path for path, one in found.items() if one.get("unread")} == {"closed", "locked"}
    assert "sum" in found["fine"]
    assert any("closed, locked" in note for note in captured.notes)
    (tree / "locked").chmod(0o755)


def test_a_root_that_cannot_be_listed(tree: Path, tmp_path: Path) -> None:
    open_up(tree)
    tree.chmod(0o111)
    tmp_path.chmod(0o777)
    with somebody_else():
        with pytest.raises(Permanent, match="permission denied"):
            capture(tree, tmp_path)
        assert [one.severity for one in KIND.probe(spec(tree), context(tmp_path))] == [Severity.ERROR]


@pytest.mark.parametrize("root", ["gone", "a/b", "fifo"])
def test_a_root_that_is_no_folder(tree: Path, tmp_path: Path, root: str) -> None:
    (tree / "a").write_text("a")
    os.mkfifo(tree / "fifo")
    with pytest.raises(Permanent) as caught:
        capture(tree / root, tmp_path)
    assert "files" in str(caught.value)
    assert [one.severity for one in KIND.probe(spec(tree / root), context(tmp_path))] == [Severity.ERROR]


def test_an_empty_folder_is_fine_until_it_held_something(tree: Path, tmp_path: Path) -> None:
    assert capture(tree, tmp_path).files == 0
    (tree / "a").write_text("a")
    settle(tree, tmp_path, capture(tree, tmp_path))
    (tree / "a").unlink()
    with pytest.raises(Permanent) as caught:
        capture(tree, tmp_path)
    assert "mounted" in caught.value.hint
    assert [one.severity for one in KIND.probe(spec(tree), context(tmp_path))] == [Severity.ERROR]


@pytest.mark.parametrize("options", [{"path": ""}, {"path": 3}, {"unreadable": "maybe"}], ids=str)
def test_options_that_do_not_fit(tree: Path, tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        KIND.capture(
            SourceSpec("files", "path", {"path": str(tree), **options}),
            context(tmp_path),
            new_folder(tmp_path, "spool"),
            patient(),
        )


def test_a_file_that_grows_comes_to_an_end(tree: Path, tmp_path: Path) -> None:
    (tree / "log").write_bytes(b"x" * 3_000_000)
    stop = threading.Event()

    def write() -> None:
        with open(tree / "log", "ab", buffering=0) as log:
            while not stop.is_set():
                log.write(b"y" * 10_000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        captured = capture(tree, tmp_path)
    finally:
        stop.set()
        writer.join()
    record = listed(captured)["log"]
    assert record.get("volatile") or record["sum"]
    settled = settle(tree, tmp_path, captured)
    volatile = json.loads((settled.about / "volatile.json").read_text())
    assert volatile["changed"] == ["log"]
    assert any("log" in note for note in settled.notes)


def test_a_file_that_changes_once_while_it_is_read_is_read_again(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tree / "a"
    path.write_bytes(b"a" * 1000)
    real, times = sums.Sums._content, iter(["edit"])

    def content(self: sums.Sums, fd: int, size: int, buffer: memoryview) -> str:
        found = real(self, fd, size, buffer)
        if next(times, None):
            path.write_bytes(b"b" * 2000)
        return found

    monkeypatch.setattr(sums.Sums, "_content", content)
    record = listed(capture(tree, tmp_path))["a"]
    assert record["sum"] == blake3(b"b" * 2000).hexdigest()
    assert record["size"] == 2000


def test_what_vanishes_or_turns_into_something_else_is_no_failure(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        (tree / name).write_text(name)
    real = sums.open_file

    def opened(folder: int, name: str, seen: os.stat_result) -> sums.Reading | None:
        if name == "a":
            (tree / "a").unlink()
        if name == "b":
            (tree / "b").unlink()
            os.mkfifo(tree / "b")
        return real(folder, name, seen)

    monkeypatch.setattr("trueup.jobs.backup.sources.path.looking.open_file", opened)
    captured = capture(tree, tmp_path)
    found = listed(captured)
    assert set(found) == {"b", "c"}
    assert found["b"]["volatile"]
    assert any("vanished" in note and "a" in note for note in captured.notes)


def test_what_changed_before_the_repository_had_read_it_is_told(tree: Path, tmp_path: Path) -> None:
    odd_tree(tree)
    captured = capture(tree, tmp_path)
    (tree / "docs" / "letter.txt").write_text("edited")
    (tree / "docs" / "new").write_text("new")
    (tree / "docs-old" / "x").unlink()
    (tree / "empty").unlink()
    (tree / "empty").mkdir()
    settled = settle(tree, tmp_path, captured)
    volatile = json.loads((settled.about / "volatile.json").read_text())
    assert volatile["changed"] == ["", "docs", "docs/letter.txt", "docs-old", "empty"]
    assert volatile["appeared"] == ["docs/new"]
    assert volatile["vanished"] == ["docs-old/x"]
    assert any("docs/letter.txt" in note for note in settled.notes)


def test_nothing_changed_and_nothing_is_told(tree: Path, tmp_path: Path) -> None:
    odd_tree(tree)
    captured = capture(tree, tmp_path)
    assert settle(tree, tmp_path, captured).notes == captured.notes


def test_a_folder_that_is_emptied_meanwhile_is_no_backup(tree: Path, tmp_path: Path) -> None:
    (tree / "a").write_text("a")
    captured = capture(tree, tmp_path)
    (tree / "a").unlink()
    with pytest.raises(StoreError, match="emptied or unmounted"):
        settle(tree, tmp_path, captured)


def test_a_tree_deeper_than_any_path_can_be_long(tree: Path, tmp_path: Path) -> None:
    name, fd = "d" * 200, os.open(tree, FOLDER)
    for _ in range(60):  # 12,000 bytes; PATH_MAX is 4096
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, FOLDER, dir_fd=fd)
        os.close(fd)
        fd = below
        for one in ("a", "z"):
            with os.fdopen(os.open(one, os.O_WRONLY | os.O_CREAT, dir_fd=fd), "w") as file:
                file.write(one)
    os.close(fd)
    found = listed(capture(tree, tmp_path))
    assert len(found) == 180
    assert all("sum" in one for one in found.values() if one["type"] == "file")
    assert max(len(path) for path in found) > 12_000


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = len(os.listdir("/proc/self/fd"))  # by this process of tests, for whatever ran before
    resource.setrlimit(resource.RLIMIT_NOFILE, (held + 200, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.usefixtures("few_descriptors")
def test_more_folders_deep_than_files_may_be_open(tree: Path, tmp_path: Path) -> None:
    fd = os.open(tree, FOLDER)
    for _ in range(400):
        os.mkdir("d", dir_fd=fd)
        with os.fdopen(os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=fd), "w") as file:
            file.write("x")
        below = os.open("d", FOLDER, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    captured = capture(tree, tmp_path)
    assert captured.files == 400
    assert settle(tree, tmp_path, captured).notes == captured.notes


def test_it_stops_when_it_is_asked_to(tree: Path, tmp_path: Path) -> None:
    for number in range(600):
        (tree / f"{number}").write_text("x")
    asked = iter([None] * 3)

    def check() -> None:
        if next(asked, "stop") == "stop":
            raise Cancelled("asked to stop")

    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(Cancelled):
        KIND.capture(spec(tree), context(tmp_path), new_folder(tmp_path, "spool"), Deadline("x", check=check))
    for thread in threading.enumerate():
        if thread.name.startswith("trueup-sums"):
            thread.join()
    assert len(os.listdir("/proc/self/fd")) == before


def test_no_descriptor_is_left_open(tree: Path, tmp_path: Path) -> None:
    odd_tree(tree)
    before = sorted(os.listdir("/proc/self/fd"))
    settle(tree, tmp_path, capture(tree, tmp_path))
    assert sorted(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("only_one", [True, False])
def test_another_file_system_is_left_out_on_request(tmp_path: Path, only_one: bool) -> None:
    if not os.path.ismount("/dev/shm"):
        pytest.skip("nothing is mounted at /dev/shm")
    captured = capture(Path("/dev"), tmp_path, one_file_system=only_one, unreadable="warn", exclude=["/*/*"])
    found = listed(captured)
    assert captured.one_file_system is only_one
    assert found["null"]["device"] == ["char", 1, 3]
    assert found["shm"].get("mount", False) is only_one
    if only_one:
        assert not [path for path in found if path.startswith("shm/")]
        assert any("shm" in note for note in captured.notes)


def test_sockets_are_never_opened(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(tree)
    server.bind("sock")
    server.listen(1)
    server.setblocking(False)
    capture(tree, tmp_path)
    with pytest.raises(BlockingIOError):
        server.accept()
    server.close()


def test_memory_does_not_grow_with_the_number_of_files(tree: Path, tmp_path: Path) -> None:
    for folder in range(20):
        (tree / f"{folder}").mkdir()
        for number in range(150):
            (tree / f"{folder}" / f"{number}").touch()
    capture(tmp_path / "share", tmp_path)  # what is imported and kept for good does not count
    tracemalloc.start()
    settle(tree, tmp_path, capture(tree, tmp_path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000  # 3,000 records at once would be 5 MB


def test_rights_that_change_while_a_file_is_read_are_those_that_are_listed(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "a").write_text("a")
    real = sums.open_file

    def opened(folder: int, name: str, seen: os.stat_result) -> sums.Reading | None:
        time.sleep(0.02)  # a tick of the kernel's clock
        (tree / "a").chmod(0o600)
        os.link(tree / "a", tree / "b")
        return real(folder, name, seen)

    monkeypatch.setattr("trueup.jobs.backup.sources.path.looking.open_file", opened)
    (tree / "a").chmod(0o644)
    captured = capture(tree, tmp_path)
    record = listed(captured)["a"]
    assert record["mode"] == 0o600
    assert "hardlink" in record


@pytest.mark.parametrize("size", [0, 300, 1000])
def test_a_full_disk_is_told_and_the_next_capture_is_whole(tree: Path, tmp_path: Path, size: int) -> None:
    (tree / "a").write_text("a")
    settle(tree, tmp_path, capture(tree, tmp_path))
    for number in range(20):
        (tree / f"{number}").write_text("x")
    with full_disk(size), pytest.raises(Permanent, match="cannot be written"):
        capture(tree, tmp_path)
    again = capture(tree, tmp_path)
    assert again.files == 21
    assert again.measures["changed"] == 20 / 21
