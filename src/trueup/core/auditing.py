"""`trueup verify`: every side read in full, compared with the ledger and with the other sides.

Writes to no store, and to the ledger only what was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trueup.core.ledger.rows import CollectionRow, Replica
from trueup.core.reading import observe
from trueup.core.work import Work
from trueup.model.change import BENIGN
from trueup.model.errors import ItemRefused, SecretMissing, StoreError
from trueup.model.items import Body, Entry

PAGE = 500
MAX_NAMED = 500


class _Findings:
    """Differences, counted all, named up to a limit."""

    def __init__(self) -> None:
        self.named: list[dict[str, str]] = []
        self.more = 0

    def add(self, ref: str, title: str, starts: str, cause: str, cure: str) -> None:
        if len(self.named) < MAX_NAMED:
            self.named.append({"collection": ref, "title": title, "starts": starts, "cause": cause, "cure": cure})
        else:
            self.more += 1


def audit(work: Work) -> dict[str, Any]:
    """Compares everything.

    Returns:
        {"job", "agrees", "collections": [{"collection", "items", "same", "error"}],
        "differences": [{"collection", "title", "starts", "cause", "cure"}], "more": differences beyond those named}.
    """
    found = _Findings()
    collections = [_audit_collection(work, ref, row, found) for ref, row in work.rows().items()]
    _audit_links(work, found)
    read = all(not one["error"] for one in collections)
    return {
        "job": work.spec.name,
        "agrees": read and not found.named,
        "collections": collections,
        "differences": found.named,
        "more": found.more,
    }


def _audit_collection(work: Work, ref: str, row: CollectionRow, found: _Findings) -> dict[str, Any]:
    """Fetches every item of one side, whatever its etag says, and compares it with what the ledger believes is there."""
    result: dict[str, Any] = {"collection": ref, "items": 0, "same": 0, "error": None}
    try:
        collection = work.collection(ref)
        if collection is None:
            found.add(ref, ref, "", "is not there", f"trueup run {work.spec.name} makes it, if nothing was ever there")
            return result
        hrefs = [one.href for one in collection.changes(None) if isinstance(one, Entry)]
        known = set(_known(work, row))
        for href in sorted(known - set(hrefs)):
            replica = work.ledger.state.replica(row.id, href)
            if replica is not None:
                found.add(
                    ref, replica.title, replica.starts, "is gone", f"trueup plan {work.spec.name} shows what follows"
                )
        for start in range(0, len(hrefs), PAGE):
            bodies = list(collection.fetch(hrefs[start : start + PAGE]))
            for body in bodies:
                result["items"] += 1
                result["same"] += _compare(work, ref, row, body, found)
            observe(work, row.id, bodies)
    except (StoreError, SecretMissing) as error:
        result["error"] = error.to_json()
        found.add(ref, ref, "", f"could not be read: {error}", error.hint)
    return result


def _known(work: Work, row: CollectionRow) -> Iterator[str]:
    after = ""
    while page := work.ledger.state.each_agreed(row.id, after, PAGE):
        yield from (one.href for one in page if one.seen is not None)
        after = page[-1].href


def _compare(work: Work, ref: str, row: CollectionRow, body: Body, found: _Findings) -> bool:
    """Whether one item is what the ledger believes; a change that nothing announced is a server whose etags lie."""
    replica = work.ledger.state.replica(row.id, body.href)
    job = work.spec.name
    if body.error or body.data is None:
        found.add(
            ref, replica.title if replica else body.href, "", f"could not be read: {body.error or 'gone meanwhile'}", ""
        )
        return False
    if replica is None or replica.seen is None:
        title, starts = _name(work, body.data, body.href)
        found.add(ref, title, starts, "is new since the last run", f"trueup run {job}")
        return False
    if replica.refused:
        found.add(ref, replica.title or body.href, replica.starts, replica.refused_why, "mend or delete it there")
        return False
    if _same(work, replica, body.data):
        return True
    if replica.etag is not None and replica.etag == body.etag:
        cause = "was changed, and the server kept its etag: no listing shows such an edit"
    else:
        cause = "was changed since the last run"
    found.add(ref, replica.title, replica.starts, cause, f"trueup run {job} takes it up")
    return False


def _same(work: Work, replica: Replica, data: bytes) -> bool:
    assert replica.seen is not None
    try:
        return work.kind.same(work.ledger.blobs.get(replica.seen), data)
    except ItemRefused:
        return work.ledger.blobs.get(replica.seen) == data


def _name(work: Work, data: bytes, href: str) -> tuple[str, str]:
    try:
        glance = work.kind.glance(data)
    except ItemRefused:
        return href, ""
    return glance.title, glance.starts


def _audit_links(work: Work, found: _Findings) -> None:
    """What is known to wait: items that are due, in quarantine, in conflict, or not on every side."""
    state, job, after = work.ledger.state, work.spec.name, 0
    names = {row.id: ref for ref, row in work.rows().items()}
    for conflict in work.ledger.conflicts.list(job, states=("open",)):
        found.add(
            "", conflict.title, conflict.starts, "a conflict waits for you", f"trueup resolve {job} {conflict.id}"
        )
    for link, replica in state.quarantined(job, work.clock()):
        where = names.get(replica.collection, "")
        found.add(
            where,
            replica.title,
            replica.starts,
            f"failed {link.attempts} times: {link.error}",
            "is tried again by itself",
        )
    while links := state.due_links(job, work.clock(), after, PAGE):
        replicas = state.replicas([link.id for link in links])
        for link in links:
            missing = sorted(
                set(names.values()) - {names.get(one.collection, "") for one in replicas.get(link.id, []) if one.seen}
            )
            title = next((one for one in replicas.get(link.id, []) if one.title), None)
            if title is not None and missing and not _by_rule(work, link.id):
                found.add(", ".join(missing), title.title, title.starts, "is not there", f"trueup run {job}")
        after = links[-1].id


def _by_rule(work: Work, link: int) -> bool:
    """Whether the last run left the item alone for a reason that is no failure: a kind of item that a side does not take, invitations."""
    last = next(iter(work.ledger.journal.history(subject=work.spec.name, limit=1)), None)
    rows = work.ledger.journal.changes(last.id, link=link) if last else []
    return bool(rows) and all(row.change.code in BENIGN for row in rows)
