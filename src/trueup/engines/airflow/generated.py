"""A DAG for every job and every pipeline of a configuration.

    from trueup.engines.airflow import dags

    globals().update(dags("trueup.yaml"))

Making them reads the configuration and nothing else: no network, no ledger, no connector. The DAG processor does it every half a minute,
and every task once more.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, DeltaTriggerTimetable, Param, conf

from trueup.engines.airflow.arrivals import SECONDS, Arrivals, StartForFile, wanted_of
from trueup.engines.airflow.base import GREEN
from trueup.engines.airflow.following import Follow, follows, refresh
from trueup.engines.airflow.job import DEFAULTS, Place, job_tasks
from trueup.engines.airflow.job_ends import BeginJob, EndJob, Outcome
from trueup.engines.airflow.pipeline import Graph, pipeline_tasks
from trueup.engines.airflow.pipeline_ends import BeginPipeline, EndPipeline
from trueup.engines.airflow.pools import chooser
from trueup.engines.airflow.schedules import Started, scheduled
from trueup.engines.airflow.starting import Start
from trueup.engines.base import Json
from trueup.model.run import RunState
from trueup.model.schedule import Collide, ScheduleSpec

TAG = "trueup"
CALENDARS = "trueup_calendars"
"""The DAG that keeps up with calendars."""
FILES = "trueup_files"
"""The DAG that looks for files."""

_TYPES = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "list": "array",
    "object": "object",
}


def dags(
    config: str | Path,
    *,
    only: Collection[str] = (),
    prefix: str = "",
    green: Sequence[str] = GREEN,
    pool: str | Callable[[Sequence[str]], str | None] | None = None,
    pools: bool = False,
    since: datetime | None = None,
    on_failure: Any = None,
    on_success: Any = None,
    **dag_arguments: Any,
) -> dict[str, DAG]:
    """The DAGs of a configuration, by their ids.

    Args:
        config: trueup.yaml; a relative path is looked for from the file that calls this.
        only: names of jobs and pipelines; none: all of them.
        prefix: before every DAG's id, where several configurations meet in one Airflow.
        green: states of a trueup run that leave a DAG run green. By default what `trueup run` answers with exit code 0 for: done.
            ("done", "partial", "conflict") keeps it green where something was left for a person.
        pool: the pool of the tasks that speak to stores, or a function that chooses one by the stores' names.
        pools: the tasks that speak to stores take the pools that `trueup engine airflow deploy` makes, one for each store; see `pools`. Where
            these are missing Airflow starts no such task.
        since: when schedules began: what was due before is not caught up. None: as Airflow does it, which starts the last occurrence of
            a DAG it has not seen before.
        on_failure, on_success: callbacks of the DAGs (a notifier, for example).
        dag_arguments: further arguments of every `DAG`.

    Raises:
        ConfigError: the configuration is wrong; Airflow shows it as an import error, with file, line and hint.
    """
    from trueup.engines import calls

    path = str(_absolute(config))
    description: Json = calls.describe(path)
    choose = pool if callable(pool) else chooser(path) if pools and pool is None else lambda stores: pool
    place = Place(path, limit=conf.getint("core", "max_map_length"), pool=choose, green=tuple(green), space=prefix)
    graph = Graph(place, description, lambda name: prefix + name)
    named = {"start_date": since, "on_failure_callback": on_failure, "on_success_callback": on_success}
    shared = {**{key: one for key, one in named.items() if one is not None}, **dag_arguments}
    makers: list[tuple[str, Callable[..., DAG]]] = [(name, _job_dag) for name in description["jobs"]]
    makers += [(name, _pipeline_dag) for name in description["pipelines"]]
    made = {prefix + name: make(graph, name, shared) for name, make in makers if not only or name in only}
    names = [name for name, _ in makers if prefix + name in made]
    return {**made, **_calendars_dag(graph, names, shared), **_files_dag(graph, names, shared)}


def _absolute(config: str | Path) -> Path:
    """The configuration's path, as seen from the DAG file."""
    path = Path(config).expanduser()
    if path.is_absolute():
        return path
    here = Path(__file__).parent
    caller = next((one.filename for one in inspect.stack()[1:] if Path(one.filename).parent != here), __file__)
    return (Path(caller).parent / path).resolve()


def _job_dag(graph: Graph, name: str, shared: Mapping[str, Any]) -> DAG:
    described = graph.description["jobs"][name]
    help_ = "Guards that are allowed beforehand, as max_delete; all for every one."
    params = {"allow": Param([], type="array", items={"type": "string"}, description=help_)}
    started = scheduled(graph, name, described)
    with _dag(graph, name, params, _job_text(name, described), {**started.dag, **shared}) as dag:
        unit = job_tasks(
            graph.place,
            name,
            described,
            first=lambda **more: BeginJob(overlap=_heeded(started), follows=started.follows, **more),
            last=lambda **more: EndJob(**_last(graph.place, started, more)),
        )
        _start(graph.place, name, params, started, unit.first)
        _outcome(graph.place, started, unit.last)
    return dag


def _pipeline_dag(graph: Graph, name: str, shared: Mapping[str, Any]) -> DAG:
    described = graph.description["pipelines"][name]
    started = scheduled(graph, name, described)
    params = {one["name"]: _param(one, started) for one in described["params"]}
    with _dag(graph, name, params, _pipeline_text(name, described), {**started.dag, **shared}) as dag:
        unit = pipeline_tasks(
            graph,
            name,
            first=lambda **more: BeginPipeline(overlap=_heeded(started), follows=started.follows, **more),
            last=lambda **more: EndPipeline(**_last(graph.place, started, more)),
        )
        _start(graph.place, name, params, started, unit.first)
        _outcome(graph.place, started, unit.last)
    return dag


def _heeded(started: Started) -> str:
    """The policy that the task heeds which begins a run: where a person may be asked first, the task before it does."""
    return "" if started.collide == Collide.ASK else started.overlap


def _start(place: Place, name: str, params: Mapping[str, Param], started: Started, begin: Any) -> None:
    """The task that asks a person whether a run is to begin, where the schedule wants that."""
    if started.collide == Collide.ASK:
        start = Start(
            task_id="start",
            config=place.config,
            job=name,
            begin=begin.task_id,
            names=list(params),
            overlap=started.overlap,
            follows=started.follows,
            execution_timeout=None,
        )
        start >> begin


def _calendars_dag(graph: Graph, names: Sequence[str], shared: Mapping[str, Any]) -> dict[str, DAG]:
    """The DAG that keeps up with calendars, where one says when something starts."""
    both = {**graph.description["jobs"], **graph.description["pipelines"]}
    specs = {name: ScheduleSpec.from_json(both[name]["schedule"]) for name in names if both[name]["schedule"]}
    driven = {name: spec for name, spec in specs.items() if follows(spec)}
    if not driven:
        return {}
    every = DeltaTriggerTimetable(timedelta(seconds=refresh(driven.values())))
    text = "Reads the calendars that say when trueup's jobs and pipelines start, and keeps the moments to come in Variables."
    more = {**shared, "schedule": every, "catchup": False, "max_active_runs": 1}
    with _dag(graph, CALENDARS, {}, text, more) as dag:
        follow = Follow.partial(
            task_id="follow", config=graph.place.config, map_index_template="follow {{ task.subject }}"
        )
        follow.expand(subject=list(driven))
    return {dag.dag_id: dag}


def _files_dag(graph: Graph, names: Sequence[str], shared: Mapping[str, Any]) -> dict[str, DAG]:
    """The DAG that looks for files, where one starts something."""
    wanted = wanted_of(graph.description, names, graph.dag_id)
    if not wanted:
        return {}
    every = DeltaTriggerTimetable(timedelta(seconds=SECONDS))
    text = "Starts trueup's jobs and pipelines for files that arrive:\n\n" + "\n".join(
        f"- `{one['file']}`: {one['dag']}" for one in wanted
    )
    more = {**shared, "schedule": every, "catchup": False, "max_active_runs": 1}
    with _dag(graph, FILES, {}, text, more) as dag:
        look = Arrivals(task_id="look", config=graph.place.config, wanted=wanted)
        start = StartForFile.partial(task_id="start", map_index_template="{{ task.arrived['label'] }}")
        start.expand(arrived=look.output)
    return {dag.dag_id: dag}


def _last(place: Place, started: Started, more: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a DAG's last task of ours."""
    green = place.green if started.told <= set(place.green) else tuple(RunState)
    return {**more, "outlets": list(started.outlets), "green": green}


def _outcome(place: Place, started: Started, end: Any) -> None:
    """A task that makes the DAG run red, where the last one may not."""
    if not started.told <= set(place.green):
        end >> Outcome(task_id="outcome", config=place.config, ended=end.task_id, green=place.green)


def _dag(graph: Graph, name: str, params: Mapping[str, Param], text: str, more: Mapping[str, Any]) -> DAG:
    return DAG(
        graph.dag_id(name),
        default_args={**DEFAULTS, **more.get("default_args", {})},
        params=dict(params),
        doc_md=text,
        tags=[TAG, *more.get("tags", ())],
        **{
            "is_paused_upon_creation": False,  # trueup.yaml says what is paused
            **{key: one for key, one in more.items() if key not in ("default_args", "tags")},
        },
    )


def _param(one: Json, started: Started) -> Param:
    """A parameter with its JSON schema. One that is required has no default, and is asked for where the run is started by hand; where
    something starts it by itself Airflow wants one, and trueup refuses a run whose event or trigger did not give it.
    """
    given = started.params
    about = {"type": _TYPES[one["type"]], "description": one["description"] or None}
    if one["name"] in given:
        return Param(given[one["name"]], **about)
    if one["required"] and started.dag["schedule"] is None:
        return Param(**about)
    if one["default"] is None:
        about["type"] = ["null", about["type"]]
    return Param(one["default"], **about)


def _job_text(name: str, described: Json) -> str:
    refs = "\n".join(f"- `{ref}`" for ref in described["collections"])
    return f"Job **{name}** of trueup: keeps these in step\n\n{refs}\n\nWhat a run did and why: `trueup history --job {name}`"


def _pipeline_text(name: str, described: Json) -> str:
    lines = [f"Pipeline **{name}** of trueup", "", described["description"], ""]
    for step in described["order"]:
        one = described["steps"][step]
        after = f", after {', '.join(one['needs'])}" if one["needs"] else ""
        lines.append(f"- **{step}**: {one['kind']} `{one['target']}`{after}. {one['description']}")
    return "\n".join(lines)
