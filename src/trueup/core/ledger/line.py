"""The threads of a process in front of a database that has one writer at a time.

They wait in line here, and not in front of the file: who finds that locked sleeps, up to 100 ms at a time (`sqlite3_busy_timeout`). What
several of them want to commit at the same moment is committed together, and the disk is waited for once.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

MOST = 64
"""Actions in one commit."""


class Action:
    """Something to commit, and what came of it; the thread that wants it waits in `came`.

    Args:
        do: what is done inside the transaction; perhaps in another thread, and a second time where the first was rolled back.
        label, durable: as of `Database.transaction`.
    """

    def __init__(self, do: Callable[[], Any], label: str, durable: bool) -> None:
        self.do, self.label, self.durable = do, label, durable
        self.done = False
        self.left = False  # its thread does not wait any more
        self.result: Any = None
        self.error: Exception | None = None
        self.called = threading.Event()
        """Set when it is done, or its thread is to do what waits."""

    def outcome(self) -> Any:
        """What it gave, or raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.result


class Line:
    """See the module's text.

    Attributes:
        lock: held by the thread that writes.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._guard = threading.Lock()
        self._waiting: deque[Action] = deque()
        self._led = False

    def pass_through(self, one: Action, commit: Callable[[list[Action]], None]) -> Any:
        """Waits until it is done; does what waits where nobody else is at it.

        Args:
            one: the action.
            commit: does some actions together; marks them as done.
        """
        with self._guard:
            self._waiting.append(one)
            leads, self._led = not self._led, True
        if not leads:
            self._wait(one)
        if not one.done:
            self._lead(one, commit)
        return one.outcome()

    def _wait(self, one: Action) -> None:
        try:
            one.called.wait()
        except BaseException:  # Ctrl-C: it is not done any more, if it is not being done
            with self._guard:
                one.left = True
                if one in self._waiting:
                    self._waiting.remove(one)
                    if one.called.is_set():
                        self._call_next()
            raise

    def _lead(self, one: Action, commit: Callable[[list[Action]], None]) -> None:
        group: list[Action] = []
        try:
            with self.lock:
                with self._guard:
                    group = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
                commit(group)
        finally:
            one.left = True
            with self._guard:
                self._waiting.extendleft(other for other in reversed(group) if not other.done and not other.left)
                if one in self._waiting:  # Ctrl-C, before anything was done
                    self._waiting.remove(one)
                self._call_next()
            for other in group:
                if other.done:
                    other.called.set()

    def _call_next(self) -> None:
        """Lets the next one do what waits."""
        self._led = bool(self._waiting)
        if self._waiting:
            self._waiting[0].called.set()
