"""Runs, changes, batches, and forgetting them."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import pytest

from tests.unit.ledger.conftest import JOB, Sides
from trueup.core.ledger import Ledger
from trueup.core.ledger.blobs import GRACE
from trueup.model.change import Action, Change, ChangeState, FieldChange
from trueup.model.errors import LedgerError, NotFound
from trueup.model.run import RunState

PLANNED, SENT, DONE, VERIFIED = ChangeState.PLANNED, ChangeState.SENT, ChangeState.DONE, ChangeState.VERIFIED


def at(ledger: Ledger, moment: float) -> None:
    ledger._database.now = lambda: moment


def test_a_run_begins(ledger: Ledger) -> None:
    before = time.time()
    run = ledger.journal.start("run", JOB, parent="pipeline-run")
    assert re.fullmatch(r"\d{8}-\d{6}-[a-z0-9]{4}", run.id)
    assert (run.kind, run.subject, run.state, run.phase) == ("run", JOB, RunState.RUNNING, "read")
    assert (run.parent, run.plan, run.report, run.ended) == ("pipeline-run", None, {}, None)
    assert before <= run.started <= time.time()
    assert ledger.journal.get(run.id) == run


def test_ids_are_in_order_of_time_and_in_utc(ledger: Ledger) -> None:
    moment = datetime(2026, 11, 21, 3, 45, 12, tzinfo=UTC).timestamp()
    ids = []
    for offset in (0, 1, 60, 86400):
        at(ledger, moment + offset)
        ids.append(ledger.journal.start("run", JOB).id)
    assert ids[0].startswith("20261121-034512-")
    assert ids == sorted(ids)


def test_only_what_is_given_is_updated(ledger: Ledger) -> None:
    run = ledger.journal.start("run", JOB)
    ledger.journal.update(run.id, phase="plan", plan={"counts": {"create": 3}, "title": "ä\ud800"})
    ledger.journal.update(run.id, state=RunState.DONE, report={"left": []}, ended=5.0)
    ledger.journal.update(run.id)
    found = ledger.journal.get(run.id)
    assert (found.phase, found.state, found.ended, found.report) == ("plan", RunState.DONE, 5.0, {"left": []})
    assert found.plan == {"counts": {"create": 3}, "title": "ä\ud800"}


def test_a_run_is_found_by_the_beginning_of_its_id(ledger: Ledger) -> None:
    at(ledger, 1_000_000_000.0)
    first, second = ledger.journal.start("run", "a"), ledger.journal.start("run", "b")
    at(ledger, 1_100_000_000.0)
    third = ledger.journal.start("undo", "c")
    assert ledger.journal.find(second.id) == second
    assert ledger.journal.find(first.id[:-1]) == first or first.id[:-1] == second.id[:-1]
    assert ledger.journal.find("2004") == third
    assert ledger.journal.find("last") == third
    with pytest.raises(NotFound, match="more than one"):
        ledger.journal.find("2001")
    for nothing in ("1999", "", "%", "2004_"):
        with pytest.raises(NotFound) as caught:
            ledger.journal.find(nothing)
        assert "trueup history" in caught.value.hint
    with pytest.raises(NotFound):
        ledger.journal.get("2004")


def test_there_is_no_last_run_in_a_new_ledger(ledger: Ledger) -> None:
    with pytest.raises(NotFound):
        ledger.journal.find("last")
    assert ledger.journal.latest(JOB) is None
    assert ledger.journal.history() == []


def test_history_is_newest_first(ledger: Ledger) -> None:
    runs = []
    for number, (kind, subject) in enumerate([("run", "a"), ("undo", "a"), ("run", "b"), ("run", "a")]):
        at(ledger, 1000.0 + number)
        runs.append(ledger.journal.start(kind, subject))
    ledger.journal.update(runs[3].id, state=RunState.DONE)
    ids = [run.id for run in runs]
    assert [run.id for run in ledger.journal.history()] == ids[::-1]
    assert [run.id for run in ledger.journal.history("a")] == [ids[3], ids[1], ids[0]]
    assert [run.id for run in ledger.journal.history("a", kind="run")] == [ids[3], ids[0]]
    assert [run.id for run in ledger.journal.history(limit=1)] == [ids[3]]
    assert ledger.journal.latest("a").id == ids[3]
    assert ledger.journal.latest("a", (RunState.RUNNING,)).id == ids[1]
    assert ledger.journal.latest("a", (RunState.FAILED, RunState.PLANNED)) is None


def test_a_change_comes_back_as_it_was(ledger: Ledger) -> None:
    run = ledger.journal.start("run", JOB)
    change = Change(
        *(1, Action.UPDATE, "work/team", "1.ics", "Lunch 𝄞", "Mon", "edited in home/team", "code"),
        origin=("home/team",),
        fields=(FieldChange("title", None, "x"),),
        precondition='"etag"',
        before="b" * 32,
        after="a" * 32,
        drift=True,
        link=7,
        conflict=({"key": ["", "WHEN", ""], "values": {"a": None}},),
        versions=(("a", "c" * 32),),
        bases=(("work/team", "1.ics", "d" * 32, None),),
    )
    ledger.journal.add_changes(run.id, [(change, PLANNED)])
    [row] = ledger.journal.changes(run.id)
    assert (row.change, row.state, row.batch, row.result) == (change, PLANNED, None, {})


def test_changes_are_filtered_and_paged(ledger: Ledger) -> None:
    run, other = ledger.journal.start("run", JOB), ledger.journal.start("run", JOB)
    rows = [(Change(seq, Action.CREATE, "a", link=seq % 3), DONE if seq % 2 else PLANNED) for seq in range(1, 11)]
    ledger.journal.add_changes(run.id, rows[:5])
    ledger.journal.add_changes(run.id, rows[5:])
    ledger.journal.add_changes(other.id, rows[:1])

    def seqs(**filters: object) -> list[int]:
        return [row.change.seq for row in ledger.journal.changes(run.id, **filters)]

    assert seqs() == list(range(1, 11))
    assert seqs(after=4, limit=3) == [5, 6, 7]
    assert seqs(states=(DONE,)) == [1, 3, 5, 7, 9]
    assert seqs(states=(DONE, PLANNED), link=0) == [3, 6, 9]
    assert ledger.journal.counts(run.id) == {(Action.CREATE, DONE): 5, (Action.CREATE, PLANNED): 5}
    assert ledger.journal.counts(run.id)["create", "done"] == 5
    ledger.journal.clear_changes(run.id)
    assert seqs() == []
    assert len(ledger.journal.changes(other.id)) == 1


def test_writes_of_which_nothing_is_known_yet_are_found_by_collection(ledger: Ledger) -> None:
    first, second = ledger.journal.start("run", JOB), ledger.journal.start("run", JOB)
    other = ledger.journal.start("run", "other job")
    states = list(ChangeState)
    rows = [(Change(seq, Action.CREATE, "a"), state) for seq, state in enumerate(states, 1)]
    for run in (first, other):
        ledger.journal.add_changes(run.id, rows)
    ledger.journal.add_changes(
        second.id, [(Change(1, Action.CREATE, "a"), SENT), (Change(2, Action.CREATE, "b"), SENT)]
    )
    found = ledger.journal.unfinished(JOB, "a")
    assert {run: [(row.change.seq, row.state) for row in rows] for run, rows in found.items()} == {
        first.id: [(states.index(SENT) + 1, SENT), (states.index(DONE) + 1, DONE)],
        second.id: [(1, SENT)],
    }
    assert ledger.journal.unfinished(JOB, "c") == {}


def test_the_last_run_is_found_by_parent_and_kind(ledger: Ledger) -> None:
    first = ledger.journal.start("run", JOB, "step 1")
    ledger.journal.start("undo", JOB, "step 2")
    assert ledger.journal.latest(JOB, parent="step 1").id == first.id
    assert ledger.journal.latest(JOB, kind="run").id == first.id
    assert ledger.journal.latest(JOB, (RunState.DONE,), parent="step 1", kind="run") is None


def batches(ledger: Ledger, run: str) -> list[tuple[int, str, list[int]]]:
    return [
        (one.wave, one.collection, [row.change.seq for row in ledger.journal.batch(run, one.batch)])
        for one in ledger.journal.batches(run)
    ]


def test_creations_and_updates_go_before_deletions_in_batches_of_a_collection(ledger: Ledger) -> None:
    run = ledger.journal.start("run", JOB).id
    kinds = [
        *((Action.CREATE, "a"), (Action.DELETE, "a"), (Action.UPDATE, "b"), (Action.UPDATE, "a"), (Action.SKIP, "a")),
        *((Action.CREATE, "a"), (Action.LINK, ""), (Action.DELETE, "b"), (Action.CREATE, "c")),
    ]
    ledger.journal.add_changes(run, [(Change(seq, *one), PLANNED) for seq, one in enumerate(kinds, 1)])
    ledger.journal.add_changes(run, [(Change(20, Action.CREATE, "a"), ChangeState.SKIPPED)])
    ledger.journal.assign_batches(run, {"a": 2, "b": 100})
    assert batches(ledger, run) == [
        *((1, "a", [1, 4]), (1, "a", [6]), (1, "b", [3]), (1, "c", [9])),
        *((2, "a", [2]), (2, "b", [8])),
    ]
    assert [one.batch for one in ledger.journal.batches(run)] == [1, 2, 3, 4, 5, 6]
    first = ledger.journal.batches(run)[0]
    assert (first.changes, first.open) == (2, 2)


def test_batches_stay_when_they_are_assigned_again_after_a_kill(ledger: Ledger) -> None:
    run = ledger.journal.start("run", JOB).id
    ledger.journal.add_changes(run, [(Change(seq, Action.CREATE, "a"), PLANNED) for seq in range(1, 6)])
    ledger.journal.assign_batches(run, {"a": 2})
    ledger.journal.mark_sent(run, [1, 2, 3])
    ledger.journal.record(run, [(1, DONE, {"etag": "x"}), (2, ChangeState.FAILED, {"reason": "no"})])
    before = batches(ledger, run)
    ledger.journal.assign_batches(run, {"a": 1})
    assert batches(ledger, run) == before
    assert [one.open for one in ledger.journal.batches(run)] == [0, 2, 1]
    rows = ledger.journal.batch(run, 1)
    assert [(row.state, row.result, row.batch) for row in rows] == [
        (DONE, {"etag": "x"}, 1),
        (ChangeState.FAILED, {"reason": "no"}, 1),
    ]
    ledger.journal.add_changes(run, [(Change(9, Action.CREATE, "a"), PLANNED)])
    ledger.journal.assign_batches(run, {})
    assert batches(ledger, run)[-1] == (1, "a", [9])
    assert ledger.journal.batches(run)[-1].batch == 4


def test_nothing_to_write_makes_no_batch(ledger: Ledger) -> None:
    run = ledger.journal.start("run", JOB).id
    ledger.journal.assign_batches(run, {"a": 2})
    assert ledger.journal.batches(run) == []


@pytest.fixture
def month(ledger: Ledger) -> tuple[float, float]:
    """Now, and a month ago."""
    now = time.time()
    return now, now - 30 * 86400


def test_old_runs_go_with_their_changes_and_steps(ledger: Ledger, month: tuple[float, float]) -> None:
    now, ago = month
    at(ledger, ago)
    old, still_running = ledger.journal.start("run", JOB), ledger.journal.start("run", JOB)
    ledger.journal.add_changes(old.id, [(Change(1, Action.CREATE, "a"), DONE)])
    ledger.steps.start(old.id, "read", None)
    ledger.journal.update(old.id, ended=ago + 10)
    at(ledger, now)
    new = ledger.journal.start("run", JOB)
    ledger.journal.update(new.id, ended=now)
    assert ledger.journal.prune(now - 86400) == 1
    assert {run.id for run in ledger.journal.history()} == {still_running.id, new.id}
    assert ledger.journal.changes(old.id) == []
    assert ledger.steps.all(old.id) == []


def test_bodies_go_that_nothing_refers_to(sides: Sides, month: tuple[float, float]) -> None:
    ledger, (now, ago) = sides.ledger, month
    at(ledger, ago)
    put = ledger.blobs.put
    names = [
        "seen",
        "base",
        "before",
        "after",
        "based",
        "sent before",
        "version",
        "conflict",
        "decided",
        "kept",
        "loose",
    ]
    digests = {name: put(name.encode()) for name in names}
    run = ledger.journal.start("run", JOB)
    change = Change(
        *(1, Action.UPDATE, "a"),
        before=digests["before"],
        after=digests["after"],
        bases=(("a", "x", digests["based"], digests["sent before"]), ("b", "y", None, None)),
        versions=(("a", digests["version"]),),
    )
    ledger.journal.add_changes(run.id, [(change, DONE)])
    sides.read("a", {"1.ics": "base"})
    sides.identify("a")
    sides.settle_all()
    number = sides.row("a").id
    sides.state.wrote(number, "1.ics", 1, None, digests["seen"])
    sides.state.confirm(number, "1.ics", "e", digests["kept"])
    ledger.conflicts.open(JOB, 1, run.id, "t", "", "c", "open", [], {"a": digests["conflict"], "b": ""})
    sides.state.decide(1, {"prefer": "", "version": digests["decided"]})
    at(ledger, now)
    new = put(b"just put")
    ledger.journal.prune(now + 5)
    for name in names[:-1]:
        assert ledger.blobs.get(digests[name]) == name.encode()
    assert ledger.blobs.get(new) == b"just put"
    with pytest.raises(LedgerError):
        ledger.blobs.get(digests["loose"])


def test_a_body_that_is_put_again_is_young_again(ledger: Ledger, month: tuple[float, float]) -> None:
    now, ago = month
    at(ledger, ago)
    name = ledger.blobs.put(b"body")
    at(ledger, now)
    ledger.blobs.put(b"body")
    ledger.journal.prune(now - 1)
    assert ledger.blobs.get(name) == b"body"
    at(ledger, now + GRACE + 1)
    ledger.journal.prune(now + GRACE)
    with pytest.raises(LedgerError):
        ledger.blobs.get(name)


def test_closed_conflicts_and_dropped_links_go_when_they_are_old(sides: Sides, month: tuple[float, float]) -> None:
    ledger, (now, ago) = sides.ledger, month
    at(ledger, ago)
    sides.read("a", {"1.ics": "one"})
    sides.identify("a")
    link = sides.state.due_links(JOB, 0, 0, 1)[0].id
    sides.read("a", {})
    sides.settle_all()
    closed = ledger.conflicts.open(JOB, link, "r", "t", "", "c", "resolved", [], {})
    open_one = ledger.conflicts.open(JOB, None, "r", "t", "", "c", "open", [], {})
    ledger.journal.prune(ago - 10)
    assert len(ledger.conflicts.list()) == 2
    ledger.journal.prune(now)
    assert [one.id for one in ledger.conflicts.list()] == [open_one] != [closed]
    sides.state.restore(link, [])
    assert sides.state.link(link) is None
