"""Whatever users do and whatever stores and our own process get wrong: nothing is lost, nothing is doubled, all sides come to agree.

Users create, edit, delete and rename items on any side of a two-way job; runs happen in between; stores lie, forget and die; our process
is killed at any write to the ledger and at any call to a store. At a barrier the trouble stops, and after two more runs an independent,
much simpler model says what must be true.

The fast slice runs with the other tests; the long campaign with TRUEUP_CAMPAIGN=full.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.support import driver
from tests.support.plainkind import changed, item
from tests.support.trouble import Crash, Switches, troubled
from tests.support.world import World
from trueup.core import resolving
from trueup.core.ledger.rows import Conflict
from trueup.model.diagnostics import Severity
from trueup.model.job import ConflictPolicy

FULL = os.environ.get("TRUEUP_CAMPAIGN") == "full"
SINGLE = ("title", "note", "place")
HABITS = ("null-etags", "flapping-etags", "rewrites", "rewrites-untold", "no-preconditions", "doubles")
NEUTRAL, LOSES_NOTE, MARKS_PLACE = "neutral", "loses-note", "marks-place"


def rewriting(how: str) -> Any:
    """What a server makes of a body; does nothing to what it made itself."""

    def rewrite(body: bytes) -> bytes:
        lines = sorted(line for line in body.decode().splitlines() if not line.startswith("stamp:"))
        if how == LOSES_NOTE:
            lines = [line for line in lines if not line.startswith("note:")]
        if how == MARKS_PLACE:
            lines = [line.replace("place: ", "place: ~") if line.startswith("place: v") else line for line in lines]
        lines.sort(key=lambda line: not line.startswith("uid:"))
        return "".join(f"{line}\n" for line in [*lines, "stamp: 1"]).encode()

    return rewrite


class Users:
    """The model: what users did, and what therefore must be."""

    def __init__(self) -> None:
        self.created: set[str] = set()
        self.kept: dict[tuple[str, str], set[str]] = defaultdict(set)  # values that must be somewhere
        self.candidates: dict[tuple[str, str], set[str | None]] = {}  # what a field may come to be
        self.must_go: set[str] = set()
        self.may_go: set[str] = set()
        self.blurred: set[str] = set()  # something was removed: who deletes the item may have removed the same unseen
        self.loose: set[tuple[str, str]] = set()
        self.doubt = False  # a write is without an answer: whether its effect was deleted since, nobody can tell

    def create(self, uid: str, values: dict[str, str]) -> None:
        self.created.add(uid)
        for name in SINGLE:
            self.candidates[uid, name] = {values.get(name)}
        for name, value in values.items():
            self.kept[uid, name].add(value)

    def edit(self, uid: str, name: str, old: str | None, new: str | None) -> None:
        """The user saw `old` and made it `new`."""
        if name in SINGLE:
            found = self.candidates[uid, name]
            found.discard(old)
            found.add(new)
        self.kept[uid, name].discard(old or "")
        if self.doubt:  # nobody can tell whether the user had what was written there without an answer
            self.loose.add((uid, name))
        if new is not None:
            self.kept[uid, name].add(new)
        else:
            self.blurred.add(uid)
        if uid in self.must_go:  # a side that has not heard of the deletion yet
            self.must_go.discard(uid)
            self.may_go.add(uid)

    def delete(self, uid: str, shown: dict[str, Any]) -> None:
        """The user saw this, and deleted it."""
        tags = {str(one) for one in shown.get("tag", [])}
        seen_all = all(self.candidates[uid, name] <= {_plain(shown.get(name))} for name in SINGLE)
        seen_all = seen_all and self.kept[uid, "tag"] == tags and uid not in self.blurred
        (self.must_go if seen_all and uid not in self.may_go and not self.doubt else self.may_go).add(uid)
        for name in SINGLE:
            self.kept[uid, name].discard(_plain(shown.get(name)) or "")
        self.kept[uid, "tag"] -= tags


def _plain(value: str | None) -> str | None:
    return None if value is None else value.lstrip("~")


class Sync(RuleBasedStateMachine):
    """See the module's text."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="trueup-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.users = Users()
        self.renamed: set[str] = (
            set()
        )  # sides whose listings must not lie: an item that hides under another name is gone for all we know
        self.count = 0

    @initialize(
        names=st.sampled_from(["ab", "abc"]),
        habits=st.lists(st.lists(st.sampled_from(HABITS), max_size=2, unique=True), min_size=3, max_size=3),
        rewrite=st.sampled_from([NEUTRAL, LOSES_NOTE, MARKS_PLACE]),
        delta=st.booleans(),
        policy=st.sampled_from(list(ConflictPolicy)),
    )
    def begin(self, names: str, habits: list[list[str]], rewrite: str, delta: bool, policy: ConflictPolicy) -> None:
        more = {"prefer": "b"} if policy is ConflictPolicy.PREFER else {}
        self.world = World(self.folder / "ledger.db", names, delta=delta, conflicts=policy, **more)
        self.policy, self.delta, self.rewrite = policy, delta, rewrite
        self.habits = dict(zip(names, habits, strict=False))
        self.switches = {name: Switches() for name in names}
        for name in names:
            self.world.wrap(
                name,
                lambda inner, name=name: troubled(inner, self.switches[name], self.habits[name], rewriting(rewrite)),
            )
        note(f"{names} {self.habits} {rewrite} delta={delta} {policy}")

    # --- users

    def value(self) -> str:
        self.count += 1
        return f"v{self.count}"

    def put(self, name: str, href: str, body: bytes) -> bytes:
        """A user's client stores a body: the server rewrites that, too."""
        if {"rewrites", "rewrites-untold"} & set(self.habits[name]):
            body = rewriting(self.rewrite)(body)
        self.world[name].put(href, body)
        return body

    def shown(self, name: str, uid: str) -> dict[str, Any]:
        return self.world.get(name, uid)

    @rule(side=st.integers(0, 2), fields=st.sets(st.sampled_from(SINGLE)), tags=st.integers(0, 2))
    def create(self, side: int, fields: set[str], tags: int) -> None:
        name = self.side(side)
        self.count += 1
        uid = f"u{self.count}"
        values: dict[str, Any] = {one: self.value() for one in sorted(fields)}
        many = [self.value() for _ in range(tags)]
        self.put(name, f"{uid}.txt", item(uid, modified=self.count, **values, **({"tag": many} if many else {})))
        shown = self.shown(name, uid)
        self.users.create(uid, {one: str(_plain(shown[one])) for one in values if one in shown})
        self.users.kept[uid, "tag"] |= set(many)

    @rule(side=st.integers(0, 2), which=st.integers(0, 50), field=st.sampled_from(SINGLE), remove=st.booleans())
    def edit(self, side: int, which: int, field: str, remove: bool) -> None:
        name = self.side(side)
        if (uid := self.pick(name, which)) is None:
            return
        old = _plain(self.shown(name, uid).get(field))
        new = None if remove and field != "title" else self.value()
        href = self.world.href(name, uid)
        assert href is not None
        self.count += 1
        self.put(name, href, changed(self.world[name].items[href], **{field: new, "modified": self.count}))
        if self.shown(name, uid).get(field) is not None or new is None:
            self.users.edit(uid, field, old, new)

    @rule(side=st.integers(0, 2), which=st.integers(0, 50), drop=st.booleans())
    def retag(self, side: int, which: int, drop: bool) -> None:
        name = self.side(side)
        if (uid := self.pick(name, which)) is None:
            return
        tags = list(self.shown(name, uid).get("tag", []))
        href = self.world.href(name, uid)
        assert href is not None
        self.count += 1
        if drop and tags:
            gone, new = tags.pop(0), None
        else:
            gone, new = None, self.value()
            tags.append(new)
        self.put(name, href, changed(self.world[name].items[href], tag=tags, modified=self.count))
        self.users.edit(uid, "tag", gone, new)

    @rule(side=st.integers(0, 2), which=st.integers(0, 50))
    def delete(self, side: int, which: int) -> None:
        name = self.side(side)
        if (uid := self.pick(name, which)) is None:
            return
        self.users.delete(uid, self.shown(name, uid))
        self.world.remove(name, uid)

    # Renamed before we know whether our own write arrived, an item is not to be told from another with the same key.
    @precondition(lambda self: not self.users.doubt)
    @rule(side=st.integers(0, 2), which=st.integers(0, 50))
    def rename(self, side: int, which: int) -> None:
        name = self.side(side)
        if (uid := self.pick(name, which)) is not None:
            self.count += 1
            self.show_truly(name)
            self.world.move(name, uid, f"renamed-{self.count}.txt")

    @rule(side=st.integers(0, 2), which=st.integers(0, 50), other=st.integers(0, 50))
    def swap(self, side: int, which: int, other: int) -> None:
        """Two files exchange their names."""
        name = self.side(side)
        one, two = self.pick(name, which), self.pick(name, other)
        if one is None or two is None or one == two:
            return
        self.show_truly(name)
        hrefs = self.world.href(name, one), self.world.href(name, two)
        bodies = [self.world[name].items[href] for href in hrefs if href]
        for href, body in zip(hrefs, reversed(bodies), strict=True):
            self.world[name].put(str(href), body)

    def show_truly(self, name: str) -> None:
        self.renamed.add(name)
        self.switches[name].stale, self.switches[name].cut = False, 0

    def side(self, number: int) -> str:
        return self.world.names[number % len(self.world.names)]

    def pick(self, name: str, which: int) -> str | None:
        uids = [uid for uid in self.world.uids(name) if uid in self.users.created]
        return uids[which % len(uids)] if uids else None

    # --- trouble

    @rule(side=st.integers(0, 2), number=st.integers(1, 3))
    def lose_answers(self, side: int, number: int) -> None:
        self.switches[self.side(side)].after = number
        self.users.doubt = True

    @rule(side=st.integers(0, 2), number=st.integers(1, 3))
    def lose_writes(self, side: int, number: int) -> None:
        self.switches[self.side(side)].before = number
        self.users.doubt = True

    @rule(side=st.integers(0, 2), dead=st.booleans())
    def die(self, side: int, dead: bool) -> None:
        self.switches[self.side(side)].dead = dead

    @rule(side=st.integers(0, 2), stale=st.booleans())
    def lag(self, side: int, stale: bool) -> None:
        self.switches[self.side(side)].stale = stale and self.side(side) not in self.renamed

    @precondition(lambda self: not self.delta)  # what a delta leaves out, no later one names
    @rule(side=st.integers(0, 2), number=st.integers(1, 2), keep=st.integers(0, 2))
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

    @rule(side=st.integers(0, 2), writes=st.integers(0, 40))
    def run_and_be_killed_at_a_call(self, side: int, writes: int) -> None:
        self.killed(self.switches[self.side(side)], writes)

    @rule(writes=st.integers(0, 60))
    def run_and_be_killed_at_the_ledger(self, writes: int) -> None:
        self.killed(None, writes)

    def killed(self, switches: Switches | None, number: int) -> None:
        left = number
        self.users.doubt = True

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

    @rule(side=st.integers(0, 2), number=st.integers(0, 12), which=st.integers(0, 50), editor=st.integers(0, 2))
    def run_while_a_user_edits(self, side: int, number: int, which: int, editor: int) -> None:
        name = self.side(editor)
        if {"no-preconditions", "null-etags"} & set(self.habits[name]):
            return  # such a store loses what comes between our looking and our writing, whatever we do
        left = number

        def step(what: str) -> None:
            nonlocal left
            left -= 1
            if left == -1:
                self.edit(editor, which, "title", False)

        self.switches[self.side(side)].calls = step
        self.world.run(allow=["all"])
        self.switches[self.side(side)].calls = lambda what: None

    @rule()
    def barrier(self) -> None:
        """The trouble stops; two more runs, and everything must be right."""
        for one in self.switches.values():
            one.calm()
        for _ in range(3):
            self.world.now += 200_000
            self.world.run(allow=["all"])
            self.decide()
        self.check()
        self.users.doubt = False
        self.users.blurred.clear()
        self.users.loose.clear()
        self.renamed.clear()

    def decide(self) -> None:
        """A person answers what waits."""
        work = self.world.work
        for one in self.world.ledger.conflicts.list("job", states=("open",)):
            side = next(ref for ref in one.fields[0]["values"] if self.holds(one, ref))
            resolving.prefer(work, one.id, side)

    def holds(self, one: Conflict, ref: str) -> bool:
        return one.fields[0]["values"].get(ref) != "deleted"

    # --- what must be true

    def check(self) -> None:
        run, answer = driver.plan(self.world.work)
        plan = list(driver.changes(self.world.work, run))
        assert not plan, f"not at rest: {[one.to_json() for one in plan]}"
        assert not answer["blocked"]
        for ref in self.world.spec.collections:
            assert not self.world.ledger.journal.unfinished("job", str(ref)), f"writes to {ref} were never cleared up"
        self.check_items()
        self.check_values()
        assert [one for one in self.world.ledger.check() if one.severity is not Severity.INFO] == []

    def check_items(self) -> None:
        names = self.world.names
        uids = self.world.uids(names[0])
        for name in names:
            assert len(self.world.uids(name)) == len(set(self.world.uids(name))), f"doubled in {name}"
            assert self.world.uids(name) == uids, f"{name} holds other items than {names[0]}"
            for uid in uids:
                assert self.meant(name, uid) == self.meant(names[0], uid), f"{uid} differs"
        there, users = set(uids), self.users
        if self.policy is not ConflictPolicy.KEEP_BOTH:
            assert there <= users.created, "items that nobody made"
        assert not there & (users.must_go - users.may_go), "items that were deleted by a user who had seen all of them"
        assert users.created - users.must_go - users.may_go <= there, "items that nobody deleted"
        for uid in there & users.created:
            for field in SINGLE:
                self.check_field(uid, field, names)
            users.may_go.discard(uid)
        for uid in users.created - there:
            users.created.discard(uid)
        users.may_go &= there
        users.must_go &= there

    def check_field(self, uid: str, field: str, names: str) -> None:
        users = self.users
        final = next((v for name in names if (v := _plain(self.shown(name, uid).get(field))) is not None), None)
        loose = (
            (uid, field) in users.loose
            or self.policy is ConflictPolicy.NEWEST
            or uid in users.may_go
            or (field == "note" and self.loses_notes())
        )
        if not loose:
            assert final in users.candidates[uid, field], f"{field} of {uid} is {final}"
        users.candidates[uid, field] = {final}

    def loses_notes(self) -> bool:
        return self.rewrite == LOSES_NOTE and any(
            {"rewrites", "rewrites-untold"} & set(habits) for habits in self.habits.values()
        )

    def meant(self, name: str, uid: str) -> dict[str, Any]:
        fields = self.shown(name, uid)
        if self.loses_notes():
            fields.pop("note", None)
        return {key: _plain(value) if isinstance(value, str) else value for key, value in fields.items()}

    def check_values(self) -> None:
        """Every value that a user wrote last is on a side, or kept in the ledger where a person finds it."""
        everywhere = b"\n".join(
            [*self.kept_bodies(), *(body for name in self.world.names for body in self.world[name].items.values())]
        )
        words = set(everywhere.decode().replace("~", "").split())
        for (uid, field), values in self.users.kept.items():
            for value in values:
                assert value in words, f"{value}, the {field} of {uid}, is nowhere"

    def kept_bodies(self) -> list[bytes]:
        ledger = self.world.ledger
        names = {body for one in ledger.conflicts.list() for body in one.versions.values()}
        for run in ledger.journal.history("job", limit=100_000):
            for row in ledger.journal.changes(run.id, limit=100_000):
                names |= {row.change.before or ""} - {""}
        return list(ledger.blobs.get_many(names).values())

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.barrier()
        finally:
            if hasattr(self, "world"):
                self.world.ledger.close()
            shutil.rmtree(self.folder, ignore_errors=True)


TestSync = Sync.TestCase
TestSync.settings = settings(
    max_examples=2000 if FULL else 60,
    stateful_step_count=40 if FULL else 20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)
pytestmark = pytest.mark.slow
