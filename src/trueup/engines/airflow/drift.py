"""What Airflow has, compared with what trueup.yaml says, through Airflow's REST API; and the repair.

The DAGs themselves cannot drift, because they are made anew from trueup.yaml whenever their file is read. What can: the file is not there
or cannot be imported, Airflow has not read it lately, somebody has switched a DAG off or on, a DAG of a job that is gone, a pool with other
slots than its store has workers, and a calendar that says another time for the next run than Airflow has planned.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from trueup.engines.airflow import deployment, following, pools
from trueup.engines.airflow.following import follows
from trueup.engines.airflow.rest import Api
from trueup.engines.airflow.timetable import TrueupTimetable
from trueup.engines.base import Json
from trueup.model.errors import Transient

RUNS = 10
AHEAD = 40 * 86_400.0
"""How far a look ahead goes, in seconds."""
LATE = 90.0
"""Seconds in which Airflow may be behind: it asks for the next run when it has read the DAG file."""


def status(config: str) -> Json:
    """Compares; changes nothing.

    Args:
        config: the absolute path of trueup.yaml.

    Returns:
        As `Engine.status`.
    """
    from trueup.engines.airflow.generated import TAG, dags

    api = Api.configured()
    made = dags(config)
    wanted = {name: _wanted(dag) for name, dag in made.items()}
    answer: Json = {"engine": "airflow", "reachable": True, "url": api.url, "units": [], "runs": []}
    try:
        found = {one["dag_id"]: one for one in api.pages("/dags", "dags", {"tags": TAG, "exclude_stale": False})}
        errors = list(api.pages("/importErrors", "import_errors"))
    except Transient as error:
        units = [_unit(name, "missing", wanted[name], {"error": str(error)}, api.url) for name in wanted]
        return {**answer, "reachable": False, "units": units}
    file = deployment.file_of(config)
    answer["units"] += [_broken(one, api.url) for one in errors if str(one["filename"]).endswith(file.name)]
    for name, one in wanted.items():
        answer["units"].append(_compared(api, config, made[name], one, found.get(name)))
    ours = [name for name, one in found.items() if name not in wanted and str(one["fileloc"]).endswith(file.name)]
    answer["units"] += [_unit(name, "extra", {}, {"stale": found[name]["is_stale"]}, api.url) for name in ours]
    if file.exists():
        answer["units"] += pools.compare(api, config)
    answer["runs"] = _runs(api, list(wanted))
    return answer


def fix(config: str, status: Json) -> Json:
    """Repairs what `status` found; a file that cannot be imported needs a person.

    Args:
        config: the absolute path of trueup.yaml.
        status: what `status` answered.

    Returns:
        As `Engine.deploy`.
    """
    api = Api.configured()
    changed: list[Json] = []
    units = [one for one in status["units"] if one["kind"] == "DAG"]
    wrong_pools = any(one["kind"] == "pool" and one["state"] != "ok" for one in status["units"])
    if wrong_pools or any(one["state"] == "missing" for one in units):
        made = deployment.deploy(config, lambda event: None)["changed"]
        changed += [one for one in made if one["state"] != "same"]
    for one in units:
        if one["state"] in ("paused", "changed"):
            changed += _put_right(api, one)
        if one["state"] == "extra":
            api.call("DELETE", f"/dags/{quote(one['name'])}")
            changed.append({"name": one["name"], "kind": "DAG", "state": "deleted"})
    return {"engine": "airflow", "changed": changed, "url": api.url}


def _put_right(api: Api, unit: Json) -> list[Json]:
    name, wanted, found = unit["name"], unit["wanted"], unit["found"]
    if found["paused"] != wanted["paused"]:
        api.call("PATCH", f"/dags/{quote(name)}", {"is_paused": wanted["paused"]}, {"update_mask": "is_paused"})
    if {**found, "paused": wanted["paused"]} != wanted:
        if "next" in wanted:
            _read_calendars(api, name)
        token = api.call("GET", f"/dags/{quote(name)}/details")["file_token"]
        api.call("PUT", f"/parseDagFile/{quote(token)}")
    return [{"name": name, "kind": "DAG", "state": "updated"}]


def _read_calendars(api: Api, name: str) -> None:
    """Has the DAG that keeps up with calendars run now."""
    from trueup.engines.airflow.generated import CALENDARS

    keepers = [one["dag_id"] for one in api.pages("/dags", "dags", {"dag_id_pattern": CALENDARS})]
    for one in keepers:
        if name.startswith(one.removesuffix(CALENDARS)):
            api.call("POST", f"/dags/{quote(one)}/dagRuns", {"logical_date": None, "conf": {}})


def _wanted(dag: Any) -> Json:
    """A DAG as trueup.yaml makes it."""
    return {
        "schedule": _summary(dag),
        "catchup": bool(dag.catchup),
        "max_active_runs": dag.max_active_runs,
        "paused": bool(dag.is_paused_upon_creation),
        "tasks": len(dag.task_dict),
    }


def _summary(dag: Any) -> str | None:
    """The schedule in the words that Airflow's API uses."""
    from airflow.serialization.encoders import coerce_to_core_timetable

    return None if dag.schedule is None else str(coerce_to_core_timetable(dag.timetable).summary)


def _compared(api: Api, config: str, dag: Any, wanted: Json, listed: Json | None) -> Json:
    name = dag.dag_id
    if listed is None or listed["is_stale"]:
        return _unit(name, "missing", wanted, {}, api.url)
    details = api.call("GET", f"/dags/{quote(name)}/details")
    tasks = api.call("GET", f"/dags/{quote(name)}/tasks")["total_entries"]
    found = {
        "schedule": details["timetable_summary"],
        "catchup": details["catchup"],
        "max_active_runs": details["max_active_runs"],
        "paused": details["is_paused"],
        "tasks": tasks,
    }
    state = "ok"
    if not wanted["paused"] and (due := _due(config, dag, details["next_dagrun_run_after"])):
        wanted, found = {**wanted, "next": due}, {**found, "next": details["next_dagrun_run_after"]}
    if {**found, "paused": wanted["paused"]} != wanted:
        state = "changed"
    elif found["paused"] != wanted["paused"]:
        state = "paused" if found["paused"] else "changed"
    return _unit(name, state, wanted, found, api.url)


def _due(config: str, dag: Any, planned: str | None) -> str:
    """When a DAG should run next, where Airflow has it planned for another time; "" where it has not, or where it runs by other rules."""
    timetable = dag.timetable
    if not isinstance(timetable, TrueupTimetable) or planned is None:
        return ""
    now = time.time()
    at = datetime.fromisoformat(planned).timestamp()
    if at <= now + LATE:
        return ""
    if follows(timetable.spec):
        moments = sorted(map(float, following.moments(config, timetable.subject, now + LATE, now + AHEAD)))
    else:
        moments = [one.at for one in timetable.occurrences(now + LATE, now + AHEAD) if one.at > now + LATE]
    if not moments or abs(moments[0] - at) < 1:
        return ""
    return datetime.fromtimestamp(moments[0], UTC).isoformat()


def _unit(name: str, state: str, wanted: Json, found: Json, url: str) -> Json:
    page = f"{url}/dags/{quote(name)}"
    return {"name": name, "kind": "DAG", "state": state, "wanted": wanted, "found": found, "url": page}


def _broken(error: Json, url: str) -> Json:
    """A DAG file that cannot be imported: the last line of the traceback is the error itself."""
    lines = [line for line in str(error["stack_trace"]).splitlines() if line.strip()]
    found = {"error": lines[-1] if lines else "", "at": error["timestamp"]}
    page = f"{url}/dags"
    return {
        "name": error["filename"],
        "kind": "DAG file",
        "state": "changed",
        "wanted": {},
        "found": found,
        "url": page,
    }


def _runs(api: Api, names: list[str]) -> list[Json]:
    """The last DAG runs."""
    listed = api.call("POST", "/dags/~/dagRuns/list", {"dag_ids": names, "order_by": "-run_after", "page_limit": RUNS})
    return [
        {
            "name": one["dag_id"],
            "state": one["state"],
            "started": _seconds(one["start_date"]),
            "url": f"{api.url}/dags/{quote(one['dag_id'])}/runs/{quote(one['dag_run_id'], safe='')}",
        }
        for one in listed["dag_runs"]
    ]


def _seconds(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC).timestamp()
