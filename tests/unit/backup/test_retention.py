"""What retention keeps: plain policies, and what holds under any history and any clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.jobs.backup.retention import AHEAD, Kept, Policy, plan
from trueup.model.errors import ConfigError

ZONE = "Europe/Berlin"
DAY, HOUR = 86_400.0, 3600.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp()


NOW = at("2026-11-26 06:00")
NIGHT = at("2026-11-26 01:00")


def nightly(count: int, **more: object) -> list[Kept]:
    """A good snapshot a night, the newest last night; their ids count back from 0."""
    return [Kept(str(number), NIGHT - number * DAY, "crm", **more) for number in range(count)]  # type: ignore[arg-type]


# Policies -------------------------------------------------------------------------------------------------------------


def test_the_newest_of_each_slot() -> None:
    kept = plan(nightly(400), Policy(daily=7, weekly=5, monthly=12, yearly=2, keep_good=1), NOW, ZONE).keep
    days = {number for number, reasons in kept.items() if any(one.startswith("daily") for one in reasons)}
    weeks = [one for reasons in kept.values() for one in reasons if one.startswith("weekly")]
    months = [one for reasons in kept.values() for one in reasons if one.startswith("monthly")]
    assert days == {"0", "1", "2", "3", "4", "5", "6"}
    assert weeks == ["weekly 2026-W48", "weekly 2026-W47", "weekly 2026-W46", "weekly 2026-W45", "weekly 2026-W44"]
    assert months[0] == "monthly 2026-11"
    assert months[-1] == "monthly 2025-12"
    assert "yearly 2025" in kept[str((datetime(2026, 11, 26) - datetime(2025, 12, 31)).days)]


def test_what_is_not_kept_goes_oldest_first() -> None:
    found = plan(nightly(6), Policy(last=2, keep_good=1), NOW, ZONE)
    assert found.remove == ("5", "4", "3", "2")
    assert found.keep == {"0": ("newest good", "last"), "1": ("last",)}


def test_a_source_that_was_not_backed_up_for_a_month_loses_nothing_by_it() -> None:
    old = [replace(one, time=one.time - 30 * DAY) for one in nightly(10)]
    assert set(plan(old, Policy(daily=7), NOW, ZONE).keep) == {"0", "1", "2", "3", "4", "5", "6"}
    assert set(plan(old, Policy(within=3 * DAY, keep_good=1), NOW, ZONE).keep) == {"0", "1", "2", "3"}


def test_sources_have_time_lines_of_their_own() -> None:
    files = [replace(one, id=f"f{one.id}", source="files", time=one.time - 100 * DAY) for one in nightly(3)]
    found = plan([*nightly(3), *files], Policy(last=1, keep_good=1), NOW, ZONE)
    assert set(found.keep) == {"0", "f0"}


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    first = at("2026-10-25 02:30")
    twice = [Kept("a", first, "crm"), Kept("b", first + HOUR, "crm")]
    assert set(plan(twice, Policy(hourly=2, keep_good=1), NOW, ZONE).keep) == {"a", "b"}


def test_without_a_policy_everything_is_kept() -> None:
    assert plan(nightly(50), Policy(), NOW, ZONE).remove == ()


def test_nothing_goes_while_retention_is_frozen() -> None:
    found = plan(nightly(50), Policy(last=1), NOW, ZONE, frozen="the repository is damaged")
    assert found.remove == ()
    assert found.keep["49"] == ("retention is frozen: the repository is damaged",)


# What is never removed ------------------------------------------------------------------------------------------------


def test_the_newest_verified_stays_however_old() -> None:
    snapshots = [replace(one, verified=one.id in ("30", "31")) for one in nightly(40)]
    found = plan(snapshots, Policy(daily=7), NOW, ZONE)
    assert found.keep["30"] == ("newest verified",)
    assert "31" in found.remove


def test_the_last_good_ones_stay_when_all_others_fail() -> None:
    snapshots = [replace(one, good=int(one.id) >= 20) for one in nightly(40)]
    found = plan(snapshots, Policy(daily=1, keep_good=3), NOW, ZONE)
    assert {"20", "21", "22"} <= set(found.keep)
    assert found.keep["0"] == ("newer than the last good one",)
    assert found.remove[-1] == "23"


def test_what_is_not_good_goes_when_a_good_one_follows() -> None:
    snapshots = [replace(one, good=one.id in ("0", "2")) for one in nightly(4)]
    assert plan(snapshots, Policy(last=10), NOW, ZONE).remove == ("3", "1")


def test_what_is_not_good_is_kept_while_there_is_nothing_else() -> None:
    found = plan(nightly(3, good=False), Policy(last=1), NOW, ZONE)
    assert found.keep == dict.fromkeys("012", ("there is no good one",))


def test_suspicious_ones_push_nothing_out_and_are_kept() -> None:
    encrypted = [replace(one, suspicious=int(one.id) < 10) for one in nightly(20)]
    found = plan(encrypted, Policy(daily=3, keep_good=3), NOW, ZONE)
    assert {"10", "11", "12"} <= set(found.keep)
    assert set(found.keep) == {str(number) for number in range(13)}


def test_locked_ones_are_not_asked_to_go() -> None:
    locked = [replace(one, locked_until=NOW + DAY if one.id == "9" else NOW - DAY) for one in nightly(10)]
    found = plan(locked, Policy(last=1, keep_good=1), NOW, ZONE)
    assert found.keep["9"] == ("locked until 2026-11-27",)
    assert len(found.remove) == 8


def test_a_snapshot_dated_in_the_future_takes_no_slot_and_is_told() -> None:
    future = Kept("x", at("2031-01-01 00:00"), "crm", verified=True)
    own = [replace(one, verified=one.id == "2") for one in nightly(10)]
    found = plan([*own, future], Policy(daily=2, keep_good=1), NOW, ZONE)
    assert set(found.keep) == {"x", "0", "1", "2"}
    assert found.keep["x"][0] == "dated in the future"
    assert found.notes == (
        "1 snapshot of crm dated in the future (up to 2030-12-31): kept, and counted for nothing; the clock was or is wrong",
    )


def test_a_clock_that_went_back_removes_nothing_that_was_made_before() -> None:
    made = [*nightly(10), Kept("new", 1000.0, "crm"), Kept("newer", 2000.0, "crm")]
    found = plan(made, Policy(last=1, keep_good=1), 2100.0, ZONE)
    assert found.remove == ("new",)


def test_a_clock_far_ahead_removes_no_more_than_the_right_one() -> None:
    policy = Policy(daily=7, weekly=5, within=10 * DAY)
    right, wrong = (plan(nightly(100), policy, now, ZONE) for now in (NOW, at("2090-01-01 00:00")))
    assert right.remove == wrong.remove


@pytest.mark.parametrize("option", [{"last": -1}, {"within": -1.0}, {"keep_verified": 0}, {"keep_good": 0}])
def test_a_policy_that_cannot_be(option: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        Policy(**option)


# Any history, any clock -----------------------------------------------------------------------------------------------

policies = st.builds(
    Policy,
    **dict.fromkeys(("last", "hourly", "daily", "weekly", "monthly", "yearly"), st.integers(0, 4)),
    within=st.sampled_from([0.0, HOUR, 30 * DAY]),
    keep_verified=st.integers(1, 3),
    keep_good=st.integers(1, 4),
)
times = st.one_of(
    st.integers(-400, 400).map(lambda number: NIGHT + number * DAY),
    st.integers(-48, 48).map(lambda number: NIGHT + number * HOUR / 2),
    st.floats(-1e12, 1e12),
)
clock = st.one_of(st.just(NOW), st.floats(-1e11, 2e11), times.filter(lambda one: abs(one) < 2e11))
zones = st.sampled_from([ZONE, "UTC", "Pacific/Apia", "America/St_Johns"])
kept = st.builds(
    Kept,
    id=st.just(""),
    time=times,
    source=st.sampled_from(["crm", "files"]),
    good=st.booleans(),
    verified=st.booleans(),
    suspicious=st.sampled_from([False, False, True]),
    locked_until=st.none() | times,
)


def numbered(found: list[Kept]) -> list[Kept]:
    return [replace(one, id=f"{number:03}") for number, one in enumerate(found)]


histories = st.lists(kept, max_size=40).map(numbered)


def sound(snapshots: list[Kept], source: str, now: float) -> list[Kept]:
    """Newest first."""
    own = [one for one in snapshots if one.source == source and one.good and not one.suspicious]
    return sorted((one for one in own if one.time <= now + AHEAD), key=lambda one: (one.time, one.id), reverse=True)


@given(histories, policies, clock, zones)
def test_what_must_stay_stays(snapshots: list[Kept], policy: Policy, now: float, zone: str) -> None:
    found = plan(snapshots, policy, now, zone)
    removed = set(found.remove)
    assert removed | set(found.keep) == {one.id for one in snapshots}
    assert not removed & set(found.keep)
    assert len(found.remove) == len(removed)
    assert all(found.keep.values())
    for source in ("crm", "files"):
        own = [one for one in snapshots if one.source == source]
        verified = [one for one in own if one.verified]
        good = sound(snapshots, source, now)
        if verified:
            assert max(verified, key=lambda one: (one.time, one.id)).id not in removed
        assert not removed & {one.id for one in [one for one in good if one.verified][: policy.keep_verified]}
        assert not removed & {one.id for one in good[: policy.keep_good]}
        assert not own or any(one.id not in removed for one in own)
        for one in own:
            if one.suspicious or one.time > now + AHEAD or (one.locked_until is not None and one.locked_until > now):
                assert one.id not in removed
            if not one.good and not [each for each in good if (each.time, each.id) > (one.time, one.id)]:
                assert one.id not in removed


@given(histories, policies, clock, zones)
def test_planning_again_after_the_removal_removes_nothing(
    snapshots: list[Kept], policy: Policy, now: float, zone: str
) -> None:
    first = plan(snapshots, policy, now, zone)
    left = [one for one in snapshots if one.id in first.keep]
    again = plan(left, policy, now, zone)
    assert again.remove == ()
    assert again.keep == first.keep


@given(histories, policies, clock, zones)
def test_what_is_not_sound_displaces_nothing(snapshots: list[Kept], policy: Policy, now: float, zone: str) -> None:
    """Taking away everything that is not sound changes nothing for what is."""
    alone = [one for source in ("crm", "files") for one in sound(snapshots, source, now)]
    all_of_them, without = plan(snapshots, policy, now, zone), plan(alone, policy, now, zone)
    kept_by_all = {one.id for one in alone if one.id in all_of_them.keep}
    assert kept_by_all >= set(without.keep)


@given(histories, kept, policies, clock, zones)
def test_one_more_snapshot_displaces_at_most_one_a_rule(
    snapshots: list[Kept], more: Kept, policy: Policy, now: float, zone: str
) -> None:
    policy = replace(policy, within=0.0)  # that one may let go of many, when the newest is much newer
    before = set(plan(snapshots, policy, now, zone).remove)
    newly = set(plan([*snapshots, replace(more, id="999")], policy, now, zone).remove) - before - {"999"}
    good = {one.id for one in snapshots if one.good}
    rules = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
    if not more.good or more.suspicious or more.time > now + AHEAD:
        # It may only be the newest verified one in the place of another that is not sound either.
        assert (
            not newly & {one.id for one in snapshots if one.good and not one.suspicious and one.time <= now + AHEAD}
            or more.verified
        )
    else:
        assert len(newly & good) <= sum(1 for name in rules if getattr(policy, name)) + 3


@given(histories, policies, clock, clock, zones)
def test_a_clock_that_jumps_ahead_lets_go_of_nothing_of_the_past(
    snapshots: list[Kept], policy: Policy, now: float, later: float, zone: str
) -> None:
    """Where all snapshots are in the past of both clocks and nothing is locked, the clock does not matter."""
    now, later = sorted((now, later))
    past = [replace(one, locked_until=None) for one in snapshots if one.time <= now]
    assert plan(past, policy, now, zone) == plan(past, policy, later, zone)


@given(histories, policies, clock, zones)
def test_frozen_or_without_a_policy_nothing_goes(snapshots: list[Kept], policy: Policy, now: float, zone: str) -> None:
    assert plan(snapshots, policy, now, zone, frozen="damage").remove == ()
    assert plan(snapshots, Policy(), now, zone).remove == ()
