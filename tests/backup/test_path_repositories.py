"""Folders as a source, through the repositories that there are: what they give back is what was listed."""

from __future__ import annotations

import contextlib
import os
import random
import threading
from pathlib import Path

import pytest

from tests.backup import test_archive, test_restic
from tests.support.trees import context, new_folder, odd_tree, patient, spec
from trueup.connectors.archive import CONNECTOR
from trueup.jobs.backup.sources.path import KIND
from trueup.model.backup import Captured, RestoreTarget
from trueup.model.repository import Repository, Stored, StoreRequest


@pytest.fixture(params=["archive", "restic"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Repository:
    if request.param == "restic":
        return test_restic.prepared(new_folder(tmp_path, "restic"))
    folder = new_folder(tmp_path, "archive")
    options = {"path": folder / "vault", "cache": folder / "cache", "identity": test_archive.IDENTITIES[0]}
    repository: Repository = CONNECTOR.open("vault", options)
    repository.prepare(False, patient())
    return repository


def store(vault: Repository, captured: Captured) -> Stored:
    return vault.store(
        StoreRequest(
            root=captured.root,
            about=captured.about,
            job="office",
            source="files",
            run="run-1",
            time=1_800_000_000.0,
            bytes=captured.bytes,
            files=captured.files,
            exclude=captured.exclude,
            one_file_system=captured.one_file_system,
        ),
        patient(),
    )


def fetched(vault: Repository, stored: Stored, tmp_path: Path, *only: str) -> tuple[Path, Path]:
    about, data = new_folder(tmp_path, "about"), new_folder(tmp_path, "data")
    vault.about(stored.snapshot.id, about, patient())
    vault.restore(stored.snapshot.id, data, patient(), only)
    return about, data


def test_a_folder_with_everything_odd(vault: Repository, tmp_path: Path) -> None:
    tree = tmp_path / "share"
    tree.mkdir()
    odd_tree(tree)
    (tree / "scratch.tmp").write_text("left out")
    (tree / "[cache] *").mkdir()
    (tree / "[cache] *" / "x").write_text("left out")
    (tree / "build" / "deep").mkdir(parents=True)
    (tree / "build" / "deep" / "kept").write_text("kept")
    (tree / "docs" / "build").mkdir()
    (tree / "docs" / "build" / "x").write_text("left out")
    options = {"exclude": ["*.tmp", r"/\[cache\] \*", "docs/build/"], "one_file_system": True}
    captured = KIND.capture(spec(tree, **options), context(tmp_path), new_folder(tmp_path, "spool"), patient())
    stored = store(vault, captured)
    assert KIND.settle(spec(tree, **options), context(tmp_path), captured, patient()).notes == captured.notes
    about, data = fetched(vault, stored, tmp_path)
    assert KIND.drill(about, data, new_folder(tmp_path, "scratch"), context(tmp_path), patient()).differences == ()
    assert not {"scratch.tmp", "[cache] *"} & set(os.listdir(data))
    target = RestoreTarget(str(tmp_path / "to"), ("docs/deep", "latin-\udce4\udcff.txt", " * [x] ? \\ "))
    about, data = fetched(vault, stored, tmp_path, *KIND.wanted(about, target))
    done = list(KIND.restore(about, data, target, None, patient()))
    assert {one.action for one in done} == {"create"}
    assert sorted(os.listdir(tmp_path / "to")) == [" * [x] ? \\ ", "docs", "latin-\udce4\udcff.txt"]
    assert (tmp_path / "to" / "docs" / "deep" / "er" / "plan.odt").stat().st_size == 70_000


def test_trueup_s_own_folder_in_the_tree(tmp_path: Path) -> None:
    """The list lies in the tree then, is stored with it, and is no part of what is restored."""
    (tmp_path / "a").write_text("a")
    options = {"path": tmp_path / "vault", "cache": tmp_path / ".trueup" / "cache"}
    vault = CONNECTOR.open("vault", {**options, "identity": test_archive.IDENTITIES[0]})
    vault.prepare(False, patient())
    spool = new_folder(tmp_path / ".trueup" / "spool", "files")
    captured = KIND.capture(spec(tmp_path, exclude=["/vault"]), context(tmp_path), spool, patient())
    assert captured.exclude == ("/vault", "/.trueup")
    stored = store(vault, captured)
    outside = new_folder(tmp_path / ".trueup", "outside")
    about, data = fetched(vault, stored, outside)
    (data / ".trueup" / "spool" / "about").mkdir(parents=True)  # as a repository may give it back
    assert KIND.drill(about, data, outside, context(tmp_path), patient()).differences == ()
    to = outside / "to"
    done = list(KIND.restore(about, data, RestoreTarget(str(to)), None, patient()))
    assert [one.what for one in done] == os.listdir(to) == ["a"]


def test_a_single_file(vault: Repository, tmp_path: Path) -> None:
    (tmp_path / "app.db").write_text("data")
    captured = KIND.capture(spec(tmp_path / "app.db"), context(tmp_path), new_folder(tmp_path, "spool"), patient())
    about, data = fetched(vault, store(vault, captured), tmp_path)
    assert os.listdir(data) == ["app.db"]
    assert KIND.drill(about, data, new_folder(tmp_path, "scratch"), context(tmp_path), patient()).differences == ()


def test_a_folder_that_changes_before_it_is_read(vault: Repository, tmp_path: Path) -> None:
    tree = tmp_path / "share"
    tree.mkdir()
    odd_tree(tree)
    captured = KIND.capture(spec(tree), context(tmp_path), new_folder(tmp_path, "spool"), patient())
    (tree / "docs" / "letter.txt").write_text("edited before the repository came to it")
    (tree / "docs" / "new").write_text("new")
    (tree / "secret").unlink()
    stored = store(vault, captured)
    settled = KIND.settle(spec(tree), context(tmp_path), captured, patient())
    assert len(settled.notes) == len(captured.notes) + 3
    about, data = fetched(vault, stored, tmp_path)
    drilled = KIND.drill(about, data, new_folder(tmp_path, "scratch"), context(tmp_path), patient())
    assert len(drilled.differences) == 5  # nobody told this drill
    (about / "volatile.json").write_bytes((settled.about / "volatile.json").read_bytes())
    drilled = KIND.drill(about, data, new_folder(tmp_path, "scratch"), context(tmp_path), patient())
    assert drilled.differences == ()


@pytest.mark.parametrize("path", ["docs/deep/er/plan.odt", "empty folder"])
def test_what_a_repository_would_lose_is_found(vault: Repository, tmp_path: Path, path: str) -> None:
    tree = tmp_path / "share"
    tree.mkdir()
    odd_tree(tree)
    captured = KIND.capture(spec(tree), context(tmp_path), new_folder(tmp_path, "spool"), patient())
    about, data = fetched(vault, store(vault, captured), tmp_path)
    lost = data / path
    lost.rmdir() if lost.is_dir() else lost.unlink()
    differences = KIND.drill(about, data, new_folder(tmp_path, "scratch"), context(tmp_path), patient()).differences
    assert f"{path}: is missing" in differences


class Writer(threading.Thread):
    """Somebody who works in the folder all the time."""

    def __init__(self, tree: Path, seed: int) -> None:
        super().__init__()
        self._tree = tree
        self._random = random.Random(seed)
        self._stop_now = threading.Event()
        self.done = 0

    def run(self) -> None:
        while not self._stop_now.is_set():
            with contextlib.suppress(FileNotFoundError, FileExistsError, OSError):
                self._work(self._tree / f"{self._random.randrange(6)}" / f"{self._random.randrange(60)}")
            self.done += 1

    def stop(self) -> None:
        self._stop_now.set()
        self.join()

    def _work(self, path: Path) -> None:
        content = os.urandom(self._random.randrange(20_000))
        match self._random.randrange(9):
            case 0:
                path.write_bytes(content)
            case 1:
                with path.open("ab") as file:
                    file.write(content)
            case 2:
                path.with_name("saved").write_bytes(content)
                path.with_name("saved").replace(path)
            case 3:
                path.unlink()
                path.write_bytes(content)
            case 4:
                path.unlink()
            case 5:
                path.chmod(self._random.choice([0o600, 0o644]))
            case 6:
                path.unlink()
                path.mkdir()
                (path / "in it").write_bytes(content)
            case 7:
                (path / "in it").unlink()
                path.rmdir()
                path.symlink_to("elsewhere")
            case 8:
                path.rename(path.with_name("away"))
                path.with_name("away").rename(path)


@pytest.mark.parametrize("seed", range(int(os.environ.get("TRUEUP_CAMPAIGN") == "full") * 40 + 2))
def test_nothing_is_called_damage_that_only_changed_meanwhile(vault: Repository, tmp_path: Path, seed: int) -> None:
    tree = tmp_path / "share"
    for folder in range(6):
        (tree / f"{folder}").mkdir(parents=True)
        for number in range(60):
            (tree / f"{folder}" / f"{number}").write_bytes(os.urandom(5_000))
    (tree / "quiet").mkdir()
    (tree / "quiet" / "file").write_text("nobody touches this")
    writer = Writer(tree, seed)
    writer.start()
    try:
        captured = KIND.capture(spec(tree), context(tmp_path), new_folder(tmp_path, "spool"), patient())
        stored = store(vault, captured)
        settled = KIND.settle(spec(tree), context(tmp_path), captured, patient())
    finally:
        writer.stop()
    assert writer.done > 20
    about, data = fetched(vault, stored, tmp_path)
    (about / "volatile.json").write_bytes((settled.about / "volatile.json").read_bytes())
    drilled = KIND.drill(about, data, new_folder(tmp_path, "scratch"), context(tmp_path), patient())
    assert drilled.differences == ()
    (data / "quiet" / "file").write_text("nobody touches THIS")
    drilled = KIND.drill(about, data, new_folder(tmp_path, "scratch"), context(tmp_path), patient())
    assert any("quiet/file" in one for one in drilled.differences)
