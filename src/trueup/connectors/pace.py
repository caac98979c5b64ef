"""How fast a store may be asked: as fast as it can, until it says "too many requests"; then all threads slow down together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_GAP = 0.05
LONGEST_GAP = 5.0
FORGET_BELOW = 0.002
RECOVERY = 0.95


class Pace:
    """The gap between requests of one store, in seconds: doubled when the store complains, shrinking with every answer it gives.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._gap = 0.0
        self._next = 0.0
        self._slowed_at = float("-inf")

    def reserve(self) -> float:
        """Takes the next place; returns how many seconds to wait for it."""
        now = self._clock()
        # Without the lock: at full speed nothing is reserved, and a complaint that comes in this moment counts from the next request.
        if not self._gap and now >= self._next:
            return 0.0
        with self._lock:
            at = max(now, self._next)
            self._next = at + self._gap
            return at - now

    def slow(self, sent_at: float, pause: float) -> None:
        """The store complained about a request sent at `sent_at`, and wants nothing for `pause` seconds."""
        with self._lock:
            now = self._clock()
            self._next = max(self._next, now + pause)
            # Requests that were under way when the pace was last slowed say nothing about the new pace.
            if sent_at > self._slowed_at:
                self._gap = min(LONGEST_GAP, max(FIRST_GAP, self._gap * 2))
                self._slowed_at = now

    def well(self) -> None:
        """The store answered."""
        if self._gap:
            with self._lock:
                self._gap = self._gap * RECOVERY if self._gap > FORGET_BELOW else 0.0


def retry_after(value: str | None) -> float | None:
    """Seconds to wait, from a `Retry-After` header: a number or a date (RFC 9110 section 10.2.3); None where it says nothing usable."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    # A date without a zone is in UTC; HTTP knows no other.
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
