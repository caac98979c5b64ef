"""The smallest honest kind of item, for tests of the core that are about no calendar: one `key: value` line a field.

    uid: 7
    modified: 12
    title: Stand-up
    when: Mon 09:00
    tag: work
    tag: team
    on Tue/title: Stand-up, online
    stamp: 3

`uid` and `modified` are no fields, and `stamp` is what a server writes for itself: equal items may differ in it. `tag` and `person` are lists:
every member is a field. `on DAY/…` lines are exceptions of a series: a part each, coupled to `when`. Whitespace and the order of lines say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from trueup.model.capabilities import Capabilities
from trueup.model.errors import ItemRefused
from trueup.model.fields import Edit, Field, FieldKey, FieldMap
from trueup.model.items import Glance

LISTS = frozenset({"TAG", "PERSON"})
NO_FIELDS = frozenset({"uid", "modified", "stamp"})


def item(uid: str, **values: object) -> bytes:
    """A body; a list or tuple becomes as many lines."""
    lines = [f"uid: {uid}"]
    for key, value in values.items():
        many = value if isinstance(value, list | tuple | set | frozenset) else [value]
        lines += [f"{key}: {one}" for one in many]
    return "".join(f"{line}\n" for line in lines).encode()


def changed(body: bytes, **values: object) -> bytes:
    """The body with these keys set anew; None removes one. What a user's editor would store."""
    lines = [line for line in body.decode().splitlines() if line.partition(":")[0] not in values]
    for key, value in values.items():
        many = value if isinstance(value, list | tuple | set | frozenset) else [value]
        lines += [f"{key}: {one}" for one in many if one is not None]
    return "".join(f"{line}\n" for line in lines).encode()


class PlainKind:
    """Implements `trueup.model.ports.Kind`."""

    name = "plain"

    def glance(self, data: bytes) -> Glance:
        known: dict[str, list[str]] = {}
        for key, value, _ in _lines(data):
            known.setdefault(key, []).append(value)
        uids = known.get("uid", [])
        if len(uids) != 1 or not uids[0]:
            raise ItemRefused("it has no uid" if not uids else "it has two uids", code="no-uid" if not uids else "uids")
        return Glance(uids[0], known.get("title", [""])[0], known.get("when", [""])[0])

    def fields(self, data: bytes) -> FieldMap:
        result: dict[FieldKey, Field] = {}
        for key, value, line in _lines(data):
            if key in NO_FIELDS:
                continue
            part, name = _name(key)
            if part:
                result.setdefault(FieldKey(part, ""), Field("there", (), "there"))
            member = value if name in LISTS else ""
            result[FieldKey(part, name, member)] = Field(" ".join(value.split()), (line,), value)
        return result

    def same(self, a: bytes, b: bytes) -> bool:
        if a == b:
            return True
        one, other = self.fields(a), self.fields(b)
        return one.keys() == other.keys() and all(one[key].normal == other[key].normal for key in one)

    def meaning(self, data: bytes) -> str:
        fields = self.fields(data)
        words = [fields[key].normal for key in (FieldKey("", "TITLE"), FieldKey("", "WHEN")) if key in fields]
        return blake2b("\n".join(words).casefold().encode()).hexdigest() if len(words) == 2 else ""

    def modified(self, data: bytes) -> float:
        return next((float(value) for key, value, _ in _lines(data) if key == "modified"), 0.0)

    def patch(self, data: bytes, edits: Mapping[FieldKey, Edit], *, donor: bytes | None = None) -> bytes:
        wanted = {key: edit for key, edit in edits.items() if key.name}
        kept = []
        for key, value, line in _lines(data):
            part, name = _name(key)
            field = FieldKey(part, name, value if name in LISTS else "")
            edit = wanted.pop(field, None) if key not in NO_FIELDS else None
            if edit is None:
                kept.append(line)
            elif edit.after is not None:
                kept += edit.after.native
        for edit in wanted.values():
            kept += edit.after.native if edit.after is not None else ()
        return "".join(f"{line}\n" for line in kept).encode()

    def coupled(self, a: FieldKey, b: FieldKey) -> bool:
        if a.part and a.part == b.part and a != b:
            return not a.name or not b.name
        return (a == FieldKey("", "WHEN") and bool(b.part)) or (b == FieldKey("", "WHEN") and bool(a.part))

    def with_uid(self, data: bytes, uid: str) -> bytes:
        return _mapped(data, "uid", lambda _: uid)

    def retitled(self, data: bytes, suffix: str) -> bytes:
        return _mapped(data, "title", lambda title: title + suffix)

    def storable(self, data: bytes, into: Capabilities, *, invite: bool) -> bytes:
        kinds = [value for key, value, _ in _lines(data) if key == "type"]
        if into.components is not None and kinds and kinds[0] not in into.components:
            raise ItemRefused(f"it takes no {kinds[0]}", code="component")
        if into.max_size is not None and len(data) > into.max_size:
            raise ItemRefused(f"it takes no more than {into.max_size} bytes", code="too-large")
        if not into.schedules or invite:
            return data
        return "".join(f"{line}\n" for key, _, line in _lines(data) if key != "person").encode()

    def may_change(self, before: bytes, after: bytes | None, into: Capabilities, *, invite: bool) -> None:
        if into.schedules and not invite and any(key == "person" for key, _, _ in _lines(before)):
            raise ItemRefused("the server would mail its people", code="invitations")

    def withhold(self, edits: Mapping[FieldKey, Edit], into: Capabilities, *, invite: bool) -> Mapping[FieldKey, Edit]:
        if not into.schedules or invite:
            return edits
        return {key: edit for key, edit in edits.items() if key.name != "PERSON"}

    def label(self, key: FieldKey) -> str:
        name = " ".join(part for part in (key.name.lower(), key.member) if part)
        return ": ".join(part for part in (key.part, name) if part)


def _lines(data: bytes) -> list[tuple[str, str, str]]:
    """Key, value and the line itself."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ItemRefused("it is no text", code="not-text", why=str(error)) from error
    result = []
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if not colon:
            raise ItemRefused("it has a line without a colon", code="cut-off", why=line)
        result.append((key.strip(), value.strip(), line))
    return result


def _name(key: str) -> tuple[str, str]:
    if key.startswith("on ") and "/" in key:
        part, _, name = key[3:].partition("/")
        return part, name.upper()
    return "", key.upper()


def _mapped(data: bytes, key: str, change: object) -> bytes:
    assert callable(change)
    return "".join(
        f"{key}: {change(value)}\n" if one == key else f"{line}\n" for one, value, line in _lines(data)
    ).encode()


class PlainWriting:
    """Implements `tests.support.world.Writing`."""

    kind = PlainKind()
    rules = None
    item = staticmethod(item)
    changed = staticmethod(changed)
    broken = b"cut o"

    def uid(self, body: bytes) -> str:
        first = body.partition(b"\n")[0]
        return first[5:].decode() if first.startswith(b"uid: ") else ""

    def shown(self, body: bytes) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, field in self.kind.fields(body).items():
            label = f"{key.part}/{key.name.lower()}" if key.part else key.name.lower()
            if key.member:
                result[label] = sorted([*result.get(label, []), field.normal])
            elif key.name:
                result[label] = field.normal
        return result

    def rewritten(self, body: bytes) -> bytes:
        """As a server stores it: lines in another order, with a stamp of its own."""
        lines = sorted(
            changed(body, stamp=1).decode().splitlines(), key=lambda line: (not line.startswith("uid:"), line)
        )
        return "".join(f"{line}\n" for line in lines).encode()


PLAIN = PlainWriting()
