"""What trueup.yaml says and what Airflow does by itself stay the same: DAG files, switches, schedules, calendars, ends of other runs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engines.airflow.office import Office
from tests.support.airflow_server import Airflow, AirflowError
from trueup.engines.airflow.pools import prefix_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SAY = {"steps": {"say": {"python": "say"}}}


def trueup(airflow: Airflow, office: Office, *words: str, code: int | None = 0) -> Any:
    """A command of trueup, as an administrator of this Airflow runs it."""
    login = {
        "TRUEUP_AIRFLOW_URL": airflow.url,
        "TRUEUP_AIRFLOW_USER": "ana",
        "TRUEUP_AIRFLOW_PASSWORD": airflow.password,
    }
    done = subprocess.run(
        [sys.executable, "-m", "trueup", *words, "--json"],
        cwd=office.folder,
        env={**airflow.env, **login},
        capture_output=True,
        text=True,
        check=False,
    )
    assert code in (None, done.returncode), (done.stdout + done.stderr)[-3000:]
    return json.loads(done.stdout)


def states(airflow: Airflow, office: Office, *more: str, code: int = 0) -> dict[str, str]:
    """The state of every DAG."""
    return {name.rpartition("/")[2]: state for name, state in units(airflow, office, "DAG", *more, code=code).items()}


def units(airflow: Airflow, office: Office, kind: str, *more: str, code: int = 0) -> dict[str, str]:
    (found,) = trueup(airflow, office, "engine", "status", "airflow", *more, code=code)["engines"]
    return {one["name"]: one["state"] for one in found["units"] if one["kind"] == kind}


def in_order(airflow: Airflow, office: Office, seconds: float = 90) -> bool:
    """Whether everything is ok, or soon."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done = subprocess.run(
            [sys.executable, "-m", "trueup", "engine", "status", "airflow", "--json"],
            cwd=office.folder,
            env={**airflow.env, "TRUEUP_AIRFLOW_URL": airflow.url, "TRUEUP_AIRFLOW_TOKEN": airflow.token()},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return True
        time.sleep(1)
    return False


def test_deployed_compared_repaired(airflow: Airflow, large: Office) -> None:
    large.write({"nightly": {**SAY, "schedule": {"cron": "0 6 * * 1-5", "zone": "Europe/Berlin"}}, "weekly": SAY})
    changed = trueup(airflow, large, "engine", "airflow", "deploy")["changed"]
    large.dag_file = next(airflow.dags.glob("trueup_*.py"))
    assert {one["state"] for one in changed} == {"created"}
    assert in_order(airflow, large)
    assert states(airflow, large) == dict.fromkeys(("team", "nightly", "weekly"), "ok")
    assert {one["state"] for one in trueup(airflow, large, "engine", "airflow", "deploy")["changed"]} == {"same"}

    airflow.api("PATCH", "/dags/nightly", {"is_paused": True})
    assert states(airflow, large, code=3)["nightly"] == "paused"
    assert states(airflow, large, "--fix")["nightly"] == "ok"
    assert airflow.api("GET", "/dags/nightly")["is_paused"] is False

    airflow.kill_part("dag-processor")  # else it would be faster than the look at what differs
    large.write({"nightly": {**SAY, "schedule": {"every": "1h"}}, "monthly": SAY})
    found = states(airflow, large, code=3)
    assert found == {"team": "ok", "nightly": "changed", "monthly": "missing", "weekly": "extra"}
    trueup(airflow, large, "engine", "status", "airflow", "--fix", code=3)
    airflow.start_part("dag-processor")
    assert in_order(airflow, large), states(airflow, large, code=3)
    assert set(states(airflow, large)) == {"team", "nightly", "monthly"}
    assert airflow.api("GET", "/dags/nightly/details")["timetable_summary"] == "every 3600 s"

    large.dag_file.unlink()
    airflow.wait_for(
        lambda: set(states_of_any(airflow, large).values()) == {"missing"}, "Airflow to miss the file", 120
    )
    trueup(airflow, large, "engine", "status", "airflow", "--fix", code=None)
    assert in_order(airflow, large)


def states_of_any(airflow: Airflow, office: Office) -> dict[str, str]:
    try:
        return states(airflow, office, code=3)
    except AssertionError:
        return {}


def test_pools_hold_what_the_stores_may(airflow: Airflow, large: Office) -> None:
    """Each store has its pool with as many slots as workers; the job's tasks take the narrowest one's. What is changed by hand is put back."""
    uids = large.fill(3)
    large.write(workers=1)
    trueup(airflow, large, "engine", "airflow", "deploy")
    large.dag_file = max(airflow.dags.glob("trueup_*.py"), key=lambda one: one.stat().st_mtime)
    assert in_order(airflow, large)
    found = {one["name"]: one["slots"] for one in airflow.api("GET", "/pools?limit=100")["pools"]}
    narrow, wide = (prefix_of(large.config) + store for store in ("work", "laptop"))
    assert (found[narrow], found[wide]) == (1, 4)
    run = airflow.trigger("team")
    airflow.assert_success("team", run)
    large.assert_same(uids)
    pools = {task: one["pool"] for (task, _), one in airflow.tasks("team", run).items()}
    assert {task for task, pool in pools.items() if pool == narrow} >= {"read", "apply", "verify"}
    assert pools["plan"] == "default_pool"

    airflow.api("PATCH", f"/pools/{narrow}?update_mask=slots", {"slots": 9})
    airflow.api("DELETE", f"/pools/{wide}")
    assert units(airflow, large, "pool", code=3) == {narrow: "changed", wide: "missing"}
    assert set(units(airflow, large, "pool", "--fix").values()) == {"ok"}
    found = {one["name"]: one["slots"] for one in airflow.api("GET", "/pools?limit=100")["pools"]}
    assert (found[narrow], found[wide]) == (1, 4)

    large.write(workers=3)
    assert units(airflow, large, "pool", code=3) == {narrow: "changed", wide: "ok"}
    changed = {one["name"]: one["state"] for one in trueup(airflow, large, "engine", "airflow", "deploy")["changed"]}
    assert (changed[narrow], changed[wide]) == ("updated", "same")


def test_without_a_way_to_airflow_a_file_names_no_pools(airflow: Airflow, large: Office) -> None:
    """Airflow would start no task whose pool is not there."""
    done = subprocess.run(
        [sys.executable, "-m", "trueup", "engine", "airflow", "deploy", "--json"],
        cwd=large.folder,
        env={**airflow.env, "TRUEUP_AIRFLOW_URL": "http://127.0.0.1:9", "TRUEUP_AIRFLOW_TOKEN": "x"},
        capture_output=True,
        text=True,
        check=True,
    )
    (skipped,) = [one for one in json.loads(done.stdout)["changed"] if one["kind"] == "pool"]
    assert (skipped["state"], "127.0.0.1:9" in skipped["name"]) == ("skipped", True)
    large.dag_file = max(airflow.dags.glob("trueup_*.py"), key=lambda one: one.stat().st_mtime)
    assert "pools=False" in large.dag_file.read_text()
    trueup(airflow, large, "engine", "airflow", "deploy")
    assert "pools=True" in large.dag_file.read_text()


def test_a_broken_dag_file_is_told(airflow: Airflow, large: Office) -> None:
    trueup(airflow, large, "engine", "airflow", "deploy")
    large.dag_file = max(airflow.dags.glob("trueup_*.py"), key=lambda one: one.stat().st_mtime)
    assert in_order(airflow, large)
    large.dag_file.write_text("from airflow.sdk import dag\nraise ValueError('half a disk')\n")

    def told() -> list[str]:
        (found,) = trueup(airflow, large, "engine", "status", "airflow", code=3)["engines"]
        return [one["found"]["error"] for one in found["units"] if one["kind"] == "DAG file"]

    time.sleep(10)
    assert airflow.wait_for(told, "the import error", 60) == ["ValueError: half a disk"]
    trueup(airflow, large, "engine", "airflow", "deploy")
    assert in_order(airflow, large)


def test_no_airflow_is_said_plainly(large: Office) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trueup", "engine", "status", "airflow"],
        cwd=large.folder,
        env={
            "PATH": "/usr/bin:/bin",
            "AIRFLOW_HOME": str(large.folder),
            "TRUEUP_AIRFLOW_URL": "http://127.0.0.1:9",
            "TRUEUP_AIRFLOW_TOKEN": "x",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 75
    assert "127.0.0.1:9" in done.stdout + done.stderr


def event_at(moment: datetime, uid: str, title: str, description: str = "") -> str:
    lines = [
        *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example.org//Tests//EN", "BEGIN:VEVENT", f"UID:{uid}"),
        *(
            "DTSTAMP:20261101T080000Z",
            f"DTSTART:{moment:%Y%m%dT%H%M%SZ}",
            f"DTEND:{moment + timedelta(minutes=1):%Y%m%dT%H%M%SZ}",
        ),
        *(f"SUMMARY:{title}", f"DESCRIPTION:{description}", "CATEGORIES:closing", "END:VEVENT", "END:VCALENDAR", ""),
    ]
    return "\r\n".join(lines)


def test_a_calendar_drives_a_pipeline(airflow: Airflow, large: Office) -> None:
    plans = large.folder / "plans" / "ops"
    plans.mkdir(parents=True)
    close = {
        "params": {"region": {"type": "string"}},
        "steps": {"say": {"python": "say", "with": {"x": "${params.region}"}}},
        "schedule": {
            "calendar": {"store": "plans", "name": "ops", "categories": "closing", "refresh": "1m"},
            "catch_up": "all",
        },
    }
    large.write({"close": close}, stores={"plans": {"connector": "vdir", "path": str(plans.parent)}})
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=100)
    (plans / "kept.ics").write_text(event_at(soon, "kept", "Close EMEA", "region: EMEA"))
    (plans / "gone.ics").write_text(event_at(soon + timedelta(seconds=30), "gone", "Close APAC", "region: APAC"))
    since = f"since=__import__('datetime').datetime.fromisoformat({datetime.now(UTC).isoformat()!r}),"
    large.deploy(airflow, "close", "trueup_calendars", more=since)
    dag = large.dag("close")

    def next_run() -> str:
        return str(airflow.api("GET", f"/dags/{dag}/details")["next_dagrun_run_after"] or "")

    assert datetime.fromisoformat(airflow.wait_for(next_run, "Airflow to know the event", 90)) == soon
    (variable,) = [
        one for one in airflow.api("GET", "/variables?limit=100")["variables"] if one["key"].endswith("_close")
    ]
    assert [one["title"] for one in json.loads(variable["value"])] == ["Close EMEA", "Close APAC"]
    airflow.wait_for(lambda: large.effects()["say"], "the event to start the pipeline", 180)
    assert abs(time.time() - soon.timestamp()) < 60
    (plans / "gone.ics").unlink()  # seconds before it begins: only a look at the calendar itself can tell

    def second() -> Any:
        runs = airflow.api("GET", f"/dags/{dag}/dagRuns?order_by=run_after")["dag_runs"]
        return len(runs) > 1 and runs[1]["state"] == "success"

    airflow.wait_for(second, "the run of the event that is gone", 120)
    assert large.effects() == {"say": 1}
    first, after = airflow.api("GET", f"/dags/{dag}/dagRuns?order_by=run_after")["dag_runs"]
    assert airflow.task_states(dag, first["dag_run_id"])["say"] == "success"
    assert airflow.task_states(dag, after["dag_run_id"])["begin"] == "skipped"
    with large.app() as app:
        (record,) = app.history("close")
        assert record["plan"]["params"] == {"region": "EMEA"}


def test_a_moved_event_that_airflow_has_not_heard_of(airflow: Airflow, large: Office) -> None:
    plans = large.folder / "plans" / "ops"
    plans.mkdir(parents=True)
    schedule = {"calendar": {"store": "plans", "name": "ops", "refresh": "1h"}}
    large.write(
        {"close": {**SAY, "schedule": schedule}}, stores={"plans": {"connector": "vdir", "path": str(plans.parent)}}
    )
    planned = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    (plans / "close.ics").write_text(event_at(planned, "close", "Close"))
    trueup(airflow, large, "engine", "airflow", "deploy")
    large.dag_file = max(airflow.dags.glob("trueup_*.py"), key=lambda one: one.stat().st_mtime)

    def next_run() -> str:
        try:
            return str(airflow.api("GET", "/dags/close/details")["next_dagrun_run_after"] or "")
        except AirflowError:
            return ""

    assert datetime.fromisoformat(airflow.wait_for(next_run, "Airflow to know the event", 120)) == planned
    assert in_order(airflow, large)
    moved = planned + timedelta(hours=1)
    (plans / "close.ics").write_text(event_at(moved, "close", "Close"))
    (found,) = trueup(airflow, large, "engine", "status", "airflow", code=3)["engines"]
    (unit,) = [one for one in found["units"] if one["state"] != "ok"]
    assert (unit["name"], unit["state"]) == ("close", "changed")
    assert datetime.fromisoformat(unit["wanted"]["next"]) == moved
    assert datetime.fromisoformat(unit["found"]["next"]) == planned
    trueup(airflow, large, "engine", "status", "airflow", "--fix", code=None)
    airflow.wait_for(lambda: datetime.fromisoformat(next_run()) == moved, "Airflow to follow", 120)
    assert in_order(airflow, large)


def test_one_pipeline_after_another(airflow: Airflow, large: Office) -> None:
    large.write(
        {
            "first": {"params": {"well": {"type": "boolean", "default": True}}, "steps": {
                "say": {"python": "say", "when": "${params.well}"},
                "fail": {"python": "fail", "when": "${not params.well}"},
            }},
            "good": {"steps": {"good": {"python": "say"}}, "triggers": [{"after": "first"}]},
            "bad": {"steps": {"bad": {"python": "say"}}, "triggers": [{"after": "first", "outcome": "failed"}]},
        }
    )  # fmt: skip
    large.deploy(airflow, "first", "good", "bad")
    run = airflow.trigger(large.dag("first"))
    airflow.assert_success(large.dag("first"), run)
    airflow.wait_for(lambda: large.effects()["good"], "the pipeline after it", 120)
    run = airflow.trigger(large.dag("first"), {"well": False})
    assert airflow.wait_run(large.dag("first"), run) == "failed"
    airflow.wait_for(lambda: large.effects()["bad"], "the pipeline after its failure", 120)
    assert large.effects() == {"say": 1, "good": 1, "fail": 1, "bad": 1}


@pytest.mark.parametrize(("overlap", "begin", "effects"), [("skip", "skipped", 1), ("queue", "deferred", 2)])
def test_the_next_run_while_one_is_under_way(
    airflow: Airflow, large: Office, overlap: str, begin: str, effects: int
) -> None:
    large.write({"often": {**SAY, "schedule": {"every": "1m", "overlap": overlap}}})
    large.hold("run_function.before")
    since = f"since=__import__('datetime').datetime.fromisoformat({datetime.now(UTC).isoformat()!r}),"
    large.deploy(airflow, "often", more=since)
    large.wait_held("run_function.before", 180)
    dag = large.dag("often")

    def runs() -> list[dict[str, Any]]:
        return list(airflow.api("GET", f"/dags/{dag}/dagRuns?order_by=run_after")["dag_runs"])

    def second() -> bool:
        found = runs()
        return len(found) > 1 and airflow.task_states(dag, found[1]["dag_run_id"]).get("begin") == begin

    airflow.wait_for(second, "the next DAG run to leave it alone", 180)
    assert large.effects() == {}
    (large.folder / "held-run_function.before").unlink()
    airflow.wait_for(lambda: large.effects()["say"] == effects, "those that are to run", 50)
    airflow.api("PATCH", f"/dags/{dag}", {"is_paused": True})
    assert large.effects() == {"say": effects}


def test_the_next_run_takes_the_place_of_one_that_is_under_way(airflow: Airflow, large: Office) -> None:
    large.write({"often": {**SAY, "schedule": {"every": "1m", "overlap": "cancel"}}})
    large.hold("run_function.before")
    since = f"since=__import__('datetime').datetime.fromisoformat({datetime.now(UTC).isoformat()!r}),"
    large.deploy(airflow, "often", more=since)
    held = large.wait_held("run_function.before", 180)
    dag = large.dag("often")

    def states() -> list[str]:
        found = airflow.api("GET", f"/dags/{dag}/dagRuns?order_by=run_after")["dag_runs"]
        return [one["state"] for one in found]

    airflow.wait_for(lambda: states()[:2] == ["failed", "success"], "the next DAG run to take its place", 200)
    airflow.wait_for(lambda: not Path(f"/proc/{held}").exists(), "what the first one did to be ended", 60)
    airflow.api("PATCH", f"/dags/{dag}", {"is_paused": True})
    assert large.effects()["say"] >= 1


def test_files_that_arrive(airflow: Airflow, large: Office) -> None:
    pipeline = {
        "params": {"file": {"type": "string"}},
        "steps": {"say": {"python": "say", "with": {"x": "${params.file}"}}},
        "triggers": [{"file": "inbox/*.csv", "settle": "1s"}],
    }
    large.write({"take": pipeline})
    inbox = large.folder / "inbox"
    inbox.mkdir()
    for name in ("a.csv", "b.csv", "c.txt"):
        (inbox / name).write_text(name)
    large.deploy(airflow, "take", "trueup_files")
    airflow.wait_for(lambda: large.effects()["say"] == 2, "both files to be taken", 150)
    again = airflow.trigger(large.dag("trueup_files"))
    airflow.assert_success(large.dag("trueup_files"), again)
    assert large.effects() == {"say": 2}, "each once"
    with large.app() as app:
        taken = sorted(one["plan"]["params"]["file"] for one in app.history("take"))
    assert taken == [str(inbox / "a.csv"), str(inbox / "b.csv")]
