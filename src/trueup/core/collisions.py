"""Runs that would meet: two that use the same job, or two of the same pipeline, as far as it can be known beforehand.

How long a run takes is known only where an event says so; a run without an end collides with what starts at the same moment. What really
is under way when a run is due is looked at again then.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from trueup.model.occurrence import Occurrence
from trueup.model.pipeline import PipelineSpec, StepKind
from trueup.model.schedule import Collide


@dataclass(frozen=True, slots=True)
class Party:
    """A job or pipeline that takes part.

    Attributes:
        uses: the jobs it works with, and itself.
        collide: what its runs do when they meet another's.
    """

    uses: frozenset[str]
    collide: Collide = Collide.QUEUE


def uses_of(name: str, pipelines: Mapping[str, PipelineSpec]) -> frozenset[str]:
    """What a job or pipeline works with: "job/…" for every job it reaches, and "pipeline/…" for itself and what it starts."""
    found: set[str] = set()
    left = [name]
    while left:
        one = left.pop()
        spec = pipelines.get(one)
        kind = "job" if spec is None else "pipeline"
        if f"{kind}/{one}" in found:
            continue
        found.add(f"{kind}/{one}")
        for step in () if spec is None else spec.steps:
            if step.kind is StepKind.JOB:
                found.add(f"job/{step.target}")
            elif step.kind is StepKind.PIPELINE:
                left.append(step.target)
    return frozenset(found)


def settled(
    found: Mapping[str, Sequence[Occurrence]],
    parties: Mapping[str, Party],
    running: Iterable[tuple[str, Occurrence]] = (),
) -> dict[str, list[Occurrence]]:
    """The occurrences with their collisions resolved by the policy of the one that comes later.

    Args:
        found: the occurrences of each subject; those that are skipped already meet nobody.
        parties: the subjects.
        running: what is under way already, with its subject; it stays as it is.

    Returns:
        The same ones, some of them moved, skipped, or waiting for a person; by the time at which they start.
    """
    result: dict[str, list[Occurrence]] = {subject: [] for subject in found}
    queue = [(one.at, subject, one.key, one) for subject, listed in found.items() for one in listed]
    heapq.heapify(queue)
    taken = [pair for pair in running if pair[0] in parties]
    while queue:
        at, subject, key, one = heapq.heappop(queue)
        taken = [pair for pair in taken if pair[1].until > at or pair[1].at == at]
        met = None if one.skipped else _met(subject, one, taken, parties)
        if met is None:
            kept = one
        else:
            kept = _resolved(one, met, parties[subject].collide)
            if kept.at > at:
                heapq.heappush(queue, (kept.at, subject, key, kept))
                continue
        if not (kept.skipped or kept.asks):
            taken.append((subject, kept))
        result[subject].append(kept)
    return result


def _met(
    subject: str, one: Occurrence, taken: Iterable[tuple[str, Occurrence]], parties: Mapping[str, Party]
) -> tuple[str, Occurrence] | None:
    """The one under way then that ends last."""
    uses = parties[subject].uses
    met = [pair for pair in taken if uses & parties[pair[0]].uses]
    return max(met, key=lambda pair: pair[1].until, default=None)


def _resolved(one: Occurrence, met: tuple[str, Occurrence], policy: Collide) -> Occurrence:
    name, other = met
    shown = f"{name} (“{other.title}”)" if other.title else name
    if policy is Collide.SKIP:
        return replace(one, skipped=f"it would meet {shown}")
    if policy is Collide.ASK:
        return replace(one, asks=shown)
    if policy is Collide.SHIFT and other.until > one.at:
        note = _joined(one.note, f"moved to the end of {shown}")
        return replace(one, at=other.until, until=one.until + other.until - one.at, note=note)
    return replace(one, note=_joined(one.note, f"waits for {shown}"))


def _joined(*notes: str) -> str:
    return "; ".join(one for one in notes if one)
