"""What was read back by a call whose answer never arrived, from the journal: what a store lost on the way is told once, but not never."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeAlias

from trueup.core.ledger import Ledger
from trueup.core.ledger.rows import JournalRow
from trueup.model.change import Action, ChangeState

Json: TypeAlias = dict[str, Any]

PAGE = 1000
_READ_BACK = (ChangeState.VERIFIED, ChangeState.STALE, ChangeState.FAILED)
_WRITES = tuple(one for one in Action if one.writes)


def any_verified(ledger: Ledger, run: str, ref: str) -> bool:
    """Whether something that the run wrote to a collection was read back before."""
    states = (ChangeState.VERIFIED,)
    return bool(ledger.journal.changes(run, limit=1, states=states, actions=_WRITES, collection=ref))


def all_verified(ledger: Ledger, run: str, ref: str) -> Json:
    """What all reading back of a collection came to, as `core.verification.verify` counts it, without "error"."""
    counts, lost = Counter[str](), Counter[str]()
    for row in _rows(ledger, run, ref):
        counts[_verdict(row)] += 1
        counts["rewritten"] += bool(row.result.get("rewritten"))
        lost.update(row.result.get("rewritten", ()))
    return {
        "collection": ref,
        **{name: counts[name] for name in ("verified", "failed", "rewritten")},
        "lost": dict(lost),
    }


def _verdict(row: JournalRow) -> str:
    """ "" for what sending it came to, and not reading it back."""
    code = row.result.get("code")
    if row.state is ChangeState.FAILED:
        return "failed" if code in ("not-kept", "damaged") else ""
    return "" if code == "stale" else "verified"


def _rows(ledger: Ledger, run: str, ref: str) -> Iterator[JournalRow]:
    after = 0
    while rows := ledger.journal.changes(
        run, after=after, limit=PAGE, states=_READ_BACK, actions=_WRITES, collection=ref
    ):
        yield from rows
        after = rows[-1].change.seq
