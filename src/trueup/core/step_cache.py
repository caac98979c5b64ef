"""Results of steps that need not be done again, kept in the ledger: one run of kind "cache" for each pipeline, one step row for each
result."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from trueup.core.ledger import Ledger
from trueup.model.pipeline import StepSpec
from trueup.model.run import RunState

KIND = "cache"


def cache_name(step: StepSpec, key: Any) -> str:
    """The name of a result: equal where the step runs the same thing for the same key.

    Args:
        step: the step; its `with` counts as written, so that a changed call is a new one.
        key: what the template of its cache key gave.
    """
    parts = [step.kind.value, step.target, step.with_, key]
    return sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:32]


class StepCache:
    """The kept results of one pipeline's steps."""

    def __init__(self, ledger: Ledger, pipeline: str) -> None:
        self._ledger = ledger
        self._subject = f"{KIND}:{pipeline}"

    def get(self, name: str, max_age: float | None, now: float) -> tuple[str, Any] | None:
        """The run that gave a result and the result itself; None where there is none, or it is older than `max_age` seconds."""
        holder = self._ledger.journal.latest(self._subject)
        row = self._ledger.steps.get(holder.id, name) if holder else None
        if row is None or row.state != "done" or row.ended is None:
            return None
        if max_age is not None and now - row.ended > max_age:
            return None
        return str(row.input), row.output

    def put(self, name: str, run: str, output: Any) -> None:
        """Keeps a result of this run."""
        holder = self._ledger.journal.latest(self._subject)
        with self._ledger.transaction():
            if holder is None:
                holder = self._ledger.journal.start(KIND, self._subject)
                self._ledger.journal.update(holder.id, state=RunState.DONE)
            self._ledger.steps.start(holder.id, name, run)
            self._ledger.steps.finish(holder.id, name, "done", output)
