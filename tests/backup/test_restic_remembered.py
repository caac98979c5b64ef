"""How often restic is started to tell what it has told before: each time costs half a second on a real key."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.backup.repository_contract import request, watch
from tests.backup.test_restic import SECRETS, by_hand, opened, prepared
from tests.support.restic import restic
from trueup.connectors.restic.store import ResticStore
from trueup.model.errors import Permanent, StoreError


@pytest.fixture
def counted(tmp_path: Path) -> Path:
    """A restic that writes down what it is asked to do."""
    program = tmp_path / "restic"
    program.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\nexec {restic()} "$@"\n')
    program.chmod(0o755)
    return program


def asked(folder: Path) -> list[str]:
    """The commands that were given to restic since the last look."""
    file = folder / "asked"
    lines = file.read_text().splitlines() if file.exists() else []
    file.write_text("")
    known = ("snapshots", "backup", "init", "tag", "forget")
    return [word for line in lines for word in line.split() if word in known][: len(lines)]


def night(vault: ResticStore, folder: Path, run: str) -> str:
    """What a run does: looks, stores, looks whether it is there."""
    vault.prepare(True, watch())
    vault.snapshots(watch())
    stored = vault.store(request(folder / "data", folder, run=run), watch())
    assert stored.snapshot in vault.snapshots(watch())
    return stored.snapshot.id


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "note").write_text("a note\n")
    return tmp_path


def test_a_night_starts_restic_once(data: Path, counted: Path) -> None:
    prepared(data)
    night(opened(data, program=counted), data, "r1")
    assert asked(data) == ["snapshots", "backup"]
    first = opened(data).snapshots(watch())
    night(opened(data, program=counted), data, "r2")
    assert asked(data) == ["backup"]
    listed = opened(data).snapshots(watch())
    assert len(listed) == 2
    assert first[0] in listed
    assert listed == opened(data, cache=data / "other").snapshots(watch())


def test_a_new_repository_is_known_from_the_start(data: Path, counted: Path) -> None:
    vault = opened(data, program=counted)
    vault.prepare(False, watch())
    night(vault, data, "r1")
    assert asked(data).count("snapshots") == 1  # which found none


def test_what_others_do_to_it_is_seen(data: Path, counted: Path) -> None:
    prepared(data)
    gone, kept = night(opened(data), data, "r1"), night(opened(data), data, "r2")
    by_hand(data, "forget", gone)
    assert [one.id for one in opened(data, program=counted).snapshots(watch())] == [kept]
    by_hand(data, "backup", "--tag=by hand", str(data / "data"))
    assert len(opened(data, program=counted).snapshots(watch())) == 2
    assert asked(data) == ["snapshots"]
    by_hand(data, "tag", "--add=incomplete", kept)
    assert [one.complete for one in opened(data).snapshots(watch())].count(False) == 1


def test_nothing_is_remembered_for_another_password_or_repository(data: Path) -> None:
    prepared(data)
    night(opened(data), data, "r1")
    with pytest.raises(StoreError):
        opened(data, key=1).prepare(True, watch())
    (data / "vault" / "config").rename(data / "config")
    with pytest.raises(Permanent):
        opened(data).prepare(True, watch())
    (data / "config").rename(data / "vault" / "config")
    key = next((data / "vault" / "keys").iterdir())
    key.rename(data / "key")
    with pytest.raises(StoreError):
        opened(data).prepare(True, watch())


def test_a_list_that_is_damaged_is_asked_for_and_one_that_cannot_be_kept_is_no_error(data: Path) -> None:
    prepared(data)
    night(opened(data), data, "r1")
    (file,) = (data / "cache" / "lists").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert SECRETS[0] not in file.read_text()
    truth = opened(data).snapshots(watch())
    known = json.loads(file.read_text())
    for text in ("", "{", "[]", json.dumps({**known, "snapshots": [{}]}), json.dumps({**known, "files": None})):
        file.write_text(text)
        assert opened(data).snapshots(watch()) == truth
    file.unlink()
    file.mkdir()
    assert opened(data).snapshots(watch()) == truth
    night(opened(data), data, "r2")
    assert not [one for one in os.listdir(file.parent) if one != file.name]
