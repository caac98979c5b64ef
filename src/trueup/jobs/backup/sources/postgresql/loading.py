"""Running pg_restore: signs of life while it is silent, and what it complained of."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator

from trueup.model.repository import Watch

_ERROR = re.compile(r"^(?:psql:.*?: |pg_restore: )(?:error: |ERROR: +|FATAL: +)(.*)$")
_PAUSE = 2.0


@contextlib.contextmanager
def growing(size: Callable[[], int], watch: Watch) -> Iterator[None]:
    """Counts the change of a size as progress: a program that loads a large table or builds an index says nothing for long.

    Args:
        size: asked now and then, in another thread; an error of its own ends the asking.
        watch: told.
    """
    over = threading.Event()

    def look() -> None:
        known = -1
        with contextlib.suppress(Exception):
            while not over.wait(_PAUSE):
                now = size()
                watch.moved(int(now != known))
                known = now

    thread = threading.Thread(target=look, name="postgresql-growth", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def errors_in(text: str) -> list[str]:
    """The errors in what psql or pg_restore said, one sentence each."""
    return [found[1] for line in text.splitlines() if (found := _ERROR.match(line))]
