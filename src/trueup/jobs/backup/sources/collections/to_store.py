"""Items into a collection of a store: the same one or another.

Nothing is deleted, nothing is overwritten unless that is asked for, and nobody is mailed: on a server that schedules, attendees are left
out of what is created, and a meeting that has some there is not changed (`Kind.storable`, `Kind.may_change`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trueup.jobs.backup.sources.collections.files import body_of
from trueup.jobs.backup.sources.collections.index import Item, Kinds, normal_digest
from trueup.jobs.backup.sources.collections.scratch import changed_fields
from trueup.model.backup import RestoreStep, RestoreTarget, SourceContext
from trueup.model.capabilities import Capabilities
from trueup.model.errors import ItemRefused, Permanent, Transient
from trueup.model.items import Body, Entry
from trueup.model.ports import Collection, Kind, Outcome, Verb, Write, Written
from trueup.model.repository import Watch

PAGE = 500
EVERY = "*"
"""As the collection's name in `to`: each item goes into the collection of the name that it was in."""

THERE, AS_IT_WAS, MOVED_ON = "it is there already", "it is there as it was", "it was changed there meanwhile"
LEFT_OUT = "without its attendees: the server would mail them"


@dataclass(slots=True)
class _Intent:
    """What is to become of one item; `body` is what is there now."""

    item: Item
    step: RestoreStep
    body: Body | None = None
    data: bytes = b""


class StoreRestore:
    """One restore into a store.

    Args:
        items: what is wanted.
        target: `to` is store/collection; a collection `*` stands for the one each item was in.
        context: gives stores, and what items mean.
    """

    def __init__(self, items: Sequence[Item], target: RestoreTarget, context: SourceContext) -> None:
        self._overwrite = target.overwrite
        store, _, name = target.to.partition("/")
        self._store = context.store(store)
        self._kinds = Kinds(context.item_kind)
        self._places: dict[str, list[Item]] = {}
        name = name if name.startswith("/") else name.strip("/")
        for item in items:
            own = item.collection.strip("/").rpartition("/")[2] or item.collection
            self._places.setdefault(own if name == EVERY else name, []).append(item)

    def plan(self) -> Iterator[RestoreStep]:
        """What would be done; the stores are read."""
        for name, items in self._places.items():
            collection = self._store.open(name)
            there = self._there(collection, items) if collection is not None else {}
            can = collection.capabilities if collection is not None else Capabilities()
            for intent in self._intents(name, items, there, can):
                yield intent.step

    def run(self, data: Path, watch: Watch) -> Iterator[RestoreStep]:
        """Does it, page by page.

        Raises:
            Transient: the store does not answer any more; what was written is there, and a second restore leaves it alone.
        """
        for name, items in self._places.items():
            watch.ok()
            collection = self._store.open(name) or self._store.create(name)
            there = self._there(collection, items)
            watch.moved()
            intents = list(self._intents(name, items, there, collection.capabilities))
            size = max(1, collection.capabilities.batch)
            for start in range(0, len(intents), size):
                watch.ok()
                yield from self._page(collection, intents[start : start + size], data)
                watch.moved()

    # -- what is there --------------------------------------------------------------------------------------------

    def _there(self, collection: Collection, items: Sequence[Item]) -> dict[str, Body]:
        """What the collection holds of these items, by UID: under whatever name, so all of it is looked at."""
        wanted = {item.uid for item in items if item.uid}
        hrefs = [one.href for one in collection.changes(None) if isinstance(one, Entry)]
        found: dict[str, Body] = {}
        for start in range(0, len(hrefs), PAGE):
            for body in collection.fetch(hrefs[start : start + PAGE]):
                uid = self._uid(items[0].kind, body)
                if uid in wanted:
                    found[uid] = body
        return found

    def _uid(self, kind: str, body: Body) -> str:
        known = self._kinds.get(kind)
        try:
            return known.glance(body.data).uid if known is not None and body.data is not None else ""
        except ItemRefused:
            return ""

    # -- what is to be done ---------------------------------------------------------------------------------------

    def _intents(
        self, name: str, items: Sequence[Item], there: dict[str, Body], can: Capabilities
    ) -> Iterator[_Intent]:
        where, done = f"{self._store.name}/{name}", set[str]()
        for item in items:
            body = there.get(item.uid)
            reason = "the same item (UID) is restored already" if item.uid in done else self._why_not(item, body, can)
            if reason:
                yield _Intent(item, RestoreStep("skip", item.shown, where, reason))
                continue
            done.add(item.uid)
            action = "create" if body is None else "update"
            reason = LEFT_OUT if can.schedules and item.schedules else ""
            yield _Intent(item, RestoreStep(action, item.shown, where, reason), body)

    def _why_not(self, item: Item, body: Body | None, can: Capabilities) -> str:
        """Why an item is left alone; "" where it is written."""
        kind = self._kinds.get(item.kind)
        if kind is None or not item.uid or not item.digest:
            return f"it could not be understood: {item.why}; restore it into a folder"
        if not can.writable:
            return "the collection cannot be written"
        if can.components is not None and item.component not in can.components:
            return f"the collection does not take a {item.component}"
        if body is None or body.data is None:
            return ""
        try:
            if normal_digest(kind, body.data) == item.digest:
                return AS_IT_WAS
            if not self._overwrite:
                return THERE
            kind.may_change(body.data, body.data, can, invite=False)
        except ItemRefused as error:
            return error.why or error.what
        return ""

    # -- doing it -------------------------------------------------------------------------------------------------

    def _page(self, collection: Collection, intents: Sequence[_Intent], data: Path) -> Iterator[RestoreStep]:
        writes: dict[int, Write] = {}
        for number, intent in enumerate(intents):
            if intent.step.action != "skip":
                write = self._write(collection, number, intent, data)
                if write is not None:
                    writes[number] = write
        self._look_first(collection, intents, writes)
        answers: dict[int, Written] = {}
        for answer in collection.write(list(writes.values())) if writes else ():
            answers.setdefault(answer.key, answer)
        held = {body.href: body for body in collection.fetch([one.href for one in writes.values()])} if writes else {}
        for number, intent in enumerate(intents):
            step = intent.step
            if number in writes:
                step = self._judge(intent, writes[number], answers.get(number), held.get(writes[number].href))
            yield step

    def _kind(self, item: Item) -> Kind:
        kind = self._kinds.get(item.kind)
        assert kind is not None  # `_why_not` skips the others
        return kind

    def _write(self, collection: Collection, number: int, intent: _Intent, data: Path) -> Write | None:
        try:
            intent.data = self._kind(intent.item).storable(
                body_of(intent.item, data), collection.capabilities, invite=False
            )
        except ItemRefused as error:
            intent.step = _skip(intent, error.why or error.what)
            return None
        if intent.body is None:
            return Write(number, Verb.CREATE, collection.new_href(intent.item.uid), intent.data, quiet=True)
        return Write(number, Verb.UPDATE, intent.body.href, intent.data, intent.body.etag, quiet=True)

    def _look_first(self, collection: Collection, intents: Sequence[_Intent], writes: dict[int, Write]) -> None:
        """Where a store takes no precondition, or gave no etag to make one of: only what is still as it was read is written."""
        blind = {
            number: write
            for number, write in writes.items()
            if not collection.capabilities.preconditions or (write.verb is Verb.UPDATE and write.if_match is None)
        }
        held = {body.href: body for body in collection.fetch([one.href for one in blind.values()])} if blind else {}
        for number, write in blind.items():
            intent, now = intents[number], held.get(write.href)
            before = intent.body.data if intent.body is not None else None
            if now is None or now.error or now.data != before:
                intent.step = _skip(intent, MOVED_ON)
                del writes[number]

    def _judge(self, intent: _Intent, write: Write, answer: Written | None, now: Body | None) -> RestoreStep:
        """What a write has come to: by its answer, and by what is there now."""
        kind, outcome = self._kind(intent.item), answer.outcome if answer is not None else Outcome.UNCERTAIN
        reason = answer.reason if answer is not None and answer.reason else "no answer"
        is_ours = now is not None and now.data is not None and self._uid(intent.item.kind, now) == intent.item.uid
        if outcome is Outcome.DONE or (outcome is Outcome.UNCERTAIN and is_ours):
            if now is None or now.data is None or not is_ours:
                raise Permanent(
                    f"{intent.item.shown} was written, and is not there",
                    where=intent.step.where,
                    why=now.error if now is not None else "",
                    hint="look into the server's log",
                )
            other = changed_fields(kind, intent.data, now.data)
            # A creation without an answer took effect where its UID stands at the place that was chosen for it.
            if outcome is Outcome.DONE or not other or intent.body is None:
                return self._done(intent, other)
        if outcome is Outcome.UNCERTAIN:
            raise Transient(
                f"{intent.item.shown} could not be restored",
                where=intent.step.where,
                why=reason,
                hint="restore again when the store answers: what is there already is left alone",
            )
        if outcome is Outcome.PRECONDITION and intent.step.action == "create" and is_ours:
            return _skip(intent, THERE)
        return _skip(intent, MOVED_ON if outcome in (Outcome.PRECONDITION, Outcome.MISSING) else f"refused: {reason}")

    def _done(self, intent: _Intent, other: Sequence[str]) -> RestoreStep:
        step = intent.step
        if not other:
            return step
        kept = f"the server keeps other {', '.join(other[:5])}"
        return RestoreStep(step.action, step.what, step.where, f"{step.reason}; {kept}" if step.reason else kept)


def _skip(intent: _Intent, reason: str) -> RestoreStep:
    return RestoreStep("skip", intent.step.what, intent.step.where, reason)
