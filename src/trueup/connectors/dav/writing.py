"""PUT and DELETE under preconditions, and what the answers mean.

Servers say the same thing under different statuses (a UID that exists elsewhere: 403, 409 or 412), so the precondition named in the body
comes first, and the status counts only where there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor

from trueup.connectors.dav.dialect import Dialect
from trueup.connectors.dav.hrefs import at, path_of
from trueup.connectors.dav.names import DAV
from trueup.connectors.dav.session import PROBLEM_SIZE
from trueup.connectors.dav.xml import Problem, read_problem
from trueup.connectors.http import Answer, Client, Unanswered
from trueup.connectors.parallel import spread
from trueup.model.errors import LoginRefused, Permanent, StoreError
from trueup.model.ports import Outcome, Verb, Write, Written

NO_RIGHT = "this user may not write here"
FULL = "the account is full"
REFUSALS = {
    f"{DAV}need-privileges": NO_RIGHT,
    f"{DAV}quota-not-exceeded": FULL,
    f"{DAV}sufficient-disk-space": "the server's disk is full",
    f"{DAV}lock-token-submitted": "it is locked by another program",
}
BY_STATUS = {
    401: "the server refuses the login",
    403: "the server does not allow it",
    405: "the server does not allow it here",
    409: "the server says that it conflicts with something else",
    413: "it is too large for the server",
    415: "the server does not take this kind of item",
    423: "it is locked by another program",
    507: FULL,
}


class _Health:
    """Tells a dead store from a single item that it stumbles over: as many failures in a row as there are connections."""

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


class Writer:
    """Writes items of one collection."""

    def __init__(self, client: Client, url: str, dialect: Dialect, threads: Executor) -> None:
        self._client = client
        self._url = url
        self._dialect = dialect
        self._threads = threads
        self._refusals = {**REFUSALS, **dialect.refusals}

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """One answer for each write, as they come.

        A store that is given up gets no further write of this call: those are answered UNCERTAIN and not REFUSED, because nothing is
        wrong with them.

        Raises:
            LoginRefused: after every answer was handed out.
        """
        health = _Health(self._client.parallel)
        yield from spread(self._threads, lambda write: self._guarded(write, health), writes, 2 * self._client.parallel)
        if isinstance(health.broken, LoginRefused):
            raise health.broken

    def _guarded(self, write: Write, health: _Health) -> Written:
        if health.broken:
            return Written(write.key, Outcome.UNCERTAIN, reason=f"not sent: {health.broken}")
        try:
            written = self._send(write)
        except Permanent as error:
            return Written(write.key, Outcome.REFUSED, reason=str(error))
        except StoreError as error:
            health.failed(error)
            sent = isinstance(error, Unanswered)
            return Written(write.key, Outcome.UNCERTAIN, reason=str(error) if sent else f"not sent: {error}")
        health.answered()
        return written

    def _send(self, write: Write) -> Written:
        headers = {}
        if write.verb is Verb.CREATE:
            headers["If-None-Match"] = "*"
        elif write.if_match is not None:
            headers["If-Match"] = write.if_match
        # Without a precondition a repetition could undo what someone else did in between.
        repeat = bool(headers)
        if write.quiet:
            headers["Schedule-Reply"] = "F"
        if write.data is not None:
            headers["Content-Type"] = self._dialect.content_type
        method = "DELETE" if write.verb is Verb.DELETE else "PUT"
        return self._client.send(
            method,
            at(self._url, write.href),
            lambda answer: self._judge(write, answer),
            headers=headers,
            body=write.data,
            repeat=repeat,
        )

    def _judge(self, write: Write, answer: Answer) -> Written:
        if answer.ok:
            return Written(write.key, Outcome.DONE, answer.headers.get("ETag"))
        problem = read_problem(answer.read(PROBLEM_SIZE))
        outcome, reason = self._meaning(write, answer, problem)
        if outcome is Outcome.PRECONDITION and answer.uncertain:
            # It may be our own earlier attempt that makes the precondition fail now.
            outcome, reason = Outcome.UNCERTAIN, "the connection broke, and the server has something there now"
        return Written(write.key, outcome, reason=reason)

    def _meaning(self, write: Write, answer: Answer, problem: Problem) -> tuple[Outcome, str]:
        if problem.conditions & self._dialect.uid_conflicts:
            return self._uid_conflict(write, problem)
        for condition in sorted(problem.conditions & self._refusals.keys()):
            return Outcome.REFUSED, _with(self._refusals[condition], problem.words)
        status = answer.status
        if status == 412:
            exists = "there is an item at this address already"
            return Outcome.PRECONDITION, exists if write.verb is Verb.CREATE else "it was changed or deleted meanwhile"
        if status in (404, 410) and write.verb is not Verb.CREATE:
            return Outcome.MISSING, "it is not there any more"
        if status in (404, 409, 410) and write.verb is Verb.CREATE and not problem.conditions:
            return Outcome.REFUSED, _with(f"the {self._dialect.noun} is not there, or its UID is taken", problem.words)
        if status >= 500 and status not in BY_STATUS:
            return Outcome.UNCERTAIN, _with(f"the server failed with {status}", problem.words)
        names = ", ".join(sorted(one.rpartition("}")[2] for one in problem.conditions))
        return Outcome.REFUSED, _with(BY_STATUS.get(status, f"the server answers {status}"), problem.words or names)

    def _uid_conflict(self, write: Write, problem: Problem) -> tuple[Outcome, str]:
        """RFC 4791 section 5.3.2.1: the server should name the item that has the UID."""
        if path_of(write.href) in problem.hrefs and write.verb is Verb.CREATE:
            return Outcome.PRECONDITION, "there is an item at this address already"
        where = f" at {problem.hrefs[0]}" if problem.hrefs else " at another address, maybe in the bin"
        return Outcome.REFUSED, f"an item with the same UID is there already{where}"


def _with(reason: str, words: str) -> str:
    return f"{reason}: {words}" if words else reason
