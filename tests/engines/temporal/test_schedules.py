"""Schedules on the real server: made, compared, repaired; and what they start."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from temporalio.client import ScheduleOverlapPolicy, ScheduleUpdate

from tests.engines.temporal.office import JOB, Office
from trueup.app import App
from trueup.core.schedules import occurrences
from trueup.engines.temporal import ENGINE
from trueup.engines.temporal.cron import calendars
from trueup.engines.temporal.schedules import Wanted, longest_gap
from trueup.model.errors import ConfigError
from trueup.model.schedule import CatchUp, Overlap, ScheduleSpec

SCHEDULED = """\
pipelines:
  nightly:
    schedule: {cron: "30 7 * * 1-5", zone: Europe/Berlin, jitter: 5s, overlap: queue, params: {n: 7}}
    params: {n: {type: integer}}
    steps:
      say: {python: "office:say", with: {x: "${params.n}"}}
  often:
    schedule: {every: 2s}
    steps:
      say: {python: "office:say"}
"""


def units(office: Office) -> dict[str, dict[str, Any]]:
    """What `status` tells of the schedules, by name."""
    found = ENGINE.status(office.config)["units"]
    return {one["name"]: one for one in found if one["kind"] == "schedule"}


def test_deploy_makes_them_and_status_finds_what_was_changed_by_hand(office: Office) -> None:
    office.write(JOB + SCHEDULED)
    assert {name: one["state"] for name, one in units(office).items()} == {"nightly": "missing", "often": "missing"}
    changed = {one["name"]: one["state"] for one in ENGINE.deploy(office.config)["changed"]}
    assert (changed["nightly"], changed["often"]) == ("created", "created")
    assert {one["state"] for one in units(office).values()} == {"ok"}
    again = {one["name"]: one["state"] for one in ENGINE.deploy(office.config)["changed"]}
    assert set(again.values()) == {"same"}

    async def by_hand(client: Any) -> None:
        await client.get_schedule_handle(f"{office.queue}/often").pause(note="the auditors are here")
        handle = client.get_schedule_handle(f"{office.queue}/nightly")

        def other_policy(input: Any) -> ScheduleUpdate:
            schedule = input.description.schedule
            schedule.policy.overlap = ScheduleOverlapPolicy.ALLOW_ALL
            return ScheduleUpdate(schedule)

        await handle.update(other_policy)
        extra = Wanted("gone", "pipeline", ScheduleSpec(cron="0 5 * * *"), office.queue)
        await client.create_schedule(extra.id, extra.schedule())

    office.with_client(by_hand)
    while "gone" not in units(office):  # the server's list of schedules lags behind
        time.sleep(0.2)
    found = units(office)
    assert {name: one["state"] for name, one in found.items()} == {
        "often": "paused",
        "nightly": "changed",
        "gone": "extra",
    }
    assert (found["nightly"]["wanted"], found["nightly"]["found"]) == (
        {"overlap": "buffer_all"},
        {"overlap": "allow_all"},
    )
    ENGINE.fix(office.config, ENGINE.status(office.config))
    while "gone" in units(office):
        time.sleep(0.2)
    assert {name: one["state"] for name, one in units(office).items()} == {"nightly": "ok", "often": "ok"}


@pytest.mark.slow
def test_a_schedule_starts_runs(office: Office) -> None:
    office.write(JOB + SCHEDULED)
    office.worker()
    ENGINE.deploy(office.config)

    async def scenario(client: Any) -> None:
        async def twice() -> bool:
            return office.counted()["say"] >= 2

        await office.until(twice)

    try:
        office.with_client(scenario)
    finally:
        office.write(JOB)
        ENGINE.deploy(office.config)
    while units(office):
        time.sleep(0.2)
    runs = ENGINE.status(office.config)["runs"]
    assert {one["name"] for one in runs} == {"often"}


CRON = (
    "30 7 * * 1-5",
    "*/15 8-17 * * *",
    "0 6 1 * *",
    "5 4 * * sun",
    "0 0,12 1 */2 *",
    "0 9 13 * 5",
    "0 12 * * 5-7",
    "7 3 */2 * 7",
)


@pytest.mark.parametrize("cron", [CRON[0], *(pytest.param(one, marks=pytest.mark.slow) for one in CRON[1:])])
def test_the_server_means_the_same_by_a_cron_line_as_trueup(office: Office, cron: str) -> None:
    """The next ten times that the server has worked out are those that `trueup serve` would start at."""
    wanted = Wanted("team", "job", ScheduleSpec(cron=cron, zone="Asia/Kolkata", paused=False), office.queue)

    async def scenario(client: Any) -> list[datetime]:
        handle = await client.create_schedule(wanted.id, wanted.schedule())
        times = list((await handle.describe()).info.next_action_times)
        await handle.delete()
        return times

    times = office.with_client(scenario)
    assert len(times) == 10
    now = datetime.now(UTC).timestamp()
    expected = [one.at for one in occurrences(wanted.spec, now, now + 800 * 86400)][:10]
    assert [one.timestamp() for one in times] == expected


@pytest.mark.slow
def test_changes_of_the_clock_are_as_the_page_says(office: Office) -> None:
    async def scenario(client: Any, start: str) -> list[str]:
        wanted = Wanted("team", "job", ScheduleSpec(cron="30 2 * * *", zone="Europe/Berlin"), office.queue)
        schedule = wanted.schedule()
        schedule.spec.start_at = datetime.fromisoformat(start)
        handle = await client.create_schedule(wanted.id, schedule)
        times = (await handle.describe()).info.next_action_times
        await handle.delete()
        return [one.astimezone(ZoneInfo("Europe/Berlin")).isoformat() for one in times[:3]]

    left_out = office.with_client(lambda client: scenario(client, "2027-03-27T00:00:00+01:00"))
    assert [one[:10] for one in left_out] == ["2027-03-27", "2027-03-29", "2027-03-30"]
    twice = office.with_client(lambda client: scenario(client, "2027-10-30T00:00:00+02:00"))
    assert [one[:10] for one in twice] == ["2027-10-30", "2027-10-31", "2027-11-01"]


def test_what_the_server_cannot_say_is_refused() -> None:
    with pytest.raises(ConfigError) as error:
        calendars("0 5 L * *")
    assert "`L`" in error.value.why


def test_policies() -> None:
    def policy(**more: Any) -> Any:
        return Wanted("team", "job", ScheduleSpec(cron="0 6 * * 1-5", **more), "q").schedule().policy

    assert policy(catch_up=CatchUp.SKIP).catchup_window == timedelta(seconds=10)
    # From Friday to Monday: the last that was missed is never longer ago.
    assert policy().catchup_window == timedelta(days=3)
    assert policy(catch_up=CatchUp.ALL).overlap is ScheduleOverlapPolicy.BUFFER_ALL
    assert policy(overlap=Overlap.CANCEL).overlap is ScheduleOverlapPolicy.CANCEL_OTHER
    assert longest_gap(ScheduleSpec(every=90.0)) == timedelta(seconds=90)
    assert longest_gap(ScheduleSpec(cron="0 0 1 1 *")) == timedelta(days=366)


FOLLOWING = """\
pipelines:
  batch:
    schedule: {calendar: {store: work, name: ops, title: "Batch", refresh: 10s}, params: {n: 1}}
    params: {n: {type: integer}}
    steps:
      say: {python: "office:say", with: {x: "${params.n}"}}
"""


def planned(office: Office, uid: str, at: datetime, description: str = "", end: datetime | None = None) -> None:
    """An event in the calendar that drives the pipeline."""
    lines = (
        *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example.org//Office//EN", "BEGIN:VEVENT", f"UID:{uid}"),
        *(
            "DTSTAMP:20261101T080000Z",
            f"DTSTART:{at:%Y%m%dT%H%M%SZ}",
            "SUMMARY:Batch run",
            f"DESCRIPTION:{description}",
        ),
        *([f"DTEND:{end:%Y%m%dT%H%M%SZ}"] if end else []),
        *("END:VEVENT", "END:VCALENDAR", ""),
    )
    folder = office.folder / "work" / "ops"
    folder.mkdir(exist_ok=True)
    (folder / f"{uid}.ics").write_bytes("\r\n".join(lines).encode())


def listed(office: Office) -> list[str]:
    """The moments of the schedule `batch` on the server."""

    async def scenario(client: Any) -> list[str]:
        description = await client.get_schedule_handle(f"{office.queue}/batch").describe()
        return sorted(one.comment for one in description.schedule.spec.calendars)

    return [one for one in office.with_client(scenario) if not one.startswith("2000")]


@pytest.mark.slow
def test_a_calendar_drives_a_pipeline(office: Office) -> None:
    """Events start it with their parameters; what is moved or deleted in the calendar is moved and deleted on the server."""
    now = datetime.now(UTC).replace(microsecond=0)
    tomorrow, later = now + timedelta(days=1), now + timedelta(days=2)
    office.write(JOB + FOLLOWING)
    planned(office, "one", tomorrow)
    planned(office, "same-time", tomorrow)
    ENGINE.deploy(office.config)
    second = tomorrow + timedelta(seconds=1)
    assert listed(office) == [tomorrow.isoformat(), second.isoformat()]
    assert units(office)["batch"]["state"] == "ok"

    planned(office, "one", later)
    (office.folder / "work" / "ops" / "same-time.ics").unlink()
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=14)
    planned(office, "soon", soon, "n: 42")
    assert units(office)["batch"]["state"] == "changed"
    office.worker()

    async def followed(client: Any) -> None:
        await client.get_schedule_handle(f"{office.queue}/follow calendars").trigger()

        async def there() -> bool:
            description = await client.get_schedule_handle(f"{office.queue}/batch").describe()
            return len(description.schedule.spec.calendars) == 2 and description.schedule.spec.calendars[0] is not None

        await office.until(there)

        async def ran() -> bool:
            return bool(office.effects())

        await office.until(ran, 60)

    office.with_client(followed)
    assert listed(office) == [soon.isoformat(), later.isoformat()]
    with App.load(office.folder / "trueup.yaml") as app:
        (run,) = app.history("batch")
    assert run["plan"]["params"] == {"n": 42}
    assert units(office)["batch"]["state"] == "ok"


@pytest.mark.slow
def test_holidays_are_left_out_or_moved(office: Office) -> None:
    """What the server has no word for becomes a list of moments."""
    day = (datetime.now(UTC) + timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)
    office.write(
        JOB
        + FOLLOWING.replace(
            'calendar: {store: work, name: ops, title: "Batch", refresh: 10s}',
            'cron: "0 6 * * *", except: {calendar: {store: work, name: ops}}',
        )
    )
    planned(office, "holiday", day + timedelta(hours=5, minutes=50), end=day + timedelta(hours=6, minutes=10))
    ENGINE.deploy(office.config)
    times = listed(office)
    assert (day - timedelta(days=1)).replace(hour=6).isoformat() in times
    assert (day + timedelta(days=1)).replace(hour=6).isoformat() in times
    assert day.replace(hour=6).isoformat() not in times
    assert len(times) >= 25


@pytest.mark.slow
def test_a_moment_whose_event_is_gone_starts_nothing(office: Office) -> None:
    office.write(JOB + FOLLOWING)
    planned(office, "one", datetime.now(UTC) + timedelta(days=1))
    ENGINE.deploy(office.config)
    office.worker()

    async def scenario(client: Any) -> Any:
        handle = client.get_schedule_handle(f"{office.queue}/batch")
        await handle.trigger()  # by hand, at a moment that is no event's

        async def ended() -> Any:
            actions = (await handle.describe()).info.recent_actions
            return actions[0].action.workflow_id if actions else None

        return await client.get_workflow_handle(await office.until(ended)).result()

    assert office.with_client(scenario)["state"] == "superseded"
    assert office.effects() == []
