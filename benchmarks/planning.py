"""Planning in memory: three collections that hold the same events, without network and without writing to a store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from tests.support.memory import MemoryCollection, MemoryStore

from benchmarks.events import edited, events
from benchmarks.ground import WORK, note
from benchmarks.measured import Section
from trueup.core import phases
from trueup.core.contentlines import Component, parse
from trueup.core.ledger import open_ledger
from trueup.core.work import Work
from trueup.jobs.calendar import CalendarKind
from trueup.model.job import CollectionRef, JobSpec

NAMES = ("work", "home", "laptop")
Row = tuple[str, str, str, str]
T = TypeVar("T")


def measure(count: int) -> Section:
    """First contact twice (equal bodies, bodies rewritten differently by each side), nothing changed, one event in a hundred changed on each side."""
    rows = list(_equal(count)) + list(_rewritten(count))
    about = (
        f"{count:,} events in each of {len(NAMES)} collections in memory, the ledger on SQLite on the disk, one process. "
        "Reading is the listing, fetching and recording of all three; planning is the rest, up to the sealed plan."
    )
    head = ("what", "reading, s", "planning, s", "planned")
    return Section("planning", "Planning in memory", about, head=head, rows=tuple(rows))


def _equal(count: int) -> Iterator[Row]:
    bodies = [one.body for one in events(count)]
    with _job([bodies] * len(NAMES)) as (work, sides):
        yield _timed("first contact, equal bodies", work, agree=True)
        yield _timed("nothing changed", work)
        for number, side in enumerate(sides):
            for href in list(side.items)[number::100]:
                side.put(href, edited(side.body(href), f"by {NAMES[number]}"))
        yield _timed("1 % changed on each side", work)


def _rewritten(count: int) -> Iterator[Row]:
    def sides() -> Iterator[list[bytes]]:
        for number in range(len(NAMES)):
            yield [rewritten(one.body, number) for one in events(count)]

    with _job(list(sides())) as (work, _):
        yield _timed("first contact, each side rewrites its bodies", work)


def rewritten(body: bytes, number: int) -> bytes:
    """What a server makes of a body: another PRODID and DTSTAMP, properties in another order; the first one leaves it alone."""
    if not number:
        return body
    root = parse(body)
    for component in _inside(root):
        component.children.sort(key=lambda one: (isinstance(one, Component), one.name), reverse=number == 2)
    data = root.to_bytes().replace(b"PRODID:", b"PRODID:-//server %d//" % number)
    return data.replace(b"DTSTAMP:2026", b"DTSTAMP:2027")


def _inside(component: Component) -> Iterator[Component]:
    for one in component.components():
        if one.name in ("VEVENT", "VALARM"):
            yield one
        yield from _inside(one)


class _Side(MemoryCollection):
    def body(self, href: str) -> bytes:
        """One item, without a copy of them all."""
        data = self._held[href].data
        assert data is not None
        return data


class _job:
    """A two-way job over new collections with these bodies, and a new ledger."""

    def __init__(self, bodies: list[list[bytes]]) -> None:
        self._bodies = bodies

    def __enter__(self) -> tuple[Work, list[_Side]]:
        WORK.mkdir(parents=True, exist_ok=True)
        self._folder = TemporaryDirectory(dir=WORK)
        stores = {name: MemoryStore(name) for name in NAMES}
        sides = []
        for name, bodies in zip(NAMES, self._bodies, strict=True):
            side = _Side()
            for number, body in enumerate(bodies):
                side.put(f"{number:06d}.ics", body)
            stores[name].open_collections["team"] = side
            sides.append(side)
        spec = JobSpec("team", "calendar", tuple(CollectionRef(name, "team") for name in NAMES))
        self._ledger = open_ledger(str(Path(self._folder.name) / "ledger.db"))
        return Work(spec, CalendarKind(), self._ledger, lambda name: stores[name]), sides

    def __exit__(self, *_: object) -> None:
        self._ledger.close()
        self._folder.cleanup()


def _timed(what: str, work: Work, *, agree: bool = False) -> Row:
    run = phases.begin(work)
    read_s, readings = _seconds(lambda: [phases.read(work, run, str(ref)) for ref in work.spec.collections])
    plan_s, plan = _seconds(lambda: phases.plan(work, run, readings))
    if agree:
        phases.guard(work, run)
        phases.start_apply(work, run)
        phases.report(work, run)
    counts = ", ".join(f"{number:,} {action}" for action, number in sorted(plan["counts"].items())) or "nothing"
    note(f"  {what}: read {read_s:.1f} s, plan {plan_s:.1f} s, {counts}")
    return what, f"{read_s:.1f}", f"{plan_s:.1f}", counts


def _seconds(work: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result
