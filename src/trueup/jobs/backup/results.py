"""What came of a change of a backup, as the journal keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from trueup.core.ledger.rows import JournalRow
from trueup.jobs.backup.work import BackupWork
from trueup.model.change import ChangeState
from trueup.model.errors import TrueupError

Json: TypeAlias = dict[str, Any]

OPEN = (ChangeState.PLANNED, ChangeState.SENT)
"""States of a change that is still to be carried out."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a change ended.

    Attributes:
        state: DONE (stored, still to be seen in the repository), VERIFIED, FAILED, or PUT_OFF (not done now, on purpose).
        code: a stable word for what went wrong; "" where nothing did.
        reason: a sentence for people.
        more: numbers and names for programs ("snapshot", "bytes", "seconds" …).
    """

    state: ChangeState
    code: str = ""
    reason: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def failed(cls, error: Exception, code: str = "", **more: Any) -> Result:
        """A failure, from the error that it is."""
        if isinstance(error, TrueupError):
            return cls(ChangeState.FAILED, code or type(error).__name__, str(error), {"hint": error.hint, **more})
        return cls(ChangeState.FAILED, "bug", f"{type(error).__name__}: {error}", more)

    def to_json(self) -> Json:
        """As the journal keeps it."""
        given = {"code": self.code, "reason": self.reason, **self.more}
        return {key: value for key, value in given.items() if value not in ("", None)}


def record(work: BackupWork, run_id: str, row: JournalRow, result: Result) -> None:
    """Records what came of a change, and tells who listens."""
    work.ledger.journal.record(run_id, [(row.change.seq, result.state, result.to_json())])
    if result.state in (ChangeState.FAILED, ChangeState.PUT_OFF):
        event = {"event": "item", "phase": "apply", "collection": row.change.collection, "title": row.change.title}
        work.on_event({**event, "state": result.state.value, "reason": result.reason})
