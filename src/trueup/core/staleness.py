"""A plan is only applied to the world it was made for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trueup.core.ledger.rows import Replica
from trueup.core.work import Work
from trueup.model.errors import StalePlan
from trueup.model.plan import Plan

MAX_NAMED = 10


def refuse_stale(work: Work, plan: Plan, readings: Iterable[Mapping[str, Any]]) -> None:
    """Refuses a plan when the configuration or any collection moved on since it was made.

    Args:
        work: the job.
        plan: the plan to be applied.
        readings: what `read` says of each collection now.

    Raises:
        StalePlan: names what changed, by title.
    """
    hint = f"make a new one: trueup plan {work.spec.name}"
    if plan.config != work.spec.digest:
        raise StalePlan("the plan is stale", why="the job's configuration was changed since it was made", hint=hint)
    now = {reading["collection"]: reading for reading in readings}
    changed: list[str] = []
    for known in plan.based_on:
        reading = now.get(known.collection)
        if reading is None or (known.read and not reading["read"]):
            why = f"{known.collection} cannot be read now"
            raise StalePlan("the plan cannot be applied", why=why, hint="try again when the store is back")
        row = work.row(known.collection)
        if row.revision != known.revision:
            since = work.ledger.state.changed_since(row.id, known.revision, MAX_NAMED)
            changed += [_sentence(known.collection, one) for one in since] or [f"something in {known.collection}"]
        elif not known.read and reading["read"]:
            changed.append(f"{known.collection} could not be read then, and can be now")
    if changed:
        shown = "; ".join(changed[:MAX_NAMED]) + (" …" if len(changed) > MAX_NAMED else "")
        raise StalePlan("the plan is stale", why=f"changed since it was made: {shown}", hint=hint)


def _sentence(ref: str, one: Replica) -> str:
    name = " ".join(part for part in (one.title or one.href, one.starts) if part)
    return f"“{name}” {'was deleted from' if one.seen is None else 'in'} {ref}"
