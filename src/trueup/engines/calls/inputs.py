"""What a step works on: how all that it needs has ended. That does not change any more, and is the same for all items of a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from trueup.app import App
from trueup.core.graph import StepResult, items_of, scope_of
from trueup.core.step_runs import StepRuns
from trueup.engines.calls.definitions import Definition
from trueup.engines.calls.memory import Memory
from trueup.model.errors import UsageError
from trueup.model.pipeline import StepSpec

_LAST = 8
"""Steps; what one needs may be some megabytes."""


@dataclass(frozen=True)
class Inputs:
    """See the module's text. Shared by threads: nobody changes what is in it.

    Attributes:
        step: the step.
        needed: how each step it needs ended.
        scope: what its templates may refer to, apart from the item.
    """

    step: StepSpec
    needed: Mapping[str, StepResult]
    scope: Mapping[str, Any]

    @cached_property
    def items(self) -> list[Any]:
        """The items of its `for_each`.

        Raises:
            UserError: it gives no list.
        """
        return items_of(self.step, self.scope)

    def scope_of(self, index: int | None) -> Mapping[str, Any]:
        """What the templates of an item may refer to; of the step itself for None.

        Raises:
            UsageError: there is no such item.
        """
        if index is None:
            return self.scope
        if not 0 <= index < len(self.items):
            raise UsageError(f"step {self.step.name} has no item {index}", why=f"it has {len(self.items)}")
        return {**self.scope, "item": self.items[index], "index": index}


_known: Memory[Inputs] = Memory(_LAST)


def inputs_of(app: App, definition: Definition, step: str) -> Inputs:
    """The inputs of a step.

    Raises:
        UsageError: there is no such step, or something it needs has not ended.
    """
    return _known.get(app, (definition.run.id, step), lambda: _looked_up(app, definition, step))


def _looked_up(app: App, definition: Definition, step: str) -> Inputs:
    graph, run = definition.graph, definition.run
    if step not in graph.steps:
        raise UsageError(f"pipeline {graph.spec.name} has no step {step}", hint=f"it has: {', '.join(graph.order)}")
    runs = StepRuns(app.ledger, graph, run.id, run.kept)
    needed = {}
    for name in graph.needs[step]:
        result = runs.known(name, app.ledger.steps.get(run.id, name))
        if result is None:
            raise UsageError(f"step {step} cannot be looked at yet", why=f"{name}, which it needs, has not ended")
        needed[name] = result
    return Inputs(graph.steps[step], needed, scope_of(run.params, run.to_scope(graph.spec.name), needed))
