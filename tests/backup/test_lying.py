"""Repositories that lie: they answer "stored" and keep nothing, keep a part, or lose later what they had. None of that is ever called good."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.backup.office import Office
from tests.support.restic import make_cheap, restic
from tests.support.seaweed import ACCESS_KEY, SECRET_KEY, Seaweed
from trueup.connectors.archive import CONNECTOR
from trueup.connectors.archive.places import Place
from trueup.connectors.archive.repository import Archive
from trueup.model.repository import Watch

SOURCES = """\
      files: {path: share}
      other: {command: "cat list.txt"}
"""
RETENTION = "retention: {last: 1, keep_good: 1}\nanomalies: {drop: off, grow: off, changed: off, entropy: off}"
NEVER_GOOD = ("never", "failing", "damaged", "not-verified", "suspicious")


class Liar:
    """Around a place of an archive: what is put below its folders is kept as `lie` says, and "stored" is the answer."""

    def __init__(self, place: Place, folders: tuple[str, ...], lie: Callable[[bytes], bytes | None]) -> None:
        self._place, self._folders, self._lie = place, folders, lie

    def __getattr__(self, name: str) -> Any:
        return getattr(self._place, name)

    def put(self, spooled: Path, name: str, watch: Watch) -> None:
        if name.startswith(self._folders):
            kept = self._lie(spooled.read_bytes())
            if kept is None:
                spooled.unlink()
                return
            spooled.write_bytes(kept)
        self._place.put(spooled, name, watch)

    def put_bytes(self, name: str, data: bytes, watch: Watch, *, new: bool = False) -> None:
        kept = self._lie(data) if name.startswith(self._folders) else data
        if kept is not None:
            self._place.put_bytes(name, kept, watch, new=new)


class LyingType:
    """The connector `archive`, lying while it is told to."""

    name, help, options, holds = CONNECTOR.name, CONNECTOR.help, CONNECTOR.options, "snapshots"

    def __init__(self) -> None:
        self.lie: Callable[[bytes], bytes | None] | None = None
        self.folders: tuple[str, ...] = ()

    def open(self, name: str, options: Mapping[str, object]) -> Archive:
        store = CONNECTOR.open(name, options)
        if self.lie is not None:
            store._place = Liar(store._place, self.folders, self.lie)  # type: ignore[assignment]
        return store


class Lied(Office):
    """An office whose repository is an archive that may lie."""

    def __init__(self, root: Path, where: str, more: str = RETENTION) -> None:
        super().__init__(root, SOURCES, more)
        text = (root / "trueup.yaml").read_text()
        options = f"connector: archive, encrypt: off, pack_size: 1, cache: cache, {where}"
        (root / "trueup.yaml").write_text(text.replace("connector: plain, path: vault", options))
        self.liar = LyingType()
        self.types["archive"] = self.liar
        self.work_goes_on()

    def work_goes_on(self) -> None:
        """New files of random bytes: more than a pack."""
        number = len(list((self.root / "share").iterdir()))
        (self.root / "share" / f"new{number}").write_bytes(random.Random(number).randbytes(1_500_000))
        (self.root / "list.txt").write_text(f"list {number}\n" * 100)

    def listed(self) -> set[str]:
        """The snapshots that the repository lists."""
        with self.app() as app:
            from trueup.backups import restore

            return {one.id for one in restore(app, "office").snapshots("vault")}


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with Seaweed() as server:
        yield (
            f'url: "s3://plain/lies-{{}}", endpoint: "{server.endpoint}", allow_http: true,'
            f' access_key: "{ACCESS_KEY}", secret_key: "{SECRET_KEY}"'
        )


@pytest.fixture(params=["folder", pytest.param("s3", marks=[pytest.mark.slow, pytest.mark.long])])
def office(tmp_path: Path, request: pytest.FixtureRequest) -> Lied:
    where = "path: vault"
    if request.param == "s3":
        where = request.getfixturevalue("bucket").format(tmp_path.name.replace("_", "-").strip("-")[-30:])
    return Lied(tmp_path / "office", where)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def never_good(office: Lied, before: set[str], report: dict[str, Any]) -> None:
    """The run is no success, the snapshots of before are all there still, and none that it made counts as good."""
    assert report["state"] in ("partial", "failed")
    found = office.status()
    assert not found["good"]
    assert {one["state"] for one in found["sources"].values()} <= {*NEVER_GOOD, "good"}
    assert found["frozen"], found
    assert before <= office.listed()
    assert not any(one["stage"] == "retention" and one["state"] == "verified" for one in report["backup"]["stages"])


@pytest.mark.parametrize("lie", [lambda data: None, cut], ids=["keeps nothing", "keeps a part"])
@pytest.mark.parametrize("folders", [("packs/",), ("snapshots/",)], ids=["packs", "snapshots"])
def test_what_was_not_kept_is_not_good(
    office: Lied, lie: Callable[[bytes], bytes | None], folders: tuple[str, ...]
) -> None:
    assert office.run()["state"] == "done"
    before = office.listed()
    office.work_goes_on()
    office.liar.lie, office.liar.folders = lie, folders
    report = office.run()
    never_good(office, before, report)
    office.work_goes_on()
    never_good(office, before, office.run())


def test_what_is_lost_later_is_missed(office: Lied) -> None:
    assert office.run()["state"] == "done"
    before = office.listed()
    store = CONNECTOR.open("vault", _options(office))
    packs = sorted(store._place.listing("packs", _quiet()))
    store._place.delete(packs[:1], _quiet())
    office.work_goes_on()
    report = office.run()
    never_good(office, before, report)
    assert "damage/vault" in report["backup"]["frozen"]


def _options(office: Lied) -> Mapping[str, object]:
    with office.app() as app:
        return app.config.stores["vault"].resolved(app.config.root)


def _quiet() -> Watch:
    from trueup.core.supervision import Deadline

    return Deadline("looking", timeout=60)


# restic, its files taken away behind its back -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("loses", ["new data", "new snapshots", "old data", "cuts new data"])
def test_restic_whose_files_are_taken_away(tmp_path: Path, loses: str) -> None:
    office = Office(tmp_path / "office", SOURCES, RETENTION)
    text = (office.root / "trueup.yaml").read_text()
    (office.root / "key").write_text("the password of the office")
    (office.root / "key").chmod(0o600)
    options = f"connector: restic, path: vault, password: {{file: key}}, cache: cache, program: {restic()}"
    (office.root / "trueup.yaml").write_text(text.replace("connector: plain, path: vault", options))
    make_cheap(office.root / "vault", "the password of the office")
    vault = office.root / "vault"
    assert office.run()["state"] == "done"
    old = {one: set((vault / one).rglob("*")) for one in ("data", "snapshots")}
    (office.root / "share" / "new").write_bytes(random.Random(1).randbytes(1_500_000))
    assert office.run()["state"] == "done"
    kept = {one.name for one in old["snapshots"]}
    folder = "snapshots" if loses == "new snapshots" else "data"
    files = {one for one in (vault / folder).rglob("*") if one.is_file()}
    victims = files & old[folder] if loses == "old data" else files - old[folder]
    assert victims
    for one in victims:
        one.chmod(0o600)
        if loses == "cuts new data":
            one.write_bytes(cut(one.read_bytes()))
        else:
            one.unlink()
    report = office.run()
    assert report["state"] in ("partial", "failed"), report
    assert report["backup"]["frozen"]
    assert not office.status()["good"]
    assert kept <= {one.name for one in (vault / "snapshots").rglob("*")} or loses == "new snapshots"
    shutil.rmtree(office.root / "cache", ignore_errors=True)
    assert office.run()["state"] in ("partial", "failed")
