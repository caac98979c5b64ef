"""What is done later, and mostly need not be done any more by then: one thread of the process waits for all of it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable


class Alarm:
    """Calls each action when its time has come, unless it was cancelled; an action is short and raises nothing."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[object, tuple[float, Callable[[], None]]] = {}
        self._wakes: float | None = None
        """When the thread looks next, by `time.monotonic`; None: when it is told to, or there is none yet."""
        self._thread: threading.Thread | None = None

    def set(self, key: object, seconds: float, action: Callable[[], None]) -> None:
        """Calls `action` in so many seconds; in place of what was set under the same key."""
        with self._changed:
            at = time.monotonic() + seconds
            self._due[key] = (at, action)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="alarm")
                self._thread.start()
            elif self._wakes is None or at < self._wakes:
                self._changed.notify()

    def cancel(self, key: object) -> None:
        """Forgets what was set under this key; it may be under way."""
        with self._changed:
            self._due.pop(key, None)

    def _run(self) -> None:
        while True:
            with self._changed:
                now = time.monotonic()
                due = [key for key, (at, _) in self._due.items() if at <= now]
                actions = [self._due.pop(key)[1] for key in due]
                if not actions:
                    self._wakes = min((at for at, _ in self._due.values()), default=None)
                    self._changed.wait(None if self._wakes is None else self._wakes - now)
                    self._wakes = now  # awake: whoever sets one now need not call
                    continue
            for action in actions:
                action()


ALARM = Alarm()
"""This process's."""


def _after_fork() -> None:
    """A child has neither the thread nor what it waited for."""
    ALARM.__init__()  # type: ignore[misc]  # the same object, as others hold it


os.register_at_fork(after_in_child=_after_fork)
