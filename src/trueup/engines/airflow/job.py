"""A job as tasks of a DAG:

    begin -> read* -> plan -> guard -> [approve] -> batches -> apply* -> [delete_batches -> delete*] -> verify* -> report -> [rounds] -> end

Starred tasks are mapped, over collections or batches; those in brackets are skipped where nothing calls for them. `guard` skips
`approve` where no guard blocks the plan, and goes straight to `report` where there is nothing to do. `end` runs in any case and gives
the job back.

The graph of a DAG is fixed, so each wave that plans of this kind of job may have is two tasks, one that lists its batches and a mapped one
(here creations and updates, then deletions; a backup has `back_up`, `check`, `drill`, `archive` and `remove`), and what a further round has
to do is one task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

from airflow.sdk import Asset, TriggerRule

from trueup.engines.airflow.approval import Approve
from trueup.engines.airflow.assets import collection_asset
from trueup.engines.airflow.base import GREEN, RUN
from trueup.engines.airflow.calling import RETRIES, RETRY_SECONDS
from trueup.engines.airflow.job_ends import BeginJob, EndJob
from trueup.engines.airflow.overlaps import APPROVE
from trueup.engines.airflow.phases import Apply, Batches, Guard, Plan, Read, Report, Rounds, Verify
from trueup.engines.base import Json

DEFAULTS: dict[str, Any] = {
    "retries": RETRIES,
    "retry_delay": timedelta(seconds=RETRY_SECONDS),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=5),
}
"""What every task of trueup has as `default_args`: a killed process and a store that is away are tried again."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What stands for a job, pipeline or step in a graph: the task it begins with and the one it ends with."""

    first: Any
    last: Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where tasks are made.

    Attributes:
        config: the absolute path of trueup.yaml.
        prefix: the id of the task group they are in, with a dot; "" at the top of the DAG.
        limit: how many items a task may be mapped over.
        pool: the pool of the tasks that speak to these stores; None: Airflow's default pool.
        green: states of a trueup run that leave its last task green.
        space: before the names of assets, where several configurations meet in one Airflow.
    """

    config: str
    prefix: str = ""
    limit: int = 1024
    pool: Callable[[Sequence[str]], str | None] = lambda stores: None
    green: tuple[str, ...] = GREEN
    space: str = ""

    def id(self, name: str) -> str:
        """The whole id of a task of that name here."""
        return self.prefix + name

    def run_of(self, name: str) -> str:
        """A template that gives the id of the run that this task has begun."""
        return f"{{{{ ti.xcom_pull(task_ids='{self.id(name)}', key='{RUN}') }}}}"

    def within(self, group: str) -> Place:
        """The place in a task group in here."""
        return replace(self, prefix=f"{self.prefix}{group}.")


def job_tasks(
    place: Place,
    name: str,
    described: Json,
    *,
    first: Callable[..., Any] = BeginJob,
    last: Callable[..., Any] = EndJob,
) -> Unit:
    """Makes the tasks of a job, in the DAG and task group that are open.

    Args:
        place: where.
        name, described: the job, and what `calls.describe` says of it.
        first, last: the operators it begins and ends with.
    """
    refs: list[str] = described["collections"]
    common: dict[str, Any] = {"config": place.config, "run": place.run_of("begin")}
    talk = {**common, "pool": place.pool(sorted({ref.partition("/")[0] for ref in refs}))}
    talk = {key: value for key, value in talk.items() if value is not None}
    routes = {"read": "read", "apply": "batches", "approve": "approve", "over": "end"}
    routes = {then: place.id(task) for then, task in routes.items()}
    some = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS

    begin = first(task_id="begin", config=place.config, job=name, routes=routes)
    read = Read.partial(task_id="read", map_index_template="read {{ task.collection }}", **talk).expand(collection=refs)
    plan = Plan(task_id="plan", readings=read.output, **common)
    waves: list[Json] = described["waves"]
    guard = Guard(
        task_id="guard",
        planned=plan.output,
        approve=place.id("approve"),
        batches={place.id(_batches(number, one)): one["actions"] for number, one in enumerate(waves)},
        **common,
    )
    approve = Approve(task_id=APPROVE, job=name, trigger_rule=some, execution_timeout=None, **common)
    applied = []
    for number, one in enumerate(waves):
        listed = Batches(
            task_id=_batches(number, one),
            wave=number + 1,
            verb=one["name"],
            limit=place.limit,
            trigger_rule=some,
            **common,
        )
        mapped = Apply.partial(task_id=one["name"], map_index_template="{{ task.item['label'] }}", **talk)
        applied.append((listed, mapped.expand(item=listed.output)))
    batches = applied[0][0]
    verify = Verify.partial(
        task_id="verify", map_index_template="verify {{ task.collection }}", trigger_rule=some, **talk
    ).expand(collection=refs)
    report = Report(
        task_id="report",
        verified=verify.output,
        rounds=place.id("rounds"),
        trigger_rule=some,
        outlets=_written(place, described),
        **common,
    )
    rounds = Rounds(task_id="rounds", **common)
    end = last(
        task_id="end",
        config=place.config,
        begun=place.id("begin"),
        approve=place.id("approve"),
        green=place.green,
        trigger_rule=TriggerRule.ALL_DONE,
    )

    begin >> [read, approve, batches, end]
    plan >> guard >> [approve, batches, report]
    approve >> batches >> verify >> report >> rounds >> end
    for _, each in applied:
        each >> verify  # the last one may be skipped long before that
    for (_, before), (listed, _) in pairwise(applied):
        [batches, before] >> listed
    return Unit(begin, end)


def _batches(number: int, wave: Json) -> str:
    """The name of the task that lists the batches of a wave; they are numbered from 0."""
    return f"{wave['name']}_batches" if number else "batches"


def _written(place: Place, described: Json) -> list[Asset]:
    """The assets of the collections that a job writes to."""
    return [collection_asset(ref, place.space) for ref in described["targets"]]
