"""New collections."""

from __future__ import annotations

import re
from hashlib import blake2b

from trueup.connectors.dav.dialect import Dialect
from trueup.connectors.dav.names import COLLECTION, DAV, DISPLAY_NAME, RESOURCE_TYPE
from trueup.connectors.dav.session import PROBLEM_SIZE, XML, Refused, Session
from trueup.connectors.dav.xml import Problem, document, element, read_problem, text
from trueup.connectors.http import Answer

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
EXISTS = f"{DAV}resource-must-be-null"


def make_collection(session: Session, url: str, title: str, dialect: Dialect) -> None:
    """Makes a collection by its own method (MKCALENDAR, RFC 4791 section 5.3.1) if it has one, else by an extended MKCOL (RFC 5689).

    One that is there already is left as it is.

    Raises:
        Permanent, Transient: the server will not.
    """
    named = text(DISPLAY_NAME, title)
    typed = element(RESOURCE_TYPE, element(COLLECTION), element(dialect.resource_type))
    attempts = [("MKCOL", document(f"{DAV}mkcol", _set(typed, named)))]
    if dialect.make:
        attempts.insert(0, (dialect.make.rpartition("}")[2].upper(), document(dialect.make, _set(named))))
    refused = None
    for method, body in attempts:
        status, problem = session.client.send(method, url, _outcome, headers=XML, body=body)
        # Here 405 has two meanings: the method is unknown, or something is there (RFC 4918 section 9.3.1). Opening it will tell.
        if 200 <= status < 300 or EXISTS in problem.conditions:
            return
        refused = refused or Refused(method, url, status, problem)
    if refused and refused.status != 405:
        raise session.failure(f"{dialect.noun} {title} cannot be made", refused)


def plain(name: str, dialect: Dialect) -> str:
    """The last segment of a new collection's address: the name where every server takes it as such, else one made of it, the same each time."""
    if PLAIN.fullmatch(name):
        return name
    return f"{dialect.noun.replace(' ', '-')}-{blake2b(name.encode(), digest_size=6).hexdigest()}"


def _set(*properties: str) -> str:
    return element(f"{DAV}set", element(f"{DAV}prop", *properties))


def _outcome(answer: Answer) -> tuple[int, Problem]:
    return answer.status, read_problem(answer.read(PROBLEM_SIZE))
