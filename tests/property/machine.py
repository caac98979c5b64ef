"""What the state machines share: a world with troubled stores, the trouble itself, kills, and the barrier at which everything must be right."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import HealthCheck, event, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.support import driver
from tests.support.plainkind import PLAIN
from tests.support.trouble import Crash, Switches, troubled
from tests.support.world import World, Writing
from trueup.model.diagnostics import Severity

FULL = os.environ.get("TRUEUP_CAMPAIGN") == "full"
HABITS = ("null-etags", "flapping-etags", "rewrites", "rewrites-untold", "no-preconditions", "doubles")
NEUTRAL, LOSES_NOTE, MARKS_PLACE = "neutral", "loses-note", "marks-place"
REWRITES = (NEUTRAL, LOSES_NOTE, MARKS_PLACE)
CAMPAIGN = settings(
    max_examples=5000 if FULL else 150,
    stateful_step_count=40 if FULL else 20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)
SPARSER = settings(CAMPAIGN, max_examples=2500 if FULL else 15)
"""For further kinds of items: the core below them is the same."""
PATIENCE = 7200 if FULL else 300  # seconds
sides = st.integers(0, 2)
which = st.integers(0, 50)
many_habits = st.lists(st.lists(st.sampled_from(HABITS), max_size=2, unique=True), min_size=3, max_size=3)


def rewriting(writing: Writing, how: str) -> Any:
    """What a server makes of a body; does nothing to what it made itself."""

    def rewrite(body: bytes) -> bytes:
        if how == LOSES_NOTE:
            body = writing.changed(body, note=None)
        if how == MARKS_PLACE and (place := writing.shown(body).get("place", "")).startswith("v"):
            body = writing.changed(body, place=f"~{place}")
        return writing.rewritten(body)

    return rewrite


def plain(value: str | None) -> str | None:
    """The value without what a server marked it with."""
    return None if value is None else value.lstrip("~")


class Machine(RuleBasedStateMachine):
    """A world in trouble.

    Attributes:
        writing: of which kind its items are.
        doubt: a write may be without an answer; what users do now, they may do with or without having seen it.
        renamed: sides whose listings must not lie: an item that hides under another name is gone for all we know.
    """

    writing: ClassVar[Writing] = PLAIN

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="trueup-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.doubt = False
        self.renamed: set[str] = set()
        self.count = 0

    def start(self, names: str, habits: list[list[str]], rewrite: str, delta: bool, **more: Any) -> None:
        """Makes the world."""
        self.world = World(self.folder / "ledger.db", names, delta=delta, writing=self.writing, **more)
        self.delta, self.rewrite = delta, rewrite
        self.habits = dict(zip(names, habits, strict=False))
        self.switches = {name: Switches() for name in names}
        for name in names:
            self.world.wrap(name, self.trouble(name))
        note(f"{names} {self.habits} {rewrite} delta={delta} {more}")

    def trouble(self, name: str) -> Callable[[Any], Any]:
        return lambda inner: troubled(
            inner, self.switches[name], self.habits[name], rewriting(self.writing, self.rewrite)
        )

    # --- what users do

    def value(self) -> str:
        """One that was never there before."""
        self.count += 1
        return f"v{self.count}"

    def put(self, name: str, href: str, body: bytes) -> None:
        """A user's client stores a body: the server rewrites that, too."""
        if self.rewrites(name):
            body = rewriting(self.writing, self.rewrite)(body)
        self.world[name].put(href, body)

    def change(self, name: str, uid: str, **values: object) -> None:
        """A user's client changes fields, and the time of the last change."""
        href = self.world.href(name, uid)
        assert href is not None
        self.count += 1
        self.put(name, href, self.writing.changed(self.world[name].items[href], **{**values, "modified": self.count}))

    def shown(self, name: str, uid: str) -> dict[str, Any]:
        """What a user sees."""
        fields = self.world.get(name, uid)
        return {key: plain(value) if isinstance(value, str) else value for key, value in fields.items()}

    def side(self, number: int) -> str:
        return self.world.names[number % len(self.world.names)]

    def rewrites(self, name: str) -> bool:
        return bool({"rewrites", "rewrites-untold"} & set(self.habits[name]))

    def loses_notes(self) -> bool:
        return self.rewrite == LOSES_NOTE and any(self.rewrites(name) for name in self.world.names)

    def show_truly(self, name: str) -> None:
        self.renamed.add(name)
        self.switches[name].stale, self.switches[name].cut = False, 0

    # --- trouble

    @rule(side=sides, number=st.integers(1, 3))
    def lose_answers(self, side: int, number: int) -> None:
        self.switches[self.side(side)].after = number
        self.doubt = True

    @rule(side=sides, number=st.integers(1, 3))
    def lose_writes(self, side: int, number: int) -> None:
        self.switches[self.side(side)].before = number
        self.doubt = True

    @rule(side=sides, dead=st.booleans())
    def die(self, side: int, dead: bool) -> None:
        self.switches[self.side(side)].dead = dead

    @rule(side=sides, stale=st.booleans())
    def lag(self, side: int, stale: bool) -> None:
        self.switches[self.side(side)].stale = stale and self.side(side) not in self.renamed

    @precondition(lambda self: not self.delta)  # what a delta leaves out, no later one names
    @rule(side=sides, number=st.integers(1, 2), keep=st.integers(0, 2))
    def cut_listings(self, side: int, number: int, keep: int) -> None:
        self.switches[self.side(side)].cut = number if self.side(side) not in self.renamed else 0
        self.switches[self.side(side)].cut_to = keep

    @rule(seconds=st.sampled_from([60.0, 4000.0, 100_000.0]))
    def wait(self, seconds: float) -> None:
        self.world.now += seconds

    # --- the product

    @rule()
    def run(self) -> None:
        self.world.run(allow=["all"])

    @rule(side=sides, writes=st.integers(0, 40))
    def run_and_be_killed_at_a_call(self, side: int, writes: int) -> None:
        self.killed(self.switches[self.side(side)], writes)

    @rule(writes=st.integers(0, 60))
    def run_and_be_killed_at_the_ledger(self, writes: int) -> None:
        self.killed(None, writes)

    def killed(self, switches: Switches | None, number: int) -> None:
        left = number
        self.doubt = True

        def step(what: str) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Crash(what)

        if switches is not None:
            switches.calls = step
        else:
            self.world.ledger.on_write = step
        with contextlib.suppress(Crash):
            self.world.run(allow=["all"])
            event("a kill came too late")
        for one in self.switches.values():
            one.calls = lambda what: None
        self.world.reopen()

    @rule()
    def barrier(self) -> None:
        """The trouble stops; a few more runs, and everything must be right."""
        for one in self.switches.values():
            one.calm()
        for _ in range(3):
            self.world.now += 200_000
            self.world.run(allow=["all"])
            self.decide()
        self.check()
        self.doubt = False
        self.renamed.clear()

    def decide(self) -> None:
        """A person answers what waits."""

    def check(self) -> None:
        """What must be true; every machine adds its own."""
        run, answer = driver.plan(self.world.work)
        plan = driver.changes(self.world.work, run)
        assert not plan, f"not at rest: {[one.to_json() for one in plan]}"
        assert not answer["blocked"]
        for ref in self.world.spec.collections:
            assert not self.world.ledger.journal.unfinished("job", str(ref)), f"writes to {ref} were never cleared up"
        assert [one for one in self.world.ledger.check() if one.severity is not Severity.INFO] == []

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.barrier()
        finally:
            if hasattr(self, "world"):
                self.world.ledger.close()
            shutil.rmtree(self.folder, ignore_errors=True)
