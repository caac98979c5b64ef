"""Jobs that start by themselves: real calendars in folders, kept in step by `trueup serve`."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.engines.serving.office import Office, office
from trueup.app import App

pytestmark = pytest.mark.slow

STORES = "  home: {connector: vdir, path: calendars}"
EVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//people//EN
BEGIN:VEVENT
UID:{uid}
DTSTAMP:20261101T000000Z
DTSTART:20261126T090000Z
SUMMARY:Meeting {uid}
END:VEVENT
END:VCALENDAR
"""


def config(schedule: str, seconds: float = 0.0) -> str:
    """A job with a schedule, and a pipeline that uses it when the file `in/go` comes."""
    return f"""  hold:
    triggers: [{{file: in/go, settle: 0.1s}}]
    steps:
      first: {{job: team}}
      a: {{python: "steps:note", needs: first, with: {{what: hold, seconds: {seconds}}}}}
jobs:
  team:
    kind: calendar
    collections: [{{store: home, name: a}}, {{store: home, name: b}}]
    schedule: {schedule}
"""


def put(place: Office, folder: str, uid: str) -> None:
    target = place.folder / "calendars" / folder
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{uid}.ics").write_bytes(EVENT.format(uid=uid).replace("\n", "\r\n").encode())


def there(place: Office, folder: str) -> set[str]:
    return {one.stem for one in (place.folder / "calendars" / folder).glob("*.ics")}


def test_a_job_on_a_schedule_keeps_calendars_in_step(tmp_path: Path) -> None:
    with office(tmp_path, config("{every: 2s}"), STORES) as place:
        put(place, "a", "one")
        put(place, "b", "two")
        serve = place.serve()
        place.wait_for(lambda: there(place, "a") == there(place, "b") and len(there(place, "a")) == 2)
        put(place, "a", "three")
        place.wait_for(lambda: len(there(place, "b")) == 3)
        assert serve.stop() == 0
        outcomes = {one["outcome"] for one in serve.told(event="run", state="ended")}
        assert outcomes == {"done"}


def test_a_job_waits_for_a_pipeline_that_uses_it(tmp_path: Path) -> None:
    text = config("{every: 2s, collide: queue}", 5.0)
    with office(tmp_path, text, STORES) as place:
        put(place, "a", "one")
        put(place, "b", "two")
        serve = place.serve()
        serve.wait(event="run", state="ended", subject="team")
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "go").touch()
        place.wait_for(lambda: "begin hold" in place.notes())
        serve.wait(event="occurrence", state="queued", subject="team")
        running = len(serve.told(event="run", state="started", subject="team"))
        time.sleep(2.5)
        assert len(serve.told(event="run", state="started", subject="team")) == running
        serve.wait(event="run", state="ended", subject="hold", outcome="done")
        serve.wait(event="run", state="started", subject="team", count=running + 1)
        assert serve.stop() == 0
        assert all(state in ("done", "running") for _, state in place.runs("team"))  # never "locked"


def test_a_person_is_asked_before_a_job_runs_where_it_would_meet_another(tmp_path: Path) -> None:
    text = config("{every: 3s, collide: ask}", 6.0)
    with office(tmp_path, text, STORES) as place:
        put(place, "a", "one")
        put(place, "b", "two")
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "go").touch()
        serve = place.serve()
        (asked, *_) = serve.wait(event="occurrence", state="asked", subject="team")
        serve.wait(event="run", state="ended", subject="hold", outcome="done")
        assert serve.stop() == 0
        put(place, "a", "three")
        waiting = [run for run, state in place.runs("team") if state == "awaiting_approval"]
        assert waiting
        assert "trueup apply" in asked["note"]
        report = place.trueup("apply", waiting[-1])
        assert report["state"] == "done"
        assert there(place, "b") == {"one", "two", "three"}


def test_a_job_with_trouble_is_told_and_the_next_start_tries_again(tmp_path: Path) -> None:
    with office(tmp_path, config("{every: 2s}"), STORES) as place:
        put(place, "a", "one")
        put(place, "b", "two")
        serve = place.serve()
        serve.wait(event="run", state="ended", subject="team", outcome="done")
        (tmp_path / "calendars" / "b").rename(tmp_path / "calendars" / "elsewhere")
        place.wait_for(lambda: [one for one in serve.told(event="run", state="ended") if one["outcome"] != "done"])
        (tmp_path / "calendars" / "elsewhere").rename(tmp_path / "calendars" / "b")
        before = len(serve.told(event="run", state="ended", outcome="done"))
        serve.wait(event="run", state="ended", subject="team", outcome="done", count=before + 1)
        assert there(place, "a") == there(place, "b") == {"one", "two"}
        assert serve.stop() == 0


def test_a_job_that_somebody_began_and_was_killed_is_finished(tmp_path: Path) -> None:
    with office(tmp_path, config("{every: 12h}"), STORES) as place:
        put(place, "a", "one")
        put(place, "b", "two")
        planned = place.trueup("plan", "team")
        with App.load(tmp_path) as app:  # as a kill in the middle of applying leaves it
            app.ledger.journal.update(planned["run"], state="running", phase="apply")
        serve = place.serve()
        (ended,) = serve.wait(event="run", state="ended", subject="team")
        assert (ended["run"], ended["outcome"]) == (planned["run"], "done")
        assert there(place, "a") == there(place, "b") == {"one", "two"}
        assert serve.stop() == 0
