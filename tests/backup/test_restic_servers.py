"""Repositories of restic on servers that do what they promise: SeaweedFS's S3, and SFTP by OpenSSH."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backup.repository_contract import request, watch
from tests.backup.test_restic import SECRETS, restored, template
from tests.backup.trees import content
from tests.support.restic import restic
from tests.support.seaweed import ACCESS_KEY, SECRET_KEY, Seaweed
from tests.support.ssh import Ssh
from trueup.connectors.restic import CONNECTOR
from trueup.connectors.restic.store import ResticStore
from trueup.model.errors import LoginRefused, StoreError, TimedOut, Transient

pytestmark = pytest.mark.slow


def opened(folder: Path, repository: str, **more: object) -> ResticStore:
    options = {"repository": repository, "password": SECRETS[0], "program": restic(), "cache": folder / "cache"}
    return CONNECTOR.open("vault", {**options, **more})


@pytest.fixture
def small(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "sub/c.txt"):
        (folder / name).write_text(f"this is {name}\n" * 200)
    return folder


def a_life(vault: ResticStore, small: Path, folder: Path) -> None:
    """Stored, checked in full, restored, forgotten, pruned."""
    vault.prepare(False, watch())
    first = vault.store(request(small, folder), watch()).snapshot
    (small / "a.txt").write_text("another text\n" * 300)
    second = vault.store(request(small, folder, run="r2", time=first.time + 60), watch()).snapshot
    assert [one.id for one in vault.snapshots(watch())] == [first.id, second.id]
    checked = vault.check(1.0, watch())
    assert (checked.damage, checked.unchecked) == ((), "")
    assert restored(vault, second.id, folder / "out") == content(small)
    vault.forget([first.id], watch())
    vault.prune(watch())
    assert [one.id for one in vault.snapshots(watch())] == [second.id]
    assert vault.check(1.0, watch()).damage == ()
    assert vault.traits.far


# S3 -------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seaweed() -> Iterator[Seaweed]:
    with Seaweed() as server:
        yield server


def test_seaweed(tmp_path: Path, small: Path, seaweed: Seaweed) -> None:
    address = f"s3:{seaweed.endpoint}/plain/restic"
    a_life(opened(tmp_path, address, access_key=ACCESS_KEY, secret_key=SECRET_KEY), small, tmp_path)
    wrong = opened(tmp_path, address, access_key=ACCESS_KEY, secret_key="not the key")
    with pytest.raises(LoginRefused):
        wrong.prepare(True, watch())


# SFTP -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ssh() -> Iterator[Ssh]:
    with Ssh() as server:
        yield server


def through(monkeypatch: pytest.MonkeyPatch, client: Path) -> None:
    monkeypatch.setenv("PATH", f"{client}:{os.environ['PATH']}")


def test_sftp(tmp_path: Path, small: Path, ssh: Ssh, monkeypatch: pytest.MonkeyPatch) -> None:
    through(monkeypatch, ssh.client())
    shutil.copytree(Path(template().name) / "vault", ssh.files / "life")
    a_life(opened(tmp_path, ssh.address("life")), small, tmp_path)


def test_a_repository_is_made_over_sftp(tmp_path: Path, ssh: Ssh, monkeypatch: pytest.MonkeyPatch) -> None:
    through(monkeypatch, ssh.client())
    opened(tmp_path, ssh.address("new")).prepare(False, watch())
    assert (ssh.files / "new" / "config").exists()


@pytest.mark.parametrize(
    ("key", "known", "word"),
    [("other-key", "known", "Permission denied"), ("user-key", "unknown", "Host key verification failed")],
)
def test_who_is_not_let_in_hears_why_and_is_asked_nothing(
    tmp_path: Path, ssh: Ssh, monkeypatch: pytest.MonkeyPatch, key: str, known: str, word: str
) -> None:
    through(monkeypatch, ssh.client(key, known))
    vault = opened(tmp_path, ssh.address("vault"))
    with pytest.raises(StoreError) as told:
        vault.prepare(False, watch())
    assert not isinstance(told.value, TimedOut), told.value
    assert word in str(told.value), told.value
    assert not (ssh.files / "vault").exists()


def test_an_ssh_server_that_goes_away(tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Ssh() as server:
        through(monkeypatch, server.client())
        shutil.copytree(Path(template().name) / "vault", server.files / "vault")
        vault = opened(tmp_path, server.address("vault"))
        vault.prepare(True, watch())
        with (small / "big").open("wb") as file:
            file.write(os.urandom(60_000_000))
        cut = threading.Timer(0.5, server.stop)
        cut.start()
        try:
            with pytest.raises((Transient, TimedOut)):
                vault.store(request(small, tmp_path), watch(no_progress=4))
        finally:
            cut.join()
        server.start()
        stored = vault.store(request(small, tmp_path, run="again"), watch()).snapshot
        assert [one.id for one in vault.snapshots(watch())] == [stored.id]
        assert vault.check(1.0, watch()).damage == ()
