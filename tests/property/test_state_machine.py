"""Whatever users do and whatever stores and our own process get wrong: nothing is lost, nothing is doubled, all sides come to agree.

Users create, edit, delete and rename items on any side of a two-way job; runs happen in between; stores lie, forget and die; our process
is killed at any write to the ledger and at any call to a store. At a barrier the trouble stops, and after a few more runs an independent,
much simpler model says what must be true.

The fast slice runs with the other tests; the long campaign with TRUEUP_CAMPAIGN=full.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.property.machine import CAMPAIGN, PATIENCE, REWRITES, SPARSER, Machine, many_habits, plain, sides, which
from tests.support.cardkind import CARDS
from trueup.core import resolving
from trueup.core.ledger.rows import Conflict
from trueup.model.job import ConflictPolicy

SINGLE = ("title", "note", "place")
DAYS = ("Mon", "Tue")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(PATIENCE)]


class Users:
    """The model: what users did, and what therefore must be."""

    def __init__(self) -> None:
        self.created: set[str] = set()
        self.kept: dict[str, set[str]] = defaultdict(set)  # by item: values that must be somewhere
        self.candidates: dict[tuple[str, str], set[str | None]] = {}  # what a field may come to be
        self.must_go: set[str] = set()
        self.may_go: set[str] = set()
        self.blurred: set[str] = set()  # something was removed: who deletes the item may have removed the same unseen
        self.loose: set[tuple[str, str]] = set()

    def create(self, uid: str, shown: dict[str, Any]) -> None:
        self.created.add(uid)
        self.kept[uid] = words(shown)
        for name in SINGLE:
            self.candidates[uid, name] = {shown.get(name)}

    def edit(self, uid: str, name: str, old: str | None, new: str | None, *, doubt: bool) -> None:
        """The user saw `old` and made it `new`."""
        if name in SINGLE:
            self.candidates[uid, name].discard(old)
            self.candidates[uid, name].add(new)
        self.kept[uid].discard(old or "")
        if doubt:  # nobody can tell whether the user had what was written there without an answer
            self.loose.add((uid, name))
        if new is not None:
            self.kept[uid].add(new)
        else:
            self.blurred.add(uid)
        if uid in self.must_go:  # a side that has not heard of the deletion yet
            self.must_go.discard(uid)
            self.may_go.add(uid)

    def delete(self, uid: str, shown: dict[str, Any], *, doubt: bool) -> None:
        """The user saw this, and deleted it."""
        seen_all = self.kept[uid] <= words(shown) and uid not in self.blurred
        seen_all = seen_all and all(self.candidates[uid, name] <= {shown.get(name)} for name in SINGLE)
        (self.must_go if seen_all and uid not in self.may_go and not doubt else self.may_go).add(uid)
        self.kept[uid] -= words(shown)

    def rest(self, there: set[str]) -> None:
        """Everything is agreed on: from here on, only this counts."""
        self.created &= there
        self.may_go.clear()
        self.must_go.clear()
        self.blurred.clear()
        self.loose.clear()


def words(shown: dict[str, Any]) -> set[str]:
    """All values of an item."""
    return {one for value in shown.values() for one in (value if isinstance(value, list) else [value])}


class Sync(Machine):
    """See the module's text.

    Attributes:
        series: items have exceptions.
    """

    series: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.users = Users()

    @initialize(
        names=st.sampled_from(["ab", "abc"]),
        habits=many_habits,
        rewrite=st.sampled_from(REWRITES),
        delta=st.booleans(),
        policy=st.sampled_from(list(ConflictPolicy)),
    )
    def begin(self, names: str, habits: list[list[str]], rewrite: str, delta: bool, policy: ConflictPolicy) -> None:
        more = {"prefer": "b"} if policy is ConflictPolicy.PREFER else {}
        self.start(names, habits, rewrite, delta, conflicts=policy, **more)
        self.policy = policy

    # --- users

    @rule(side=sides, fields=st.sets(st.sampled_from((*SINGLE, "when"))), tags=st.integers(0, 2))
    def create(self, side: int, fields: set[str], tags: int) -> None:
        name = self.side(side)
        self.count += 1
        uid = f"u{self.count}"
        values: dict[str, Any] = {one: self.value() for one in sorted(fields)}
        values["tag"] = [self.value() for _ in range(tags)]
        self.put(name, f"{uid}.txt", self.writing.item(uid, modified=self.count, **values))
        self.users.create(uid, self.shown(name, uid))

    @rule(
        side=sides,
        which=which,
        field=st.sampled_from((*SINGLE, "when", *(f"{day}/title" for day in DAYS))),
        remove=st.booleans(),
    )
    def edit(self, side: int, which: int, field: str, remove: bool) -> None:
        name = self.side(side)
        if "/" in field and not self.series:
            return
        if (uid := self.pick(name, which)) is None:
            return
        old = self.shown(name, uid).get(field)
        new = None if remove and field != "title" else self.value()
        self.change(name, uid, **{f"on {field}" if "/" in field else field: new})
        if self.shown(name, uid).get(field) == new:  # else this store does not keep it for its own users either
            self.users.edit(uid, field, old, new, doubt=self.doubt)

    @rule(side=sides, which=which, drop=st.booleans())
    def retag(self, side: int, which: int, drop: bool) -> None:
        name = self.side(side)
        if (uid := self.pick(name, which)) is None:
            return
        tags = list(self.shown(name, uid).get("tag", []))
        gone, new = (tags.pop(0), None) if drop and tags else (None, self.value())
        self.change(name, uid, tag=[*tags, *([new] if new else [])])
        self.users.edit(uid, "tag", gone, new, doubt=self.doubt)

    @rule(side=sides, which=which)
    def delete(self, side: int, which: int) -> None:
        name = self.side(side)
        if (uid := self.pick(name, which)) is not None:
            self.users.delete(uid, self.shown(name, uid), doubt=self.doubt)
            self.world.remove(name, uid)

    # Renamed before we know whether our own write arrived, an item is not to be told from another with the same key.
    @precondition(lambda self: not self.doubt)
    @rule(side=sides, which=which)
    def rename(self, side: int, which: int) -> None:
        name = self.side(side)
        if (uid := self.pick(name, which)) is not None:
            self.count += 1
            self.show_truly(name)
            self.world.move(name, uid, f"renamed-{self.count}.txt")

    @rule(side=sides, which=which, other=which)
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

    def pick(self, name: str, which: int) -> str | None:
        uids = [uid for uid in self.world.uids(name) if uid in self.users.created]
        return uids[which % len(uids)] if uids else None

    @rule(side=sides, number=st.integers(0, 12), which=which, editor=sides)
    def run_while_a_user_edits(self, side: int, number: int, which: int, editor: int) -> None:
        if {"no-preconditions", "null-etags"} & set(self.habits[self.side(editor)]):
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

    def decide(self) -> None:
        for one in self.world.ledger.conflicts.list("job", states=("open",)):
            side = next(ref for ref in one.fields[0]["values"] if _holds(one, ref))
            resolving.prefer(self.world.work, one.id, side)

    # --- what must be true

    def check(self) -> None:
        super().check()
        self.check_items()
        self.check_values()
        self.users.rest(set(self.world.uids("a")))

    def check_items(self) -> None:
        names, users = self.world.names, self.users
        uids = self.world.uids("a")
        for name in names:
            assert len(self.world.uids(name)) == len(set(self.world.uids(name))), f"doubled in {name}"
            assert self.world.uids(name) == uids, f"{name} holds other items than a"
            for uid in uids:
                assert self.meant(name, uid) == self.meant("a", uid), f"{uid} differs"
        there = set(uids)
        if self.policy is not ConflictPolicy.KEEP_BOTH:
            assert there <= users.created, "items that nobody made"
        assert not there & (users.must_go - users.may_go), "items that were deleted by a user who had seen all of them"
        assert users.created - users.must_go - users.may_go <= there, "items that nobody deleted"
        for uid in there & users.created:
            for field in SINGLE:
                self.check_field(uid, field)

    def check_field(self, uid: str, field: str) -> None:
        users = self.users
        final = next((v for name in self.world.names if (v := self.shown(name, uid).get(field)) is not None), None)
        loose = (uid, field) in users.loose or self.policy is ConflictPolicy.NEWEST or uid in users.may_go
        if not loose and not (field == "note" and self.loses_notes()):
            assert final in users.candidates[uid, field], f"{field} of {uid} is {final}"
        users.candidates[uid, field] = {final}

    def meant(self, name: str, uid: str) -> dict[str, Any]:
        fields = self.shown(name, uid)
        if self.loses_notes():
            fields.pop("note", None)
        return fields

    def check_values(self) -> None:
        """Every value that a user wrote last is on a side, or kept in the ledger where a person finds it."""
        sides = [body for name in self.world.names for body in self.world[name].items.values()]
        shown = (self.writing.shown(body) for body in [*self.kept_bodies(), *sides])
        found = {str(plain(one)) for fields in shown for one in words(fields)}
        for uid, values in self.users.kept.items():
            assert values <= found, f"{values - found} of {uid} is nowhere"

    def kept_bodies(self) -> list[bytes]:
        ledger = self.world.ledger
        names = {body for one in ledger.conflicts.list() for body in one.versions.values()}
        for run in ledger.journal.history("job", limit=100_000):
            names |= {row.change.before or "" for row in ledger.journal.changes(run.id, limit=100_000)} - {""}
        return list(ledger.blobs.get_many(names).values())


def _holds(one: Conflict, ref: str) -> bool:
    return bool(one.fields[0]["values"].get(ref) != "deleted")


class SyncOfCards(Sync):
    """The same with contacts, which have no exceptions."""

    writing = CARDS
    series = False


TestSyncOfCards = SyncOfCards.TestCase
TestSyncOfCards.settings = SPARSER
TestSync = Sync.TestCase
TestSync.settings = CAMPAIGN
