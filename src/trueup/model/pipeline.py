"""Pipelines as the core sees them: a graph of jobs, Python functions and other pipelines. Made by `config`, frozen.

Values in a step (`with`, `for_each`, `when`, `cache.key`) are *templates*: JSON in which a string may hold references
in `${…}`
(`trueup.core.expressions` says which). They are kept here as they were written; `trueup.core.graph` checks them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from trueup.model.schedule import ScheduleSpec, Trigger

Template: TypeAlias = Any  # JSON whose strings may hold `${…}`


class StepKind(StrEnum):
    """What a step runs; the word it is written with in the configuration."""

    JOB = "job"
    PYTHON = "python"
    PIPELINE = "pipeline"


class StepOutcome(StrEnum):
    """How a step ended.

    done: all of it. partial: a job left something undone, or some items of a map failed. failed: it raised, ran out
        of time, or all items failed.
    skipped: its `when` said no, or what it needs did not end well enough.
    """

    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"


ANY_OUTCOME: tuple[StepOutcome, ...] = tuple(StepOutcome)
"""What `when: {outcome: always}` stands for."""


class ParamType(StrEnum):
    """The type of a pipeline's parameter: JSON's own names."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    OBJECT = "object"


class Backoff(StrEnum):
    """How the pause between two attempts grows."""

    EXPONENTIAL = "exponential"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """One parameter of a pipeline.

    Attributes:
        name: how it is referred to: `${params.NAME}`.
        type: what it must be.
        required: it has no default, and a run without it is refused.
        default: its value where none is given; a plain value, not a template.
        description: for people.
    """

    name: str
    type: ParamType = ParamType.STRING
    required: bool = True
    default: Any = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class RetrySpec:
    """When a step is tried again.

    Attributes:
        attempts: how often it is tried in all, the first time included. The death of the process is not an attempt.
        backoff, base, cap: the pause before attempt n+1 is drawn evenly from 0 to min(cap, base * 2^(n-1)) seconds
            (exponential, with full
            jitter), or is `base` seconds (fixed).
    """

    attempts: int = 1
    backoff: Backoff = Backoff.EXPONENTIAL
    base: float = 1.0
    cap: float = 60.0


@dataclass(frozen=True, slots=True)
class CacheSpec:
    """When a step is not run again.

    Attributes:
        key: a template; with the step's definition it names the result.
        seconds: how long a result holds; None: for ever.
    """

    key: Template
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class When:
    """Whether a step runs, asked once when all it needs has ended; both parts must agree.

    Attributes:
        outcomes: on how the needed steps ended. With DONE among them, every needed step must have ended in one of
            these ("good enough");
            without DONE, at least one must have ("bad enough"). The default: all done.
        data: a template that must come out true; None: no condition on data.
    """

    outcomes: tuple[StepOutcome, ...] = (StepOutcome.DONE,)
    data: Template = None


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One step.

    Attributes:
        name: its name within the pipeline.
        kind: what it runs.
        target: the job's name, "module:function", or the pipeline's name.
        needs: the steps that must have ended before it, as written; a step whose output a template refers to is
            needed as well.
        with_: keyword arguments (python) or parameters (pipeline), a template each; written `with`.
        when: whether it runs.
        for_each: a template that gives a list; the step runs once for each `${item}`. None: it runs once.
        parallel: how many items of a map may be under way at once.
        timeout: seconds that one attempt may take; None: as long as it likes.
        retry, cache: when it is tried again, and when it need not run.
        description: for people.
    """

    name: str
    kind: StepKind
    target: str
    needs: tuple[str, ...] = ()
    with_: dict[str, Template] = field(default_factory=dict)
    when: When = field(default_factory=When)
    for_each: Template = None
    parallel: int = 4
    timeout: float | None = None
    retry: RetrySpec = field(default_factory=RetrySpec)
    cache: CacheSpec | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class PipelineSpec:
    """One pipeline. Steps are in the order they were written; names of steps and of parameters are unique.

    `schedule` and `triggers` say when it starts by itself; they are no part of what a run does.
    """

    name: str
    steps: tuple[StepSpec, ...]
    params: tuple[ParamSpec, ...] = ()
    description: str = ""
    schedule: ScheduleSpec | None = None
    triggers: tuple[Trigger, ...] = ()

    def step(self, name: str) -> StepSpec:
        """The step of that name.

        Raises:
            KeyError: there is none.
        """
        for one in self.steps:
            if one.name == name:
                return one
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """The definition as a JSON object; `schedule` and `triggers` only where there are any."""
        value = asdict(replace(self, schedule=None, triggers=()))
        del value["schedule"], value["triggers"]
        if self.schedule is not None:
            value["schedule"] = self.schedule.to_json()
        if self.triggers:
            value["triggers"] = [one.to_json() for one in self.triggers]
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PipelineSpec:
        """The pipeline that `to_json` wrote, without what starts it."""
        params = tuple(ParamSpec(**{**one, "type": ParamType(one["type"])}) for one in value["params"])
        return cls(value["name"], tuple(_step(one) for one in value["steps"]), params, value["description"])

    @property
    def digest(self) -> str:
        """Changes when anything that counts for a run changes; descriptions do not, nor when it starts by itself."""
        value = replace(self, schedule=None, triggers=()).to_json()
        for part in (value, *value["steps"], *value["params"]):
            del part["description"]
        return sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:32]


def _step(value: Mapping[str, Any]) -> StepSpec:
    retry, when = value["retry"], value["when"]
    made = {
        **value,
        "kind": StepKind(value["kind"]),
        "needs": tuple(value["needs"]),
        "when": When(tuple(StepOutcome(one) for one in when["outcomes"]), when["data"]),
        "retry": RetrySpec(**{**retry, "backoff": Backoff(retry["backoff"])}),
        "cache": CacheSpec(**value["cache"]) if value["cache"] else None,
    }
    return StepSpec(**made)
