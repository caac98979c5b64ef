"""Pipelines: from the schema to the graph the engines run."""

from __future__ import annotations

from typing import Any

from trueup.config.models import PipelineModel, StepModel
from trueup.model.pipeline import (
    ANY_OUTCOME,
    Backoff,
    CacheSpec,
    ParamSpec,
    ParamType,
    PipelineSpec,
    RetrySpec,
    StepKind,
    StepOutcome,
    StepSpec,
    When,
)


def pipeline_spec(name: str, pipeline: PipelineModel) -> PipelineSpec:
    """The frozen pipeline.

    Raises:
        ValueError: a `when` has an outcome that does not exist.
    """
    params = tuple(
        ParamSpec(key, ParamType(one.type), "default" not in one.model_fields_set, one.default, one.description)
        for key, one in pipeline.params.items()
    )
    steps = tuple(_step(key, one) for key, one in pipeline.steps.items())
    return PipelineSpec(name, steps, params, pipeline.description)


def _step(name: str, step: StepModel) -> StepSpec:
    kind, target = next((kind, value) for kind in StepKind if (value := getattr(step, kind.value)) is not None)
    retry = step.retry
    return StepSpec(
        name=name,
        kind=kind,
        target=target,
        needs=tuple(step.needs),
        with_=dict(step.with_),
        when=_when(name, step.when),
        for_each=step.for_each,
        parallel=step.parallel,
        timeout=step.timeout,
        retry=RetrySpec(retry.attempts, Backoff(retry.backoff), retry.base, retry.cap),
        cache=CacheSpec(step.cache.key, step.cache.for_) if step.cache else None,
        description=step.description,
    )


def _when(name: str, given: Any) -> When:
    """`when: {outcome: failed}`, `when: {outcome: [done, partial], data: "${…}"}`, or just a condition on data."""
    if given is None:
        return When()
    if not isinstance(given, dict):
        return When(data=given)
    unknown = set(given) - {"outcome", "data"}
    if unknown:
        raise ValueError(f"`when` of step {name} has `{sorted(unknown)[0]}`; it takes `outcome` and `data`")
    outcome = given.get("outcome", "done")
    words = outcome if isinstance(outcome, list) else [outcome]
    if "always" in words:
        return When(ANY_OUTCOME, given.get("data"))
    try:
        return When(tuple(StepOutcome(word) for word in words), given.get("data"))
    except ValueError:
        there = ", ".join(one.value for one in StepOutcome)
        raise ValueError(
            f"`when` of step {name} has an outcome that does not exist; there are: {there}, always"
        ) from None
