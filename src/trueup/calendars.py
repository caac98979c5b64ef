"""The calendars that schedules name, followed: read in full once, then only what changed, and never more often than they are said to be."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from trueup.config.tree import YamlProblem, parse
from trueup.core.agenda import Reading
from trueup.core.schedules import fits
from trueup.jobs.calendar.events import events
from trueup.model.errors import Bug, ItemRefused, NotFound, TrueupError
from trueup.model.occurrence import Event
from trueup.model.ports import Collection, Store
from trueup.model.schedule import CalendarSource

_DAY = 86_400.0
_MONTH = 33 * _DAY
_UID = re.compile(rb"^UID(?:;[^:\r\n]*)?:([^\r\n]*)", re.M | re.I)


def read_block(text: str) -> Mapping[str, Any]:
    """A block of parameters: YAML, and so JSON as well.

    Raises:
        ValueError: it is neither.
    """
    try:
        return parse(text).value
    except YamlProblem as error:
        raise ValueError(f"{error.what}{f' ({error.why})' if error.why else ''}") from None


class StoreCalendars:
    """Calendars in stores.

    Args:
        store: opens a store by its name.
        now: the clock, seconds since 1970.
        changed: called, from another thread, when a calendar was read anew in the background.
    """

    def __init__(
        self,
        store: Callable[[str], Store],
        now: Callable[[], float] = time.time,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._now = now
        self._changed = changed
        self._mirrors: dict[tuple[str, str], _Mirror] = {}
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="calendar")

    def read(self, source: CalendarSource, first: float, last: float) -> Reading:
        """The events of a calendar within a window, as of the last look at it.

        The first look is waited for. Later ones, when it is time for one, go on in the background.
        """
        known = (source.store, source.name)
        mirror = self._mirrors.get(known)
        if mirror is None:
            mirror = self._mirrors[known] = _Mirror(source, self._store, self._now)
            mirror.look()
        elif mirror.due(source.refresh):
            mirror.under_way = self._pool.submit(self._again, mirror)
        return mirror.reading(source, first, last)

    def refresh(self) -> None:
        """Looks at every calendar now, and waits for it."""
        for mirror in self._mirrors.values():
            mirror.look()

    def close(self) -> None:
        """Waits for looks under way."""
        self._pool.shutdown(cancel_futures=True)

    def _again(self, mirror: _Mirror) -> None:
        if mirror.look():
            self._changed()


class _Mirror:
    """What one calendar held when it was last looked at."""

    def __init__(self, source: CalendarSource, store: Callable[[str], Store], now: Callable[[], float]) -> None:
        self._source = source
        self._open = store
        self._now = now
        self._collection: Collection | None = None
        self._cursor: str | None = None
        self._bodies: dict[str, tuple[str | None, bytes]] = {}
        self._unread: dict[str, str] = {}
        self._lock = threading.Lock()
        self._expanded: _Expanded | None = None
        self._read_at: float | None = None
        self._tried_at = float("-inf")
        self._problem = ""
        self.under_way: Future[None] | None = None

    def due(self, seconds: float) -> bool:
        """Whether it is time for another look, and none is under way."""
        over = self.under_way is None or self.under_way.done()
        return over and self._now() >= self._tried_at + seconds

    def look(self) -> bool:
        """Reads what changed; what goes wrong is kept as the problem of the next reading. Returns whether there is news."""
        begun = self._tried_at = self._now()
        before = self._problem
        try:
            bodies, unread, cursor = self._changes()
        except TrueupError as error:
            self._problem = f"calendar {self._source} cannot be read: {error}"
            return self._problem != before
        except Exception as error:
            self._problem = f"calendar {self._source} cannot be read: {Bug(f'{type(error).__name__}: {error}')}"
            return self._problem != before
        with self._lock:
            news = bodies != self._bodies or unread != self._unread or bool(before) or self._read_at is None
            if bodies != self._bodies:
                self._expanded = None
            self._bodies, self._unread, self._cursor = bodies, unread, cursor
            self._read_at, self._problem = begun, ""
        return news

    def reading(self, source: CalendarSource, first: float, last: float) -> Reading:
        """The events that fit, within a window."""
        with self._lock:
            if self._read_at is None:
                return Reading(problem=self._problem)
            known = self._events(first, last)
            fitting = [one for one in known.events if fits(source, one)]
            return Reading(fitting, self._read_at, self._problem, (*self._unread.values(), *known.refused), known.kept)

    def _changes(self) -> tuple[dict[str, tuple[str | None, bytes]], dict[str, str], str | None]:
        collection = self._opened()
        changes = collection.changes(self._cursor)
        listed: set[str] = set()
        wanted: list[str] = []
        bodies, unread = dict(self._bodies), dict(self._unread)
        for one in changes:
            if isinstance(one, str):
                bodies.pop(one, None)
                unread.pop(one, None)
                continue
            listed.add(one.href)
            known = bodies.get(one.href)
            if known is None or one.etag is None or known[0] != one.etag:
                wanted.append(one.href)
        if changes.full:
            bodies = {href: one for href, one in bodies.items() if href in listed}
            unread = {href: why for href, why in unread.items() if href in listed}
        for body in collection.fetch(wanted):
            unread.pop(body.href, None)
            if body.data is not None:
                bodies[body.href] = (body.etag, body.data)
            elif body.error:
                unread[body.href] = f"{body.href}: {body.error}"
            else:
                bodies.pop(body.href, None)
        return bodies, unread, changes.token

    def _opened(self) -> Collection:
        if self._collection is None:
            self._collection = self._open(self._source.store).open(self._source.name)
        if self._collection is None:
            hint = f"`trueup doctor {self._source.store}` lists what is there"
            raise NotFound(f"store {self._source.store} has no calendar {self._source.name!r}", hint=hint)
        return self._collection

    def _events(self, first: float, last: float) -> _Expanded:
        """All events of a window; worked out for a day more on both sides, and kept. Whoever else asks may ask from earlier on."""
        known = self._expanded
        if known is None or not known.low <= first <= last <= known.high:
            low = first - _DAY if known is None else min(first - _DAY, max(known.low, first - _MONTH))
            known = self._expanded = _Expanded(low, last + _DAY)
            for _, data in self._bodies.values():
                known.add(data)
        return known


class _Expanded:
    """The events of a calendar within a window.

    Attributes:
        low, high: the window.
        events: all of them.
        refused: what could not be understood, a sentence each.
        kept: the UIDs of that.
    """

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high
        self.events: list[Event] = []
        self.refused: list[str] = []
        self.kept: set[str] = set()

    def add(self, data: bytes) -> None:
        """Works out one item."""
        try:
            self.events += events(data, self.low, self.high)
        except ItemRefused as error:
            self.refused.append(str(error))
            self.kept.update(one.decode("utf-8", "replace").strip() for one in _UID.findall(data))
