"""An archive whose process is killed (SIGKILL) before or after each object that it writes or removes: what was there is there, what was begun is
there in full or not at all, and the next backup goes on."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.backup.repository_contract import CAMPAIGN, request, watch
from tests.backup.trees import content
from trueup.connectors.archive import CONNECTOR
from trueup.connectors.archive.objects import Sealer
from trueup.connectors.archive.places import Folder
from trueup.connectors.archive.repository import Archive

CALLS = (
    (Folder, "put"),
    (Folder, "put_bytes"),
    (Folder, "delete"),
    (Path, "unlink"),
    (Sealer, "_push"),
    (Sealer, "_written"),
)
MOST = 400
STRIDE = 1 if CAMPAIGN else 4  # of the moments, others each time


def archive(folder: Path) -> Archive:
    return CONNECTOR.open(
        "vault", {"path": folder / "vault", "cache": folder / "cache", "encrypt": False, "pack_size": 1}
    )


def killed_at(number: int, action: Callable[[], object]) -> bool:
    """Does it in a process that is killed at the n-th moment (before and after each call count); returns whether it came so far."""
    child = os.fork()
    if not child:
        try:
            _arm(number)
            action()
            os._exit(0)
        except BaseException:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def _arm(number: int) -> None:
    left = [number]

    def moment() -> None:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    for owner, name in CALLS:
        setattr(owner, name, _between(getattr(owner, name), moment))


def _between(call: Callable[..., object], moment: Callable[[], None]) -> Callable[..., object]:
    def both(*args: object, **more: object) -> object:
        moment()
        result = call(*args, **more)
        moment()
        return result

    return both


@pytest.fixture
def small(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "file").write_bytes(b"this stays")
    return folder


def restored(vault: Archive, snapshot: str, into: Path) -> dict[str, bytes]:
    into.mkdir()
    vault.restore(snapshot, into, watch())
    return content(into)


@pytest.mark.slow
def test_a_backup_that_is_killed(tmp_path: Path, small: Path) -> None:
    vault = archive(tmp_path)
    vault.prepare(False, watch())
    kept = vault.store(request(small, tmp_path, source="kept"), watch()).snapshot
    big = tmp_path / "big"
    big.mkdir()
    for number in range(random.randrange(STRIDE), MOST, STRIDE):
        for file in range(3):
            (big / f"file{file}").write_bytes(random.Random(f"{number} {file}").randbytes(1_200_000))
        came = killed_at(number, lambda: archive(tmp_path).store(request(big, tmp_path, source="big"), watch()))
        listed = vault.snapshots(watch())
        assert kept in listed
        for one in listed:
            if one.source == "big":
                assert restored(vault, one.id, tmp_path / f"out{number}") == content(big)
        assert vault.check(1.0, watch()).damage == ()
        again = vault.store(request(big, tmp_path, source="big", run="again"), watch()).snapshot
        assert restored(vault, again.id, tmp_path / f"again{number}") == content(big)
        assert list((tmp_path / "vault" / "tmp").iterdir()) == []
        assert list((tmp_path / "vault" / "locks").iterdir()) == []
        vault.forget([one.id for one in vault.snapshots(watch()) if one.source == "big"], watch())
        vault.prune(watch())
        if not came:
            break
    else:
        pytest.fail("there is no end of moments")
    assert number > 20
    assert restored(vault, kept.id, tmp_path / "kept") == content(small)


@pytest.mark.slow
def test_a_prune_that_is_killed(tmp_path: Path, small: Path) -> None:
    vault = archive(tmp_path)
    vault.prepare(False, watch())
    kept = vault.store(request(small, tmp_path, source="kept"), watch()).snapshot
    big = tmp_path / "big"
    big.mkdir()
    for number in range(random.randrange(STRIDE), MOST, STRIDE):
        for file in range(3):
            (big / f"file{file}").write_bytes(random.Random(f"{number} {file}").randbytes(1_200_000))
        stored = vault.store(request(big, tmp_path, source="big"), watch()).snapshot
        vault.forget([stored.id], watch())
        came = killed_at(number, lambda: archive(tmp_path).prune(watch()))
        assert vault.snapshots(watch()) == [kept]
        assert vault.check(1.0, watch()).damage == ()
        again = vault.store(request(big, tmp_path, source="big", run="again"), watch()).snapshot
        assert restored(vault, again.id, tmp_path / f"again{number}") == content(big)
        vault.forget([again.id], watch())
        vault.prune(watch())
        assert len(list((tmp_path / "vault" / "packs").rglob("*.zst"))) == 1
        if not came:
            break
    else:
        pytest.fail("there is no end of moments")
    assert number > 12
    assert restored(vault, kept.id, tmp_path / "kept") == content(small)


def test_what_a_killed_backup_had_finished_is_used(tmp_path: Path) -> None:
    vault = archive(tmp_path)
    vault.prepare(False, watch())
    big = tmp_path / "big"
    big.mkdir()
    for file in range(12):
        (big / f"file{file:02}").write_bytes(random.Random(file).randbytes(1_100_000))
    assert killed_at(60, lambda: archive(tmp_path).store(request(big, tmp_path), watch()))
    there = len(list((tmp_path / "vault" / "packs").rglob("*.zst")))
    assert there >= 4
    stored = vault.store(request(big, tmp_path), watch()).snapshot
    assert stored.added < 1_101_000 * (12 - there + 2)
    assert restored(vault, stored.id, tmp_path / "out") == content(big)
