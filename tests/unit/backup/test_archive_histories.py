"""Any history of an archive: folders change, are stored, forgotten, pruned, the cache is lost; every snapshot that is kept comes back
as it was."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.backup.repository_contract import CAMPAIGN, request, watch
from tests.backup.trees import picture
from trueup.connectors.archive import CONNECTOR
from trueup.connectors.archive.repository import Archive

NAMES = st.sampled_from(["a", "b", "sub/a", "sub/b", "sub/deep/c", "\udcff", "x" * 120])
SOURCES = st.sampled_from(["one", "two"])
CONTENTS = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"same", bytes(5000), b"large" * 1_000_000]),  # the last has two parts, and fills a pack
)


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.top = Path(tempfile.mkdtemp(prefix="trueup-test-"))
        self.kept: dict[str, object] = {}
        self.run_number = 0
        self.vault = self.opened()
        self.vault.prepare(False, watch())
        for source in ("one", "two"):
            (self.top / source).mkdir()

    def opened(self) -> Archive:
        options = {"path": self.top / "vault", "cache": self.top / "cache", "encrypt": False, "pack_size": 1}
        return CONNECTOR.open("vault", options)

    def teardown(self) -> None:
        try:
            for snapshot in self.kept:
                self.comes_back(snapshot)
            assert self.vault.check(1.0, watch()).damage == ()
        finally:
            shutil.rmtree(self.top)

    def comes_back(self, snapshot: str) -> None:
        out = Path(tempfile.mkdtemp(dir=self.top, prefix="out"))
        self.vault.restore(snapshot, out, watch())
        assert picture(out) == self.kept[snapshot]
        shutil.rmtree(out)

    @rule(source=SOURCES, name=NAMES, content=CONTENTS, old=st.booleans())
    def write(self, source: str, name: str, content: bytes, old: bool) -> None:
        path = self.top / source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if old:
            os.utime(path, (1_500_000_000, 1_500_000_000))

    @rule(source=SOURCES, name=NAMES, other=NAMES)
    def rename(self, source: str, name: str, other: str) -> None:
        path, target = self.top / source / name, self.top / source / other
        if path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)

    @rule(source=SOURCES, name=NAMES)
    def remove(self, source: str, name: str) -> None:
        (self.top / source / name).unlink(missing_ok=True)

    @rule(source=SOURCES)
    def store(self, source: str) -> None:
        self.run_number += 1
        run = f"r{self.run_number}"
        moment = 1_700_000_000.0 + self.run_number
        stored = self.vault.store(request(self.top / source, self.top, source=source, run=run, time=moment), watch())
        assert stored.snapshot.id not in self.kept
        self.kept[stored.snapshot.id] = picture(self.top / source)

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(sorted(self.kept)))
        self.vault.forget([gone], watch())
        del self.kept[gone]

    @rule()
    def prune(self) -> None:
        self.vault.prune(watch())
        assert self.vault.prune(watch()) == 0

    @rule()
    def lose_the_cache(self) -> None:
        shutil.rmtree(self.top / "cache", ignore_errors=True)
        self.vault = self.opened()

    @rule()
    def list(self) -> None:
        assert {one.id for one in self.vault.snapshots(watch())} == set(self.kept)

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        self.comes_back(data.draw(st.sampled_from(sorted(self.kept))))


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=400 if CAMPAIGN else 8,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
