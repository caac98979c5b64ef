"""What is wrong with pipelines before they run, every finding at once, each with its place in the configuration."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from trueup.core.expressions import ExpressionError, Path, references
from trueup.core.graph import needs_of, templates_of
from trueup.core.params import fits
from trueup.model.pipeline import PipelineSpec, StepKind, StepOutcome, StepSpec

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z")
_OF_STEP = ("output", "outcome", "error")
_OF_RUN = ("id", "pipeline", "started")


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. `path` leads to it from the root of the configuration: ("pipelines", "nightly", "steps", "check",
    "needs")."""

    path: tuple[str, ...]
    what: str
    hint: str = ""


def problems(pipelines: Mapping[str, PipelineSpec], jobs: Collection[str]) -> list[Problem]:
    """Everything that is wrong with these pipelines.

    Args:
        pipelines: all pipelines of the configuration by name.
        jobs: the names of all its jobs.
    """
    found = [one for spec in pipelines.values() for one in _Check(spec, pipelines, jobs).all()]
    found += _recursions(pipelines)
    return found


class _Check:
    """The findings about one pipeline."""

    def __init__(self, spec: PipelineSpec, pipelines: Mapping[str, PipelineSpec], jobs: Collection[str]) -> None:
        self.spec = spec
        self.pipelines = pipelines
        self.jobs = jobs
        self.names = [one.name for one in spec.steps]
        self.params = [one.name for one in spec.params]

    def all(self) -> Iterator[Problem]:
        yield from self.naming()
        yield from self.defaults()
        for step in self.spec.steps:
            yield from self.target(step)
            yield from self.numbers(step)
            yield from self.needed(step)
            yield from self.conditions(step)
            for place, template in templates_of(step).items():
                yield from self.template(step, place, template)
        yield from self.circle()

    def at(self, *path: str) -> tuple[str, ...]:
        return ("pipelines", self.spec.name, *path)

    def naming(self) -> Iterator[Problem]:
        if self.spec.name in self.jobs:
            yield Problem(
                self.at(), f"a job is called {self.spec.name!r} too", "`trueup run` could not tell them apart"
            )
        if not self.spec.steps:
            yield Problem(self.at("steps"), f"pipeline {self.spec.name} has no steps")
        for part, names in (("steps", self.names), ("params", self.params)):
            for name in dict.fromkeys(names):
                if not _NAME.match(name):
                    hint = "letters, digits, - and _, and a letter first, so that expressions can name it"
                    yield Problem(self.at(part, name), f"{name!r} is not a name for one of the {part}", hint)
                if names.count(name) > 1:
                    yield Problem(self.at(part, name), f"{name!r} is there twice")

    def defaults(self) -> Iterator[Problem]:
        for param in self.spec.params:
            if not param.required and not fits(param.default, param.type):
                yield Problem(
                    self.at("params", param.name, "default"), f"the default of {param.name} is no {param.type}"
                )

    def target(self, step: StepSpec) -> Iterator[Problem]:
        place = self.at("steps", step.name, step.kind.value)
        if step.kind is StepKind.PYTHON:
            if not _FUNCTION.match(step.target):
                yield Problem(place, f"{step.target!r} names no function", 'write "package.module:function"')
        elif step.kind is StepKind.JOB:
            if step.target not in self.jobs:
                yield Problem(place, f"there is no job {step.target!r}", _there(step.target, self.jobs))
            if step.with_:
                yield Problem(
                    self.at("steps", step.name, "with"), "a job takes no values", "its settings stand in `jobs`"
                )
        elif step.target not in self.pipelines:
            yield Problem(place, f"there is no pipeline {step.target!r}", _there(step.target, self.pipelines))
        else:
            yield from self.handed_over(step, self.pipelines[step.target])

    def handed_over(self, step: StepSpec, child: PipelineSpec) -> Iterator[Problem]:
        known = {one.name: one for one in child.params}
        for name, value in step.with_.items():
            place = self.at("steps", step.name, "with", name)
            if name not in known:
                yield Problem(place, f"pipeline {child.name} has no parameter {name!r}", _there(name, known))
            elif not _holds_reference(value) and not fits(value, known[name].type):
                yield Problem(place, f"{name!r} of pipeline {child.name} is of type {known[name].type}")
        for name, param in known.items():
            if param.required and name not in step.with_:
                yield Problem(
                    self.at("steps", step.name),
                    f"pipeline {child.name} needs a value for {name!r}",
                    f"with: {{{name}: …}}",
                )

    def numbers(self, step: StepSpec) -> Iterator[Problem]:
        retry = step.retry
        rules = (
            ("parallel", step.parallel >= 1, "at least 1 must run at once"),
            ("timeout", step.timeout is None or step.timeout > 0, "a time-out must be longer than 0"),
            ("retry", retry.attempts >= 1, "a step is tried once at least: attempts: 1"),
            ("retry", retry.base >= 0 and retry.cap >= 0, "a pause cannot be negative"),
            (
                "cache",
                step.cache is None or step.cache.seconds is None or step.cache.seconds > 0,
                "`for` must be longer than 0",
            ),
        )
        for place, right, what in rules:
            if not right:
                yield Problem(self.at("steps", step.name, place), what)

    def needed(self, step: StepSpec) -> Iterator[Problem]:
        place = self.at("steps", step.name, "needs")
        for name in step.needs:
            if name == step.name:
                yield Problem(place, f"step {name} needs itself")
            elif name not in self.names:
                yield Problem(place, f"there is no step {name!r}", _there(name, self.names))

    def conditions(self, step: StepSpec) -> Iterator[Problem]:
        place = self.at("steps", step.name, "when")
        outcomes = step.when.outcomes
        if not outcomes:
            yield Problem(place, "`outcome` names no outcome", "done, partial, failed, skipped or always")
        elif StepOutcome.DONE not in outcomes and not _needs(step, self.names):
            yield Problem(
                place, f"`outcome: {outcomes[0]}` asks how other steps ended, but the step needs none", "add `needs`"
            )
        if step.when.data is not None and not isinstance(step.when.data, bool) and not _is_expression(step.when.data):
            yield Problem(place, "a condition is one expression", 'write "${steps.check.output.count > 0}"')
        if (
            step.for_each is not None
            and not isinstance(step.for_each, list | tuple)
            and not _is_expression(step.for_each)
        ):
            yield Problem(
                self.at("steps", step.name, "for_each"), "`for_each` takes a list, or one expression that gives a list"
            )

    def template(self, step: StepSpec, where: str, template: Any) -> Iterator[Problem]:
        place = self.at("steps", step.name, *where.split(".", 1))
        try:
            paths = list(references(template))
        except ExpressionError as error:
            yield Problem(place, error.what + (f": {error.why}" if error.why else ""), error.hint)
            return
        for path in paths:
            what, hint = self.reference(step, where, path)
            if what:
                yield Problem(place, what, hint)

    def reference(self, step: StepSpec, where: str, path: Path) -> tuple[str, str]:
        """What is wrong with one reference, and what to do; "" for nothing."""
        root, *rest = path
        if root in ("item", "index"):
            if step.for_each is None or where in ("for_each", "when"):
                return (
                    f"`{root}` is not there in `{where.split('.')[0]}`",
                    "it exists in `with` and `cache` of a step with `for_each`",
                )
            return "", ""
        if not rest or not isinstance(rest[0], str):
            return f"`{root}` alone says nothing", f"name one: ${{{root}.…}}"
        name = rest[0]
        if root == "params":
            return ("", "") if name in self.params else (f"there is no parameter {name!r}", _there(name, self.params))
        if root == "run":
            return ("", "") if name in _OF_RUN else (f"a run has no {name!r}", _there(name, _OF_RUN))
        if name not in self.names:
            return f"there is no step {name!r}", _there(name, self.names)
        if name == step.name:
            return f"step {name} refers to itself", ""
        if len(rest) < 2 or rest[1] not in _OF_STEP:
            wrong = f"step {name} has no {rest[1]!r}" if len(rest) > 1 else f"`steps.{name}` alone says nothing"
            return wrong, f"write steps.{name}.output, .outcome or .error"
        return "", ""

    def circle(self) -> Iterator[Problem]:
        needs = {one.name: _needs(one, self.names) for one in self.spec.steps}
        for circle in _circles(needs):
            yield Problem(self.at("steps", circle[0]), f"the steps need each other in a circle: {' -> '.join(circle)}")


def _needs(step: StepSpec, names: Collection[str]) -> tuple[str, ...]:
    try:
        return tuple(one for one in needs_of(step, names) if one != step.name)
    except ExpressionError:
        return tuple(one for one in step.needs if one in names and one != step.name)


def _recursions(pipelines: Mapping[str, PipelineSpec]) -> Iterator[Problem]:
    calls = {
        name: tuple(
            dict.fromkeys(one.target for one in spec.steps if one.kind is StepKind.PIPELINE and one.target in pipelines)
        )
        for name, spec in pipelines.items()
    }
    for circle in _circles(calls):
        yield Problem(("pipelines", circle[0]), f"a pipeline cannot start itself: {' -> '.join(circle)}")


def _circles(edges: Mapping[str, tuple[str, ...]]) -> Iterator[list[str]]:
    """One circle through each group of nodes that reach each other, as [a, b, a]; no recursion, so that a long chain
    is no trouble."""
    over: set[str] = set()
    for start in edges:
        trail: list[str] = []
        stack = [(start, iter(edges[start]))] if start not in over else []
        while stack:
            node, rest = stack[-1]
            if len(trail) < len(stack):
                trail.append(node)
            following = next((one for one in rest if one not in over), None)
            if following is None:
                over.add(node)
                stack.pop()
                trail.pop()
            elif following in trail:
                yield [*trail[trail.index(following) :], following]
                over.update(trail)
                break
            else:
                stack.append((following, iter(edges[following])))


def _is_expression(template: Any) -> bool:
    return isinstance(template, str) and template.startswith("${") and template.endswith("}")


def _holds_reference(template: Any) -> bool:
    try:
        return next(references(template), None) is not None
    except ExpressionError:
        return True  # said already


def _there(name: str, names: Collection[str]) -> str:
    close = get_close_matches(name, list(names), n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"there are: {', '.join(names)}" if names else "there are none"
