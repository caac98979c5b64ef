"""Work spread over threads, answers as they come, with a bound on what waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, wait
from itertools import islice
from queue import SimpleQueue
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def spread(threads: Executor, work: Callable[[A], B], inputs: Iterable[A], ahead: int) -> Iterator[B]:
    """Yields `work(one)` for each input, in the order they finish.

    Args:
        ahead: how many inputs are taken, under way or finished, before a result is asked for: the bound on memory.

    Raises:
        whatever `work` raises: what has not begun is dropped, what is under way is waited for.
    """
    rest = iter(inputs)
    # Finished futures announce themselves: waiting for the first of a set would cost more than a small request.
    finished: SimpleQueue[Future[B]] = SimpleQueue()
    pending: set[Future[B]] = set()

    def begin(count: int) -> None:
        for one in islice(rest, count):
            future = threads.submit(work, one)
            pending.add(future)
            future.add_done_callback(finished.put)

    try:
        begin(ahead)
        while pending:
            future = finished.get()
            pending.discard(future)
            begin(1)
            yield future.result()
    finally:
        for future in pending:
            future.cancel()
        wait(pending)
