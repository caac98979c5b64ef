"""The shared ground of the two planners: one item of a job while its changes are worked out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from trueup.core.ledger.rows import Conflict, Link, Replica
from trueup.core.merge import Edits, diff, needed
from trueup.core.narrowing import aliased, place
from trueup.core.side import Side
from trueup.core.work import Work
from trueup.model.change import REVIEW, Action, Change, FieldChange
from trueup.model.errors import ItemRefused
from trueup.model.fields import FieldKey, FieldMap
from trueup.model.items import digest

MAX_FIELDS_SHOWN = 200


class Bodies:
    """The bodies of one page of links, and their fields, parsed at most once."""

    def __init__(self, work: Work, replicas: Mapping[int, Sequence[Replica]]) -> None:
        wanted = {one for group in replicas.values() for r in group for one in (r.seen, r.base, r.sent) if one}
        self._work = work
        self._bodies = work.ledger.blobs.get_many(sorted(wanted)) if wanted else {}
        self._fields: dict[str, FieldMap] = {}

    def get(self, name: str) -> bytes:
        """The body of that digest."""
        if name not in self._bodies:
            self._bodies[name] = self._work.ledger.blobs.get(name)
        return self._bodies[name]

    def put(self, data: bytes) -> str:
        """Keeps a new body in the ledger and names it."""
        name = digest(data)
        if name not in self._bodies:
            self._work.ledger.blobs.put(data)
            self._bodies[name] = data
        return name

    def fields(self, name: str) -> FieldMap:
        """The fields of that body."""
        if name not in self._fields:
            self._fields[name] = self._work.kind.fields(self.get(name))
        return self._fields[name]


@dataclass(frozen=True, slots=True)
class Held:
    """What waits for a person's answer about an item.

    Attributes:
        reason: for people.
        away: the collections to which it is not copied meanwhile: something that may be the same stands there.
    """

    reason: str
    away: frozenset[str]


@dataclass
class Draft:
    """One item across its collections, and the changes drafted for it so far.

    Attributes:
        replicas: by collection, gone ones too.
        open_conflict: what waits for a person, from an earlier run.
        mended: by collection whose record is planned as mended by rule: what really stands there, and what was mended.
        held: why it is not copied everywhere.
    """

    work: Work
    link: Link
    sides: Mapping[str, Side]
    replicas: Mapping[str, Replica]
    bodies: Bodies
    open_conflict: Conflict | None = None
    changes: list[Change] = field(default_factory=list)
    held: Held | None = None
    mended: dict[str, tuple[Replica, tuple[str, ...]]] = field(default_factory=dict)

    @property
    def live(self) -> dict[str, Replica]:
        """The sides that hold the item."""
        return {ref: one for ref, one in self.replicas.items() if one.seen is not None}

    @property
    def gone(self) -> dict[str, Replica]:
        """The sides where somebody deleted it; not those where we did."""
        return {ref: one for ref, one in self.replicas.items() if one.seen is None and (one.base or one.sent)}

    def missing(self) -> list[str]:
        """The sides that shall get the item; drafts a skip for each that has to wait for an answer."""
        live = self.live
        absent = [ref for ref in self.sides if ref not in live]
        waiting = [ref for ref in absent if self.held is not None and ref in self.held.away]
        for ref in waiting:
            assert self.held is not None
            self.skip(ref, REVIEW, self.held.reason)
        return [ref for ref in absent if ref not in waiting]

    def name(self) -> tuple[str, str]:
        """Title and time for people, from whichever side has them."""
        known = [*self.live.values(), *self.replicas.values()]
        best = next((one for one in known if one.title), known[0] if known else None)
        return (best.title, best.starts) if best else ("", "")

    def add(self, action: Action, **values: object) -> None:
        """Drafts a change; title and time are the item's own unless given."""
        title, starts = self.name()
        merged: dict[str, object] = {"title": title, "starts": starts, "link": self.link.id, **values}
        if action.writes or action is Action.LINK:
            merged.setdefault("bases", self.bases())
        self.changes.append(Change(0, action, **merged))  # type: ignore[arg-type]

    def bases(self) -> tuple[tuple[str, str, str | None, str | None], ...]:
        """The agreed state of every side before this run, for undo."""
        return tuple((ref, one.href, self.standing(ref).base, one.sent) for ref, one in self.replicas.items())

    def standing(self, ref: str) -> Replica:
        """What a side really holds, where the item is planned as mended."""
        return self.mended[ref][0] if ref in self.mended else self.replicas[ref]

    def skip(self, ref: str, code: str, reason: str) -> None:
        """Leaves one side alone, and says why."""
        self.add(Action.SKIP, collection=ref, code=code, reason=reason)

    @contextmanager
    def refusals(self, ref: str, code: str = "") -> Iterator[None]:
        """Turns a refusal of the item by one side into a skip with its reason (and this code); the other sides go on."""
        try:
            yield
        except ItemRefused as error:
            self.skip(ref, code or error.code, f"{error.what}: {error.why}" if error.why else error.what)

    def usable(self, ref: str, code: str = "") -> bool:
        """Whether a side can be written to in this run; drafts a skip with the reason (and this code) where it cannot."""
        side = self.sides[ref]
        if not side.read:
            self.skip(ref, "unavailable", f"{ref} could not be read in this run")
        elif not side.capabilities.writable:
            self.skip(ref, code or "read-only", f"{ref} is read-only")
        else:
            return True
        return False

    def create(self, ref: str, body: bytes, reason: str, origin: Sequence[str], **more: object) -> None:
        """Drafts a creation on a side that does not hold the item; `more` as in `add`."""
        data = self.work.kind.storable(body, self.sides[ref].capabilities, invite=self.work.spec.invite)
        data = self.kept(ref, None, data)
        name = self.bodies.put(data)
        # A body that another side holds just so was looked at when it was read.
        twin = next((one for one in self.replicas.values() if one.seen == name and one.uid), None)
        if twin is not None and "title" not in more:
            more |= {"uid": twin.uid, "title": twin.title, "starts": twin.starts}
        uid = twin.uid if twin is not None else self.work.kind.glance(data).uid
        href = self.free_place(ref, uid) if self.sides[ref].capabilities.narrow is None else place(self, ref, data)
        self.add(Action.CREATE, collection=ref, href=href, reason=reason, origin=tuple(origin), after=name, **more)

    def free_place(self, ref: str, uid: str) -> str | None:
        """The href for a new item: always the same for the same key, unless another item stands there; None: the collection has yet to be
        made.

        Raises:
            ItemRefused: an item that cannot be read stands there; it may be the same one.
        """
        side = self.sides[ref]
        collection = self.work.collection(ref) if side.exists else None
        if collection is None:
            return None
        if side.empty:
            return collection.new_href(uid)
        for number in count(1):
            href = collection.new_href(uid if number == 1 else f"{uid} {number}")
            there = self.work.ledger.state.replica(side.id, href)
            if there is not None and there.refused:
                raise ItemRefused(f"{ref} has something in its place", code=there.refused, why=there.refused_why)
            if there is None or there.seen is None or there.uid == uid:
                return href
        raise AssertionError

    def kept(self, ref: str, before: bytes | None, wanted: bytes) -> bytes:
        """What a side will show of a body that is written there; see `Narrow.kept`."""
        narrow = self.sides[ref].capabilities.narrow
        return wanted if narrow is None else narrow.kept(before, wanted)

    def patched(self, body: bytes, edits: Edits, donors: Mapping[FieldKey, str]) -> bytes:
        """A body with these edits made; `donors` names, by digest, the body that each edit was taken from."""
        by_donor: dict[str, Edits] = {}
        for key, edit in edits.items():
            by_donor.setdefault(donors.get(key, ""), {})[key] = edit
        # Who adds a part comes first: the others' edits of it need it there.
        for donor, own in sorted(by_donor.items(), key=lambda one: all(key.name for key in one[1])):
            body = self.work.kind.patch(body, own, donor=self.bodies.get(donor) if donor else None)
        return body

    def update(
        self,
        ref: str,
        edits: Edits,
        donors: Mapping[FieldKey, str],
        reason: str,
        origin: Sequence[str],
        *,
        drift: bool = False,
        **more: object,
    ) -> None:
        """Drafts an update of one side by these edits; nothing where it shows them all already. `more` as in `add`."""
        side, replica = self.sides[ref], self.replicas[ref]
        kind, invite = self.work.kind, self.work.spec.invite
        assert replica.seen is not None
        now = self.bodies.fields(replica.seen)
        narrow = side.capabilities.narrow
        if narrow is not None:
            edits = aliased(self, narrow, self.bodies.get(replica.seen), edits)
        edits = needed(kind.withhold(edits, side.capabilities, invite=invite), now)
        standing = self.standing(ref).seen or ""
        fixes = self.mended[ref][1] if ref in self.mended else ()
        before = self.bodies.get(standing)
        after = self.patched(self.bodies.get(replica.seen), edits, donors)
        if narrow is not None:
            after = narrow.kept(before, after)
            edits = diff(kind.fields(before), kind.fields(after))
        if after == before:
            return
        if fixes:
            edits = diff(self.bodies.fields(standing), kind.fields(after))
            reason = "; ".join((*([reason] if reason else ()), *fixes))
        kind.may_change(before, after, side.capabilities, invite=invite)
        self.add(
            Action.UPDATE,
            collection=ref,
            href=replica.href,
            reason=reason,
            origin=tuple(origin),
            fields=tuple(
                FieldChange(
                    kind.label(key),
                    edit.before.shown or edit.before.normal if edit.before else None,
                    edit.after.shown or edit.after.normal if edit.after else None,
                )
                for key, edit in list(edits.items())[:MAX_FIELDS_SHOWN]
            ),
            precondition=replica.etag,
            before=standing,
            after=self.bodies.put(after),
            drift=drift,
            **more,
        )

    def delete(self, ref: str, reason: str, origin: Sequence[str], *, drift: bool = False, **more: object) -> None:
        """Drafts a deletion on one side; `more` as in `add`."""
        side, replica = self.sides[ref], self.replicas[ref]
        assert replica.seen is not None
        standing = self.standing(ref).seen or ""
        self.work.kind.may_change(self.bodies.get(standing), None, side.capabilities, invite=self.work.spec.invite)
        self.add(
            Action.DELETE,
            collection=ref,
            href=replica.href,
            reason=reason,
            origin=tuple(origin),
            precondition=replica.etag,
            before=standing,
            drift=drift,
            **more,
        )


def edits_since(draft: Draft, one: Replica) -> Edits:
    """What a side's owner did since the sides last agreed, or since we wrote there after that; nothing where they never did."""
    known = one.kept or one.base
    if known is None or one.seen is None or known == one.seen:
        return {}
    return diff(draft.bodies.fields(known), draft.bodies.fields(one.seen))


def richest(draft: Draft) -> str:
    """The side that shows most fields: a copy made of it loses least."""
    live = draft.live
    return max(live, key=lambda ref: len(draft.bodies.fields(live[ref].seen or "")))


def join(names: Iterable[str]) -> str:
    """Names in a sentence: "a, b and c"."""
    listed = list(names)
    if len(listed) < 2:
        return "".join(listed)
    return f"{', '.join(listed[:-1])} and {listed[-1]}"
