"""Drills and restores of folders: what comes back is what was there, and nothing else is touched."""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.trees import NOBODY, context, copied, new_folder, odd_tree, open_up, patient, somebody_else, spec
from trueup.core.supervision import Deadline
from trueup.jobs.backup.sources.path import KIND
from trueup.jobs.backup.sources.path.destination import Destination
from trueup.model.backup import Drilled, RestoreStep, RestoreTarget
from trueup.model.errors import NotFound, Permanent


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    path = tmp_path / "share"
    path.mkdir()
    odd_tree(path)
    return path


@pytest.fixture
def about(tree: Path, tmp_path: Path) -> Path:
    """The about folder of a snapshot of the tree."""
    captured = KIND.capture(spec(tree), context(tmp_path), new_folder(tmp_path, "spool"), patient())
    return KIND.settle(spec(tree), context(tmp_path), captured, patient()).about


@pytest.fixture
def data(tree: Path, about: Path, tmp_path: Path) -> Path:
    """The snapshot's data, restored from a repository."""
    return copied(tree, new_folder(tmp_path, "data"))


def drill(about: Path, data: Path, tmp_path: Path) -> Drilled:
    return KIND.drill(about, data, new_folder(tmp_path, "scratch"), context(tmp_path), patient())


def plan(about: Path, target: RestoreTarget) -> list[RestoreStep]:
    return list(KIND.plan_restore(about, target, None))


def restore(about: Path, data: Path, target: RestoreTarget) -> list[RestoreStep]:
    return list(KIND.restore(about, data, target, None, patient()))


# -- drills -------------------------------------------------------------------------------------------------------


def test_a_whole_copy_is_equal(about: Path, data: Path, tmp_path: Path) -> None:
    drilled = drill(about, data, tmp_path)
    assert drilled.differences == ()
    assert drilled.compared["files"] > 10
    assert drilled.compared["bytes"] > 5_000_000
    assert "compare" in drilled.seconds


def test_what_a_repository_does_not_keep_is_no_damage(about: Path, data: Path, tmp_path: Path) -> None:
    (data / "fifo").unlink()
    (data / "sock").unlink()
    os.utime(data, ns=(0, 0))  # the folder it is restored into is nobody's
    assert drill(about, data, tmp_path).differences == ()


def keep_time(change: Callable[[Path], object]) -> Callable[[Path], None]:
    """Makes a change in a folder whose own time stays as it was."""

    def changed(data: Path) -> None:
        folders = {Path(one): os.stat(one) for one, _, _ in os.walk(data)}
        change(data)
        for folder, before in folders.items():
            if folder.is_dir():
                os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))

    return changed


def flip(path: Path) -> None:
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def unlink_and(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def changed(path: Path) -> None:
        path.unlink()
        make(path)

    return changed


def separate(path: Path) -> None:
    shutil.copy2(path, f"{path}~")
    os.replace(f"{path}~", path)


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "docs/deep/er/plan.odt: has other content": ("docs/deep/er/plan.odt", flip),
    "sparse: has other content": ("sparse", flip),
    "one: is missing": ("one", lambda path: path.unlink()),
    "empty folder: is missing": ("empty folder", lambda path: path.rmdir()),
    "empty: has 3 bytes, and had 0": ("empty", lambda path: path.write_text("new")),
    "script: has mode 0755, and had 4755": ("script", lambda path: path.chmod(0o755)),
    "secret: was modified at 1.000000": ("secret", lambda path: os.utime(path, ns=(1, 10**9))),
    "up: leads to /, and led to ..": ("up", unlink_and(lambda path: path.symlink_to("/"))),
    "out: is a file, and was a symbolic link": ("out", unlink_and(lambda path: path.write_text("root:x:0:0"))),
    "empty folder/extra: is there": ("empty folder/extra", lambda path: path.mkdir()),
    "two: is a file of its own": ("two", separate),
    "fifo: is a file, and was a FIFO": ("fifo", unlink_and(lambda path: path.write_text(""))),
    "attribute user.colour is missing": ("script", lambda path: os.removexattr(path, "user.colour")),
    "attribute user.colour has another value": ("docs", lambda path: os.setxattr(path, "user.colour", b"red")),
    "attribute user.more is new": ("secret", lambda path: os.setxattr(path, "user.more", b"x")),
}


@pytest.mark.parametrize("sentence", DAMAGE)
def test_every_kind_of_damage_is_found(about: Path, data: Path, tmp_path: Path, sentence: str) -> None:
    if "attribute" in sentence and "user.colour" not in os.listxattr(data / "script"):
        pytest.skip("the file system of the test folder keeps no extended attributes")
    path, change = DAMAGE[sentence]
    keep_time(lambda root: change(root / path))(data)
    differences = drill(about, data, tmp_path).differences
    assert [one for one in differences if sentence in one]
    assert all(one.startswith(f"{path}: ") for one in differences)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_owners_are_compared(about: Path, data: Path, tmp_path: Path) -> None:
    os.chown(data / "out", 1234, 1234, follow_symlinks=False)
    assert drill(about, data, tmp_path).differences == ("out: belongs to 1234:1234, and belonged to 0:0",)


def test_an_empty_restore_is_all_damage_and_told_in_few_words(about: Path, tmp_path: Path) -> None:
    manifest = json.loads((about / "manifest.json").read_text())
    lines = (about / "files.jsonl").read_text().splitlines()
    (about / "files.jsonl").write_text("".join(f"{line}\n" for line in lines))
    differences = drill(about, new_folder(tmp_path, "data"), tmp_path).differences
    assert len(differences) == sum(manifest["types"].values()) - 2  # FIFO and socket


def test_many_differences_are_counted(tmp_path: Path) -> None:
    tree = new_folder(tmp_path, "many")
    for number in range(70):
        (tree / f"{number}").write_text("x")
    captured = KIND.capture(spec(tree), context(tmp_path), new_folder(tmp_path, "spool"), patient())
    differences = drill(captured.about, new_folder(tmp_path, "data"), tmp_path).differences
    assert len(differences) == 51
    assert differences[-1] == "and 20 more differences"


def test_what_changed_while_the_backup_was_made_is_compared_by_type_only(tree: Path, tmp_path: Path) -> None:
    captured = KIND.capture(spec(tree), context(tmp_path), new_folder(tmp_path, "spool"), patient())
    (tree / "docs-old" / "x").write_text("another one")
    (tree / "docs" / "new").write_text("new")
    (tree / "empty").unlink()
    data = copied(tree, new_folder(tmp_path, "data"))
    assert drill(captured.about, data, tmp_path).differences
    KIND.settle(spec(tree), context(tmp_path), captured, patient())
    assert drill(captured.about, data, tmp_path).differences == ()
    keep_time(lambda root: (root / "docs-old" / "x").unlink())(data)
    assert drill(captured.about, data, tmp_path).differences == ("docs-old/x: is missing",)


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a//b", "", ".", "a\0b"], ids=repr)
def test_a_list_that_leads_elsewhere_is_refused(about: Path, data: Path, tmp_path: Path, path: str) -> None:
    (about / "files.jsonl").write_text(json.dumps({"path": path, "type": "file", "mode": 0, "size": 0, "mtime_ns": 0}))
    target = RestoreTarget(str(tmp_path / "to"))
    for work in (
        lambda: drill(about, data, tmp_path),
        lambda: plan(about, target),
        lambda: restore(about, data, target),
        lambda: KIND.wanted(about, RestoreTarget("x", ("x",))),
    ):
        with pytest.raises(Permanent, match="list of files cannot be read"):
            work()


# -- restores -----------------------------------------------------------------------------------------------------


def everything(root: Path) -> dict[str, tuple[object, ...]]:
    """A tree by all that counts: type and mode, owner, time, content, attributes."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = Path(folder) / name
            about = path.lstat()
            content: object = None
            if stat.S_ISLNK(about.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(about.st_mode):
                content = path.read_bytes()
            elif not stat.S_ISDIR(about.st_mode):
                continue
            attributes = (
                {} if stat.S_ISLNK(about.st_mode) else {one: os.getxattr(path, one) for one in os.listxattr(path)}
            )
            found[os.path.relpath(path, root)] = (
                about.st_mode,
                about.st_uid,
                about.st_gid,
                about.st_mtime_ns,
                content,
                attributes,
            )
    return found


@pytest.fixture(params=["moved", "copied"])
def to(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where to restore to: on the same file system as the data, or made to look as if it were on another one."""
    if request.param == "copied":
        monkeypatch.setattr(Destination, "device", property(lambda self: -1))
    return tmp_path / "new" / "to"


def test_all_of_it(about: Path, data: Path, tree: Path, to: Path, tmp_path: Path) -> None:
    wanted = everything(tree)
    steps = plan(about, RestoreTarget(str(to)))
    assert {one.action for one in steps if "FIFOs" not in one.reason} == {"create"}
    assert not to.exists()
    done = restore(about, data, RestoreTarget(str(to)))
    assert [(one.action, one.what, one.where) for one in done] == [(one.action, one.what, one.where) for one in steps]
    assert everything(to) == wanted
    assert os.stat(to / "one").st_ino == os.stat(to / "two").st_ino == os.stat(to / "docs" / "three").st_ino
    assert os.stat(to / "sparse").st_blocks * 512 < 1_000_000
    assert not [name for _, _, files in os.walk(to) for name in files if name.startswith(".trueup-")]
    assert drill(about, to, tmp_path).differences == ()


@pytest.fixture
def plain(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A tree of which all can be restored, its about folder, and its data."""
    tree = new_folder(tmp_path, "plain")
    (tree / "folder" / "in").mkdir(parents=True)
    (tree / "folder" / "in" / "note").write_text("a note")
    (tree / "folder" / "link").symlink_to("in/note")
    os.link(tree / "folder" / "in" / "note", tree / "again")
    (tree / "kept").mkdir()
    (tree / "kept" / "read-only").write_text("x")
    os.utime(tree / "folder", ns=(1, 1_234_567_890_123_456_789))
    captured = KIND.capture(spec(tree), context(tmp_path), new_folder(tmp_path, "spool"), patient())
    return tree, captured.about, copied(tree, new_folder(tmp_path, "data"))


def test_folders_are_moved_whole_where_nothing_is_in_the_way(plain: tuple[Path, Path, Path], to: Path) -> None:
    tree, about, data = plain
    wanted, inode = everything(tree), (data / "folder" / "in").stat().st_ino
    steps = plan(about, RestoreTarget(str(to)))
    assert restore(about, data, RestoreTarget(str(to))) == steps
    assert everything(to) == wanted
    assert (to / "again").stat().st_ino == (to / "folder" / "in" / "note").stat().st_ino
    if Destination(str(to)).device != -1:
        assert (to / "folder" / "in").stat().st_ino == inode
        assert list(data.iterdir()) == []


def test_what_is_in_the_way_is_left_and_the_rest_put_beside_it(plain: tuple[Path, Path, Path], to: Path) -> None:
    tree, about, data = plain
    (to / "folder" / "in").mkdir(parents=True)
    (to / "folder" / "in" / "note").write_text("mine")
    done = {one.what: one.action for one in restore(about, data, RestoreTarget(str(to)))}
    assert done.pop("folder/in/note") == "skip"
    assert set(done.values()) == {"create"}
    assert (to / "folder" / "in" / "note").read_text() == "mine"
    assert os.readlink(to / "folder" / "link") == "in/note"
    assert everything(to / "kept") == everything(tree / "kept")


def test_what_somebody_makes_this_very_moment_is_left(plain: tuple[Path, Path, Path], tmp_path: Path) -> None:
    _, about, data = plain
    to = tmp_path / "to"

    class Busy(Deadline):
        def ok(self) -> None:
            (to / "kept").mkdir(parents=True, exist_ok=True)
            (to / "kept" / "mine").write_text("mine")
            (to / "again").write_text("mine")

    done = list(KIND.restore(about, data, RestoreTarget(str(to)), None, Busy("the test")))
    assert {one.what for one in done if one.action == "skip"} == {"again", "kept", "kept/read-only"}
    assert (to / "again").read_text() == (to / "kept" / "mine").read_text() == "mine"
    assert (to / "folder" / "in" / "note").read_text() == "a note"


def test_what_was_not_given_back_is_told(plain: tuple[Path, Path, Path], to: Path) -> None:
    _, about, data = plain
    (data / "kept" / "read-only").unlink()
    done = {one.what: one.reason for one in restore(about, data, RestoreTarget(str(to)))}
    assert done["kept/read-only"] == "it is missing from what the repository gave back"
    assert (to / "folder" / "in" / "note").read_text() == "a note"


def test_nothing_that_is_there_is_overwritten(about: Path, data: Path, to: Path) -> None:
    (to / "docs").mkdir(parents=True)
    (to / "docs" / "letter.txt").write_text("mine")
    (to / "empty").mkdir()
    (to / "empty folder").write_text("a file")
    (to / "mine").write_text("mine")
    target = RestoreTarget(str(to))
    planned = {one.what: one for one in plan(about, target)}
    done = {one.what: one for one in restore(about, data, target)}
    assert planned == done
    assert done["docs/letter.txt"].action == "skip"
    assert done["docs/letter.txt"].reason == "it is there already"
    assert done["empty"].action == done["empty folder"].action == "skip"
    assert done["docs/deep"].action == "create"
    assert (to / "docs" / "letter.txt").read_text() == (to / "mine").read_text() == "mine"
    assert (to / "docs" / "deep" / "er" / "plan.odt").stat().st_size == 70_000
    assert "docs" not in done


def test_overwriting_leaves_alone_what_is_equal(about: Path, data: Path, tree: Path, to: Path) -> None:
    restore(about, copied(data, new_folder(to.parent, "data")), RestoreTarget(str(to)))
    (to / "docs" / "letter.txt").write_text("mine")
    (to / "secret").write_text("t")
    (to / "up").unlink()
    (to / "up").symlink_to("elsewhere")
    (to / "extra").write_text("stays")
    inode = os.stat(to / "docs" / "deep" / "er" / "plan.odt").st_ino
    target = RestoreTarget(str(to), overwrite=True)
    planned = plan(about, target)
    assert {one.what for one in planned if one.action == "update"} == {"docs/letter.txt", "secret", "up"}
    assert {one.reason for one in planned if one.action == "skip"} == {
        "it is there as it was",
        "FIFOs, sockets and devices are not restored",
    }
    assert restore(about, data, target) == planned
    assert (to / "docs" / "letter.txt").read_text() == "Dear all,\n"
    assert (to / "secret").read_text() == "s"
    assert os.readlink(to / "up") == ".."
    assert (to / "extra").read_text() == "stays"
    assert os.stat(to / "docs" / "deep" / "er" / "plan.odt").st_ino == inode


@pytest.mark.parametrize(
    ("only", "wanted"),
    [
        (["docs/letter.txt"], ["docs/letter.txt"]),
        (["docs/"], ["docs"]),
        (["./docs/deep"], ["docs/deep"]),
        (["docs/deep", "docs"], ["docs"]),
        (["*.odt"], ["docs/deep/er/plan.odt"]),
        (["docs/*"], ["docs/deep", "docs/letter.txt", "docs/three"]),
        (["one", "docs-old/x"], ["docs-old/x", "one"]),
        (["{tree}/docs/deep"], ["docs/deep"]),
        (["{tree}"], []),
        (["latin-\udce4\udcff.txt"], ["latin-\udce4\udcff.txt"]),
        ([" * [x] ? \\ "], [" * [x] ? \\ "]),
        ([], []),
    ],
    ids=str,
)
def test_what_is_wanted(about: Path, tree: Path, only: list[str], wanted: list[str]) -> None:
    target = RestoreTarget("to", tuple(one.replace("{tree}", str(tree)) for one in only))
    assert list(KIND.wanted(about, target)) == wanted


def test_a_part_of_it(about: Path, data: Path, tree: Path, to: Path) -> None:
    before = everything(tree)
    target = RestoreTarget(str(to), ("docs/deep", "secret"))
    for path in KIND.wanted(about, target):
        assert (data / path).exists()
    steps = plan(about, target)
    assert [one.what for one in steps] == ["docs/deep", "docs/deep/er", "docs/deep/er/plan.odt", "secret"]
    shutil.rmtree(data / "docs-old")  # a repository gives no more than what was wanted
    assert restore(about, data, target) == steps
    found = everything(to)
    assert set(found) == {"docs", "docs/deep", "docs/deep/er", "docs/deep/er/plan.odt", "secret"}
    assert all(found[path] == before[path] for path in found)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("leter.txt", "docs/letter.txt"),
        ("plan.odt", "docs/deep/er/plan.odt"),
        ("docs/LETTER.txt", "docs/letter.txt"),
        ("*.xls", "list what is in it"),
        ("/somewhere/else/secret", "secret"),
    ],
)
def test_what_is_not_there_is_named_with_what_comes_close(about: Path, tmp_path: Path, asked: str, hint: str) -> None:
    target = RestoreTarget(str(tmp_path / "to"), (asked, "secret"))
    with pytest.raises(NotFound) as caught:
        KIND.wanted(about, target)
    assert asked in caught.value.what
    assert hint in caught.value.hint
    with pytest.raises(NotFound):
        plan(about, target)


def test_links_in_the_way_lead_nowhere(about: Path, data: Path, to: Path, tmp_path: Path) -> None:
    outside = new_folder(tmp_path, "outside")
    (outside / "deep" / "er").mkdir(parents=True)
    (outside / "secret").write_text("not to be touched")
    to.mkdir(parents=True)
    (to / "docs").symlink_to(outside)
    (to / "secret").symlink_to(outside / "secret")
    target = RestoreTarget(str(to), overwrite=True)
    planned = {one.what: one for one in plan(about, target)}
    done = {one.what: one for one in restore(about, data, target)}
    assert planned["docs/letter.txt"].action == done["docs/letter.txt"].action == "skip"
    assert "symbolic link" in done["docs/letter.txt"].reason
    assert sorted(os.listdir(outside)) == ["deep", "secret"]
    assert os.listdir(outside / "deep" / "er") == []
    assert (outside / "secret").read_text() == "not to be touched"
    assert (to / "secret").read_text() == "s"
    assert not (to / "secret").is_symlink()


def test_links_in_the_data_are_not_followed(about: Path, data: Path, to: Path, tmp_path: Path) -> None:
    outside = new_folder(tmp_path, "outside")
    (outside / "letter.txt").write_text("of somebody else")
    shutil.rmtree(data / "docs")
    (data / "docs").symlink_to(outside)
    done = {one.what: one for one in restore(about, data, RestoreTarget(str(to)))}
    assert done["docs/letter.txt"].reason == "it is missing from what the repository gave back"
    assert os.listdir(outside) == ["letter.txt"]


def test_a_single_file(tmp_path: Path, to: Path) -> None:
    source = tmp_path / "app.conf"
    source.write_text("x = 1\n")
    captured = KIND.capture(spec(source), context(tmp_path), new_folder(tmp_path, "spool"), patient())
    data = new_folder(tmp_path, "data")
    shutil.copy2(source, data)
    assert drill(captured.about, data, tmp_path).differences == ()
    assert KIND.wanted(captured.about, RestoreTarget("to", (str(source),))) == ("app.conf",)
    assert [one.action for one in restore(captured.about, data, RestoreTarget(str(to)))] == ["create"]
    assert (to / "app.conf").read_text() == "x = 1\n"


def test_a_target_that_is_no_folder(about: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(Permanent):
        plan(about, RestoreTarget(str(tmp_path / "file")))
    with pytest.raises(Permanent):
        restore(about, data, RestoreTarget(str(tmp_path / "file")))


def test_no_descriptor_is_left_open(about: Path, data: Path, to: Path, tmp_path: Path) -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    drill(about, data, tmp_path)
    plan(about, RestoreTarget(str(to)))
    restore(about, data, RestoreTarget(str(to)))
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_copy_that_fails_leaves_nothing_half(
    about: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Destination, "device", property(lambda self: -1))
    monkeypatch.setattr(os, "sendfile", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    to = tmp_path / "to"
    with pytest.raises(Permanent, match="no space left") as caught:
        restore(about, data, RestoreTarget(str(to)))
    assert "room" in caught.value.hint
    assert not [
        name for _, _, files in os.walk(to) for name in files if (Path(to) / name).is_file() and "trueup" in name
    ]


def test_times_of_folders_survive_what_is_put_into_them(about: Path, data: Path, tree: Path, to: Path) -> None:
    before = os.stat(tree / "docs" / "deep").st_mtime_ns
    time.sleep(0.02)
    restore(about, data, RestoreTarget(str(to)))
    assert os.stat(to / "docs" / "deep").st_mtime_ns == before


def test_a_copy_that_keeps_its_owner_out_is_read_all_the_same(tmp_path: Path) -> None:
    """Readable by right of the group where it was, and owned by the one who drills where it is restored to."""
    tree = new_folder(tmp_path, "share")
    (tree / "a").write_text("a")
    (tree / "a").chmod(0o060)
    captured = KIND.capture(spec(tree, unreadable="warn"), context(tmp_path), new_folder(tmp_path, "spool"), patient())
    if captured.files == 0:
        pytest.skip("only root may read a file that keeps its owner out")
    data = copied(tree, new_folder(tmp_path, "data"))
    open_up(tmp_path)
    tmp_path.chmod(0o777)
    for path in (data, data / "a"):
        os.chown(path, NOBODY, NOBODY)
    scratch = new_folder(tmp_path, "scratch")
    with somebody_else():
        assert KIND.drill(captured.about, data, scratch, context(tmp_path), patient()).differences == ()
