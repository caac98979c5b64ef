"""`trueup verify`: every side read in full, compared with the ledger and with the other sides.

Writes to no store, and to the ledger only what was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trueup.core.discrepancies import Findings
from trueup.core.ledger.rows import CollectionRow, Replica
from trueup.core.merge import diff
from trueup.core.reading import observe
from trueup.core.work import Work
from trueup.model.errors import ItemRefused, SecretMissing, StoreError
from trueup.model.items import Body, Entry

PAGE = 500
MAX_FIELDS = 20


def audit(work: Work) -> dict[str, Any]:
    """Compares everything.

    Returns:
        {"job", "agrees", "collections": [{"collection", "items", "same", "error"}],
        "differences": [{"kind": see `discrepancies.KINDS`, "collection", "title", "starts", "cause", "cure": a command or what to do,
        "fields": [{"label", "before", "after"}]}], "more": differences beyond those named, "counts": {kind: differences},
        "apart": [{"collection", "other", "label", "items"}]: fields that two sides hold differently on purpose, or because one cannot hold more}.
    """
    from trueup.core.audit_links import audit_links

    found = Findings()
    collections = [_audit_collection(work, ref, row, found) for ref, row in work.rows().items()]
    apart = audit_links(work, found)
    read = all(not one["error"] for one in collections)
    return {
        "job": work.spec.name,
        "agrees": read and not found.named,
        "collections": collections,
        "differences": found.named,
        "more": found.more,
        "counts": dict(sorted(found.counts.items())),
        "apart": apart,
    }


def _audit_collection(work: Work, ref: str, row: CollectionRow, found: Findings) -> dict[str, Any]:
    """Fetches every item of one side, whatever its etag says, and compares it with what the ledger believes is there."""
    result: dict[str, Any] = {"collection": ref, "items": 0, "same": 0, "error": None}
    job = work.spec.name
    try:
        collection = work.collection(ref)
        if collection is None:
            found.add("gone", ref, ref, "", "is not there", f"trueup run {job} makes it, if nothing was ever there")
            return result
        hrefs = [one.href for one in collection.changes(None) if isinstance(one, Entry)]
        known = set(_known(work, row))
        for href in sorted(known - set(hrefs)):
            replica = work.ledger.state.replica(row.id, href)
            if replica is not None:
                cure = f"trueup plan {job} shows what follows; to bring it back: trueup resolve {job} --restore {ref}"
                found.add("gone", ref, replica.title, replica.starts, "is gone since the last run", cure)
        for start in range(0, len(hrefs), PAGE):
            work.check()
            bodies = list(collection.fetch(hrefs[start : start + PAGE]))
            for body in bodies:
                result["items"] += 1
                result["same"] += _compare(work, ref, row, body, found)
            observe(work, row.id, bodies)
            work.on_event({"event": "item", "phase": "verify", "collection": ref, "fetched": result["items"]})
    except (StoreError, SecretMissing) as error:
        result["error"] = error.to_json()
        found.add(
            "unreadable",
            ref,
            ref,
            "",
            f"could not be read: {error}",
            error.hint or f"trueup doctor {ref.partition('/')[0]}",
        )
    return result


def _known(work: Work, row: CollectionRow) -> Iterator[str]:
    after = ""
    while page := work.ledger.state.each_agreed(row.id, after, PAGE):
        yield from (one.href for one in page if one.seen is not None)
        after = page[-1].href


def _compare(work: Work, ref: str, row: CollectionRow, body: Body, found: Findings) -> bool:
    """Whether one item is what the ledger believes; a change that nothing announced is a server whose etags lie."""
    replica = work.ledger.state.replica(row.id, body.href)
    job = work.spec.name
    if body.error or body.data is None:
        title = replica.title if replica else body.href
        cause = f"could not be read: {body.error or 'gone meanwhile'}"
        found.add("unreadable", ref, title, "", cause, f"trueup doctor {ref.partition('/')[0]}")
        return False
    if replica is None or replica.seen is None:
        _new(work, ref, body, found)
        return False
    if replica.refused:
        cause = replica.refused_why
        found.add("refused", ref, replica.title or body.href, replica.starts, cause, "mend or delete it there")
        return False
    if _same(work, replica, body.data):
        return True
    if replica.etag is not None and replica.etag == body.etag:
        cause = "was changed, and the server kept its etag: no listing shows such an edit"
    else:
        cause = "was changed since the last run"
    fields = _fields(work, replica, body.data)
    found.add("changed", ref, replica.title, replica.starts, cause, f"trueup run {job}", fields)
    return False


def _same(work: Work, replica: Replica, data: bytes) -> bool:
    assert replica.seen is not None
    try:
        return work.kind.same(work.ledger.blobs.get(replica.seen), data)
    except ItemRefused:
        return work.ledger.blobs.get(replica.seen) == data


def _fields(work: Work, replica: Replica, data: bytes) -> list[dict[str, Any]]:
    """What differs, field by field; nothing where one of the two cannot be understood."""
    try:
        edits = diff(work.kind.fields(work.ledger.blobs.get(replica.seen or "")), work.kind.fields(data))
    except ItemRefused:
        return []
    return [
        {
            "label": work.kind.label(key),
            "before": (edit.before.shown or edit.before.normal) if edit.before else None,
            "after": (edit.after.shown or edit.after.normal) if edit.after else None,
        }
        for key, edit in list(edits.items())[:MAX_FIELDS]
    ]


def _new(work: Work, ref: str, body: Body, found: Findings) -> None:
    """An item that the ledger has not heard of."""
    assert body.data is not None
    try:
        glance = work.kind.glance(body.data)
    except ItemRefused as error:
        cause = error.what if not error.why else f"{error.what}: {error.why}"
        found.add("refused", ref, body.href, "", cause, error.hint or "mend or delete it there")
        return
    cause, cure = "is new since the last run", f"trueup run {work.spec.name}"
    found.add("new", ref, glance.title, glance.starts, cause, cure)
