"""`ContactsKind`: what the core asks about contacts, answered by the modules of this folder.

Each is imported when it is first asked: a run with nothing to do asks nothing, and should not wait for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trueup.jobs.contacts import properties as p
from trueup.model.capabilities import Capabilities
from trueup.model.fields import Edit, FieldKey, FieldMap
from trueup.model.items import Glance

if TYPE_CHECKING:
    from trueup.jobs.contacts.members import Names

_NAMES = frozenset({"FN", "N"})


class ContactsKind:
    """vCards (2.1, RFC 2426, RFC 6350); implements `model.ports.Kind`.

    Args:
        names: what the job knows of its contacts' keys; None: members of groups are taken as they are written.
    """

    name = "contacts"

    def __init__(self, names: Names | None = None) -> None:
        self._names = names

    def glance(self, data: bytes) -> Glance:
        """See `Kind.glance`."""
        from trueup.jobs.contacts import rewrite

        return rewrite.glance(data)

    def fields(self, data: bytes) -> FieldMap:
        """See `Kind.fields`."""
        from trueup.jobs.contacts import normal

        found = normal.fields(data)
        if self._names is None or not any(key.name in p.NAMED for key in found):
            return found
        from trueup.jobs.contacts import members

        return members.canonical(found, self._names)

    def same(self, a: bytes, b: bytes) -> bool:
        """See `Kind.same`."""
        if a == b:
            return True
        one, other = self.fields(a), self.fields(b)
        return one.keys() == other.keys() and all(field.normal == other[key].normal for key, field in one.items())

    def meaning(self, data: bytes) -> str:
        """See `Kind.meaning`."""
        from trueup.jobs.contacts import rewrite

        return rewrite.meaning(data)

    def modified(self, data: bytes) -> float:
        """See `Kind.modified`."""
        from trueup.jobs.contacts import rewrite

        return rewrite.modified(data)

    def patch(self, data: bytes, edits: Mapping[FieldKey, Edit], *, donor: bytes | None = None) -> bytes:
        """See `Kind.patch`."""
        from trueup.jobs.contacts import patch

        if self._names is not None and any(key.name in p.NAMED for key in edits):
            from trueup.jobs.contacts import members, normal

            edits = members.local(edits, normal.fields(data), self._names)
        return patch.patch(data, edits, donor=donor)

    def coupled(self, a: FieldKey, b: FieldKey) -> bool:
        """See `Kind.coupled`: the full name and its parts, which would name two people if they came from two sides."""
        return a != b and a.name in _NAMES and b.name in _NAMES

    def with_uid(self, data: bytes, uid: str) -> bytes:
        """See `Kind.with_uid`."""
        from trueup.jobs.contacts import rewrite

        return rewrite.with_uid(data, uid)

    def retitled(self, data: bytes, suffix: str) -> bytes:
        """See `Kind.retitled`."""
        from trueup.jobs.contacts import rewrite

        return rewrite.retitled(data, suffix)

    def storable(self, data: bytes, into: Capabilities, *, invite: bool) -> bytes:
        """See `Kind.storable`."""
        from trueup.jobs.contacts import storing

        return storing.storable(data, into)

    def may_change(self, before: bytes, after: bytes | None, into: Capabilities, *, invite: bool) -> None:
        """See `Kind.may_change`: a contact's change mails nobody."""

    def withhold(self, edits: Mapping[FieldKey, Edit], into: Capabilities, *, invite: bool) -> Mapping[FieldKey, Edit]:
        """See `Kind.withhold`: a contact's edits mail nobody."""
        return edits

    def label(self, key: FieldKey) -> str:
        """See `Kind.label`."""
        from trueup.jobs.contacts import labels

        title = self._names.title(key.member) if self._names is not None and key.name in p.NAMED else ""
        return labels.label(FieldKey(key.part, key.name, title) if title else key)
