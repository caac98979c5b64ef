"""Conflicts."""

from __future__ import annotations

import pytest

from trueup.core.ledger import Ledger
from trueup.model.errors import NotFound

FIELDS = [{"key": ["", "WHEN", ""], "label": "start", "values": {"a": "10:00", "b": None}, "winner": ""}]


def open_one(ledger: Ledger, link: int | None = 1, state: str = "open", title: str = "Lunch", job: str = "team") -> int:
    return ledger.conflicts.open(job, link, "run", title, "Mon", "fields", state, FIELDS, {"a": "x" * 32})


def test_a_conflict_is_kept_whole(ledger: Ledger) -> None:
    ledger._database.now = lambda: 5.0
    one = ledger.conflicts.get(open_one(ledger))
    assert (one.job, one.link, one.run, one.opened, one.title, one.starts) == ("team", 1, "run", 5.0, "Lunch", "Mon")
    assert (one.code, one.state, one.fields, one.winner) == ("fields", "open", FIELDS, "")
    assert one.versions == {"a": "x" * 32}


@pytest.mark.parametrize("state", ["open", "decided"])
def test_one_that_waits_is_replaced_and_keeps_its_number(ledger: Ledger, state: str) -> None:
    number = open_one(ledger)
    ledger.conflicts.set_state(number, state, "a")
    assert open_one(ledger, title="Lunch, moved") == number
    [one] = ledger.conflicts.list()
    assert (one.title, one.state, one.winner) == ("Lunch, moved", "open", "")


def test_a_closed_one_is_history(ledger: Ledger) -> None:
    first = open_one(ledger, state="resolved")
    second = open_one(ledger)
    assert first != second
    assert [one.state for one in ledger.conflicts.list()] == ["resolved", "open"]


def test_conflicts_without_a_link_stand_for_themselves(ledger: Ledger) -> None:
    assert open_one(ledger, None) != open_one(ledger, None)


def test_conflicts_are_listed_by_job_and_state(ledger: Ledger) -> None:
    a, b = open_one(ledger, 1), open_one(ledger, 2)
    c = open_one(ledger, 3, job="other")
    ledger.conflicts.set_state(b, "decided", "a")
    assert [one.id for one in ledger.conflicts.list()] == [a, b, c]
    assert [one.id for one in ledger.conflicts.list("team")] == [a, b]
    assert [one.id for one in ledger.conflicts.list("team", ("open",))] == [a]
    assert [one.id for one in ledger.conflicts.list(states=("open", "decided"))] == [a, b, c]
    assert ledger.conflicts.get(b).winner == "a"


def test_all_that_waits_for_a_link_is_closed(ledger: Ledger) -> None:
    number, other = open_one(ledger, 1), open_one(ledger, 2)
    ledger.conflicts.close_for_link(1, "resolved", "b")
    assert (ledger.conflicts.get(number).state, ledger.conflicts.get(number).winner) == ("resolved", "b")
    assert ledger.conflicts.get(other).state == "open"


def test_an_unknown_number_is_told(ledger: Ledger) -> None:
    with pytest.raises(NotFound, match="no conflict number 77") as caught:
        ledger.conflicts.get(77)
    assert "resolve" in caught.value.hint
