"""`CalendarKind`: what the core asks about events, tasks and notes, answered by the modules of this folder.

Each is imported when it is first asked: a run with nothing to do asks nothing, and should not wait for them.
"""

from __future__ import annotations

from collections.abc import Mapping

from trueup.model.capabilities import Capabilities
from trueup.model.fields import Edit, FieldKey, FieldMap
from trueup.model.items import Glance


class CalendarKind:
    """iCalendar items (RFC 5545); implements `model.ports.Kind`."""

    name = "calendar"

    def glance(self, data: bytes) -> Glance:
        """See `Kind.glance`."""
        from trueup.jobs.calendar import glance

        return glance.glance(data)

    def fields(self, data: bytes) -> FieldMap:
        """See `Kind.fields`."""
        from trueup.jobs.calendar import normal

        return normal.fields(data)

    def same(self, a: bytes, b: bytes) -> bool:
        """See `Kind.same`."""
        if a == b:
            return True
        from trueup.jobs.calendar import normal

        one, other = normal.fields(a), normal.fields(b)
        return one.keys() == other.keys() and all(field.normal == other[key].normal for key, field in one.items())

    def meaning(self, data: bytes) -> str:
        """See `Kind.meaning`."""
        from trueup.jobs.calendar import rewrite

        return rewrite.meaning(data)

    def modified(self, data: bytes) -> float:
        """See `Kind.modified`."""
        from trueup.jobs.calendar import rewrite

        return rewrite.modified(data)

    def patch(self, data: bytes, edits: Mapping[FieldKey, Edit], *, donor: bytes | None = None) -> bytes:
        """See `Kind.patch`."""
        from trueup.jobs.calendar import patch

        return patch.patch(data, edits, donor=donor)

    def coupled(self, a: FieldKey, b: FieldKey) -> bool:
        """See `Kind.coupled`: a part's presence and its fields; a series' times and its exceptions; a left-out date and the exception there."""
        return _coupled(a, b) or _coupled(b, a)

    def with_uid(self, data: bytes, uid: str) -> bytes:
        """See `Kind.with_uid`."""
        from trueup.jobs.calendar import rewrite

        return rewrite.with_uid(data, uid)

    def retitled(self, data: bytes, suffix: str) -> bytes:
        """See `Kind.retitled`."""
        from trueup.jobs.calendar import rewrite

        return rewrite.retitled(data, suffix)

    def storable(self, data: bytes, into: Capabilities, *, invite: bool) -> bytes:
        """See `Kind.storable`."""
        from trueup.jobs.calendar import scheduling

        return scheduling.storable(data, into, invite=invite)

    def may_change(self, before: bytes, after: bytes | None, into: Capabilities, *, invite: bool) -> None:
        """See `Kind.may_change`."""
        from trueup.jobs.calendar import scheduling

        scheduling.may_change(before, after, into, invite=invite)

    def withhold(self, edits: Mapping[FieldKey, Edit], into: Capabilities, *, invite: bool) -> Mapping[FieldKey, Edit]:
        """See `Kind.withhold`."""
        from trueup.jobs.calendar import scheduling

        return scheduling.withhold(edits, into, invite=invite)

    def label(self, key: FieldKey) -> str:
        """See `Kind.label`."""
        from trueup.jobs.calendar import labels

        return labels.label(key)


def _coupled(a: FieldKey, b: FieldKey) -> bool:
    from trueup.jobs.calendar.item import RANGE
    from trueup.jobs.calendar.properties import TIME_LISTS, WHEN

    if a.name == "" and a.part == b.part and a != b:
        return True
    if a.part or b == a:
        return False
    if a.name == WHEN:
        return b.part != "" or b.name in TIME_LISTS
    return a.name == "EXDATE" and b.part != "" and b.part.removesuffix(RANGE) == a.member
