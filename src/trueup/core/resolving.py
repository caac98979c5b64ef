"""What a person says about conflicts: who is right, or which losing version shall come back. The next run carries it out."""

from __future__ import annotations

from typing import Any

from trueup.core.ledger import Ledger
from trueup.core.ledger.rows import Conflict
from trueup.core.work import Work
from trueup.model.errors import ItemRefused, NotFound, UsageError
from trueup.model.ports import Kind


def to_json(ledger: Ledger, kind: Kind, one: Conflict) -> dict[str, Any]:
    """A conflict as `trueup resolve --json` shows it; "versions" says for each side whether its body is still kept."""
    return {
        "id": one.id,
        "job": one.job,
        "run": one.run,
        "opened": one.opened,
        "title": one.title,
        "starts": one.starts,
        "code": one.code,
        "state": one.state,
        "fields": one.fields,
        "versions": {ref: _shown(ledger, kind, body) for ref, body in one.versions.items()},
        "winner": one.winner,
    }


def _shown(ledger: Ledger, kind: Kind, body: str) -> dict[str, Any]:
    try:
        fields = kind.fields(ledger.blobs.get(body))
    except ItemRefused as error:
        return {"body": body, "fields": [], "error": error.what}
    shown = [{"label": kind.label(key), "value": one.shown or one.normal} for key, one in fields.items() if key.name]
    return {"body": body, "fields": shown}


def prefer(work: Work, conflict_id: int, ref: str) -> Conflict:
    """Decides an open conflict for one side; for an undone item also for a side that does not hold it.

    Raises:
        NotFound: no such conflict, the job has no such collection, or it has no version of the item.
        UsageError: it is not open.
    """
    one = work.ledger.conflicts.get(conflict_id)
    _known(work, one, ref)
    if one.state == "resolved":
        hint = f"to bring back a version that lost: trueup resolve {one.job} {one.id} --take STORE/NAME"
        raise UsageError(f"conflict {one.id} (“{one.title}”) is resolved already", hint=hint)
    if ref not in one.versions and one.code != "undone":
        known = ", ".join(one.versions)
        raise NotFound(f"{ref} has no version of “{one.title}”", hint=f"these have one: {known}")
    assert one.link is not None
    with work.ledger.transaction():
        work.ledger.state.decide(one.link, {"prefer": ref})
        work.ledger.conflicts.set_state(one.id, "decided", winner=ref)
    return work.ledger.conflicts.get(conflict_id)


def take(work: Work, conflict_id: int, ref: str) -> Conflict:
    """Brings back the version of one side that lost a conflict: the fields that were in conflict, or the whole item where it was deleted.

    Raises:
        NotFound: no such conflict, or no version of that side.
        UsageError: the conflict is still open.
    """
    ledger = work.ledger
    one = ledger.conflicts.get(conflict_id)
    _known(work, one, ref)
    if one.state != "resolved":
        hint = f"decide it: trueup resolve {one.job} {one.id} --prefer {ref}"
        raise UsageError(f"conflict {one.id} (“{one.title}”) is still open", hint=hint)
    if ref not in one.versions:
        known = ", ".join(one.versions)
        raise NotFound(f"conflict {one.id} (“{one.title}”) has no version of {ref}", hint=f"it has those of {known}")
    body = one.versions[ref]
    link = one.link if one.link is not None and ledger.state.link(one.link) else None
    with ledger.transaction():
        if link is None:
            link = ledger.state.new_link(one.job, work.kind.glance(ledger.blobs.get(body)).uid)
        ledger.state.decide(link, {"version": body, "keys": [field["key"] for field in one.fields]})
        ledger.conflicts.set_state(one.id, "resolved", winner=ref)
    return ledger.conflicts.get(conflict_id)


def _known(work: Work, one: Conflict, ref: str) -> None:
    names = [str(each) for each in work.spec.collections]
    if one.job != work.spec.name:
        raise NotFound(f"conflict {one.id} is not one of job {work.spec.name}", hint=f"it is one of job {one.job}")
    if ref not in names:
        raise NotFound(f"job {work.spec.name} has no collection {ref}", hint=f"it has {', '.join(names)}")
