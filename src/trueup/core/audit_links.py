"""The items of a job across its sides: what is known to wait and why, what a side lacks, and what two sides hold differently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from trueup.core.discrepancies import Findings
from trueup.core.draft import Bodies
from trueup.core.ledger.rows import Replica
from trueup.core.merge import diff
from trueup.core.work import Work
from trueup.model.change import BENIGN, REJECTED, REVIEW, Change
from trueup.model.errors import ItemRefused

PAGE = 200


def audit_links(work: Work, found: Findings) -> list[dict[str, Any]]:
    """Compares the sides of every item.

    Args:
        work: the job.
        found: differences are added to it.

    Returns:
        What two sides hold differently though nothing waits: see `auditing.audit`, "apart".
    """
    job = work.spec.name
    for conflict in work.ledger.conflicts.list(job, states=("open",)):
        cure = f"trueup resolve {job} {conflict.id}"
        found.add("conflict", "", conflict.title, conflict.starts, "a conflict waits for you", cure)
    for question in work.ledger.questions.each(job, open_only=True):
        found.add("question", "", question.title, "", "a question waits for your answer", f"trueup resolve {job}")
    names = {row.id: ref for ref, row in work.rows().items()}
    _failed(work, names, found)
    last = next(iter(work.ledger.journal.history(subject=job, limit=1)), None)
    apart: Counter[tuple[str, str, str]] = Counter()
    after = 0
    while links := work.ledger.state.each_link(job, after, PAGE):
        work.check()
        replicas = work.ledger.state.replicas([link.id for link in links])
        bodies = Bodies(work, replicas)
        for link in links:
            held = {one.collection: one for one in replicas.get(link.id, []) if one.seen is not None}
            # In the job's order: the ledger's is that in which the collections happened to be read first.
            live = {ref: held[number] for number, ref in names.items() if number in held}
            if link.due is None:
                _apart(work, live, bodies, apart)
            elif link.due <= work.clock() and not link.attempts and not any(one.refused for one in live.values()):
                said = work.ledger.journal.changes(last.id, link=link.id) if last else []
                _waits(work, live, [row.change for row in said], found)
        after = links[-1].id
    return [
        {"collection": ref, "other": other, "label": label, "items": count}
        for (ref, other, label), count in sorted(apart.items())
    ]


def _failed(work: Work, names: Mapping[int, str], found: Findings) -> None:
    for link, replica in work.ledger.state.quarantined(work.spec.name, work.clock()):
        cause = f"failed {link.attempts} times: {link.error}"
        cure = f"it is tried again by itself; at once: trueup run {work.spec.name}"
        found.add("failed", names.get(replica.collection, ""), replica.title, replica.starts, cause, cure)


def _waits(work: Work, live: Mapping[str, Replica], said: Sequence[Change], found: Findings) -> None:
    """Why an item waits: by what the last run said of it, else because a side lacks it or an edit was not carried on yet."""
    job = work.spec.name
    one = next((each for each in live.values() if each.title), next(iter(live.values()), None))
    if one is None or any(change.code == REVIEW for change in said):
        return  # its question is named
    missing = ", ".join(ref for ref in map(str, work.spec.collections) if ref not in live and _wanted(work, ref))
    rejected = next((change for change in said if change.code == REJECTED), None)
    if rejected is not None:
        cure = f"mend it in {rejected.collection}, then: trueup run {job}"
        found.add("left", rejected.collection, one.title, one.starts, rejected.reason, cure)
    elif missing and not (said and all(change.code in BENIGN for change in said)):
        found.add("missing", missing, one.title, one.starts, "is not there", f"trueup run {job}")


def _wanted(work: Work, ref: str) -> bool:
    """Whether the items of a job belong there: everywhere, one way in the targets."""
    return not work.spec.one_way or ref in {str(target) for target in work.spec.targets}


def _apart(work: Work, live: Mapping[str, Replica], bodies: Bodies, apart: Counter[tuple[str, str, str]]) -> None:
    """Counts the fields that the first side and another hold differently, though both are as they were agreed."""
    if work.spec.one_way or len({one.seen for one in live.values()}) < 2:
        return
    (first, held), *others = live.items()
    for ref, one in others:
        try:
            edits = diff(bodies.fields(held.seen or ""), bodies.fields(one.seen or ""))
        except ItemRefused:
            continue
        for label in {_plain(work.kind.label(key), key.member) for key in edits}:
            apart[ref, first, label] += 1


def _plain(label: str, member: str) -> str:
    """A field's name without the member of a list: "e-mail" for "e-mail anna@example.org"."""
    return label.removesuffix(member).strip() if member and label.endswith(member) else label
