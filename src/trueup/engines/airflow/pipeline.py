"""A pipeline as tasks of a DAG: the graph that `trueup graph` draws.

| step | tasks |
|---|---|
| `python` | one task, or with `for_each` a group: `items` -> `each` (mapped) -> `end` |
| `job`, `pipeline` | a task group with the tasks of that job or pipeline; with `for_each` a DAG run of its own for each item |
| `when` | a task `when_NAME` before it, which skips it or not |

An item of a `for_each` over a job or pipeline is a DAG run of that job's or pipeline's own DAG (`TriggerDagRunOperator`), because Airflow
cannot map over a group that has a mapped task in it; everywhere else the group shows the whole graph in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from airflow.sdk import TaskGroup, TriggerRule

from trueup.engines.airflow.calling import RETRIES
from trueup.engines.airflow.items import EndItem, StartItem
from trueup.engines.airflow.job import Place, Unit, job_tasks
from trueup.engines.airflow.maps import EndMap, Items, RunItems
from trueup.engines.airflow.pipeline_ends import BeginPipeline, EndPipeline
from trueup.engines.airflow.steps import Decide, RunFunction
from trueup.engines.airflow.substeps import BeginJobStep, BeginPipelineStep, EndJobStep, EndPipelineStep
from trueup.engines.base import Json


@dataclass(frozen=True, slots=True)
class Graph:
    """What a pipeline's tasks are made of.

    Attributes:
        place: where; description: what `calls.describe` says of the whole configuration; dag_id: names the DAG of a job or pipeline.
    """

    place: Place
    description: Json
    dag_id: Callable[[str], str]

    def within(self, group: str) -> Graph:
        """The same in a task group."""
        return Graph(self.place.within(group), self.description, self.dag_id)


def pipeline_tasks(
    graph: Graph,
    name: str,
    *,
    first: Callable[..., Any] = BeginPipeline,
    last: Callable[..., Any] = EndPipeline,
    **more: Any,
) -> Unit:
    """Makes the tasks of a pipeline, in the DAG and task group that are open.

    Args:
        graph: where, and from what.
        name: the pipeline.
        first, last: the operators it begins and ends with.
        more: further arguments of the last one (outlets).
    """
    described = graph.description["pipelines"][name]
    place = graph.place
    names = [one["name"] for one in described["params"]]
    begin = first(task_id="begin", config=place.config, pipeline=name, over=place.id("end"), names=names)
    end = last(
        task_id="end",
        config=place.config,
        begun=place.id("begin"),
        steps=described["order"],
        green=place.green,
        trigger_rule=TriggerRule.ALL_DONE,
        **more,
    )
    begin >> end
    units: dict[str, Unit] = {}
    for step in described["order"]:
        one = described["steps"][step]
        unit = _step(graph, step, one, _above(described, step))
        units[step] = unit
        for need in one["needs"]:
            units[need].last >> unit.first
        if not one["needs"]:
            begin >> unit.first
        unit.last >> end
    return Unit(begin, end)


def _above(described: Json, step: str) -> list[str]:
    """All steps that come before this one, directly or not, in order."""
    found: set[str] = set()
    left = list(described["steps"][step]["needs"])
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += described["steps"][one]["needs"]
    return [one for one in described["order"] if one in found]


def _step(graph: Graph, name: str, step: Json, above: list[str]) -> Unit:
    """A step, with the task that decides on it where it has a condition."""
    conditional = step["when"] or step["outcomes"] != ["done"]
    place = graph.place
    about: dict[str, Any] = {
        "config": place.config,
        "run": place.run_of("begin"),
        "begun": place.id("begin"),
        "step": name,
    }
    unit = _KINDS[(step["kind"], step["for_each"])](graph, name, step, not conditional)
    if not conditional:
        return unit
    reason = f"`when`: {', '.join(step['outcomes'])}" + (", and a condition on data" if step["when"] else "")
    decide = Decide(task_id=f"when_{name}", above=above, trigger_rule=TriggerRule.ALL_DONE, doc_md=reason, **about)
    decide >> unit.first
    return Unit(decide, unit.last)


def _retries(step: Json) -> dict[str, Any]:
    """What a step's `retry` is to Airflow; the death of a process comes on top."""
    retry: Mapping[str, Any] = step["retry"]
    return {
        "retries": retry["attempts"] - 1 + RETRIES,
        "retry_delay": timedelta(seconds=retry["base"]),
        "retry_exponential_backoff": 2.0 if retry["backoff"] == "exponential" else 0.0,
        "max_retry_delay": timedelta(seconds=max(retry["cap"], retry["base"])),
    }


def _function(graph: Graph, name: str, step: Json, decides: bool) -> Unit:
    place = graph.place
    one = RunFunction(
        task_id=name,
        config=place.config,
        run=place.run_of("begin"),
        begun=place.id("begin"),
        step=name,
        decides=decides,
        doc_md=f"`{step['target']}`\n\n{step['description']}",
        **_retries(step),
    )
    return Unit(one, one)


def _function_map(graph: Graph, name: str, step: Json, decides: bool) -> Unit:
    about: dict[str, Any] = {
        "config": graph.place.config,
        "run": graph.place.run_of("begin"),
        "begun": graph.place.id("begin"),
        "step": name,
    }
    place = graph.place.within(name)
    with TaskGroup(name, tooltip=step["description"]):
        items = Items(task_id="items", limit=place.limit, **about)
        each = RunItems.partial(
            task_id="each",
            map_index_template="{{ task.part['label'] }}",
            max_active_tis_per_dagrun=step["parallel"],
            doc_md=f"`{step['target']}`\n\n{step['description']}",
            **about,
            **_retries(step),
        ).expand(part=items.output)
        end = EndMap(task_id="end", items=place.id("items"), trigger_rule=TriggerRule.ALL_DONE, **about)
        items >> each >> end
        items >> end
    return Unit(items, end)


def _job(graph: Graph, name: str, step: Json, decides: bool) -> Unit:
    about: dict[str, Any] = {
        "pipeline_run": graph.place.run_of("begin"),
        "above": graph.place.id("begin"),
        "step": name,
    }
    with TaskGroup(name, tooltip=f"job {step['target']}", default_args=_limits(step)):
        return job_tasks(
            graph.place.within(name),
            step["target"],
            graph.description["jobs"][step["target"]],
            first=lambda **more: BeginJobStep(decides=decides, **about, **more),
            last=lambda **more: EndJobStep(**about, **more),
        )


def _pipeline(graph: Graph, name: str, step: Json, decides: bool) -> Unit:
    about: dict[str, Any] = {
        "pipeline_run": graph.place.run_of("begin"),
        "above": graph.place.id("begin"),
        "step": name,
    }
    with TaskGroup(name, tooltip=f"pipeline {step['target']}", default_args=_limits(step)):
        return pipeline_tasks(
            graph.within(name),
            step["target"],
            first=lambda **more: BeginPipelineStep(decides=decides, **about, **more),
            last=lambda **more: EndPipelineStep(**about, **more),
        )


def _run_map(graph: Graph, name: str, step: Json, decides: bool) -> Unit:
    """Jobs and pipelines mapped over items: each a DAG run of its own."""
    about: dict[str, Any] = {
        "config": graph.place.config,
        "run": graph.place.run_of("begin"),
        "begun": graph.place.id("begin"),
        "step": name,
    }
    place = graph.place.within(name)
    with TaskGroup(name, tooltip=f"{step['kind']} {step['target']}", default_args=_limits(step)):
        items = Items(task_id="items", limit=place.limit, single=True, **about)
        dag = graph.dag_id(step["target"])
        each = StartItem.partial(
            task_id="each",
            map_index_template="{{ task.part['label'] }}",
            max_active_tis_per_dagrun=step["parallel"],
            trigger_dag_id=dag,
            **about,
        ).expand(part=items.output)
        ended = EndItem.partial(
            task_id="ended",
            map_index_template="{{ task.part['label'] }}",
            started=dag,
            trigger_rule=TriggerRule.ALL_DONE,
            **about,
        ).expand(part=items.output)
        end = EndMap(task_id="end", items=place.id("items"), trigger_rule=TriggerRule.ALL_DONE, **about)
        items >> each >> ended >> end
        items >> end
    return Unit(items, end)


def _limits(step: Json) -> dict[str, Any]:
    """A step's `timeout`, for each task of its group: a group as a whole has none in Airflow."""
    return {"execution_timeout": timedelta(seconds=step["timeout"])} if step["timeout"] else {}


_KINDS: dict[tuple[str, bool], Callable[[Graph, str, Json, bool], Unit]] = {
    ("python", False): _function,
    ("python", True): _function_map,
    ("job", False): _job,
    ("pipeline", False): _pipeline,
    ("job", True): _run_map,
    ("pipeline", True): _run_map,
}
