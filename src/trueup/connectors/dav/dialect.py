"""What tells calendars from address books on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """One of the two.

    Attributes:
        protocol: its name ("CalDAV").
        noun: what a collection is called ("calendar").
        feature: the word in the DAV header of a server that speaks it.
        resource_type: the element in `resourcetype` that marks a collection.
        home: the property of a principal that names where its collections are.
        well_known: the path to ask when nothing else helps (RFC 6764 section 5).
        multiget, data: the REPORT that reads many items, and the property that holds a body.
        media_type: of a body.
        suffix: what an item's href ends with.
        components, component: the property that says what a collection takes, and the element that names one; "" for none.
        formats: the property that says in which versions of the media type bodies are taken and given; "" where there is one version only.
        max_size: the property that limits a body's size.
        make: the root element of a request by the method of that name which makes a collection; "" where there is only extended MKCOL.
        uid_conflicts: preconditions that mean "this UID is somewhere else already".
        refusals: further preconditions, in words for people.
    """

    protocol: str
    noun: str
    feature: str
    resource_type: str
    home: str
    well_known: str
    multiget: str
    data: str
    media_type: str
    suffix: str
    components: str
    component: str
    formats: str
    max_size: str
    make: str
    uid_conflicts: frozenset[str]
    refusals: Mapping[str, str]

    @property
    def content_type(self) -> str:
        """Of a body that is sent."""
        return f"{self.media_type}; charset=utf-8"
