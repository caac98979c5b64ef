"""A repository that keeps plain copies in a folder: for tests of what a backup does around one, fast and easy to damage."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from trueup.connectors.base import Option
from trueup.core.patterns import Patterns
from trueup.model.diagnostics import Diagnostic
from trueup.model.errors import Permanent, Transient
from trueup.model.ports import CollectionInfo
from trueup.model.repository import Checked, Entry, Repository, Snapshot, Stored, StoreRequest, Traits, Watch


class PlainRepository:
    """See the module's text. `trouble` makes its next calls fail: {"store": 2} the next two."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self.trouble: dict[str, int] = {}

    @property
    def traits(self) -> Traits:
        return Traits(place=str(self.path))

    def collections(self) -> list[CollectionInfo]:
        return []

    def open(self, name: str, cursor: str | None = None) -> None:
        return None

    def create(self, name: str) -> None:
        raise Permanent("is a repository")

    def check_store(self) -> Iterable[Diagnostic]:
        return ()

    def prepare(self, known: bool, watch: Watch) -> None:
        self._trouble("prepare")
        if known and not self.path.is_dir():
            raise Permanent(f"the repository {self.name} is not there", why="is it mounted?")
        self.path.mkdir(parents=True, exist_ok=True)

    def snapshots(self, watch: Watch) -> list[Snapshot]:
        self._trouble("snapshots")
        found = [Snapshot(**json.loads(one.read_text())) for one in self.path.glob("*.json")]
        return sorted(found, key=lambda one: (one.time, one.id))

    def store(self, request: StoreRequest, watch: Watch) -> Stored:
        self._trouble("store")
        number = os.urandom(4).hex()
        place = self.path / number
        place.mkdir()
        shutil.copytree(request.about, place / "about", symlinks=True)
        _copy(request, place / "data")
        parts = (request.time, request.job, request.source, request.run, "host", request.bytes, request.files)
        made = Snapshot(number, *parts, added=request.bytes)
        (self.path / f"{number}.new").write_text(json.dumps(asdict(made)))
        (self.path / f"{number}.new").rename(self.path / f"{number}.json")
        return Stored(made)

    def about(self, snapshot: str, into: Path, watch: Watch) -> None:
        shutil.copytree(self._place(snapshot) / "about", into, dirs_exist_ok=True)

    def entries(self, snapshot: str, watch: Watch) -> Iterator[Entry]:
        for one in sorted((self._place(snapshot) / "data").rglob("*")):
            yield Entry(str(one.relative_to(self._place(snapshot) / "data")), "dir" if one.is_dir() else "file")

    def restore(self, snapshot: str, into: Path, watch: Watch, only: Sequence[str] = ()) -> None:
        self._trouble("restore")
        shutil.copytree(self._place(snapshot) / "data", into, dirs_exist_ok=True, symlinks=True)

    def forget(self, snapshots: Sequence[str], watch: Watch) -> None:
        for one in snapshots:
            (self.path / f"{one}.json").unlink(missing_ok=True)

    def prune(self, watch: Watch) -> int:
        known = {one.stem for one in self.path.glob("*.json")}
        for one in self.path.iterdir():
            if one.is_dir() and one.name not in known:
                shutil.rmtree(one)
        return 0

    def check(self, share: float, watch: Watch) -> Checked:
        self._trouble("check")
        damage = [f"{one.stem} has no data" for one in self.path.glob("*.json") if not (self.path / one.stem).is_dir()]
        return Checked(tuple(damage), tuple(one.split()[0] for one in damage))

    def receive(
        self, source: Repository, snapshot: Snapshot, lock_until: float | None, watch: Watch
    ) -> Snapshot | None:
        return None

    def close(self) -> None:
        pass

    def _place(self, snapshot: str) -> Path:
        if not (self.path / f"{snapshot}.json").exists():
            raise Permanent(f"there is no snapshot {snapshot}")
        return self.path / snapshot

    def _trouble(self, call: str) -> None:
        if self.trouble.get(call, 0) > 0:
            self.trouble[call] -= 1
            raise Transient(f"{self.name} is away", why=f"{call} was refused")


def _copy(request: StoreRequest, into: Path) -> None:
    left_out = Patterns(request.exclude)

    def ignored(folder: str, names: list[str]) -> set[str]:
        below = Path(folder).relative_to(request.root)
        return {one for one in names if left_out.matches(str(below / one), one)}

    if request.root.is_file():
        into.mkdir()
        shutil.copy2(request.root, into)
    else:
        shutil.copytree(request.root, into, symlinks=True, ignore=ignored)


class PlainType:
    """The connector `plain`, with one option: path."""

    name = "plain"
    help = "plain copies, in tests"
    options = (Option("path", "path", required=True),)
    holds = "snapshots"

    def open(self, name: str, options: Mapping[str, object]) -> PlainRepository:
        path = options["path"]
        assert isinstance(path, Path)
        return PlainRepository(name, path)
