"""The steps of a pipeline as Prefect tasks, with the step's own retries, time-out and name; jobs and pipelines inside them as sub-flows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import task_run

from trueup.engines import calls
from trueup.engines.prefect.logs import logged
from trueup.engines.prefect.patience import patiently, worth_another
from trueup.engines.prefect.states import cached, ended, skipped, waits
from trueup.model.errors import Bug

Json: TypeAlias = dict[str, Any]
SubFlow: TypeAlias = Callable[[str, str, str, float | None, Json], Json]
"""Runs a job or pipeline natively: (kind, target, parent, timeout, params) -> its report; raises where it failed."""

GRACE = 30.0
"""Seconds beyond a step's own time-out, which is kept inside the call: Prefect's cannot end a thread, and is only the net below."""


def step_task(name: str, spec: Json, run_subflow: SubFlow) -> Any:
    """The task of a step: called with (config, run, index, label).

    Args:
        name: the step's name.
        spec: the step as `calls.describe` has it.
        run_subflow: runs a job or pipeline.
    """
    retry = spec["retry"]
    fn = _function if spec["kind"] == "python" else partial(_subflow, spec=spec, run_subflow=run_subflow)

    def step(config: str, run: str, index: int | None = None, label: str = "") -> Any:
        with logged():
            return fn(config, run, name, index)

    step.__name__ = step.__qualname__ = name.replace("-", "_")
    return Task(
        step,
        name=name,
        description=spec.get("description") or None,
        task_run_name=f"{name}{{label}}",
        retries=retry["attempts"] - 1,
        retry_delay_seconds=_pauses(retry),
        retry_jitter_factor=1.0 if retry["backoff"] == "exponential" else None,
        retry_condition_fn=worth_another,
        timeout_seconds=None if spec["timeout"] is None else spec["timeout"] + GRACE,
        cache_policy=NO_CACHE,
        persist_result=False,
    )


def no_subflow(kind: str, target: str, parent: str, timeout: float | None, params: Json) -> Json:
    """For tasks of functions, which start none."""
    raise Bug(f"a function is no {kind}")


def skip_task(name: str) -> Any:
    """A step that does not run, in the graph with its reason."""

    def skip(reason: str) -> Any:
        return skipped(reason)

    return Task(skip, name=name, task_run_name=name, cache_policy=NO_CACHE, persist_result=False)


def _function(config: str, run: str, step: str, index: int | None) -> Any:
    answer = calls.run_function(config, run, step, index, attempt=task_run.run_count or 1)
    return cached(answer) if answer.get("cached") else answer


def _subflow(config: str, run: str, step: str, index: int | None, *, spec: Json, run_subflow: SubFlow) -> Any:
    begun = patiently(calls.start_step, config, run, step, index)
    if begun["known"]:
        return cached(begun) if begun["cached"] else begun
    report = run_subflow(spec["kind"], begun["target"], begun["parent"], spec["timeout"], begun["params"])
    patiently(calls.end_step, config, run, step, index, report["state"])  # what it gave is in the ledger
    return waits(report) if report["state"] == "awaiting_approval" else ended(report)


def _pauses(retry: Json) -> list[float]:
    """Seconds before each further attempt; Prefect draws each around them where they grow (`retry_jitter_factor`)."""
    if retry["backoff"] == "fixed":
        return [float(retry["base"])] * (retry["attempts"] - 1)
    return [min(retry["cap"], retry["base"] * 2.0**number) for number in range(min(retry["attempts"] - 1, 50))]
