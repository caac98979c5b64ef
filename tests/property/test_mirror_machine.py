"""One way, whatever goes wrong: every item of the source has one copy in each target, as it is; what the targets hold beside is untouched.

See `test_state_machine` for what goes wrong. Here the source is the truth, so the model is the source itself.
"""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.property.machine import CAMPAIGN, MARKS_PLACE, NEUTRAL, PATIENCE, SPARSER, Machine, many_habits, sides, which
from tests.support.cardkind import CARDS

FIELDS = ("title", "note", "place")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(PATIENCE)]


class Mirror(Machine):
    """Store a is copied to b, or to b and c."""

    def __init__(self) -> None:
        super().__init__()
        self.foreign: dict[tuple[str, str], bytes] = {}

    @initialize(
        names=st.sampled_from(["ab", "abc"]),
        habits=many_habits,
        rewrite=st.sampled_from([NEUTRAL, MARKS_PLACE]),
        delta=st.booleans(),
    )
    def begin(self, names: str, habits: list[list[str]], rewrite: str, delta: bool) -> None:
        self.start(names, habits, rewrite, delta, targets=names[1:])

    @rule(fields=st.sets(st.sampled_from(FIELDS)))
    def create(self, fields: set[str]) -> None:
        self.count += 1
        uid = f"u{self.count}"
        values = {one: self.value() for one in sorted(fields)}
        self.put("a", f"{uid}.txt", self.writing.item(uid, modified=self.count, **values))

    @rule(side=sides, number=st.integers(0, 9))
    def create_beside(self, side: int, number: int) -> None:
        """Somebody keeps an item of his own in a target."""
        name = self.target(side)
        href, body = f"own-{number}.txt", self.writing.item(f"own{number}", title=self.value())
        self.world[name].put(href, body)
        self.foreign[name, href] = body

    @rule(which=which, field=st.sampled_from(FIELDS), remove=st.booleans())
    def edit(self, which: int, field: str, remove: bool) -> None:
        if uid := self.pick("a", which):
            self.change("a", uid, **{field: None if remove else self.value()})

    @rule(which=which)
    def delete(self, which: int) -> None:
        if uid := self.pick("a", which):
            self.world.remove("a", uid)

    @rule(which=which)
    def rename(self, which: int) -> None:
        if uid := self.pick("a", which):
            self.show_truly("a")
            self.world.move("a", uid, f"renamed-{uid}.txt")

    @rule(side=sides, which=which, field=st.sampled_from(FIELDS), remove=st.booleans())
    def scribble(self, side: int, which: int, field: str, remove: bool) -> None:
        """Somebody edits a copy."""
        name = self.target(side)
        if uid := self.pick(name, which):
            self.change(name, uid, **{field: None if remove else self.value()})

    @rule(side=sides, which=which)
    def throw_away(self, side: int, which: int) -> None:
        """Somebody deletes a copy."""
        name = self.target(side)
        if uid := self.pick(name, which):
            self.world.remove(name, uid)

    def target(self, number: int) -> str:
        return self.world.names[1 + number % (len(self.world.names) - 1)]

    def pick(self, name: str, which: int) -> str | None:
        uids = [uid for uid in self.world.uids(name) if uid.startswith("u")]
        return uids[which % len(uids)] if uids else None

    def check(self) -> None:
        super().check()
        uids = self.world.uids("a")
        for name in self.world.names[1:]:
            assert [one for one in self.world.uids(name) if one.startswith("u")] == uids
            for uid in uids:
                assert self.shown(name, uid) == self.shown("a", uid), f"{uid} differs in {name}"
        for (name, href), body in self.foreign.items():
            assert self.world[name].items[href] == body


class MirrorOfCards(Mirror):
    """The same with contacts."""

    writing = CARDS


TestMirrorOfCards = MirrorOfCards.TestCase
TestMirrorOfCards.settings = SPARSER
TestMirror = Mirror.TestCase
TestMirror.settings = CAMPAIGN
