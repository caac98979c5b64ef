"""Which snapshot is meant, and what of a place is shown."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from trueup.jobs.backup.choosing import meant, until
from trueup.model.errors import NotFound, UsageError
from trueup.model.repository import Snapshot
from trueup.ui.cli.restoring import shown

ZONE = "Europe/Berlin"


def at(text: str, zone: str = ZONE) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


FOUND = [
    Snapshot("20261124T000000-aaaa", at("2026-11-24 01:00")),
    Snapshot("20261126T000000-bbbb", at("2026-11-26 01:00:30")),
    Snapshot("20261126T220000-cccc", at("2026-11-26 23:00")),
    Snapshot("f00d", at("2026-11-28 01:00")),
]


def chosen(text: str, usable: list[Snapshot] | None = None) -> str:
    return meant(FOUND, FOUND if usable is None else usable, "crm", text, ZONE).id


def test_the_newest_unless_something_is_said() -> None:
    assert chosen("") == "f00d"
    assert chosen("", FOUND[:1]) == FOUND[0].id


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("2026-11-26", 2),  # all of that day
        ("2026-11-25", 0),
        ("2026-11-26 01:00", 1),  # all of that minute
        ("2026-11-26T01:00", 1),
        ("2026-11-26 01:00:29", 0),
        ("2026-11-26 01:00:30", 1),
        ("2026-11-26 00:00Z", 1),  # 01:00 in Berlin
        ("2026-11-26T00:00+01:00", 0),
        ("2027-01-01", 3),
    ],
)
def test_a_time_means_the_last_one_until_its_end(text: str, index: int) -> None:
    assert chosen(text) == FOUND[index].id


def test_a_day_of_25_hours_ends_when_it_ends() -> None:
    assert until("2026-10-25", ZONE) == at("2026-10-26 00:00")
    assert until("2026-10-25 02:30", ZONE) == at("2026-10-25 02:00", "UTC") - 29 * 60  # the second of the two


def test_the_beginning_of_an_id() -> None:
    assert chosen("f0") == "f00d"
    assert chosen("20261124") == FOUND[0].id  # no time: as ids begin
    assert chosen("20261126T22") == FOUND[2].id
    assert chosen(FOUND[1].id, []) == FOUND[1].id  # by its id, any


def test_several_that_begin_alike_are_named() -> None:
    with pytest.raises(UsageError) as raised:
        chosen("20261126")
    assert "20261126 is the beginning of 2 snapshots of crm" in str(raised.value)
    assert "20261126T000000-bbbb of 2026-11-26 01:00 CET" in raised.value.why
    assert "20261126T220000-cccc of 2026-11-26 23:00 CET" in raised.value.why


def test_what_is_not_there_is_said_with_what_is() -> None:
    with pytest.raises(NotFound) as raised:
        chosen("2026-11-01")
    assert raised.value.why == "the oldest good one is of 2026-11-24 01:00 CET"
    with pytest.raises(NotFound):
        chosen("beef")
    with pytest.raises(NotFound):
        chosen("", [])
    with pytest.raises(UsageError):
        chosen("2026-02-30")


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("postgresql://u:se:cret@h/db", "postgresql://u@h/db"),
        ("postgresql://u:s@e@h:5432/db", "postgresql://u@h:5432/db"),
        ("postgresql://u:pa/ss@h/db", "postgresql://u@h/db"),
        ("postgresql://u:pa?ss@h/db", "postgresql://u@h/db"),
        ("postgresql://u:p@a?s=s@h/db?sslmode=require", "postgresql://u@h/db?sslmode=require"),
        (
            "postgresql://h/db?user=u&password=secret&sslmode=require",
            "postgresql://h/db?user=u&password=***&sslmode=require",
        ),
        ("mysql://root@localhost/shop?socket=/run/x.sock", "mysql://root@localhost/shop?socket=/run/x.sock"),
        ("postgresql://h/db", "postgresql://h/db"),
        ("./restored/a@b:c/", "./restored/a@b:c/"),
        ("work/team", "work/team"),
    ],
)
def test_an_address_is_shown_without_its_secrets(place: str, told: str) -> None:
    assert shown(place) == told
