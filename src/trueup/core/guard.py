"""Guards: what a plan may not do without a person's word, in both directions.

A side that comes up empty, a share or number of deletions, everything changed at once, a filter that was changed and
now deletes. Each looks at what the plan would
do to a collection, and at what vanished from one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from trueup.model.change import Action, Change
from trueup.model.job import Guards
from trueup.model.plan import GuardFinding


@dataclass
class Tally:
    """What a plan does, counted while it is made."""

    deletes: Counter[str] = field(default_factory=Counter)
    updates: Counter[str] = field(default_factory=Counter)
    withdrawn: int = 0

    def add(self, change: Change) -> None:
        """Counts one change."""
        if change.action is Action.DELETE:
            self.deletes[change.collection] += 1
        elif change.action is Action.UPDATE:
            self.updates[change.collection] += 1


@dataclass(frozen=True, slots=True)
class Population:
    """How many items a collection has, had when all last agreed, and still has of those."""

    live: int
    agreed: int
    agreed_live: int


def findings(
    guards: Guards, tally: Tally, populations: Mapping[str, Population], *, shape_changed: bool
) -> Iterator[GuardFinding]:
    """Every guard that fires.

    Args:
        guards: the job's limits.
        tally: what the plan does, by collection.
        populations: the collections that could be read.
        shape_changed: the job's filter or transform is not the one of its last applied plan.
    """
    doomed = sum(tally.deletes.values())
    for ref, people in populations.items():
        vanished = people.agreed - people.agreed_live
        if guards.empty and doomed and people.agreed and not people.live:
            yield GuardFinding("empty", ref, f"{ref} is empty now; it had {_items(people.agreed)} in the last run")
        yield from _deletions(guards, ref, tally.deletes[ref], people.live, "would be deleted from")
        if doomed:
            yield from _deletions(guards, ref, vanished, people.agreed, "vanished from")
        changed, share = tally.updates[ref], guards.max_update_share
        if share is not None and changed >= guards.small and changed > share * people.live:
            yield GuardFinding(
                "max_update",
                ref,
                f"{changed} of {_items(people.live)} would be changed in {ref} "
                f"({_percent(changed, people.live)}, limit {share:.0%})",
            )
        if shape_changed and guards.changed_filter and tally.deletes[ref]:
            yield GuardFinding(
                "changed_filter",
                ref,
                f"the filter or transform was changed, and {_items(tally.deletes[ref])} would be deleted from {ref}",
            )


def _deletions(guards: Guards, ref: str, count: int, of: int, verb: str) -> Iterator[GuardFinding]:
    share = guards.max_delete_share
    if share is not None and count >= guards.small and count > share * of:
        yield GuardFinding(
            "max_delete", ref, f"{count} of {_items(of)} {verb} {ref} ({_percent(count, of)}, limit {share:.0%})"
        )
    elif guards.max_delete is not None and count > guards.max_delete:
        yield GuardFinding("max_delete", ref, f"{_items(count)} {verb} {ref} (limit {guards.max_delete})")


def _items(count: int) -> str:
    return f"{count} item" if count == 1 else f"{count} items"


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "all"
