"""What a collection can do, as data: the planner and the executor ask this and never which connector it is."""

from __future__ import annotations

from dataclasses import dataclass


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
