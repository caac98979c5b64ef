"""Which items belong to a job: `filter`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from trueup.core.contentlines import split_list, unescape
from trueup.jobs.calendar.expand import blocks_time, occurrences, recurs, span
from trueup.jobs.calendar.item import CalendarItem, read_item, title_of
from trueup.model.errors import ConfigError, ItemRefused
from trueup.model.ports import Verdict

_DAY = 86400.0
_YEAR = 366 * _DAY
_LOOK_AHEAD = 10 * _YEAR


@dataclass(frozen=True)
class CalendarFilter:
    """Implements `model.ports.Filter`.

    Attributes:
        past, future: the window around now, in seconds; None: without end. An item belongs if any occurrence lies in it, if only in part.
        categories: one of these must be there, whatever its case; None: any.
        not_categories: none of these may be.
        title: must be found in a title.
        only_busy: some part must block time (see `expand.blocks_time`).
    """

    digest: str
    past: float | None = None
    future: float | None = None
    categories: frozenset[str] | None = None
    not_categories: frozenset[str] = frozenset()
    title: re.Pattern[str] | None = None
    only_busy: bool = False

    @classmethod
    def from_options(cls, options: Mapping[str, object]) -> CalendarFilter:
        """The filter of a job's `filter:` (see `config.models.FilterModel`); durations in seconds.

        Raises:
            ConfigError: a setting nobody knows, or a title that is no regular expression.
        """
        unknown = set(options) - {"window", "categories", "not_categories", "title", "only_busy"}
        if unknown:
            raise ConfigError(f"`{sorted(unknown)[0]}` is no setting of a filter", where="filter")
        window = options.get("window") or {}
        if not isinstance(window, Mapping):
            raise ConfigError("the window needs `past`, `future` or both", where="filter.window")
        said = {name: value for name, value in options.items() if value not in (None, False, [], ())}
        return cls(
            digest=blake2b(json.dumps(said, sort_keys=True, default=str).encode(), digest_size=8).hexdigest(),
            past=_seconds(window.get("past"), "past"),
            future=_seconds(window.get("future"), "future"),
            categories=_folded(options.get("categories")),
            not_categories=_folded(options.get("not_categories")) or frozenset(),
            title=_pattern(options.get("title")),
            only_busy=bool(options.get("only_busy")),
        )

    @classmethod
    def of_job(
        cls, filters: Mapping[str, object] | None, transform: Mapping[str, object] | None
    ) -> CalendarFilter | None:
        """The filter of a job with these `filter:` and `transform:`; None where every item belongs.

        A transform with `only: busy` asks for busy items by itself: a copy of a free or cancelled one would block time that is free.

        Raises:
            ConfigError: see `from_options`.
        """
        settings = dict(filters or {})
        if transform and transform.get("only") == "busy":
            settings["only_busy"] = True
        return cls.from_options(settings) if settings else None

    def verdict(self, data: bytes, now: float) -> Verdict:
        """Whether the item belongs at that time (seconds since 1970).

        Raises:
            ItemRefused: the body is no item.
        """
        item = read_item(data)
        reason = self._unwanted(item)
        return Verdict(False, reason) if reason else self._in_window(item, now)

    def _unwanted(self, item: CalendarItem) -> str:
        """Why the item does not belong whatever the time is, or ""."""
        if self.only_busy and not any(blocks_time(one) for one in item.components):
            return "it blocks no time (cancelled, shown as free, or no event)"
        if self.categories is not None or self.not_categories:
            has = _categories(item)
            if self.categories is not None and not has & self.categories:
                return f"it has none of the categories {', '.join(sorted(self.categories))}"
            if has & self.not_categories:
                return f"it has the category {sorted(has & self.not_categories)[0]}"
        if self.title is not None and not any(self.title.search(title_of(one)) for one in item.components):
            return f"its title does not match {self.title.pattern}"
        return ""

    def _in_window(self, item: CalendarItem, now: float) -> Verdict:
        if self.past is None and self.future is None:
            return Verdict(True)
        first = float("-inf") if self.past is None else now - self.past
        last = float("inf") if self.future is None else now + self.future
        starts, ends = span(item)
        if starts == 0.0 and ends is None and not recurs(item):
            return Verdict(True)  # a task or note without any date
        if ends is not None and ends <= first and not starts == ends >= first:
            return Verdict(False, "it is over for longer than the window goes back", aged=True)
        if starts >= last:
            return Verdict(False, "it begins after the end of the window", wake=starts - (self.future or 0.0))
        if not recurs(item):
            return Verdict(True)
        return self._series_in_window(item, first, last, ends)

    def _series_in_window(self, item: CalendarItem, first: float, last: float, ends: float | None) -> Verdict:
        """A series that began before the window ends: whether it takes place inside, and if not, when next."""
        try:
            horizon = min(last, max(first, span(item)[0]) + _LOOK_AHEAD)
            if _any(item, first, horizon):
                return Verdict(True)
            later = occurrences(item, last, last + _LOOK_AHEAD) if last != float("inf") else []
        except ItemRefused:  # too dense to work out: then it takes place all the time from its start to its end
            return Verdict(True) if ends is None or ends > first else Verdict(False, "it is over", aged=True)
        if later:
            return Verdict(
                False, "it does not take place within the window", wake=later[0].start - (self.future or 0.0)
            )
        return Verdict(False, "it is over for longer than the window goes back", aged=True)


def _any(item: CalendarItem, first: float, last: float) -> bool:
    """Whether anything takes place in the window: looked for in its first months first, where a series usually is found."""
    start = max(first, span(item)[0])
    near = min(last, start + _YEAR / 4)
    return bool(occurrences(item, first if first != float("-inf") else start - _DAY, near)) or (
        near < last and bool(occurrences(item, near, last))
    )


def _categories(item: CalendarItem) -> frozenset[str]:
    lines = [line for component in item.components for line in component.lines("CATEGORIES")]
    return frozenset(unescape(raw).strip().casefold() for line in lines for raw in split_list(line.value))


def _folded(value: object) -> frozenset[str] | None:
    if value is None:
        return None
    words = [value] if isinstance(value, str) else list(value) if isinstance(value, list | tuple) else []
    return frozenset(str(word).strip().casefold() for word in words)


def _seconds(value: object, name: str) -> float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value >= 0):
        return None if value is None else float(value)
    raise ConfigError(
        f"`{name}` is no length of time", where="filter.window", why=f"{value!r} is not a number of seconds"
    )


def _pattern(value: object) -> re.Pattern[str] | None:
    if value is None:
        return None
    try:
        return re.compile(str(value))
    except re.error as error:
        raise ConfigError("the title is no regular expression", where="filter.title", why=str(error)) from None
