"""One contact made of several: lists joined, notes put together, single values by rule; and groups that name the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trueup.core.merge import diff, needed
from trueup.jobs.contacts import properties as p
from trueup.jobs.contacts import values as v
from trueup.jobs.contacts.labels import label
from trueup.jobs.contacts.matching.features import address
from trueup.jobs.contacts.matching.phones import number
from trueup.jobs.contacts.normal import fields
from trueup.jobs.contacts.patch import patch
from trueup.jobs.contacts.rewrite import modified
from trueup.jobs.contacts.rules import by_property
from trueup.model.fields import Edit, Field, FieldKey

NEWEST, LONGEST = "newest", "longest"
_NAME = p.GROUPS["name"] - {"NICKNAME"}  # of one person: they are taken together


class CardMerger:
    """Implements `model.ports.Merger`.

    The card with most fields stays. Lists (e-mails, phones, addresses, categories …) get what the others have beside; notes are put one
    under the other; of single values one stays, by rule. What nobody says is taken from whoever says it.

    Args:
        bodies: (store, body), the most important first.
        rules: by field or property: "newest" (REV; the default), "longest", or the store whose value stays.
        region: of phone numbers, so that a number written in two ways is one.

    Raises:
        ItemRefused: a body is no contact.
    """

    def __init__(self, bodies: Sequence[tuple[str, bytes]], rules: Mapping[str, str], region: str = "") -> None:
        self._stores = [store for store, _ in bodies]
        self._fields = [dict(fields(data)) for _, data in bodies]
        self._times = [modified(data) for _, data in bodies]
        self._rules, self._region = by_property(rules), region
        places = range(len(bodies))
        self.survivor = max(places, key=lambda place: (len(self._fields[place]), self._times[place], -place))
        self._order = sorted(places, key=lambda place: place != self.survivor)
        self._target = self._joined()
        self._edits = diff(self._fields[self.survivor], self._target)
        self.lost = tuple(self._lost())

    def merged(self, data: bytes) -> bytes:
        """See `Merger.merged`."""
        return patch(data, needed(self._edits, fields(data)))

    def _joined(self) -> dict[FieldKey, Field]:
        target: dict[FieldKey, Field] = {}
        said: set[tuple[str, str]] = set()
        named = self._chosen(
            FieldKey("", "FN"), [one for one in self._order if FieldKey("", "FN") in self._fields[one]]
        )
        for place in self._order:
            for key, field in self._fields[place].items():
                if key.member:
                    same = (key.name, plain(key, self._region))
                    if same not in said or place == self.survivor:
                        said.add(same)
                        target[key] = field
                elif key not in target and key.name != "NOTE" and (key.name not in _NAME or place == named):
                    holders = [one for one in self._order if key in self._fields[one]]
                    target[key] = self._fields[named if key.name in _NAME else self._chosen(key, holders)][key]
        notes = self._notes()
        return {**target, **notes}

    def _chosen(self, key: FieldKey, holders: Sequence[int]) -> int:
        """Whose value of a field stays."""
        if not holders:
            return self.survivor
        rule = self._rules.get(key.name) or self._rules.get("*") or NEWEST
        if rule == LONGEST:
            return max(holders, key=lambda one: (len(self._fields[one][key].normal), -holders.index(one)))
        if rule == NEWEST:
            return max(holders, key=lambda one: (self._times[one], -holders.index(one)))
        return next((one for one in holders if self._stores[one] == rule), holders[0])

    def _notes(self) -> dict[FieldKey, Field]:
        """All notes in one, none twice."""
        key = FieldKey("", "NOTE")
        held = [self._fields[place][key] for place in self._order if key in self._fields[place]]
        texts: list[str] = []
        for field in held:
            text = v.text(field.native[-1].partition(":")[2]) if "\n" not in field.normal else field.normal
            if not any(text in one for one in texts):
                texts = [one for one in texts if one not in text] + [text]
        if len(texts) < 2:
            longest = max(held, key=lambda one: len(one.normal), default=None)
            return {} if longest is None else {key: longest}
        joined = "\n\n".join(texts)
        return {key: Field(joined, ("VERSION:4.0", f"NOTE:{v.escape(joined)}"), v.shorten(joined))}

    def _lost(self) -> list[tuple[int, str, str]]:
        kept = {field.normal for field in self._target.values()}
        return [
            (place, label(key), field.shown or field.normal)
            for place, found in enumerate(self._fields)
            for key, field in found.items()
            if not key.member and key.name != "NOTE" and field.normal not in kept
        ]


def plain(key: FieldKey, region: str) -> str:
    """A member of a list, the same for two ways of writing it; `region` as in `phones.number`."""
    if key.name == "TEL":
        return number(key.member, region) or key.member
    return address(key.member) or key.member if key.name == "EMAIL" else key.member


def renamed(data: bytes, uids: Mapping[str, str]) -> bytes:
    """A group with members under their new UIDs; what is no group, or names none of these, as it is.

    Args:
        data: a body.
        uids: new UIDs by old.

    Raises:
        ItemRefused: the body is no contact.
    """
    if b"MEMBER" not in data.upper():
        return data
    has = fields(data)
    wanted = {form: new for old, new in uids.items() for form in (old.lower(), v.uri(old), v.uri(f"urn:uuid:{old}"))}
    edits: dict[FieldKey, Edit] = {}
    for key, field in has.items():
        if key.name != "MEMBER" or key.member not in wanted:
            continue
        version, line, *more = field.native
        head, _, value = line.partition(":")
        said = wanted[key.member]
        value = f"urn:uuid:{said}" if value.lower().startswith("urn:uuid:") else said
        new = FieldKey("", "MEMBER", v.uri(value))
        edits[key] = Edit(key, field, None)
        if new not in has:
            edits[new] = Edit(new, None, Field("", (version, f"{head}:{value}", *more), value))
    return patch(data, edits)
