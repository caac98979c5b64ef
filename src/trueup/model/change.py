"""Changes: one action on one item, with everything needed to show it, do it, check it and undo it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """What a change does; `sign` is how it is drawn."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    LINK = "link"
    CONFLICT = "conflict"
    SKIP = "skip"

    @property
    def sign(self) -> str:
        """The one-character sign in a rendered plan."""
        return {"create": "+", "update": "~", "delete": "-", "link": "=", "conflict": "!", "skip": "."}[self.value]

    @property
    def writes(self) -> bool:
        """Whether it writes to a store."""
        return self in (Action.CREATE, Action.UPDATE, Action.DELETE)


class ChangeState(StrEnum):
    """Where a change is in the journal.

    planned -> sent -> done -> verified, or failed, or stale (the target was no longer what the plan says).
    `sent` after a crash means: may or may not have taken effect; it is sent again, under its precondition.
    skipped: left out by rule. put-off: it cannot be done now, and the item stays due.
    """

    PLANNED = "planned"
    SENT = "sent"
    DONE = "done"
    VERIFIED = "verified"
    FAILED = "failed"
    STALE = "stale"
    SKIPPED = "skipped"
    PUT_OFF = "put-off"


NOT_DELETED = "not-deleted"
"""Code of a deletion that a rule forbids: the item is left alone, and its deletion elsewhere is not forgotten."""

REVIEW = "review"
"""Code of what waits for a person's answer to a question: it is copied nowhere, and nothing of it is deleted, until then."""

REJECTED = "rejected"
"""Code of an item that a rule of the job leaves out: it waits until it is mended, and its sides stay as they are."""

BENIGN = frozenset({"read-only", "invitations", "component", "filter", REJECTED, NOT_DELETED})
"""Codes of skips by rule: the item is left alone on purpose, told in the report, and the run is done."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field before and after, for people.

    Attributes:
        label: the field's name ("title", "alarm").
        before, after: its value; None: not there.
    """

    label: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One action on one item.

    Attributes:
        seq: its number within the plan, from 1.
        action: what it does.
        collection: "store/name" it is done to; "" for a link or a conflict, which are about all of them.
        href: where; None where there is none.
        title, starts: what people call the item.
        reason: why, in words.
        code: for a skip or a conflict, a stable word ("no-uid", "quarantined", "invitations"); else "".
        origin: the collections whose edit it carries.
        fields: what differs.
        precondition: the etag the target must still have (update, delete); None on a create: must not exist.
        before, after: digests of the bodies in the ledger; None: not there.
        drift: the target was changed by someone else and is put back (one-way jobs).
        link: the ledger's number of the item's link; None where it has none.
        merging: of what is done to make several items one: the link of the one that stays. Nothing is deleted before that one is written.
        uid: on a create, the item's key where the body is another side's as it is; "" where it has to be read off the body.
        conflict: what contradicts, field by field: {"key", "label", "values": {"work/team": "10:00"}, "winner": "work/team" or ""}.
        versions: the bodies of all sides when a conflict was found: ("work/team", digest); the loser is kept by this.
        bases: the agreed state of the link's sides before this run, for undo: (collection, href, base digest, sent
            digest).
    """

    seq: int
    action: Action
    collection: str = ""
    href: str | None = None
    title: str = ""
    starts: str = ""
    reason: str = ""
    code: str = ""
    origin: tuple[str, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    precondition: str | None = None
    before: str | None = None
    after: str | None = None
    drift: bool = False
    link: int | None = None
    merging: int | None = None
    uid: str = ""
    conflict: tuple[dict[str, Any], ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    bases: tuple[tuple[str, str, str | None, str | None], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON object; empty members are left out."""
        # By hand: `asdict` copies everything in depth, which was a tenth of the time of a first pull.
        result = {key: value for key in _MEMBERS if (value := getattr(self, key)) not in ("", None, (), False)}
        result["action"] = self.action.value
        if self.fields:
            result["fields"] = [asdict(one) for one in self.fields]
        return result

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Change:
        """The change that `to_json` wrote."""
        made = {**value, "action": Action(value["action"])}
        for key in _TUPLES:
            if key in made:
                made[key] = tuple(made[key])
        for key in _PAIRS:
            if key in made:
                made[key] = tuple(map(tuple, made[key]))
        if "fields" in made:
            made["fields"] = tuple(FieldChange(**one) for one in made["fields"])
        return cls(**made)


_TUPLES, _PAIRS = ("origin", "conflict"), ("versions", "bases")
_MEMBERS = tuple(one.name for one in fields(Change))
