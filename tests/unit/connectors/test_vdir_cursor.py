"""The cursor of a folder: it may spare a comparison, and must never hide a change."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from trueup.connectors.folder.collection import FolderCollection
from trueup.connectors.vdir import CONNECTOR
from trueup.model.errors import StoreError
from trueup.model.items import Entry


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "team"
    folder.mkdir()
    for name in ("a.ics", "b.ics", "c.ics"):
        write(folder / name, name)
    return folder


@pytest.fixture
def team(folder: Path) -> FolderCollection:
    found = CONNECTOR.open("laptop", {"path": folder.parent}).open("team")
    assert found is not None
    return found


def write(path: Path, text: str, *, age: float = 3600) -> None:
    path.write_text(text)
    then = time.time() - age
    os.utime(path, (then, then))


def listed(team: FolderCollection, cursor: str | None = None) -> tuple[bool, set[str], str | None]:
    changes = team.changes(cursor)
    hrefs = {one.href for one in changes if isinstance(one, Entry)}
    return changes.full, hrefs, changes.token


def test_a_folder_that_did_not_change_names_nothing(team: FolderCollection) -> None:
    _, hrefs, cursor = listed(team)
    assert hrefs == {"a.ics", "b.ics", "c.ics"}
    assert cursor
    assert listed(team, cursor) == (False, set(), cursor)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: write(folder / "d.ics", "new", age=60),
        lambda folder: write(folder / "a.ics", "longer than it was", age=3600),
        lambda folder: write(folder / "a.ics", "A.ICS", age=7200),
        lambda folder: (folder / "b.ics").unlink(),
        lambda folder: (folder / "b.ics").rename(folder / "z.ics"),
        lambda folder: (folder / "b.ics").chmod(0o600),
        lambda folder: write(folder / "a.ics", "just now", age=0),
    ],
    ids=["new", "size", "time", "deleted", "renamed", "mode", "just now"],
)
def test_any_change_lists_everything(team: FolderCollection, folder: Path, change: Callable[[Path], object]) -> None:
    _, _, cursor = listed(team)
    change(folder)
    full, hrefs, token = listed(team, cursor)
    assert full
    assert hrefs == {one.name for one in folder.iterdir()}
    assert token != cursor


def test_the_same_files_again_are_not_the_same_folder(team: FolderCollection, folder: Path) -> None:
    """We made a file after the cursor, and somebody deleted it: to whom it was recorded it is gone."""
    _, _, cursor = listed(team)
    time.sleep(0.02)  # a kernel's clock ticks every 10 ms at most
    write(folder / "d.ics", "ours")
    (folder / "d.ics").unlink()
    assert listed(team, cursor)[0]


def test_what_came_a_moment_ago_leaves_no_cursor(team: FolderCollection, folder: Path) -> None:
    write(folder / "a.ics", "edited", age=0)
    assert listed(team)[2] is None


def test_what_cannot_be_looked_at_leaves_no_cursor(team: FolderCollection, folder: Path) -> None:
    (folder / "d.ics").symlink_to("nowhere.ics")
    assert listed(team)[2] is None


def test_a_cursor_from_elsewhere_lists_everything(team: FolderCollection) -> None:
    assert listed(team, '{"sync": "http://example.org/17"}')[0]


def test_a_folder_that_went_is_no_unchanged_one(team: FolderCollection, folder: Path) -> None:
    _, _, cursor = listed(team)
    for one in folder.iterdir():
        one.unlink()
    folder.rmdir()
    with pytest.raises(StoreError):
        list(team.changes(cursor))
