"""The built-in archive, held to what every repository keeps to; and restored by hand, with the programs that its format's document names."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import ClassVar

import pytest

from tests.backup.repository_contract import RepositoryContract, Watcher, request, watch
from tests.backup.trees import age, content, nasty, picture
from trueup.connectors.archive import CONNECTOR
from trueup.model.repository import Repository

IDENTITIES = (
    "AGE-SECRET-KEY-1UV8Q6EEL4EHFQ2EFZHA5JMM7S95E3G73NYLTVND6RYKK5AMDT92QDV4CKA",
    "AGE-SECRET-KEY-1268APRU4GCG36QSTGAPNU7QCR9WQ73AGAWK9CQR82SPDZ4NDGT3QWL80D7",
)
DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "archive-format.md"


class TestArchive(RepositoryContract):
    """Encrypted, in a folder."""

    secrets: ClassVar[tuple[str, ...]] = IDENTITIES

    def make(self, folder: Path, key: int = 0) -> Repository:
        return CONNECTOR.open(
            "vault", {"path": folder / "vault", "cache": folder / "cache", "identity": IDENTITIES[key]}
        )

    def test_no_secret_can_be_seen(self, tmp_path: Path, tree: Path) -> None:
        """As in the contract, for as often as it takes to be looked at."""
        seen = Watcher(self.secrets)
        with seen:
            vault = self.make(tmp_path)
            vault.prepare(False, watch())
            for number in itertools.count():
                stored = vault.store(request(tree, tmp_path, source=f"files{number}"), watch())
                vault.check(1.0, watch())
                self.restored(vault, stored.snapshot.id, tmp_path / f"out{number}")
                if seen.looks > 20:
                    break
        assert seen.found == set()
        for file in (*self.files(tmp_path), *(tmp_path / "cache").iterdir()):
            assert not any(secret.encode() in file.read_bytes() for secret in self.secrets)
        assert not any(secret in repr((vault, vars(vault))) for secret in self.secrets)

    @pytest.mark.parametrize("action", ["store", "prune"])
    def test_killed_at_any_time(self, vault: Repository, tmp_path: Path, small: Path, action: str) -> None:
        pytest.skip(
            "killed at every object that is written or removed instead: tests/unit/backup/test_archive_kills.py"
        )


class TestPlainArchive(RepositoryContract):
    """In the clear; there is no key to be wrong."""

    def make(self, folder: Path, key: int = 0) -> Repository:
        return CONNECTOR.open("vault", {"path": folder / "vault", "cache": folder / "cache", "encrypt": False})

    def test_a_wrong_key_is_told_and_makes_nothing(self, vault: Repository, tmp_path: Path, small: Path) -> None:
        pytest.skip("an archive in the clear has no key")

    def test_no_secret_can_be_seen(self, tmp_path: Path, tree: Path) -> None:
        pytest.skip("an archive in the clear has no key")

    @pytest.mark.parametrize("action", ["store", "prune"])
    def test_killed_at_any_time(self, vault: Repository, tmp_path: Path, small: Path, action: str) -> None:
        pytest.skip(
            "killed at every object that is written or removed instead: tests/unit/backup/test_archive_kills.py"
        )


# --- by hand ----------------------------------------------------------------------------------------------------------


def by_hand(number: int, archive: Path, key: Path, folder: Path, **replaced: str) -> str:
    """Runs the n-th shell block of the document's "Restoring by hand" in a folder; returns what it printed."""
    section = DOCUMENT.read_text().partition("## Restoring by hand")[2].partition("\n## ")[0]
    script = "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[:number])
    for name, value in {"archive": str(archive), "key": str(key)}.items():
        script, count = re.subn(rf"^{name}=\S+", f"{name}='{value}'", script, flags=re.MULTILINE)
        assert count == 1
    for text, value in replaced.items():
        script = script.replace(text, value)
    return subprocess.run(["sh", "-eu", "-c", script], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def programs() -> None:
    missing = [one for one in ("age", "zstd", "tar") if shutil.which(one) is None]
    if missing:
        pytest.skip(f"restoring by hand needs {', '.join(missing)} (Debian packages age and zstd)")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.txt"
    path.write_text(f"# created by hand\n{IDENTITIES[0]}\n")
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """All that is hard to keep, and what only tar keeps: attributes, pipes, large files, holes of a terabyte."""
    folder = tmp_path / "data"
    nasty(folder)
    (folder / "locked").chmod(0o755)
    os.mkfifo(folder / "pipe", 0o640)
    os.setxattr(folder / "script.sh", "user.comment", b"\0 any = bytes\n")
    os.setxattr(folder / "odd", "user.50%=x", b"1")
    (folder / "very large").write_bytes(random.Random(1).randbytes(9_000_000))
    for name, pieces in {"holes": (0, 5_000_000, 7_340_033), "holes large": (1 << 40,), "holes only": ()}.items():
        with (folder / name).open("wb") as file:
            for offset in pieces:
                file.seek(offset)
                file.write(random.Random(offset).randbytes(5_000_000 if offset else 10))
            file.truncate((1 << 40) + (1 << 30))
    os.utime(folder / "pipe", ns=(5, 1_234_567_890_123_456_789))
    age(folder)
    return folder


def attributes(folder: Path) -> dict[str, dict[str, bytes]]:
    found = {}
    for one in (folder, *folder.rglob("*")):
        if names := os.listxattr(one, follow_symlinks=False):
            found[str(one.relative_to(folder))] = {
                name: os.getxattr(one, name, follow_symlinks=False) for name in names
            }
    return found


def segments(path: Path) -> dict[int, bytes]:
    """The data of a file with holes: what is not zero, by block."""
    found = {}
    with path.open("rb") as file:
        offset = 0
        while True:
            try:
                offset = os.lseek(file.fileno(), offset, os.SEEK_DATA)
            except OSError:
                return found
            offset -= offset % 4096
            if any(block := os.pread(file.fileno(), 4096, offset)):
                found[offset] = block
            offset += 4096


def same_trees(one: Path, other: Path) -> None:
    holes = [path.name for path in one.glob("holes*")]
    pictures = []
    for folder in (one, other):
        about = {
            name: ((folder / name).stat().st_size, (folder / name).stat().st_mtime_ns, segments(folder / name))
            for name in holes
        }
        for name in holes:
            assert (folder / name).stat().st_blocks * 512 < 30_000_000, f"{folder / name} has no holes"
            (folder / name).rename(folder.parent / f"{folder.name} {name}")
        os.utime(folder, ns=(0, 0))
        pictures.append((about, picture(folder), attributes(folder)))
        for name in holes:
            (folder.parent / f"{folder.name} {name}").rename(folder / name)
    assert pictures[0] == pictures[1]


@pytest.mark.slow
@pytest.mark.parametrize("encrypt", [True, False])
def test_restored_by_hand(tmp_path: Path, tree: Path, key: Path, programs: None, encrypt: bool) -> None:
    """The newest of several snapshots, whose contents lie in several packs of several snapshots."""
    options = {"identity": IDENTITIES[0]} if encrypt else {"encrypt": False}
    vault = CONNECTOR.open(
        "vault", {"path": tmp_path / "vault", "cache": tmp_path / "cache", "pack_size": 1, **options}
    )
    vault.prepare(False, watch())
    vault.store(request(tree, tmp_path), watch())
    (tree / "odd" / "folder" / "other").rename(tree / "moved")
    (tree / "script.sh").chmod(0o700)
    with (tree / "very large").open("ab") as file:
        file.write(b"more")
    time.sleep(1.1)  # snapshots are named by the second
    stored = vault.store(request(tree, tmp_path, run="r2"), watch())
    assert stored.snapshot.added < 1_500_000
    hand = tmp_path / "hand"
    hand.mkdir()
    by_hand(1, tmp_path / "vault", key, hand)
    same_trees(tree, hand / "data")
    assert content(hand / "about") == content(tmp_path / "spool-files-r2" / "about")


@pytest.mark.slow
def test_one_file_by_hand(tmp_path: Path, key: Path, programs: None) -> None:
    root = tmp_path / "data"
    (root / "reports").mkdir(parents=True)
    for name in ("a", "b", "c", "d", "e"):
        (root / name).write_bytes(random.Random(name).randbytes(1_100_000))
    (root / "reports" / "2026.ods").write_bytes(b"the report")
    vault = CONNECTOR.open(
        "vault", {"path": tmp_path / "vault", "cache": tmp_path / "cache", "pack_size": 1, "identity": IDENTITIES[0]}
    )
    vault.prepare(False, watch())
    vault.store(request(root, tmp_path), watch())
    hand = tmp_path / "hand"
    hand.mkdir()
    line = by_hand(1, tmp_path / "vault", key, hand)
    line = (hand / "tree" / "000000.jsonl").read_text().splitlines()[-1]
    found = json.loads(line)
    (part,), (number,) = found["parts"], found["packs"]
    shutil.rmtree(hand)
    hand.mkdir()
    by_hand(2, tmp_path / "vault", key, hand, **{"-O 5b0c…": f"-O {part}", "sed -n 4p": f"sed -n {number + 1}p"})
    assert (hand / "2026.ods").read_bytes() == b"the report"


@pytest.mark.slow
def test_everything_comes_back_with_attributes_and_holes(tmp_path: Path, tree: Path) -> None:
    vault = CONNECTOR.open(
        "vault", {"path": tmp_path / "vault", "cache": tmp_path / "cache", "identity": IDENTITIES[0]}
    )
    vault.prepare(False, watch())
    for number in range(2):  # read, and remembered
        stored = vault.store(request(tree, tmp_path, run=str(number)), watch())
        out = tmp_path / f"out{number}"
        out.mkdir()
        vault.restore(stored.snapshot.id, out, watch())
        same_trees(tree, out)
        time.sleep(2.2)  # what is this new may change once more with the same times, and would be read again
