"""Short ways to write pipelines in tests."""

from __future__ import annotations

from typing import Any

from trueup.model.pipeline import ANY_OUTCOME, PipelineSpec, StepKind, StepOutcome, StepSpec, When

DONE, PARTIAL, FAILED, SKIPPED = StepOutcome
ALWAYS = ANY_OUTCOME


def python(name: str, target: str = "m:f", *, needs: Any = (), when: Any = None, **more: Any) -> StepSpec:
    return StepSpec(name, StepKind.PYTHON, target, tuple(needs), when=_when(when), **more)


def job(name: str, target: str, *, needs: Any = (), when: Any = None, **more: Any) -> StepSpec:
    return StepSpec(name, StepKind.JOB, target, tuple(needs), when=_when(when), **more)


def sub(name: str, target: str, *, needs: Any = (), when: Any = None, **more: Any) -> StepSpec:
    return StepSpec(name, StepKind.PIPELINE, target, tuple(needs), when=_when(when), **more)


def pipeline(*steps: StepSpec, name: str = "nightly", params: Any = ()) -> PipelineSpec:
    return PipelineSpec(name, steps, tuple(params))


def _when(when: Any) -> When:
    if when is None:
        return When()
    if isinstance(when, When):
        return when
    if isinstance(when, StepOutcome):
        return When((when,))
    return When(tuple(when)) if isinstance(when, tuple) else When(data=when)
