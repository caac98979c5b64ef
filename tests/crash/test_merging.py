"""kill -9 while contacts are made one, then run again: the one that stays has everything, the other is gone, and nothing is lost in between."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash.test_kill import FULL, POINTS, check_recovery, ledger_kills
from tests.crash.world import BookWorld, Build, kill
from tests.support.proxy import Proxy
from tests.support.servers import DavServer, Radicale, Xandikos

pytestmark = pytest.mark.slow

SPARSE = 1 if FULL else 24


def _card(uid: str, name: str, *lines: str) -> str:
    given, _, family = name.rpartition(" ")
    head = ("BEGIN:VCARD", "VERSION:3.0", f"UID:{uid}", f"FN:{name}", f"N:{family};{given};;;")
    return "\r\n".join((*head, *lines, "END:VCARD", ""))


@dataclass
class MergeWorld(BookWorld):
    """Two books that agree on everything, with a contact that stands twice; what a run has to do is to make it one."""

    @classmethod
    def of(
        cls, folder: Path, *, server: DavServer, proxy: Proxy, far: DavServer, ledger: str = "", timeout: str = "5s"
    ) -> MergeWorld:
        world = super().of(folder, server=server, proxy=proxy, far=far, ledger=ledger, timeout=timeout)
        assert isinstance(world, MergeWorld)
        assert world.run()["state"] == "done"
        path = folder / "trueup.yaml"
        config = json.loads(path.read_text())
        config["jobs"]["team"]["duplicates"] = "merge"
        path.write_text(json.dumps(config))
        proxy.clear()
        return world

    def edit(self) -> None:
        mail, phone = "EMAIL:anna@example.org", "TEL:+49301234567"
        self.work.put(
            "a1.vcf", _card("anna-1", "Anna Berg", mail, phone, "NOTE:one", "URL:https://a.example", "TITLE:Sales")
        )
        self.work.put("a2.vcf", _card("anna-2", "Anna Berg", mail, "NOTE:two", "BDAY:1980-03-09"))
        self.work.put("p.vcf", _card("peter", "Peter Berg", phone))

    @property
    def expected(self) -> dict[str, list[str]]:
        items = {f"item-{number}": [f"FN:Item {number}"] for number in range(5)}
        return {**items, "anna-1": ["FN:Anna Berg", "NOTE:one\\n\\ntwo"], "peter": ["FN:Peter Berg"]}


@pytest.fixture
def proxy(radicale: Radicale) -> Iterator[Proxy]:
    with Proxy(radicale.url) as proxy:
        yield proxy


@pytest.fixture
def merging(radicale: Radicale, xandikos: Xandikos, proxy: Proxy) -> Build:
    def build(folder: Path, ledger: str = "", timeout: str = "5s") -> MergeWorld:
        return MergeWorld.of(folder, server=radicale, proxy=proxy, far=xandikos, ledger=ledger, timeout=timeout)

    return build


def test_without_a_kill(tmp_path: Path, merging: Build) -> None:
    check_recovery(merging(tmp_path / "world"), "no kill")


def test_killed_at_ledger_writes(tmp_path: Path, merging: Build) -> None:
    assert ledger_kills(tmp_path, lambda name: merging(tmp_path / name), SPARSE) >= 1


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_requests(tmp_path: Path, merging: Build, proxy: Proxy, point: str) -> None:
    """The process dies while a request is where `point` says: between the update and the deletion, and within each."""
    merging(tmp_path / "reference").run()
    requests = [f"{one.method} {one.path}" for one in proxy.exchanges]
    writing = [number for number, one in enumerate(requests, 1) if one.startswith(("PUT", "DELETE"))]
    assert len(writing) == 2, requests
    for number in writing if FULL else writing[len(point) % 2 :][:1]:
        world = merging(tmp_path / f"request-{number}")
        reached, gone = threading.Event(), threading.Event()

        def die(*_: object, reached: threading.Event = reached, gone: threading.Event = gone) -> None:
            reached.set()
            gone.wait(30)

        proxy.on(nth=number).call(**{point: die})
        process = world.start()
        assert reached.wait(30), f"request {number} was not sent"
        kill(process)
        gone.set()
        proxy.clear()
        check_recovery(world, f"request {number} ({requests[number - 1]}), killed when {point}")
