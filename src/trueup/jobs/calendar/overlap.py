"""Double bookings: busy events of several collections that overlap, and the mark on the one that gives way."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trueup.core.contentlines import Component, escape
from trueup.jobs.calendar.expand import Occurrence, occurrences
from trueup.jobs.calendar.item import CalendarItem, read_item
from trueup.jobs.calendar.normal import Slots, collect
from trueup.jobs.calendar.patch import patch
from trueup.jobs.calendar.zones import Zones
from trueup.model.errors import ItemRefused
from trueup.model.fields import Edit, Field, FieldKey

MARK = "X-TRUEUP-OVERLAP"
CATEGORY = "Double booking"
_WAS = "X-TRUEUP-STATUS"  # a parameter of the mark: the status before
MAX_OVERLAPS = 10_000


@dataclass(frozen=True, slots=True)
class Booked:
    """An item that is looked at. `key` is what makes it the same item in several collections: its link, or its UID."""

    collection: str
    key: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Booking:
    """One side of an overlap: what, where, and when for the first time that it overlaps the other."""

    collection: str
    key: str
    title: str
    shown: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two items that block the same time.

    Attributes:
        stays, yields: the two; `yields` gives way by priority. Of equal priority, the one that begins later does.
        by_priority: whether priority decided it.
        times: how often they overlap within the window.
    """

    stays: Booking
    yields: Booking
    by_priority: bool
    times: int = 1


def overlaps(
    items: Iterable[Booked],
    first: float,
    last: float,
    *,
    priority: Sequence[str] = (),
    all_day: bool = False,
    limit: int = MAX_OVERLAPS,
    on_refused: list[tuple[Booked, ItemRefused]] | None = None,
) -> list[Overlap]:
    """The pairs of items that overlap within a window, the earliest first.

    Args:
        items: what the collections hold. An item that several of them hold counts once, as the most important collection's.
        first, last: the window, in seconds since 1970.
        priority: collections ("work/team") or stores ("work"), the most important first; what is not named comes after.
        all_day: whole days count too.
        limit: how many pairs are returned at most; where that many come back, there may be more.
        on_refused: gets the items whose times cannot be worked out, with the reason.
    """
    ranks = {name: rank for rank, name in enumerate(priority)}
    best: dict[str, tuple[int, Booked]] = {}
    for item in items:
        rank = _rank(item.collection, ranks)
        if item.key not in best or rank < best[item.key][0]:
            best[item.key] = (rank, item)
    booked: list[tuple[Occurrence, int, Booked]] = []
    for rank, item in best.values():
        try:
            found = occurrences(read_item(item.data), first, last)
        except ItemRefused as error:
            if on_refused is not None:
                on_refused.append((item, error))
            continue
        booked += [(one, rank, item) for one in found if one.busy and one.end > one.start and (all_day or not one.day)]
    return _sweep(booked, limit)


def _sweep(booked: list[tuple[Occurrence, int, Booked]], limit: int) -> list[Overlap]:
    """Goes through all occurrences by start; what has not ended yet overlaps."""
    booked.sort(key=lambda one: (one[0].start, one[0].end, one[2].key))
    found: dict[tuple[str, str], Overlap] = {}
    open_ones: list[tuple[float, int]] = []  # a heap of ends
    for index, (occurrence, rank, item) in enumerate(booked):
        while open_ones and open_ones[0][0] <= occurrence.start:
            heapq.heappop(open_ones)
        for _, other_index in open_ones:
            other, other_rank, other_item = booked[other_index]
            if other_item.key == item.key:
                continue
            pair = (min(item.key, other_item.key), max(item.key, other_item.key))
            known = found.get(pair)
            if known is not None:
                found[pair] = Overlap(known.stays, known.yields, known.by_priority, known.times + 1)
                continue
            if len(found) == limit:
                return list(found.values())
            mine, theirs = _booking(occurrence, item), _booking(other, other_item)
            stays, gives = (mine, theirs) if rank < other_rank else (theirs, mine)
            found[pair] = Overlap(stays, gives, rank != other_rank)
        heapq.heappush(open_ones, (occurrence.end, index))
    return list(found.values())


def _booking(one: Occurrence, item: Booked) -> Booking:
    return Booking(item.collection, item.key, one.title, one.shown, one.start, one.end)


def _rank(collection: str, ranks: dict[str, int]) -> int:
    return ranks.get(collection, ranks.get(collection.partition("/")[0], len(ranks)))


def mark(data: bytes, other_title: str) -> bytes:
    """The item marked as giving way to another: tentative, with a category, and with a property that names the other.

    Marked again with the same title it stays as it is; `unmark` takes the mark back.

    Raises:
        ItemRefused: the body is no item.
    """
    item = read_item(data)
    part, component = _marked_part(item)
    old = component.first(MARK)
    status = component.value("STATUS").strip().upper()
    was = status if old is None else old.param(_WAS)
    head = f"{MARK};{_WAS}={was}" if was else MARK
    edits = [
        _put(part, "STATUS", "", "STATUS:TENTATIVE"),
        _put(part, "CATEGORIES", CATEGORY, f"CATEGORIES:{CATEGORY}"),
        _put(part, MARK, "", f"{head}:{escape(other_title)}"),
    ]
    has = collect(part, component, Zones(item.calendar))
    wanted = {edit.key: edit for edit in edits if not _says(has, edit)}
    return patch(data, wanted)


def unmark(data: bytes) -> bytes:
    """The item without the mark; the status it had before comes back unless someone changed it since.

    Raises:
        ItemRefused: the body is no item.
    """
    item = read_item(data)
    part, component = _marked_part(item)
    old = component.first(MARK)
    if old is None:
        return data
    edits = [_put(part, MARK, "", None), _put(part, "CATEGORIES", CATEGORY, None)]
    was = old.param(_WAS)
    if component.value("STATUS").strip().upper() == "TENTATIVE" and was != "TENTATIVE":
        edits.append(_put(part, "STATUS", "", f"STATUS:{was}" if was else None))
    return patch(data, {edit.key: edit for edit in edits})


def marked(data: bytes) -> bool:
    """Whether the item carries the mark."""
    return _marked_part(read_item(data))[1].first(MARK) is not None


def _marked_part(item: CalendarItem) -> tuple[str, Component]:
    parts = item.parts(Zones(item.calendar))
    return next((part, one) for part, one in parts.items() if one is item.main)


def _put(part: str, name: str, member: str, text: str | None) -> Edit:
    after = None if text is None else Field(text, (text,))
    return Edit(FieldKey(part, name, member), None, after)


def _says(has: Slots, edit: Edit) -> bool:
    """Whether the item's lines say it already."""
    places = has.get(edit.key, [])
    if edit.after is None or edit.key.name == "CATEGORIES":
        return bool(places)
    return [text for place in places for text in place.native] == list(edit.after.native)
