"""A pipeline's graph as text for a terminal and as Mermaid for a page. Drawn from the specification, so that it is
the graph that runs."""

from __future__ import annotations

from trueup.core.graph import Graph
from trueup.model.pipeline import ANY_OUTCOME, PipelineSpec, StepKind, StepOutcome, StepSpec


def to_text(spec: PipelineSpec) -> str:
    """One line a step, in an order in which they may run: what it does, after which, under which condition."""
    graph = Graph(spec)
    params = ", ".join(
        f"{one.name}: {one.type}" + ("" if one.required else f" = {one.default!r}") for one in spec.params
    )
    lines = [f"{spec.name}({params})"]
    width = max(len(name) for name in graph.order)
    for place, name in enumerate(graph.order, 1):
        step = graph.steps[name]
        notes = [f"after {', '.join(graph.needs[name])}"] if graph.needs[name] else []
        lines.append("  ".join([f"{place:>3}. {name:<{width}}", f"{step.kind} {step.target}", *notes, *_notes(step)]))
    return "\n".join(lines)


def to_mermaid(spec: PipelineSpec) -> str:
    """A Mermaid flowchart; an edge carries the outcome it asks for where that is not "done"."""
    graph = Graph(spec)
    number = {name: f"s{place}" for place, name in enumerate(graph.order)}
    lines = ["flowchart TD"]
    for name in graph.order:
        step = graph.steps[name]
        opening, closing = {StepKind.JOB: ("[", "]"), StepKind.PYTHON: ("(", ")"), StepKind.PIPELINE: ("[[", "]]")}[
            step.kind
        ]
        label = "<br/>".join(_escaped(one) for one in (name, f"{step.kind} {step.target}", *_notes(step)))
        lines.append(f'    {number[name]}{opening}"{label}"{closing}')
    for name in graph.order:
        asked = _asked(graph.steps[name])
        arrow = f"-->|{asked}|" if asked else "-->"
        lines += [f"    {number[one]} {arrow} {number[name]}" for one in graph.needs[name]]
    return "\n".join(lines)


def _notes(step: StepSpec) -> list[str]:
    notes = []
    if step.for_each is not None:
        notes.append(f"for each of {_shown(step.for_each)}, {step.parallel} at once")
    if _asked(step):
        notes.append(f"on {_asked(step)}")
    if step.when.data is not None:
        notes.append(f"if {_shown(step.when.data)}")
    if step.retry.attempts > 1:
        notes.append(f"up to {step.retry.attempts} attempts")
    if step.timeout is not None:
        notes.append(f"within {step.timeout:g} s")
    if step.cache is not None:
        notes.append("cached")
    return notes


def _asked(step: StepSpec) -> str:
    outcomes = step.when.outcomes
    if outcomes == (StepOutcome.DONE,):
        return ""
    return "always" if set(outcomes) == set(ANY_OUTCOME) else " or ".join(outcomes)


def _shown(template: object) -> str:
    text = str(template)
    whole = text.startswith("${") and text.endswith("}") and text.count("${") == 1
    return text[2:-1] if whole else text


def _escaped(text: str) -> str:
    return text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
