"""Occurrences: wanted once, fired once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from trueup.core.ledger import Ledger, open_ledger
from trueup.core.ledger.database import Database
from trueup.core.ledger.schema import MIGRATIONS, migrate
from trueup.model.occurrence import Occurrence, OccurrenceState


def one(key: str, at: float = 100.0, **more: object) -> Occurrence:
    return Occurrence(key, at, nominal=at, until=at + 10, **more)  # type: ignore[arg-type]


def test_an_occurrence_from_wanted_to_its_end(ledger: Ledger) -> None:
    known = ledger.occurrences
    assert known.get("nightly", "a") is None
    assert known.want("nightly", "s", one("a", params={"n": [1, None]}, title="Close\0", note="moved"))
    assert not known.want("nightly", "s", one("a", 999.0))
    assert known.want("other", "s", one("a"))
    row = known.get("nightly", "a")
    assert row is not None
    assert (row.state, row.at, row.until, row.params, row.title, row.note, row.run, row.ended, row.outcome) == (
        *(OccurrenceState.WANTED, 100.0, 110.0, {"n": [1, None]}, "Close\\x00", "moved", "", None, ""),
    )
    assert row.parent == "occurrence/a"
    assert known.fire("nightly", "a")
    assert not known.fire("nightly", "a")
    assert not known.move("nightly", one("a", 5.0))
    assert not known.withdraw("nightly", "a")
    assert [each.subject for each in known.under_way()] == ["nightly"]
    known.end("nightly", "a", "done", "run-1")
    row = known.get("nightly", "a")
    assert row is not None
    assert (row.state, row.run, row.outcome, row.note) == (OccurrenceState.FIRED, "run-1", "done", "moved")
    assert row.ended is not None
    assert known.under_way() == []
    assert not known.want("nightly", "s", one("a", 5000.0))  # a moved event does not run twice


def test_what_is_wanted_comes_by_time(ledger: Ledger) -> None:
    known = ledger.occurrences
    for key, at in (("c", 30.0), ("a", 10.0), ("b", 20.0)):
        known.want("nightly", "s", one(key, at))
    known.want("nightly", "trigger", one("t", 15.0))
    known.want("team", "s", one("z", 12.0))
    assert [each.key for each in known.wanted()] == ["a", "z", "t", "b", "c"]
    assert [each.key for each in known.wanted("nightly", "s")] == ["a", "b", "c"]
    assert [each.key for each in known.wanted(until=12.0)] == ["a", "z"]
    assert (known.next_at(12.0), known.next_at(30.0)) == (15.0, None)
    assert known.move("nightly", one("c", 5.0, params={"x": 1}))
    assert next((each.key, each.at, each.params) for each in known.wanted("nightly", "s")) == ("c", 5.0, {"x": 1})
    assert known.withdraw("nightly", "b")
    assert known.decide("nightly", "a", OccurrenceState.SKIPPED, "holiday")
    assert [each.key for each in known.wanted("nightly")] == ["c", "t"]
    assert [(each.key, each.note) for each in known.history("nightly")] == [("a", "holiday")]
    assert set(known.known("nightly", ["a", "b", "c"])) == {"a", "c"}


def test_marks_never_move_back(ledger: Ledger) -> None:
    known = ledger.occurrences
    assert known.seen("nightly", "s") is None
    known.see({("nightly", "s"): 10.0, ("team", "s"): 1.0})
    known.see({("nightly", "s"): 5.0, ("team", "s"): 2.5})
    assert (known.seen("nightly", "s"), known.seen("team", "s")) == (10.0, 2.5)


def test_a_schedule_that_is_gone_takes_back_what_it_wanted(ledger: Ledger) -> None:
    known = ledger.occurrences
    known.see({("nightly", "old"): 10.0, ("nightly", "new"): 10.0})
    known.want("nightly", "old", one("a"))
    known.want("nightly", "old", one("b"))
    known.want("nightly", "new", one("c"))
    known.fire("nightly", "a")
    assert [each.key for each in known.forget_sources({("nightly", "new")})] == ["b"]
    assert known.seen("nightly", "old") is None
    assert known.seen("nightly", "new") == 10.0
    assert [each.key for each in known.wanted()] == ["c"]
    assert [each.key for each in known.under_way()] == ["a"]


def test_what_is_over_is_forgotten_and_nothing_else(ledger: Ledger) -> None:
    known = ledger.occurrences
    for key in ("wanted", "fired", "ended", "skipped", "kept"):
        known.want("nightly", "s", one(key))
    for key in ("fired", "ended", "kept"):
        known.fire("nightly", key)
    for key in ("ended", "kept"):
        known.end("nightly", key, "done")
    known.decide("nightly", "skipped", OccurrenceState.SKIPPED)
    assert known.prune(0.0) == 0
    assert known.prune(4e9, {("nightly", "kept")}) == 2
    assert {each.key for each in (*known.wanted(), *known.under_way(), *known.history())} == {"wanted", "fired", "kept"}


def test_of_many_who_fire_one_succeeds(ledger: Ledger) -> None:
    for number in range(20):
        ledger.occurrences.want("nightly", "s", one(str(number)))
        with ThreadPoolExecutor(4) as pool:
            fired = list(pool.map(lambda _, key=str(number): ledger.occurrences.fire("nightly", key), range(4)))
        assert sorted(fired) == [False, False, False, True]


def test_a_ledger_of_the_first_version_gets_them(url: str) -> None:
    from trueup.core.ledger import _dialect

    database = Database(_dialect(url))
    migrate(database, MIGRATIONS[:1])
    run = Ledger(database).journal.start("run", "team").id
    database.close()
    with open_ledger(url) as ledger:
        assert ledger.occurrences.wanted() == []
        assert ledger.occurrences.want("team", "s", one("a"))
        assert ledger.journal.get(run).subject == "team"
