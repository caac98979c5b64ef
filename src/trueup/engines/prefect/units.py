"""The phases of a job's run as Prefect tasks.

Each wraps a call of `trueup.engines.calls` and may be used in a flow of one's own: `read.submit(…)`, `apply_batch.map(…)`. Parameters and
results are ids and small JSON; they are not persisted, because the ledger remembers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import task_run

from trueup.engines import calls
from trueup.engines.prefect.artifacts import show_plan, show_report
from trueup.engines.prefect.limits import limited
from trueup.engines.prefect.logs import logged, run_logger, told
from trueup.engines.prefect.patience import PAUSES, worth_another

Json: TypeAlias = dict[str, Any]


def unit(fn: Callable[..., Any], name: str, shown: str | Callable[[], str] = "", **options: Any) -> Any:
    """A task of a run: named, repeated where that may help, its result neither cached nor persisted."""
    settings: dict[str, Any] = {
        "task_run_name": shown or name,
        "retries": len(PAUSES),
        "retry_delay_seconds": list(PAUSES),
        "retry_condition_fn": worth_another,
        "cache_policy": NO_CACHE,
        "persist_result": False,
    }
    return Task(fn, name=name, **{**settings, **options})


@contextmanager
def at_store(ref: str) -> Iterator[None]:
    """Holds one of the places that Prefect's global concurrency limit of a collection's store gives."""
    with logged(), limited(ref.partition("/")[0]):
        yield


def _read(config: str, run: str, collection: str) -> Json:
    """Reads what is new in one collection of the run's job."""
    with at_store(collection):
        return told(calls.read(config, run, collection))


def _plan(config: str, run: str, readings: Sequence[Json]) -> Json:
    """Makes the plan from what was read; shows it as an artifact. Returns the plan's header."""
    with logged():
        header = told(calls.plan(config, run, readings))
    show_plan(config, header)
    return header


def _guard(config: str, run: str, allow: Sequence[str] = ()) -> Json:
    """Whether the plan may be applied: {"blocked", "guards"}."""
    with logged():
        return told(calls.guard(config, run, allow))


def _apply_batch(config: str, run: str, batch: int, collection: str, title: str = "") -> Json:
    """Carries out one batch of the plan; `title` says what it does ("drill crm")."""
    with at_store(collection):
        return told(calls.apply_batch(config, run, batch))


def _verify(config: str, run: str, collection: str) -> Json:
    """Reads back what the run wrote to one collection."""
    with at_store(collection):
        return told(calls.verify(config, run, collection))


def _report(config: str, run: str, verifications: Sequence[Json]) -> Json:
    """Ends this round of the run; shows its report as an artifact."""
    with logged():
        made = calls.report(config, run, verifications)
    for one in made["left"]:
        run_logger().warning("%s (%s): %s", one["title"], one["collection"], one["reason"])
    show_report(config, made)
    return made


def _name_of_batch() -> str:
    given = task_run.parameters
    return given.get("title") or f"apply batch {given['batch']} ({given['collection']})"


read = unit(_read, "read", "read {collection}")
plan = unit(_plan, "plan")
guard = unit(_guard, "guard")
apply_batch = unit(_apply_batch, "apply", _name_of_batch)
verify = unit(_verify, "verify", "verify {collection}")
report = unit(_report, "report")
