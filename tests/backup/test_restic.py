"""Repositories of restic, with the real one: the contract, and what only restic has."""

from __future__ import annotations

import contextlib
import functools
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from tests.backup.repository_contract import HARMS, RepositoryContract, Watcher, cut, flipped, request, watch
from tests.backup.trees import content
from tests.support.descendants import descendants
from tests.support.rclone import S3, Rest, processes
from tests.support.restic import cheapen, restic
from tests.unit.backup.exclude_cases import CASES
from trueup.connectors.restic import CONNECTOR
from trueup.connectors.restic.backing_up import Backup
from trueup.connectors.restic.selecting import excludes
from trueup.connectors.restic.store import ResticStore
from trueup.model.errors import Cancelled, ConfigError, LoginRefused, Permanent, StoreError, TimedOut, Transient

SECRETS = ("the first pass word", "another, wrong one")


def opened(folder: Path, key: int = 0, **more: object) -> ResticStore:
    options = {"path": folder / "vault", "password": SECRETS[key], "program": restic(), "cache": folder / "cache"}
    return CONNECTOR.open("vault", {**options, **more})


@functools.cache
def template() -> tempfile.TemporaryDirectory[str]:
    """An empty repository to copy: making one takes seconds."""
    folder = tempfile.TemporaryDirectory(prefix="trueup-restic-")
    opened(Path(folder.name)).prepare(False, watch())
    cheapen(Path(folder.name) / "vault", SECRETS[0])
    return folder


def prepared(folder: Path, **more: object) -> ResticStore:
    shutil.copytree(Path(template().name) / "vault", folder / "vault", dirs_exist_ok=True)
    return opened(folder, **more)


class TestRestic(RepositoryContract):
    secrets: ClassVar[tuple[str, ...]] = SECRETS

    def make(self, folder: Path, key: int = 0) -> ResticStore:
        return opened(folder, key)

    def prepared(self, folder: Path) -> ResticStore:
        return prepared(folder)


# -- what only restic has ------------------------------------------------------------------------------------------------


@pytest.fixture
def vault(tmp_path: Path) -> ResticStore:
    return prepared(tmp_path)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "sub/c.txt"):
        (folder / name).write_text(f"this is {name}\n" * 200)
    return folder


def by_hand(folder: Path, *args: str) -> str:
    """restic alone, as somebody types it."""
    env = {
        "RESTIC_REPOSITORY": str(folder / "vault"),
        "RESTIC_PASSWORD": SECRETS[0],
        "PATH": os.defpath,
        "HOME": str(folder),
    }
    done = subprocess.run([restic(), "--no-cache", *args], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def restored(vault: ResticStore, snapshot: str, into: Path) -> dict[str, bytes]:
    into.mkdir()
    vault.restore(snapshot, into, watch())
    return content(into)


def test_patterns_mean_to_restic_what_they_mean_to_us(tmp_path: Path) -> None:
    """Every case of the table in a folder of its own, all in one backup."""
    shutil.copytree(Path(template().name) / "vault", tmp_path / "vault")
    flags, expected, seen = [], [], []
    for number, case in enumerate(CASES):
        root = tmp_path / "data" / f"c{number}"
        path = Path(root, case.path) if "\udcff" not in case.path else root / os.fsdecode(os.fsencode(case.path))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if case.is_dir else path.write_text("x")
        flags += [f"--exclude={one}" for one in excludes(case.patterns, str(root))]
        expected.append(f"c{number} {case.patterns} {case.path!a}: {'left out' if case.excluded else 'kept'}")
    by_hand(tmp_path, "backup", "--json", *flags, "--", str(tmp_path / "data"))
    (tmp_path / "out").mkdir()
    by_hand(tmp_path, "restore", f"latest:{tmp_path / 'data'}", "--target", str(tmp_path / "out"))
    for number, case in enumerate(CASES):
        kept = os.path.lexists(tmp_path / "out" / f"c{number}" / case.path)
        seen.append(f"c{number} {case.patterns} {case.path!a}: {'kept' if kept else 'left out'}")
    assert seen == expected


@pytest.mark.parametrize("says", ["", "restic 0.14.0 compiled with go1.19.3 on linux/amd64", "something else"])
def test_no_restic_or_an_old_one_is_told_with_how_to_install_it(tmp_path: Path, says: str) -> None:
    program = tmp_path / "restic"
    if says:
        program.write_text(f"#!/bin/sh\necho '{says}'\n")
        program.chmod(0o755)
    with pytest.raises(Permanent) as error:
        CONNECTOR.open("vault", {"path": tmp_path, "password": "x", "program": program}).prepare(False, watch())
    assert "install restic 0.17 or later" in error.value.hint
    assert "0.14.0" not in says or "0.14.0 is too old" in str(error.value)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({}, "neither"),
        ({"path": "/x", "repository": "s3:x"}, "both"),
        ({"repository": "vault"}, "none of s3:"),
        ({"repository": "/srv"}, "none"),
    ],
)
def test_an_address_that_could_be_misread_is_refused(options: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        CONNECTOR.open("vault", {"password": "x", **options})


def test_a_password_in_an_address_is_not_shown() -> None:
    store = CONNECTOR.open("vault", {"repository": "rest:https://office:hid%2Fden@backup.example/x", "password": "x"})
    assert store.traits.place == "rest:https://office@backup.example/x"
    assert store.traits.far
    assert "hid%2Fden" not in repr(store.restic.settings)


@pytest.mark.parametrize(
    "harm", ["config emptied", "config flipped", "config gone", "key flipped", "keys gone", "all but data gone"]
)
@pytest.mark.parametrize("known", [True, False])
def test_a_damaged_repository_is_never_made_anew(tmp_path: Path, vault: ResticStore, harm: str, known: bool) -> None:
    folder = tmp_path / "vault"
    (folder / "data" / "00").mkdir(exist_ok=True)
    for file in (folder / "config", *(folder / "keys").iterdir()):
        file.chmod(0o600)
    if harm == "config emptied":
        (folder / "config").write_bytes(b"")
    elif harm.endswith("flipped"):
        file = folder / "config" if harm.startswith("config") else next((folder / "keys").iterdir())
        flipped(file)
    elif harm == "config gone":
        (folder / "config").unlink()
    else:
        next((folder / "keys").iterdir()).unlink()
    if harm == "all but data gone":
        (folder / "config").unlink()
    before = sorted(folder.rglob("*"))
    with pytest.raises((Permanent, LoginRefused)):
        vault.prepare(known, watch())
    assert sorted(folder.rglob("*")) == before


def test_snapshots_of_others_are_shown_and_can_be_restored(tmp_path: Path, vault: ResticStore, small: Path) -> None:
    by_hand(tmp_path, "backup", "--tag", "weekly,job=theirs", str(small))
    (one,) = vault.snapshots(watch())
    assert (one.job, one.source, one.run, one.files) == ("", "", "", 3)
    assert restored(vault, one.id, tmp_path / "out") == content(small)
    assert {entry.path for entry in vault.entries(one.id, watch())} == {"a.txt", "b.txt", "sub", "sub/c.txt"}
    with pytest.raises(Permanent, match="not made by trueup"):
        vault.about(one.id, tmp_path, watch())
    vault.store(request(small, tmp_path), watch())
    assert [(info.name, info.items) for info in vault.collections()] == [("not by trueup", 1), ("office/files", 1)]


def test_what_we_stored_can_be_restored_by_restic_alone(tmp_path: Path, vault: ResticStore, small: Path) -> None:
    stored = vault.store(request(small, tmp_path), watch())
    by_hand(tmp_path, "restore", f"{stored.snapshot.id}:{small}", "--target", str(tmp_path / "out"))
    assert content(tmp_path / "out") == content(small)


def killed(*_: object) -> None:
    raise Cancelled("killed")


def test_killed_before_it_could_say_that_something_is_missing(
    tmp_path: Path, vault: ResticStore, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """restic ends, and trueup is killed before it tags the snapshot: who looks next sees it as incomplete, and the repository learns it."""
    (small / "unread").symlink_to("x")
    monkeypatch.setattr(Backup, "_unread", lambda self: (self._mark(), ("unread",))[1])
    with monkeypatch.context() as dying:
        dying.setattr(ResticStore, "_tag", killed)
        with pytest.raises(Cancelled):
            vault.store(request(small, tmp_path), watch())
    assert '"incomplete"' not in by_hand(tmp_path, "snapshots", "--json")
    assert [one.complete for one in opened(tmp_path).snapshots(watch())] == [False]
    assert '"incomplete"' in by_hand(tmp_path, "snapshots", "--json")
    assert [one.complete for one in opened(tmp_path, cache=tmp_path / "other").snapshots(watch())] == [False]


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("which", ["largest", "smallest"])
def test_damage_names_the_snapshots_and_files_it_hits(
    tmp_path: Path, vault: ResticStore, small: Path, harm: Callable[[Path], None], which: str
) -> None:
    """The largest pack holds the first backup's data, the smallest the second one's folders."""
    vault.store(request(small, tmp_path, source="sound"), watch())
    packs = set((tmp_path / "vault" / "data").glob("*/*"))
    (small / "new").write_bytes(random.Random(5).randbytes(200_000))
    hit = vault.store(request(small, tmp_path, source="hit", run="r2"), watch()).snapshot
    added = sorted({*(tmp_path / "vault" / "data").glob("*/*")} - packs, key=lambda one: one.stat().st_size)
    harm(added[-1 if which == "largest" else 0])
    found = vault.check(1.0, watch())
    assert found.damage
    if harm is not cut:  # whose table of contents is gone: it cannot be told
        assert found.snapshots == (hit.id,)
        assert which == "smallest" or any(str(small) in one for one in found.damage)
    else:
        assert found.snapshots in ((), (hit.id,))


def test_a_repository_that_may_only_be_read(tmp_path: Path, vault: ResticStore, small: Path) -> None:
    stored = vault.store(request(small, tmp_path), watch())
    folder = tmp_path / "vault"
    bound = subprocess.run(["mount", "--bind", folder, folder], capture_output=True, check=False).returncode == 0
    if not bound:
        pytest.skip("a place that may only be read needs the right to mount one")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        reader = opened(tmp_path, cache=tmp_path / "other")
        reader.prepare(True, watch())
        assert restored(reader, stored.snapshot.id, tmp_path / "out") == content(small)
        assert len(list(reader.entries(stored.snapshot.id, watch()))) == 4
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_copies_go_from_repository_to_repository(tmp_path: Path, vault: ResticStore, small: Path) -> None:
    shutil.copytree(Path(template().name) / "vault", tmp_path / "far" / "vault")
    far = opened(tmp_path / "far")
    stored = vault.store(request(small, tmp_path), watch()).snapshot
    seen = Watcher(SECRETS)
    with seen:
        copied = far.receive(vault, stored, None, watch())
    assert copied is not None
    assert replace(copied, id=stored.id, added=stored.added) == stored
    assert far.receive(vault, stored, None, watch()) == copied
    assert far.snapshots(watch()) == [copied]
    assert restored(far, copied.id, tmp_path / "out") == content(small)
    assert seen.found == set()


def test_what_doctor_shows(tmp_path: Path, vault: ResticStore, small: Path) -> None:
    assert [one.severity for one in vault.check()] == ["info", "info"]
    missing = list(opened(tmp_path / "nowhere").check())
    assert [one.severity for one in missing] == ["info", "warning"]
    assert [one.severity for one in opened(tmp_path, key=1).check()] == ["info", "error"]
    assert vault.open("x") is None
    with pytest.raises(Permanent, match="is a repository"):
        vault.create("x")


# -- locks ------------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def held(folder: Path, wrap: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """A restic that holds a lock and stands still: it reads a FIFO that nobody writes."""
    env = {
        "RESTIC_REPOSITORY": str(folder / "vault"),
        "RESTIC_PASSWORD": SECRETS[0],
        "PATH": os.defpath,
        "HOME": str(folder),
    }
    args = [*wrap, restic(), "--no-cache", "backup", "--stdin", "--stdin-filename", "x"]
    with subprocess.Popen(
        args, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            while not any(len(one.name) == 64 for one in (folder / "vault" / "locks").iterdir()):
                assert process.poll() is None
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


def test_a_lock_of_a_living_process_is_waited_for_and_named(tmp_path: Path, vault: ResticStore) -> None:
    with held(tmp_path) as process:
        vault.restic.lock_wait = 1.0
        with pytest.raises(Transient) as error:
            vault.prune(watch())
        assert f"by PID {process.pid} on {socket.gethostname()}" in str(error.value)
        assert any((tmp_path / "vault" / "locks").iterdir())
        vault.restic.lock_wait = 60.0
        threading.Timer(0.5, lambda: (process.kill(), process.wait())).start()
        assert vault.prune(watch()) == 0  # it died while we waited


def test_a_lock_of_another_machine_is_left_alone(tmp_path: Path, vault: ResticStore) -> None:
    other = ["unshare", "--uts", "--", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh"]
    if subprocess.run([*other, "true"], capture_output=True, check=False).returncode:
        pytest.skip("another host name needs the right to take one")
    with held(tmp_path, other):
        pass
    vault.restic.lock_wait = 1.0
    with pytest.raises(Transient, match="on elsewhere"):
        vault.prune(watch())
    assert any((tmp_path / "vault" / "locks").iterdir())


# -- servers ------------------------------------------------------------------------------------------------------------------


def far(folder: Path, server: S3 | Rest, prefix: str = "vault") -> ResticStore:
    keys = ("access_key", "secret_key", "rest_user", "rest_password")
    login = {key: getattr(server, key) for key in keys if hasattr(server, key)}
    options = {
        "repository": server.address(prefix),
        "password": SECRETS[0],
        "program": restic(),
        "cache": folder / "cache",
    }
    shutil.copytree(Path(template().name) / "vault", _under(server, prefix), dirs_exist_ok=True)
    return CONNECTOR.open("vault", {**options, **login})


def _under(server: S3 | Rest, prefix: str) -> Path:
    return server.files / ("bucket" if isinstance(server, S3) else "") / prefix


@pytest.fixture
def s3() -> Iterator[S3]:
    with S3() as server:
        yield server


@pytest.fixture
def rest() -> Iterator[Rest]:
    with Rest() as server:
        yield server


def test_s3_and_its_keys_are_seen_by_restic_alone(tmp_path: Path, s3: S3, small: Path) -> None:
    vault = far(tmp_path, s3, "first")
    found, over = set(), threading.Event()
    before = descendants()  # the servers, and what other tests have left

    def look() -> None:
        while not over.wait(0.005):
            for one in descendants() - before:
                with contextlib.suppress(OSError):
                    if b"-key-of-the-test" in Path(f"/proc/{one}/cmdline").read_bytes():
                        found.add(("cmdline", one))
                    if b"-key-of-the-test" in Path(f"/proc/{one}/environ").read_bytes():
                        found.add(("environ", Path(f"/proc/{one}/comm").read_text().strip()))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        vault.prepare(True, watch())
        stored = vault.store(request(small, tmp_path), watch())
        assert restored(vault, stored.snapshot.id, tmp_path / "out") == content(small)
    finally:
        over.set()
        looking.join()
    assert vault.traits.far
    assert found <= {("environ", "restic"), ("environ", "sh")}, found
    assert ("environ", "restic") in found  # it was looked at


def test_wrong_keys_and_no_server(tmp_path: Path, s3: S3, small: Path) -> None:
    vault = far(tmp_path, s3, "keys")
    options = {"repository": s3.address("keys"), "password": SECRETS[0], "program": restic(), "cache": tmp_path / "c"}
    wrong = CONNECTOR.open("vault", {**options, "access_key": s3.access_key, "secret_key": "no"})
    with pytest.raises(LoginRefused):
        wrong.prepare(False, watch())
    s3.stop()
    try:
        with pytest.raises((Transient, TimedOut)):
            vault.prepare(True, watch(timeout=3))
    finally:
        s3.start()
    vault.prepare(True, watch())


@pytest.mark.slow
def test_a_frozen_server_is_noticed_and_harms_nothing(tmp_path: Path, s3: S3) -> None:
    vault = far(tmp_path, s3, "frozen")
    data = tmp_path / "data"
    data.mkdir()
    for number in range(3):
        (data / f"file{number}").write_bytes(random.Random(number).randbytes(8_000_000))
    frozen = [one for one in processes(s3) if one != s3.process.pid]  # type: ignore[union-attr]
    packs = _under(s3, "frozen") / "data"

    def freeze() -> None:
        while not any(packs.glob("*/*")):
            time.sleep(0.01)
        for one in frozen:
            os.kill(one, signal.SIGSTOP)

    freezing = threading.Thread(target=freeze)
    freezing.start()
    try:
        with pytest.raises(TimedOut, match="nothing moved"):
            vault.store(request(data, tmp_path), watch(no_progress=3))
    finally:
        freezing.join()
        for one in frozen:
            os.kill(one, signal.SIGCONT)
    s3.stop()
    # From here on without the server, which takes minutes to get over uploads that were cut off while it stood still.
    shutil.copytree(_under(s3, "frozen"), tmp_path / "vault")
    near = opened(tmp_path, cache=tmp_path / "other")
    near.prepare(True, watch())
    stored = near.store(request(data, tmp_path), watch())
    assert [one.id for one in near.snapshots(watch())] == [stored.snapshot.id]
    assert near.check(1.0, watch()).damage == ()


def test_a_server_that_lets_nothing_be_deleted(tmp_path: Path, rest: Rest, small: Path) -> None:
    vault = far(tmp_path, rest)
    vault.prepare(True, watch())
    stored = vault.store(request(small, tmp_path), watch()).snapshot
    with pytest.raises(StoreError):
        vault.forget([stored.id], watch())
    assert vault.snapshots(watch()) == [stored]
    assert vault.check(1.0, watch()).damage == ()
    assert restored(vault, stored.id, tmp_path / "out") == content(small)


def test_a_root_that_is_a_link_is_what_it_leads_to(tmp_path: Path, vault: ResticStore, small: Path) -> None:
    (tmp_path / "current").symlink_to(small)
    stored = vault.store(request(tmp_path / "current", tmp_path, exclude=("b.txt",)), watch())
    assert sorted(restored(vault, stored.snapshot.id, tmp_path / "out")) == ["a.txt", "sub/c.txt"]


def test_a_snapshot_that_cannot_be_opened_is_named(tmp_path: Path, vault: ResticStore, small: Path) -> None:
    hit, sound = (vault.store(request(small, tmp_path, run=run), watch()).snapshot for run in ("r1", "r2"))
    flipped(tmp_path / "vault" / "snapshots" / hit.id)
    found = vault.check(0.0, watch())
    assert found.damage
    assert found.snapshots == (hit.id,)
    assert opened(tmp_path, cache=tmp_path / "other").snapshots(watch()) == [sound]
