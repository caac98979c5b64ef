"""What a collection can do, as data: the planner and the executor ask this and never which connector it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from trueup.model.fields import Edit, FieldKey


class Narrow(Protocol):
    """What a collection makes of items that holds a part of each only, as a table holds what it has columns for."""

    def kept(self, before: bytes | None, wanted: bytes) -> bytes:
        """What it will show of an item that is written there.

        Args:
            before: what it shows now; None: the item is new there.
            wanted: what it is asked to hold.

        Returns:
            The body that will be read back; `before` itself where nothing of it changes.

        Raises:
            ItemRefused: it cannot hold it at all.
        """
        ...

    def place(self, body: bytes) -> str:
        """The href of a new item: its place is made of what it says, and not of its UID.

        Args:
            body: as `kept` gave it.
        """
        ...

    def widened(self, edits: Mapping[FieldKey, Edit], other: bytes) -> Mapping[FieldKey, Edit]:
        """Edits made there as a side that holds more would have made them: what it has no place for stays as it is on the other side.

        Args:
            edits: what was edited there.
            other: the body that they are to be made in.
        """
        ...


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one collection can do.

    Attributes:
        writable: changes may be written.
        preconditions: a write can be made to fail if the item is not what we think it is (`If-Match`, `If-None-Match:
            *`).
            Where it is False, the executor reads before it writes.
        schedules: the server itself mails attendees when a meeting is stored (RFC 6638 calendar-auto-schedule).
        components: the kinds of component it takes ("VEVENT", "VTODO" …); None: not told, all are tried.
        formats: the versions of a format it takes ("3.0", "4.0" of vCard: CARDDAV:supported-address-data);
            None: not told, what is there is handed over.
        max_size: the largest body in bytes it takes (CALDAV:max-resource-size); None: not told.
        faithful: it keeps every body byte for byte, and its answer to a write is its word: a folder on this machine. Reading back would
            only read what was just handed over.
        parallel: how many requests may be under way at once.
        batch: how many writes make a good batch.
        key: the names of the values that name an item, where items are rows; (): they are not.
        columns: the names of all values that an item may have, where items are rows of a table with fixed columns; (): any.
        narrow: it holds a part of every item only; None: all of it.
    """

    writable: bool = True
    preconditions: bool = True
    schedules: bool = False
    components: frozenset[str] | None = None
    formats: frozenset[str] | None = None
    max_size: int | None = None
    faithful: bool = False
    parallel: int = 4
    batch: int = 100
    key: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    narrow: Narrow | None = None
