"""The state against a model in memory: any order of readings, identification and agreement, with kills in between."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.unit.ledger.conftest import JOB, Sides
from trueup.core.ledger import open_ledger
from trueup.model.items import Entry, digest

REFS = ("a", "b")
UIDS = ("u", "v", "w")
BODIES = ("one", "two", "three")
refs, names, bodies = st.sampled_from(REFS), st.sampled_from(UIDS), st.sampled_from(BODIES)
listings = st.dictionaries(names, bodies)


@dataclass
class Known:
    """What the model knows of one collection: what is there, and what was agreed."""

    seen: dict[str, str] = field(default_factory=dict)
    agreed: dict[str, str] = field(default_factory=dict)
    linked: set[str] = field(default_factory=set)


class StateMachine(RuleBasedStateMachine):
    """An item is named by its UID, which is its href too."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = str(Path(self.folder.name) / "ledger.db")
        self.known = {ref: Known() for ref in REFS}
        self.changed: set[str] = set()  # UIDs something happened to since they were agreed
        self.fresh: set[tuple[str, str]] = set()  # what is new in a collection and not identified yet
        self.open()

    def open(self) -> None:
        self.ledger = open_ledger(self.path)
        self.sides = Sides(self.ledger)
        self.numbers = {ref: self.sides.row(ref).id for ref in REFS}

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()

    def note(self, ref: str, there: dict[str, str], gone: set[str]) -> None:
        known = self.known[ref]
        for uid, body in there.items():
            if known.seen.get(uid) != body:
                known.seen[uid] = body
                self.tell(ref, uid)
        for uid in gone & set(known.seen):
            del known.seen[uid]
            self.fresh.discard((ref, uid))
            if uid in known.linked:
                self.changed.add(uid)

    def tell(self, ref: str, uid: str) -> None:
        if uid in self.known[ref].linked:
            self.changed.add(uid)
        else:
            self.fresh.add((ref, uid))

    @rule(ref=refs, there=listings)
    def read_in_full(self, ref: str, there: dict[str, str]) -> None:
        self.sides.read(ref, there)
        self.note(ref, there, set(self.known[ref].seen) - set(there))

    @rule(ref=refs, there=listings, gone=st.sets(names))
    def read_what_changed(self, ref: str, there: dict[str, str], gone: set[str]) -> None:
        there = {uid: body for uid, body in there.items() if uid not in gone}
        self.sides.read(ref, there, full=False, gone=sorted(gone))
        self.note(ref, there, gone)

    @rule(ref=refs, there=listings)
    def be_killed_while_reading(self, ref: str, there: dict[str, str]) -> None:
        number = self.numbers[ref]
        self.ledger.state.begin_listing(number)
        self.ledger.state.add_listing(number, [Entry(uid, digest(body.encode())) for uid, body in there.items()], [])
        self.ledger.state.observe(number, [self.sides.observed(uid, body) for uid, body in there.items()])
        self.ledger.close()
        self.open()
        self.note(ref, there, set())

    @rule()
    def identify(self) -> None:
        self.sides.identify(*REFS)
        for known in self.known.values():
            known.linked |= set(known.seen)
        self.changed |= {uid for _, uid in self.fresh}
        self.fresh.clear()

    @rule()
    def agree(self) -> None:
        self.identify()
        self.sides.settle_all()
        for known in self.known.values():
            for uid in self.changed & known.linked:
                if uid in known.seen:
                    known.agreed[uid] = known.seen[uid]
                else:
                    known.agreed.pop(uid, None)
                    known.linked.discard(uid)
        self.changed.clear()

    @invariant()
    def the_ledger_says_the_same(self) -> None:
        state = self.ledger.state
        for ref, known in self.known.items():
            found = {one.href: one for one in self.replicas(ref)}
            assert {uid for uid, one in found.items() if one.seen is not None} == set(known.seen)
            for uid, body in known.seen.items():
                assert found[uid].seen == digest(body.encode())
                assert (found[uid].link is not None) == (uid in known.linked)
            agreed = {uid: digest(body.encode()) for uid, body in known.agreed.items()}
            assert {uid: one.base for uid, one in found.items() if one.base is not None} == agreed
            counts = state.counts(self.numbers[ref])
            assert (counts.live, counts.agreed) == (len(known.seen), len(agreed))
            assert counts.agreed_live == len(set(known.seen) & set(agreed))

    @invariant()
    def what_changed_and_is_linked_is_due(self) -> None:
        due = {link.key for link in self.ledger.state.due_links(JOB, 0, 0, 100)}
        assert due == self.changed

    @invariant()
    def nothing_is_orphaned(self) -> None:
        assert [one.why for one in self.ledger.check() if one.severity == "error"] == []

    def replicas(self, ref: str) -> list:
        rows = self.ledger._database.rows("SELECT href FROM replica WHERE collection = ?", (self.numbers[ref],))
        return [self.ledger.state.replica(self.numbers[ref], row[0]) for row in rows]


TestState = StateMachine.TestCase
TestState.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
