"""Work spread over threads, answers as they come, with a bound on what waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice
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
    pending: set[Future[B]] = {threads.submit(work, one) for one in islice(rest, ahead)}
    try:
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                result = future.result()
                pending.update(threads.submit(work, one) for one in islice(rest, 1))
                yield result
    finally:
        for future in pending:
            future.cancel()
        wait(pending)
