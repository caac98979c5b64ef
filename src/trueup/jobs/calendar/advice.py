"""Double bookings as advice to the planner: told always, marked only where the job says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from trueup.jobs.calendar.overlap import Booked, Overlap, mark, marked, overlaps, unmark
from trueup.model.errors import ItemRefused
from trueup.model.ports import Advice

WINDOW = 90 * 86_400.0


@dataclass(frozen=True)
class CalendarOverlaps:
    """Implements `model.ports.Advisor` for `overlaps:` of a job.

    Attributes:
        policy: "report": told; "propose": told with which one gives way; "mark": that one is marked on all sides.
        priority: stores or collections, the most important first.
        all_day: whole days count too.
        window: how far ahead to look, in seconds.
    """

    policy: str = "report"
    priority: tuple[str, ...] = ()
    all_day: bool = False
    window: float = WINDOW

    @classmethod
    def from_options(cls, options: Mapping[str, object]) -> CalendarOverlaps:
        """The advisor of a job's `overlaps:` (see `config.models.OverlapsModel`); the window in seconds."""
        priority = options.get("priority") or ()
        assert isinstance(priority, list | tuple)
        return cls(
            str(options.get("policy", "report")),
            tuple(str(one) for one in priority),
            bool(options.get("all_day")),
            float(str(options.get("window", WINDOW))),
        )

    def advise(self, items: Iterable[tuple[str, int, bytes]], now: float) -> Iterator[Advice]:
        """See `model.ports.Advisor.advise`."""
        known = [Booked(collection, str(link), data) for collection, link, data in items]
        found = overlaps(known, now, now + self.window, priority=self.priority, all_day=self.all_day)
        losers: dict[str, Overlap] = {}
        for one in found:
            yield Advice(int(one.yields.key), self._sentence(one))
            losers.setdefault(one.yields.key, one)
        if self.policy == "mark":
            yield from self._marks(known, losers)

    def _sentence(self, one: Overlap) -> str:
        stays, gives = one.stays, one.yields
        often = f" ({one.times} times)" if one.times > 1 else ""
        text = f"“{stays.title}” {stays.shown} [{stays.collection}] and “{gives.title}” {gives.shown} [{gives.collection}] overlap{often}"
        if self.policy == "report":
            return text
        why = f", {stays.collection} is more important" if one.by_priority else ", it begins later"
        return f"{text}: “{gives.title}” {'gives' if self.policy == 'mark' else 'should give'} way{why}"

    def _marks(self, known: Iterable[Booked], losers: Mapping[str, Overlap]) -> Iterator[Advice]:
        """The marks that are missing, and those whose reason is gone."""
        for key, one in losers.items():
            reason = f"overlaps with “{one.stays.title}” in {one.stays.collection}, and gives way"
            yield Advice(int(key), "", reason, _marker(one.stays.title))
        for key in {item.key for item in known if item.key not in losers and _is_marked(item.data)}:
            yield Advice(int(key), "", "overlaps with nothing any more", unmark)


def _marker(title: str) -> Callable[[bytes], bytes]:
    return lambda data: mark(data, title)


def _is_marked(data: bytes) -> bool:
    try:
        return marked(data)
    except ItemRefused:
        return False
