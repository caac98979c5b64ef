"""Contacts in the words of `plainkind`, so that what is tested of the core with plain items is tested with real cards too.

`title` is FN ("-" where there is none, since every card has one), `note` NOTE, `place` ROLE, `when` TITLE, `tag` CATEGORIES, `modified` REV,
`stamp` PRODID, and every other key a property of a vendor.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from trueup.jobs.contacts import ContactsKind, ContactsRules
from trueup.jobs.contacts.card import read_card
from trueup.jobs.contacts.write import upgraded
from trueup.model.ports import FieldRules

_NAMES = {"title": "FN", "note": "NOTE", "place": "ROLE", "when": "TITLE", "tag": "CATEGORIES", "modified": "REV"}
_NAMES |= {"stamp": "PRODID", "uid": "UID"}
_KEYS = {name: key for key, name in _NAMES.items()}


def item(uid: str, **values: object) -> bytes:
    """A card of version 4.0."""
    bare = b"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:%s\r\nFN:-\r\nEND:VCARD\r\n" % uid.encode()
    return changed(bare, **values)


def changed(body: bytes, **values: object) -> bytes:
    """The body with these keys set anew; None removes one. What a user's program would store."""
    lines = body.decode().splitlines()
    for key, value in values.items():
        name = _NAMES.get(key, f"X-{key.upper()}")
        many = value if isinstance(value, list | tuple | set | frozenset) else [value]
        said = [f"{name}:{_written(key, one)}" for one in many if one is not None]
        if not said and key == "title":
            said = ["FN:-"]
        lines = [line for line in lines if re.split("[:;]", line, maxsplit=1)[0] != name]
        lines[-1:-1] = said
    return "".join(f"{line}\r\n" for line in lines).encode()


def _written(key: str, value: object) -> object:
    return datetime.fromtimestamp(float(str(value)), UTC).strftime("%Y%m%dT%H%M%SZ") if key == "modified" else value


class CardWriting:
    """Implements `tests.support.world.Writing`."""

    kind = ContactsKind()
    rules: FieldRules | None = ContactsRules({}, {})
    item = staticmethod(item)
    changed = staticmethod(changed)
    broken = b"BEGIN:VCARD\r\nFN:cut o"

    def uid(self, body: bytes) -> str:
        found = re.search(rb"^UID:([^\r\n]*)", body, re.MULTILINE)
        return "" if found is None else found[1].decode()

    def shown(self, body: bytes) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, field in self.kind.fields(body).items():
            name = _KEYS.get(key.name, key.name.removeprefix("X-").lower())
            if key.name == "CATEGORIES":
                result[name] = sorted([*result.get(name, []), field.normal])
            elif key.name != "N" and (name, field.normal) != ("title", "-"):
                result[name] = field.normal
        return result

    def rewritten(self, body: bytes) -> bytes:
        """As a server that writes 3.0 stores it: lines in another order, in another case, with a stamp of its own."""
        card = upgraded(read_card(changed(body, stamp=1)), "3.0")
        first, *inner, last = card.to_bytes().decode().splitlines()
        inner.sort(key=lambda line: (not line.startswith("VERSION"), not line.startswith("UID"), line))
        return "".join(f"{line}\r\n" for line in [first, *inner, last]).encode()


CARDS = CardWriting()
