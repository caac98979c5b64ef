"""PUT and DELETE under preconditions, a few at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext

from trueup.connectors.dav.answers import Judged, judge
from trueup.connectors.dav.dialect import Dialect
from trueup.connectors.dav.hrefs import at
from trueup.connectors.http import Client, Unanswered
from trueup.connectors.parallel import spread
from trueup.model.errors import LoginRefused, Permanent, StoreError
from trueup.model.ports import Outcome, Verb, Write, Written


class Writer:
    """Writes items of one collection.

    Some servers stumble over writes that come at the same time (a lock on the collection: 423, or a plain 500). Such a write
    is sent a second time when nothing else is under way; where that helps, this collection's writes go one by one from then on.
    """

    def __init__(self, client: Client, url: str, dialect: Dialect, threads: Executor) -> None:
        self._client = client
        self._url = url
        self._dialect = dialect
        self._threads = threads
        self._turn: AbstractContextManager[object] = nullcontext()

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """One answer for each write, as they come.

        A store that is given up gets no further write of this call: those are answered UNCERTAIN and not REFUSED, because
        nothing is wrong with them.

        Raises:
            LoginRefused: after every answer was handed out.
        """
        health = _Health(self._client.parallel)
        jammed: list[tuple[Write, Judged]] = []
        for write, judged in spread(
            self._threads, lambda write: (write, self._guarded(write, health)), writes, 2 * self._client.parallel
        ):
            if judged.jammed and _repeatable(write, judged):
                jammed.append((write, judged))
            else:
                yield judged.written
        for write, first in jammed:
            yield self._alone(write, first, health)
        if isinstance(health.broken, LoginRefused):
            raise health.broken

    def _alone(self, write: Write, first: Judged, health: _Health) -> Written:
        second = self._guarded(write, health, uncertain=first.written.outcome is Outcome.UNCERTAIN)
        if second.written.outcome is Outcome.DONE and isinstance(self._turn, nullcontext):
            self._turn = threading.Lock()
        return second.written

    def _guarded(self, write: Write, health: _Health, *, uncertain: bool = False) -> Judged:
        """Answers in any case."""
        if health.broken:
            return Judged(Written(write.key, Outcome.UNCERTAIN, reason=f"not sent: {health.broken}"))
        try:
            with self._turn:
                judged = self._send(write, uncertain)
        except Permanent as error:
            return Judged(Written(write.key, Outcome.REFUSED, reason=str(error)))
        except StoreError as error:
            health.failed(error)
            reason = str(error) if isinstance(error, Unanswered) else f"not sent: {error}"
            return Judged(Written(write.key, Outcome.UNCERTAIN, reason=reason))
        health.answered()
        return judged

    def _send(self, write: Write, uncertain: bool) -> Judged:
        headers = _precondition(write)
        # Without a precondition a repetition could undo what someone else did in between.
        repeat = bool(headers)
        if write.quiet:
            headers["Schedule-Reply"] = "F"
        if write.data is not None:
            headers["Content-Type"] = self._dialect.content_type
        return self._client.send(
            "DELETE" if write.verb is Verb.DELETE else "PUT",
            at(self._url, write.href),
            lambda answer: judge(write, answer, self._dialect, uncertain=uncertain or answer.uncertain),
            headers=headers,
            body=write.data,
            repeat=repeat,
        )


class _Health:
    """Tells a dead store from an item that it stumbles over: as many failures in a row as there are connections."""

    def __init__(self, enough: int) -> None:
        self.broken: StoreError | None = None
        self._enough = enough
        self._failures = 0

    def failed(self, error: StoreError) -> None:
        self._failures += 1
        if self._failures >= self._enough or isinstance(error, LoginRefused):
            self.broken = error

    def answered(self) -> None:
        self._failures = 0


def _precondition(write: Write) -> dict[str, str]:
    if write.verb is Verb.CREATE:
        return {"If-None-Match": "*"}
    return {} if write.if_match is None else {"If-Match": write.if_match}


def _repeatable(write: Write, judged: Judged) -> bool:
    return judged.written.outcome is Outcome.REFUSED or bool(_precondition(write))
