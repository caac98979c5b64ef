"""The graph of a pipeline: what needs what, what may start now, and what becomes of a step once all it needs has
ended. Pure.

Every engine decides by these functions, so that a pipeline means the same on each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from trueup.core.expressions import references, render
from trueup.model.errors import UserError
from trueup.model.pipeline import PipelineSpec, StepOutcome, StepSpec

_WORST_FIRST = (StepOutcome.FAILED, StepOutcome.PARTIAL, StepOutcome.SKIPPED, StepOutcome.DONE)


@dataclass(frozen=True, slots=True)
class StepResult:
    """How a step ended.

    Attributes:
        outcome: how.
        output: what it gave; a list in the items' order for a map; None where it failed or was skipped.
        error: why it failed, or the reason why it was skipped.
        cause: for a step skipped because of what it needs: FAILED or PARTIAL, whatever came first in the chain. None
            otherwise.
    """

    outcome: StepOutcome
    output: Any = None
    error: str = ""
    cause: StepOutcome | None = None

    @property
    def counts_as(self) -> StepOutcome:
        """What it is to the steps that need it: one skipped because something failed counts as failed, all the way
        down."""
        return self.cause or self.outcome

    def to_scope(self) -> dict[str, Any]:
        """What `${steps.NAME}` is."""
        return {"outcome": self.outcome.value, "output": self.output, "error": self.error}


class Graph:
    """A valid pipeline's graph.

    Attributes:
        spec: the pipeline.
        needs: for each step the steps that end before it: those it names and those whose output it refers to, in the
            order of the pipeline.
        order: all steps, each after those it needs; otherwise as they were written.
    """

    def __init__(self, spec: PipelineSpec) -> None:
        self.spec = spec
        self.steps: dict[str, StepSpec] = {one.name: one for one in spec.steps}
        self.needs: dict[str, tuple[str, ...]] = {one.name: needs_of(one, self.steps) for one in spec.steps}
        self.order: tuple[str, ...] = _ordered(self.needs)

    def ready(self, ended: Iterable[str], under_way: Iterable[str]) -> list[str]:
        """The steps that can be decided on now, in order."""
        over = set(ended)
        taken = over | set(under_way)
        return [name for name in self.order if name not in taken and over.issuperset(self.needs[name])]

    def verdict(self, name: str, results: Mapping[str, StepResult], scope: Mapping[str, Any]) -> StepResult | None:
        """Whether a step runs, all it needs having ended: None, or the result of a step that is skipped.

        Args:
            name: the step.
            results: how each step it needs ended.
            scope: what templates may refer to (see `scope_of`).

        Raises:
            UserError: the condition on data cannot be told.
        """
        step = self.steps[name]
        needed = {one: results[one] for one in self.needs[name]}
        refusal = _by_outcome(step.when.outcomes, needed)
        if refusal is not None:
            return refusal
        if step.when.data is None or bool(render(step.when.data, scope)):
            return None
        return StepResult(StepOutcome.SKIPPED, error=f"its condition is not met: {step.when.data}")

    def below(self, names: Iterable[str]) -> set[str]:
        """These steps and all that need them, directly or not."""
        found = set(names)
        for name in self.order:
            if found.intersection(self.needs[name]):
                found.add(name)
        return found


def _by_outcome(wanted: tuple[StepOutcome, ...], needed: Mapping[str, StepResult]) -> StepResult | None:
    """None where the outcomes are as wanted, else the result of the step that is skipped for it."""
    matching = {name: one.counts_as in wanted for name, one in needed.items()}
    if StepOutcome.DONE in wanted:
        if all(matching.values()):
            return None
        name = min(
            (one for one in matching if not matching[one]), key=lambda one: _WORST_FIRST.index(needed[one].counts_as)
        )
        reason = f"{name} {_ended(needed[name])}"
    else:
        if any(matching.values()):
            return None
        reason = f"none of {', '.join(needed) or 'nothing'} ended {' or '.join(wanted)}"
    worst = min((one.counts_as for one in needed.values()), key=_WORST_FIRST.index, default=StepOutcome.DONE)
    cause = worst if worst in (StepOutcome.FAILED, StepOutcome.PARTIAL) else None
    return StepResult(StepOutcome.SKIPPED, error=reason, cause=cause)


def _ended(result: StepResult) -> str:
    if result.outcome is StepOutcome.SKIPPED:
        return "was skipped"
    return "failed" if result.outcome is StepOutcome.FAILED else f"is {result.outcome.value}"


def scope_of(params: Mapping[str, Any], run: Mapping[str, Any], results: Mapping[str, StepResult]) -> dict[str, Any]:
    """What the templates of a run may refer to.

    Args:
        params: the run's parameters.
        run: `id`, `pipeline` and `started` (ISO 8601, UTC).
        results: how the steps ended.
    """
    return {"params": params, "run": run, "steps": {name: one.to_scope() for name, one in results.items()}}


def items_of(step: StepSpec, scope: Mapping[str, Any]) -> list[Any]:
    """The items a step with `for_each` runs over.

    Raises:
        UserError: it is not a list.
    """
    items = render(step.for_each, scope)
    if isinstance(items, list):
        return items
    why = f"{step.for_each} gave {type(items).__name__ if items is not None else 'null'}"
    raise UserError(f"step {step.name}: `for_each` needs a list", why=why, hint="`default(…, …)` names another list")


def outcome_of(results: Iterable[StepResult]) -> StepOutcome:
    """The outcome of a whole pipeline: failed where a step failed, else partial where one is partial, else done."""
    worst = min((one.outcome for one in results), key=_WORST_FIRST.index, default=StepOutcome.DONE)
    return StepOutcome.DONE if worst is StepOutcome.SKIPPED else worst


def outcome_of_map(items: Iterable[StepOutcome]) -> StepOutcome:
    """The outcome of a map: done where all are (or there were none), failed where all failed, else partial."""
    found = set(items)
    if found <= {StepOutcome.DONE}:
        return StepOutcome.DONE
    return StepOutcome.FAILED if found == {StepOutcome.FAILED} else StepOutcome.PARTIAL


def templates_of(step: StepSpec) -> dict[str, Any]:
    """The templates of a step, by where they stand in the configuration."""
    found = {f"with.{key}": value for key, value in step.with_.items()}
    if step.when.data is not None:
        found["when"] = step.when.data
    if step.for_each is not None:
        found["for_each"] = step.for_each
    if step.cache is not None:
        found["cache.key"] = step.cache.key
    return found


def needs_of(step: StepSpec, known: Iterable[str]) -> tuple[str, ...]:
    """What a step needs: what it names, and the steps its templates refer to; in the order of `known`, and only what
    is known."""
    wanted = set(step.needs)
    for template in templates_of(step).values():
        wanted.update(str(path[1]) for path in references(template) if path[0] == "steps" and len(path) > 1)
    return tuple(name for name in known if name in wanted)


def _ordered(needs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    try:
        rank = {name: place for place, name in enumerate(needs)}
        sorter = TopologicalSorter(needs)
        sorter.prepare()
    except CycleError as error:
        raise UserError("the steps need each other in a circle", why=" -> ".join(error.args[1])) from None
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=rank.__getitem__)
        order += ready
        sorter.done(*ready)
    return tuple(order)
