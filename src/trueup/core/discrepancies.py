"""What a full comparison found: counted all, named up to a limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

MAX_NAMED = 20_000

KINDS = {
    "gone": "gone there since the last run",
    "new": "new there since the last run",
    "changed": "changed there since the last run",
    "missing": "not there yet",
    "refused": "cannot be handled",
    "unreadable": "could not be read",
    "left": "left out by rule",
    "conflict": "a conflict waits for you",
    "question": "a question waits for you",
    "failed": "failed, and is tried again",
}
"""What can be the matter with an item, in words."""


class Findings:
    """See the module's text.

    Attributes:
        named: the differences, as `auditing.audit` returns them.
        more: how many there are beyond those.
        counts: how many of each kind.
    """

    def __init__(self) -> None:
        self.named: list[dict[str, Any]] = []
        self.more = 0
        self.counts: Counter[str] = Counter()

    def add(
        self, kind: str, ref: str, title: str, starts: str, cause: str, cure: str, fields: Sequence[dict[str, Any]] = ()
    ) -> None:
        """A difference; see `auditing.audit`."""
        self.counts[kind] += 1
        if len(self.named) >= MAX_NAMED:
            self.more += 1
            return
        known = {"kind": kind, "collection": ref, "title": title, "starts": starts, "cause": cause, "cure": cure}
        self.named.append({**known, "fields": list(fields)})
