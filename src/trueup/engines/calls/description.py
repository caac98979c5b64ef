"""What a configuration holds, for an engine that makes its own graphs of it."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any, TypeAlias

from trueup.app import App
from trueup.core.graph import Graph
from trueup.engines.calls.opened import opened
from trueup.model.job import JobSpec
from trueup.model.pipeline import PipelineSpec, StepSpec

Json: TypeAlias = dict[str, Any]


def describe(config: str) -> Json:
    """Jobs and pipelines; touches no network and no ledger.

    Returns:
        {"jobs": {name: {"kind", "collections", "targets", "stores", "one_way", "waves": [{"name", "actions"}], "schedule", "triggers"}},
        "pipelines": {name: {"description",
        "params": [{"name", "type", "required", "default", "description"}], "order", "steps": {name: {"kind", "target", "needs", "for_each",
        "when", "outcomes", "parallel", "timeout", "retry", "cache", "description"}}, "schedule", "triggers"}}, "digest"}; the digest
        changes when any of it does.
    """
    with opened(config) as app:
        found: Json = {
            "jobs": {name: {**_job(spec), "waves": _waves(app, name)} for name, spec in app.config.jobs.items()},
            "pipelines": {name: _pipeline(spec) for name, spec in app.config.pipelines.items()},
        }
    text = json.dumps(found, sort_keys=True, separators=(",", ":"))
    return {**found, "digest": sha256(text.encode()).hexdigest()[:32]}


def _job(spec: JobSpec) -> Json:
    return {
        "kind": spec.kind,
        "collections": [str(ref) for ref in spec.collections],
        "targets": [str(ref) for ref in spec.targets or spec.sources],
        "stores": list(dict.fromkeys(ref.store for ref in spec.collections)),
        "one_way": spec.one_way,
        **_starts(spec),
    }


def _waves(app: App, job: str) -> list[Json]:
    return [{"name": name, "actions": list(actions)} for name, actions in app.waves(job).items()]


def _pipeline(spec: PipelineSpec) -> Json:
    graph = Graph(spec)
    params = [
        {
            "name": one.name,
            "type": one.type.value,
            "required": one.required,
            "default": one.default,
            "description": one.description,
        }
        for one in spec.params
    ]
    return {
        "description": spec.description,
        "params": params,
        "order": list(graph.order),
        "steps": {name: _step(graph.steps[name], graph.needs[name]) for name in graph.order},
        **_starts(spec),
    }


def _step(step: StepSpec, needs: tuple[str, ...]) -> Json:
    retry = step.retry
    return {
        "kind": step.kind.value,
        "target": step.target,
        "needs": list(needs),
        "for_each": step.for_each is not None,
        "when": step.when.data is not None,
        "outcomes": [one.value for one in step.when.outcomes],
        "parallel": step.parallel,
        "timeout": step.timeout,
        "retry": {"attempts": retry.attempts, "backoff": retry.backoff.value, "base": retry.base, "cap": retry.cap},
        "cache": step.cache is not None,
        "description": step.description,
    }


def _starts(spec: JobSpec | PipelineSpec) -> Json:
    schedule: Any = getattr(spec, "schedule", None)
    triggers: Any = getattr(spec, "triggers", ())
    return {
        "schedule": schedule.to_json() if schedule is not None else None,
        "triggers": [one.to_json() for one in triggers],
    }
