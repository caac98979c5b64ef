"""Pipelines: from the schema to the graph the engines run."""

from __future__ import annotations

from trueup.config.models import PipelineModel, StepModel
from trueup.config.scheduled import schedule_spec, trigger_specs
from trueup.model.pipeline import (
    Backoff,
    CacheSpec,
    ParamSpec,
    ParamType,
    PipelineSpec,
    RetrySpec,
    StepKind,
    StepSpec,
    When,
)


def pipeline_spec(name: str, pipeline: PipelineModel) -> PipelineSpec:
    """The frozen pipeline; every step has exactly one of `job`, `python` and `pipeline`."""
    params = tuple(
        ParamSpec(key, ParamType(one.type), "default" not in one.model_fields_set, one.default, one.description)
        for key, one in pipeline.params.items()
    )
    steps = tuple(_step(key, one) for key, one in pipeline.steps.items())
    schedule, triggers = schedule_spec(pipeline.schedule), trigger_specs(pipeline.triggers)
    return PipelineSpec(name, steps, params, pipeline.description, schedule, triggers)


def _step(name: str, step: StepModel) -> StepSpec:
    kind, target = next((kind, value) for kind in StepKind if (value := getattr(step, kind.value)) is not None)
    retry = step.retry
    return StepSpec(
        name=name,
        kind=kind,
        target=target,
        needs=tuple(step.needs),
        with_=dict(step.with_),
        when=step.when or When(),
        for_each=step.for_each,
        parallel=step.parallel,
        timeout=step.timeout,
        retry=RetrySpec(retry.attempts, Backoff(retry.backoff), retry.base, retry.cap),
        cache=CacheSpec(step.cache.key, step.cache.for_) if step.cache else None,
        description=step.description,
    )
