"""What the answer to a PUT or DELETE means.

Servers say the same thing under different statuses (a UID that exists elsewhere: 403, 409 or 412), so the precondition
named in the body comes first, and the status counts only where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass

from trueup.connectors.dav.dialect import Dialect
from trueup.connectors.dav.hrefs import path_of
from trueup.connectors.dav.names import DAV
from trueup.connectors.dav.session import PROBLEM_SIZE
from trueup.connectors.dav.xml import Problem, read_problem
from trueup.connectors.http import Answer
from trueup.model.ports import Outcome, Verb, Write, Written

EXISTS = "there is an item at this address already"
FULL = "the account is full"
LOCKED = f"{DAV}lock-token-submitted"
REFUSALS = {
    f"{DAV}need-privileges": "this user may not write here",
    f"{DAV}quota-not-exceeded": FULL,
    f"{DAV}sufficient-disk-space": "the server's disk is full",
    LOCKED: "it is locked by another program",
}
BY_STATUS = {
    403: "the server does not allow it",
    405: "the server does not allow it here",
    409: "the server says that it conflicts with something else",
    413: "it is too large for the server",
    415: "the server does not take this kind of item",
    423: REFUSALS[LOCKED],
    507: FULL,
}


@dataclass(frozen=True, slots=True)
class Judged:
    """The answer to one write. `jammed`: the server stumbled, maybe over another write at the same time."""

    written: Written
    jammed: bool = False


def judge(write: Write, answer: Answer, dialect: Dialect, *, uncertain: bool) -> Judged:
    """Reads the answer.

    Args:
        uncertain: an earlier attempt of this write may have taken effect.
    """
    if answer.ok:
        return Judged(Written(write.key, Outcome.DONE, answer.headers.get("ETag")))
    problem = read_problem(answer.read(PROBLEM_SIZE))
    outcome, reason = _meaning(write, answer.status, problem, dialect)
    if outcome is Outcome.PRECONDITION and uncertain:
        # It may be our own earlier attempt that makes the precondition fail now.
        outcome, reason = Outcome.UNCERTAIN, "the first answer was lost, and now there is something else there"
    jammed = answer.status == 423 or (answer.status >= 500 and outcome is Outcome.UNCERTAIN)
    return Judged(Written(write.key, outcome, reason=reason), jammed)


def _meaning(write: Write, status: int, problem: Problem, dialect: Dialect) -> tuple[Outcome, str]:
    creates = write.verb is Verb.CREATE
    if problem.conditions & dialect.uid_conflicts:
        return _uid_conflict(write, problem)
    refusals = {**REFUSALS, **dialect.refusals}
    for condition in sorted(problem.conditions & refusals.keys()):
        return Outcome.REFUSED, _with(refusals[condition], problem.words)
    if status == 412:
        return Outcome.PRECONDITION, EXISTS if creates else "it was changed or deleted meanwhile"
    if status in (404, 410) and not creates:
        return Outcome.MISSING, "it is not there any more"
    if status in (404, 409, 410) and creates and not problem.conditions:
        # RFC 4918 section 9.7.1: 409 where the collection is missing.
        return Outcome.REFUSED, _with(f"the {dialect.noun} is not there", problem.words)
    if status >= 500 and status not in BY_STATUS:
        return Outcome.UNCERTAIN, _with(f"the server failed with {status}", problem.words)
    names = ", ".join(sorted(one.rpartition("}")[2] for one in problem.conditions))
    return Outcome.REFUSED, _with(BY_STATUS.get(status, f"the server answers {status}"), problem.words or names)


def _uid_conflict(write: Write, problem: Problem) -> tuple[Outcome, str]:
    """RFC 4791 section 5.3.2.1: the server should name the item that has the UID."""
    if path_of(write.href) in problem.hrefs and write.verb is Verb.CREATE:
        return Outcome.PRECONDITION, EXISTS
    where = f" at {problem.hrefs[0]}" if problem.hrefs else " at another address, maybe in the bin"
    return Outcome.REFUSED, f"an item with the same UID is there already{where}"


def _with(reason: str, words: str) -> str:
    return f"{reason}: {words}" if words else reason
