"""What every repository keeps to, whatever keeps it. A new one is held to it by a class of a few lines:

    class TestVault(RepositoryContract):
        secrets = ("the first key", "the second key")          # looked for in /proc while it works

        def make(self, folder: Path, key: int = 0) -> Repository:
            return CONNECTOR.open("vault", {"path": folder / "vault", "password": self.secrets[key]})

`make` gives a new handle on the repository below that folder, which may not be there yet; key 1 is a wrong one. The class must be importable
by its name: other processes (killed ones, ones of another user) make their own. `prunable = False`: nobody may delete from it.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from tests.backup.trees import age, content, differences, nasty, picture
from tests.support.descendants import descendants
from trueup.core.supervision import Deadline
from trueup.model.errors import Cancelled, LoginRefused, Permanent, StoreError, TimedOut, Transient, TrueupError
from trueup.model.repository import Repository, Snapshot, Stored, StoreRequest

CAMPAIGN = os.environ.get("TRUEUP_CAMPAIGN") == "full"
TIME = 1_760_000_000.25


def watch(**limits: float) -> Deadline:
    return Deadline("could not work on the repository", **{"timeout": 120, **limits})


def request(root: Path, folder: Path, *, source: str = "files", run: str = "r1", **more: object) -> StoreRequest:
    """A request for `root`, with an about folder at a path of its own, as a spool has."""
    about = folder / f"spool-{source}-{run}" / "about"
    (about / "lists").mkdir(parents=True, exist_ok=True)
    (about / "manifest.json").write_text(json.dumps({"version": 1, "source": source, "run": run}))
    (about / "lists" / "files").write_text("names\n")
    time_of = more.pop("time", TIME)
    return StoreRequest(root, about, "office", source, run, time_of, **more)  # type: ignore[arg-type]


class RepositoryContract:
    """See the module's text."""

    secrets: ClassVar[tuple[str, ...]] = ()
    prunable: ClassVar[bool] = True

    def make(self, folder: Path, key: int = 0) -> Repository:
        raise NotImplementedError

    def prepared(self, folder: Path) -> Repository:
        """A handle on a repository that is there; a class may have a faster way."""
        repository = self.make(folder)
        repository.prepare(False, watch())
        return repository

    def files(self, folder: Path) -> list[Path]:
        """The repository's own files, for damage; none where they are out of reach."""
        return sorted(one for one in (folder / "vault").rglob("*") if one.is_file())

    # -- helpers -----------------------------------------------------------------------------------------------------

    @pytest.fixture
    def vault(self, tmp_path: Path) -> Iterator[Repository]:
        repository = self.prepared(tmp_path)
        yield repository
        repository.close()

    @pytest.fixture
    def tree(self, tmp_path: Path) -> Iterator[Path]:
        folder = tmp_path / "data"
        nasty(folder)
        yield folder
        (folder / "locked").chmod(0o755)

    @pytest.fixture
    def small(self, tmp_path: Path) -> Path:
        folder = tmp_path / "small"
        (folder / "sub").mkdir(parents=True)
        for name in ("a.txt", "b.txt", "sub/c.txt"):
            (folder / name).write_text(f"this is {name}\n" * 200)
        age(folder)
        return folder

    def restored(self, vault: Repository, snapshot: str, into: Path, only: tuple[str, ...] = ()) -> Path:
        into.mkdir()
        vault.restore(snapshot, into, watch(), only)
        return into

    # -- there or not there --------------------------------------------------------------------------------------------

    def test_it_is_made_once_and_found_again(self, vault: Repository, tmp_path: Path, small: Path) -> None:
        vault.store(request(small, tmp_path), watch())
        for known in (False, True):
            again = self.make(tmp_path)
            again.prepare(known, watch())
            assert len(again.snapshots(watch())) == 1
        assert vault.traits.place
        assert not any(secret in vault.traits.place for secret in self.secrets)

    def test_one_that_was_there_and_is_gone_is_not_made_anew(self, tmp_path: Path) -> None:
        vault = self.make(tmp_path)
        with pytest.raises(Permanent) as error:
            vault.prepare(True, watch())
        assert error.value.hint
        assert self.files(tmp_path) == []

    def test_a_wrong_key_is_told_and_makes_nothing(self, vault: Repository, tmp_path: Path, small: Path) -> None:
        stored = vault.store(request(small, tmp_path), watch())
        before = self.files(tmp_path)
        wrong = self.make(tmp_path, key=1)
        (tmp_path / "out").mkdir()

        def use() -> None:
            wrong.prepare(False, watch())
            wrong.restore(stored.snapshot.id, tmp_path / "out", watch())

        with pytest.raises((LoginRefused, Permanent)) as error:
            use()
        assert not any(secret in f"{error.value} {error.value.hint}" for secret in self.secrets)
        assert content(tmp_path / "out") == {}
        assert self.files(tmp_path) == before

    # -- what was stored is what comes back ------------------------------------------------------------------------------

    def test_everything_comes_back_as_it_was(self, vault: Repository, tmp_path: Path, tree: Path) -> None:
        before = picture(tree)
        stored = vault.store(request(tree, tmp_path), watch())
        assert stored.unread == ()
        assert differences(before, picture(self.restored(vault, stored.snapshot.id, tmp_path / "out"))) == []
        vault.about(stored.snapshot.id, self._folder(tmp_path / "about"), watch())
        assert content(tmp_path / "about") == content(tmp_path / "spool-files-r1" / "about")
        self._entries_are(list(vault.entries(stored.snapshot.id, watch())), tree)

    def _folder(self, path: Path) -> Path:
        path.mkdir()
        return path

    def _entries_are(self, entries: list[object], tree: Path) -> None:
        kinds = {0o100000: "file", 0o040000: "dir", 0o120000: "link"}
        expected = {_shown(path): kinds[what[0]] for path, what in picture(tree).items() if path != "."}  # type: ignore[index]
        assert {_shown(one.path): one.type for one in entries} == expected  # type: ignore[attr-defined]
        large = next(one for one in entries if one.path == "large")  # type: ignore[attr-defined]
        assert large.size == 3_000_000  # type: ignore[attr-defined]
        assert large.mtime == pytest.approx((tree / "large").stat().st_mtime, abs=1e-5)  # type: ignore[attr-defined]

    def test_only_what_is_asked_for_is_restored(self, vault: Repository, tmp_path: Path, tree: Path) -> None:
        stored = vault.store(request(tree, tmp_path), watch())
        wanted = (
            "script.sh",
            "odd/fol[der]*",
            "odd/two\nlines",
            "odd/star*",
            "odd/back\\slash",
            "empty/folder",
            "odd/-dash",
        )
        got = picture(self.restored(vault, stored.snapshot.id, tmp_path / "out", wanted))
        expected = [one for one in picture(tree) if any(one == name or one.startswith(f"{name}/") for name in wanted)]
        parents = {".", "odd", "empty"}
        assert sorted(set(got) - parents) == sorted(expected)
        whole = picture(tree)
        assert {one: got[one][:6] for one in expected} == {one: whole[one][:6] for one in expected}  # type: ignore[index]

    def test_what_is_not_in_it_cannot_be_restored(self, vault: Repository, tmp_path: Path, small: Path) -> None:
        stored = vault.store(request(small, tmp_path), watch())
        for number, (snapshot, only) in enumerate([(stored.snapshot.id, ("a.txt", "nothing")), ("0123abcd" * 8, ())]):
            (tmp_path / f"out{number}").mkdir()
            with pytest.raises(TrueupError):
                vault.restore(snapshot, tmp_path / f"out{number}", watch(), only)

    def test_a_single_file(self, vault: Repository, tmp_path: Path) -> None:
        file = tmp_path / "dump [1].sql"
        file.write_text("-- everything")
        age(file)
        stored = vault.store(request(file, tmp_path), watch())
        out = self.restored(vault, stored.snapshot.id, tmp_path / "out")
        assert content(out) == {file.name: b"-- everything"}
        assert picture(out)[file.name][:5] == picture(file.parent)[file.name][:5]  # type: ignore[index]

    def test_a_folder_that_is_called_about(self, vault: Repository, tmp_path: Path, small: Path) -> None:
        root = tmp_path / "srv" / "about"
        shutil.copytree(small, root)
        stored = vault.store(request(root, tmp_path), watch())
        assert content(self.restored(vault, stored.snapshot.id, tmp_path / "out")) == content(small)
        vault.about(stored.snapshot.id, self._folder(tmp_path / "about"), watch())
        assert "manifest.json" in content(tmp_path / "about")

    def test_what_is_excluded_is_left_out(self, vault: Repository, tmp_path: Path) -> None:
        root = tmp_path / "exclude"
        kept = ("a.txt", "sub/build/x", "about/b.txt", "deep/a/c/keep", "x[1]", "small/y")
        left = ("a.tmp", "sub/b.tmp", "build/x", "cache/x", "sub/cache/y", "deep/a/b/c/z", "deep/z", "x1", "other/y")
        for name in (*kept, *left):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(name)
        patterns = ("*.tmp", "/build", "cache", "deep/**/z", "x[0-9]", "[!a-ls]*er", root.name, "manifest.json")
        stored = vault.store(request(root, tmp_path, exclude=patterns), watch())
        assert sorted(content(self.restored(vault, stored.snapshot.id, tmp_path / "out"))) == sorted(kept)
        vault.about(stored.snapshot.id, self._folder(tmp_path / "about"), watch())
        assert "manifest.json" in content(tmp_path / "about")  # patterns are about the data

    # -- the list ----------------------------------------------------------------------------------------------------------

    def test_the_list_says_what_was_stored(self, vault: Repository, tmp_path: Path, small: Path) -> None:
        source, run = "B\u00fcro, 100 %", "2026-11-26T01:00, n\u00ba 1"
        later = vault.store(request(small, tmp_path, source="later", time=TIME + 10), watch())
        first = vault.store(request(small, tmp_path, source=source, run=run), watch())
        listed = self.make(tmp_path).snapshots(watch())
        assert [one.id for one in listed] == [first.snapshot.id, later.snapshot.id]
        assert listed == [first.snapshot, later.snapshot]
        size = sum(len(one) for one in content(small).values())
        told = listed[0]
        assert (told.job, told.source, told.run) == ("office", source, run)
        assert (told.bytes, told.files, told.complete) == (size, 3, True)
        assert told.time == pytest.approx(TIME, abs=0.001)
        assert told.host
        assert listed[1].added > 0

    def test_the_second_backup_adds_what_is_new(self, vault: Repository, tmp_path: Path, tree: Path) -> None:
        first = vault.store(request(tree, tmp_path), watch()).snapshot
        (tree / "new").write_bytes(random.Random(2).randbytes(100_000))
        (tree / "script.sh").write_bytes(b"#!/bin/sh\nexit 1\n")
        (tree / "read only").unlink()
        second = vault.store(request(tree, tmp_path, run="r2", parent=first.id, time=TIME + 60), watch()).snapshot
        assert first.added > 2_000_000 > 300_000 > second.added > 90_000
        assert differences(picture(tree), picture(self.restored(vault, second.id, tmp_path / "out2"))) == []
        assert "read only" in picture(self.restored(vault, first.id, tmp_path / "out1"))

    def test_a_parent_that_is_gone_does_no_harm(self, vault: Repository, tmp_path: Path, small: Path) -> None:
        stored = vault.store(request(small, tmp_path, parent="0123abcd" * 8), watch())
        assert content(self.restored(vault, stored.snapshot.id, tmp_path / "out")) == content(small)

    def test_a_root_that_is_not_there_is_no_snapshot(self, vault: Repository, tmp_path: Path) -> None:
        with pytest.raises(StoreError):
            vault.store(request(tmp_path / "unmounted", tmp_path), watch())
        assert vault.snapshots(watch()) == []

    def test_what_cannot_be_read_is_told(self, tmp_path: Path, small: Path) -> None:
        """As somebody who may not read everything; the snapshot says so for good."""
        self.prepared(tmp_path)
        (small / "secret").write_text("x")
        (small / "secret").chmod(0)
        (small / "closed").mkdir()
        (small / "closed" / "inside").write_text("x")
        (small / "closed").chmod(0)
        self._elsewhere(tmp_path, "store", small, wrap=unprivileged())
        (listed,) = self.make(tmp_path).snapshots(watch())
        assert not listed.complete
        told = json.loads((tmp_path / "told.json").read_text())
        assert sorted(told["unread"]) == ["closed", "secret"]
        assert told["id"] == listed.id
        assert sorted(content(self.restored(self.make(tmp_path), listed.id, tmp_path / "out"))) == [
            "a.txt",
            "b.txt",
            "sub/c.txt",
        ]

    # -- forgetting and freeing -----------------------------------------------------------------------------------------

    def test_what_is_forgotten_is_freed_and_the_rest_stays(
        self, vault: Repository, tmp_path: Path, tree: Path, small: Path
    ) -> None:
        if not self.prunable:
            pytest.skip("nothing can be deleted from this repository")
        gone = vault.store(request(tree, tmp_path), watch()).snapshot
        kept = vault.store(request(small, tmp_path, source="small"), watch()).snapshot
        vault.forget([gone.id], watch())
        vault.forget([gone.id, "0123abcd" * 8], watch())
        assert vault.snapshots(watch()) == [kept]
        assert vault.prune(watch()) > 2_000_000
        assert vault.prune(watch()) < 100_000
        assert vault.check(1.0, watch()).damage == ()
        assert content(self.restored(vault, kept.id, tmp_path / "out")) == content(small)

    # -- damage ---------------------------------------------------------------------------------------------------------

    def test_a_sound_repository_has_no_damage(self, vault: Repository, tmp_path: Path, small: Path) -> None:
        assert vault.check(1.0, watch()).damage == ()
        vault.store(request(small, tmp_path), watch())
        for share in (0.0, 0.1, 1.0):
            found = vault.check(share, watch())
            assert (found.damage, found.snapshots, found.unchecked) == ((), (), "")
            assert (found.read > 0) == (share > 0)

    @pytest.mark.slow
    def test_no_damage_goes_unnoticed(self, vault: Repository, tmp_path: Path, small: Path) -> None:
        """One file of each kind, each in turn flipped, cut short or deleted (all of each, by each, where TRUEUP_CAMPAIGN=full)."""
        first = vault.store(request(small, tmp_path), watch()).snapshot
        (small / "new").write_bytes(random.Random(3).randbytes(50_000))
        second = vault.store(request(small, tmp_path, run="r2", parent=first.id, time=TIME + 60), watch()).snapshot
        vault.close()
        truth = {
            one.id: content(self.restored(vault, one.id, tmp_path / f"truth-{one.run}")) for one in (first, second)
        }
        files = self.files(tmp_path)
        if not files:
            pytest.skip("the repository's files are out of reach")
        sound = tmp_path / "sound"
        shutil.copytree(tmp_path / "vault", sound, symlinks=True)
        for number, (file, harm) in enumerate(self._harms(files, tmp_path / "vault")):
            shutil.rmtree(tmp_path / "vault")
            shutil.copytree(sound, tmp_path / "vault", symlinks=True)
            harm(file)
            what = f"{harm.__name__} {file.relative_to(tmp_path)}"
            assert self._noticed(tmp_path, truth, tmp_path / f"out{number}", what), f"not noticed: {what}"

    def _harms(self, files: list[Path], top: Path) -> list[tuple[Path, Callable[[Path], None]]]:
        if CAMPAIGN:
            return [(file, harm) for file in files for harm in HARMS]
        kinds: dict[str, list[Path]] = {}
        for file in files:
            kinds.setdefault(file.relative_to(top).parts[0], []).append(file)
        chosen = [max(group, key=lambda one: one.stat().st_size) for group in kinds.values()]
        return [(file, HARMS[number % len(HARMS)]) for number, file in enumerate(chosen)]

    def _noticed(self, folder: Path, truth: dict[str, dict[str, bytes]], out: Path, what: str) -> bool:
        """Told by prepare, the list or the check, or by a restore that fails. A restore that gives something else without a word fails the test."""
        vault = self.make(folder)
        told = False
        try:
            vault.prepare(True, watch())
            told = {one.id for one in vault.snapshots(watch())} != set(truth)
            told = bool(vault.check(1.0, watch()).damage) or told
        except StoreError:
            told = True
        for number, (snapshot, expected) in enumerate(truth.items()):
            into = out.with_name(f"{out.name}-{number}")
            into.mkdir()
            try:
                vault.restore(snapshot, into, watch())
            except TrueupError:
                told = True
            else:
                assert content(into) == expected, f"restored wrongly without a word after: {what}"
        vault.close()
        return told

    # -- trouble ----------------------------------------------------------------------------------------------------------

    def test_two_stores_at_once(self, vault: Repository, tmp_path: Path, small: Path) -> None:
        results: list[Stored | Exception] = []

        def one(source: str) -> None:
            try:
                results.append(vault.store(request(small, tmp_path, source=source), watch()))
            except Exception as error:
                results.append(error)

        threads = [threading.Thread(target=one, args=(f"source{number}",)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [one for one in results if not isinstance(one, Stored)] == []
        assert sorted(one.source for one in vault.snapshots(watch())) == ["source0", "source1", "source2"]
        assert vault.check(1.0, watch()).damage == ()

    @pytest.mark.slow
    @pytest.mark.parametrize("action", ["store", "prune"])
    def test_killed_at_any_time(self, vault: Repository, tmp_path: Path, small: Path, action: str) -> None:
        if action == "prune" and not self.prunable:
            pytest.skip("nothing can be deleted from this repository")
        kept = vault.store(request(small, tmp_path, source="kept"), watch()).snapshot
        noise = random.Random()
        (tmp_path / "big").mkdir()
        for number in range(12 if CAMPAIGN else 2):
            (tmp_path / "big" / f"file{number}").write_bytes(noise.randbytes(20_000_000))
            if action == "prune":
                gone = vault.store(request(tmp_path / "big", tmp_path, source="gone"), watch()).snapshot
                vault.forget([gone.id], watch())
            self._elsewhere(tmp_path, action, tmp_path / "big", kill_after=noise.uniform(0.3, 1.5))
            now = self.make(tmp_path)
            now.prepare(True, watch())
            stored = now.store(request(small, tmp_path, source=f"after{number}", run=f"r{number}"), watch()).snapshot
            assert now.check(1.0, watch()).damage == ()
            listed = now.snapshots(watch())
            assert {kept, stored} <= set(listed)
            for one in (kept, stored):
                assert content(self.restored(now, one.id, tmp_path / f"out{number}-{one.source}")) == content(small)
            for one in listed:
                if one.source == "killed" and one.files == number + 1:  # in full, or not there
                    out = self.restored(now, one.id, tmp_path / f"out{number}-{one.id[:8]}")
                    assert content(out) == content(tmp_path / "big")
        if self.prunable:
            self.make(tmp_path).prune(watch())

    def test_a_disk_that_is_full(self, tmp_path: Path, small: Path) -> None:
        with tiny_disk(tmp_path / "vault", "6m") as disk:
            vault = self.prepared(tmp_path)
            kept = vault.store(request(small, tmp_path), watch()).snapshot
            (tmp_path / "big").write_bytes(random.Random(4).randbytes(9_000_000))
            with pytest.raises((Permanent, Transient)) as error:
                vault.store(request(tmp_path / "big", tmp_path, source="big"), watch())
            assert "full" in str(error.value) or "space" in str(error.value)
            assert vault.snapshots(watch()) == [kept]
            subprocess.run(["mount", "-o", "remount,size=60m", disk], check=True)
            vault.store(request(tmp_path / "big", tmp_path, source="big"), watch())
            assert vault.check(1.0, watch()).damage == ()
            assert content(self.restored(vault, kept.id, tmp_path / "out")) == content(small)
            shutil.rmtree(tmp_path / "out")

    def test_stopped_by_its_watch(self, vault: Repository, tmp_path: Path, small: Path) -> None:
        def stop() -> None:
            raise Cancelled("asked to stop")

        for stopped, expected in ((Deadline("x", timeout=0), TimedOut), (Deadline("x", check=stop), Cancelled)):
            with pytest.raises(expected):
                vault.store(request(small, tmp_path), stopped)
        assert vault.snapshots(watch()) == []
        vault.store(request(small, tmp_path), watch())
        assert vault.check(0.0, watch()).damage == ()

    def test_no_secret_can_be_seen(self, tmp_path: Path, tree: Path) -> None:
        """In arguments, or in the environment of any process, while it stores, lists, checks and restores."""
        seen = Watcher(self.secrets)
        with seen:
            vault = self.make(tmp_path)
            vault.prepare(False, watch())
            stored = vault.store(request(tree, tmp_path), watch())
            vault.check(1.0, watch())
            self.restored(vault, stored.snapshot.id, tmp_path / "out")
        assert seen.looks > 10
        assert seen.found == set()
        for file in self.files(tmp_path):
            assert not any(secret.encode() in file.read_bytes() for secret in self.secrets)
        assert not any(secret in repr(vault) for secret in self.secrets)

    # -- other processes -------------------------------------------------------------------------------------------------

    def _elsewhere(
        self, folder: Path, action: str, root: Path, *, wrap: Sequence[str] = (), kill_after: float = 0
    ) -> None:
        """Does it in a process of its own, started by `wrap`; it may be killed."""
        here = type(self)
        args = [sys.executable, "-m", __name__, here.__module__, here.__name__, action, str(folder), str(root)]
        child = subprocess.Popen([*wrap, *args], start_new_session=True)
        if kill_after:
            time.sleep(kill_after)
            child.send_signal(signal.SIGKILL)
            child.wait()
            return
        assert child.wait() == 0


def unprivileged() -> list[str]:
    """What starts a program without the right to read what it may not: nothing, but for root, who keeps all other rights."""
    rights = "-dac_override,-dac_read_search"
    return [] if os.geteuid() else ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"]


@contextmanager
def tiny_disk(path: Path, size: str) -> Iterator[Path]:
    """A file system of its own at `path`."""
    path.mkdir(exist_ok=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "trueup-test", path], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a full disk needs the right to mount one")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


class Watcher:
    """Looks at /proc all the time: the arguments and the environment of every process that this one starts meanwhile, and those start.

    What was there before (servers, what an earlier test has left) is none of the repository's.
    """

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self.looks = 0
        self.found: set[str] = set()
        self._secrets = [one.encode() for one in secrets]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Watcher:
        if not Path("/proc/self/task").exists():
            pytest.skip("no /proc to look at")
        self._before = descendants()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.01):
            self.looks += 1
            for process in descendants() - self._before:
                for kind in ("cmdline", "environ"):
                    try:
                        text = Path(f"/proc/{process}/{kind}").read_bytes()
                    except OSError:
                        continue
                    if any(secret in text for secret in self._secrets):
                        self.found.add(f"{kind} of {text.split(bytes(1))[:3]!r}")


def flipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 1
    _overwrite(file, bytes(data))


def cut(file: Path) -> None:
    data = file.read_bytes()
    _overwrite(file, data[: len(data) // 2])


def deleted(file: Path) -> None:
    file.unlink()


def _overwrite(file: Path, data: bytes) -> None:
    file.chmod(0o600)
    file.write_bytes(data)


HARMS = (flipped, cut, deleted)


def _shown(path: str) -> str:
    """A path as a repository may tell it that speaks JSON: bytes that are not UTF-8 are lost."""
    return os.fsencode(path).decode("utf-8", "replace")


def _act(module: str, name: str, action: str, folder: Path, root: Path) -> None:
    case: RepositoryContract = getattr(importlib.import_module(module), name)()
    vault = case.make(folder)
    if action == "prune":
        vault.prune(watch())
        return
    vault.prepare(False, watch())
    stored = vault.store(request(root, folder, source="killed"), watch())
    told = {"id": stored.snapshot.id, "unread": stored.unread}
    (folder / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    _act(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]), Path(sys.argv[5]))


__all__ = ["TIME", "RepositoryContract", "Snapshot", "request", "tiny_disk", "watch"]
