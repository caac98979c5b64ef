"""The rules of quality that a job was last planned with: when they change, everything is looked at again."""

from __future__ import annotations

from trueup.core.work import Work

TOPIC = "quality"
"""Of the questions that rules ask; answered with "accept" or "reject"."""

SHARED = "quality/shared"
"""The fact that says which records share a value that one alone should have; gone when anything was written."""

_RULES = "quality/rules"


def note_rules(work: Work) -> None:
    """Makes everything due where the rules changed; questions of rules that are no more are taken back."""
    digest = work.inspector.digest if work.inspector is not None else ""
    known = (work.ledger.facts.get(work.spec.name, _RULES) or {}).get("digest", "")
    if known == digest:
        return
    with work.ledger.transaction("quality"):
        work.ledger.state.mark_all_due(work.spec.name)
        work.ledger.facts.put(work.spec.name, _RULES, {"digest": digest})
        if not digest:
            work.ledger.questions.withdraw(work.spec.name, TOPIC, ())
