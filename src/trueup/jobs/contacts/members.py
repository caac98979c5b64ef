"""Members of groups, and related contacts, which are named by their UIDs (RFC 6350 sections 6.6.5 and 6.6.6).

A contact that was found to be the same in two books may have another UID in each, and so has a copy that got a UID of its own. Whoever is
named is compared by the key that the job knows the contact by, and written by the UID that the book knows it by.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from trueup.jobs.contacts import properties as p
from trueup.jobs.contacts import values as v
from trueup.jobs.contacts.card import Card, read_card
from trueup.jobs.contacts.write import apart
from trueup.model.fields import Edit, FieldKey, FieldMap

_WRITTEN = re.compile(b"member|related", re.IGNORECASE)
_PREFIX = "urn:uuid:"


class Names(Protocol):
    """What a job knows of its contacts' keys."""

    def keys(self, uids: Collection[str]) -> Mapping[str, str]:
        """Of UIDs in any of the job's books, the key of the contact; those that are no contact of the job are left out."""
        ...

    def title(self, key: str) -> str:
        """What people call a contact; "" where nobody knows it."""
        ...


def canonical(found: FieldMap, names: Names) -> FieldMap:
    """The fields with members under the keys that the job knows them by."""
    other = _renamed(found, names)
    if not other:
        return found
    result = {key: field for key, field in found.items() if key not in other}
    for key, new in other.items():
        result.setdefault(new, found[key])
    return result


def local(edits: Mapping[FieldKey, Edit], own: FieldMap, names: Names) -> Mapping[FieldKey, Edit]:
    """Edits of fields as `canonical` names them, for a card whose own fields are these."""
    known = {new: key for key, new in _renamed(own, names).items()}
    return {known.get(key, key): Edit(known.get(key, key), one.before, one.after) for key, one in edits.items()}


def renamed(data: bytes, rename: Callable[[Collection[str]], Mapping[str, str]]) -> bytes:
    """The card with members under other UIDs.

    Args:
        data: the card.
        rename: the new UID of those that get another one.
    """
    if _WRITTEN.search(data) is None:
        return data
    card = read_card(data)
    named = {uid for line in card.lines if (uid := _uid(line.head.key, line.value))}
    new = rename(named) if named else {}
    return _written(card, new) if any(new.get(uid, uid) != uid for uid in named) else data


def _written(card: Card, new: Mapping[str, str]) -> bytes:
    for number, line in enumerate(card.lines):
        uid = _uid(line.head.key, line.value)
        if new.get(uid, uid) != uid:
            start = _PREFIX if line.value.strip()[: len(_PREFIX)].lower() == _PREFIX else ""
            card.lines[number] = card.make(f"{apart(line.text)[0]}:{start}{v.escape(new[uid])}")
    return card.to_bytes()


def _uid(name: str, value: str) -> str:
    """The UID that a line names; "" for anything else. Who is related may be a name, too."""
    if name not in p.NAMED:
        return ""
    uid = v.uid(value)
    return uid if name == "MEMBER" or uid != v.text(value) else ""


def _renamed(found: FieldMap, names: Names) -> dict[FieldKey, FieldKey]:
    """Of members that the job knows by another key than the card does: the field with that key."""
    uids = {
        key: uid
        for key, field in found.items()
        if (uid := _uid(key.name, apart(field.native[1])[1] if key.name in p.NAMED else ""))
    }
    if not uids:
        return {}
    known = names.keys({spelling for uid in uids.values() for spelling in (uid, uid.upper(), uid.lower())})
    result = {}
    for key, uid in uids.items():
        other = next((known[one] for one in (uid, uid.upper(), uid.lower()) if one in known), uid)
        new = FieldKey(key.part, key.name, v.uri(f"{_PREFIX}{other}"))
        if new != key:
            result[key] = new
    return result
