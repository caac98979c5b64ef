"""What tells calendars from address books on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """One of the two.

    Attributes:
        noun: what a collection is called ("calendar").
        resource_type: the element in `resourcetype` that marks a collection.
        home: the property of a principal that names where its collections are.
        well_known: the path to ask when nothing else helps (RFC 6764 section 5).
        multiget, data: the REPORT that reads many items, and the property that holds a body.
        content_type: of a body.
        suffix: what an item's href ends with.
        components, component: the property that says what a collection takes, and the element that names one; "" for none.
        max_size: the property that limits a body's size.
        uid_conflicts: preconditions that mean "this UID is somewhere else already".
        refusals: further preconditions, in words for people.
    """

    noun: str
    resource_type: str
    home: str
    well_known: str
    multiget: str
    data: str
    content_type: str
    suffix: str
    components: str
    component: str
    max_size: str
    uid_conflicts: frozenset[str]
    refusals: Mapping[str, str]
