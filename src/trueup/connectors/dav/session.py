"""WebDAV requests over the HTTP client, with what can go wrong put into words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from trueup.connectors.dav.names import DAV
from trueup.connectors.dav.xml import NotXml, Problem, Response, document, properties, read_multistatus, read_problem
from trueup.connectors.http import Answer, Client
from trueup.model.errors import Permanent, StoreError, Transient

XML = {"Content-Type": "application/xml; charset=utf-8"}
PROBLEM_SIZE = 2**20
PATIENCE = 4.0
"""How many times longer than usual a listing may take, and the token that stands for one: it is work for a whole collection."""

Each = Callable[[Response], None]
Begin = Callable[[], Each]


class Refused(Exception):
    """The server answered something else than a multistatus."""

    def __init__(self, method: str, url: str, status: int, problem: Problem) -> None:
        super().__init__(f"{method} {url}: {status} {sorted(problem.conditions)}")
        self.method = method
        self.url = url
        self.status = status
        self.problem = problem


class Session:
    """PROPFIND, REPORT and friends for one store."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def propfind(self, url: str, names: Iterable[str], begin: Begin, depth: int = 0, patience: float = 1.0) -> str:
        """Asks for properties of a resource (depth 0), or of it and its members (depth 1).

        Args:
            begin: called for every attempt, so that one that breaks off leaves nothing behind; returns what to do with each response.
            patience: see `Client.send`.

        Returns:
            The address that answered, after redirects.

        Raises:
            Refused: another answer than a multistatus.
        """

        def read(answer: Answer) -> str:
            self._multistatus("PROPFIND", answer, begin())
            return answer.url

        body = document(f"{DAV}propfind", properties(names))
        return self.client.send(
            "PROPFIND", url, read, headers={**XML, "Depth": str(depth)}, body=body, follow=True, patience=patience
        )

    def properties(self, url: str, names: Iterable[str], patience: float = 1.0) -> tuple[str, Response]:
        """The address that answered, and its properties."""
        answered, found = self.members(url, names, depth=0, patience=patience)
        return answered, found[0] if found else Response("", 404)

    def members(
        self, url: str, names: Iterable[str], depth: int = 1, patience: float = 1.0
    ) -> tuple[str, list[Response]]:
        """The address that answered, and the properties of it and its members. For collections of collections: all are kept in memory."""
        found: list[Response] = []

        def begin() -> Each:
            found.clear()
            return found.append

        return self.propfind(url, names, begin, depth, patience), found

    def report(self, url: str, body: bytes, begin: Begin, headers: Mapping[str, str] | None = None) -> str | None:
        """Sends a REPORT.

        Args:
            begin: as for `propfind`.

        Returns:
            The sync-token of the answer, if it has one.

        Raises:
            Refused: another answer than a multistatus.
        """
        return self.client.send(
            "REPORT",
            url,
            lambda answer: self._multistatus("REPORT", answer, begin()),
            headers={**XML, **(headers or {})},
            body=body,
            follow=True,
            patience=PATIENCE,
        )

    def _multistatus(self, method: str, answer: Answer, each: Each) -> str | None:
        if answer.status != 207:
            raise Refused(method, answer.url, answer.status, read_problem(answer.read(PROBLEM_SIZE)))
        try:
            return read_multistatus(answer.chunks(), each)
        except NotXml as error:
            raise Refused(method, answer.url, answer.status, Problem(words=f"not a WebDAV answer: {error}")) from error

    def failure(self, what: str, refused: Refused) -> StoreError:
        """A refusal as an error for people."""
        where = self.client.place(refused.url)
        words = refused.problem.words or ", ".join(sorted(one.rpartition("}")[2] for one in refused.problem.conditions))
        why = f"the server answers {refused.status}" + (f": {words}" if words else "")
        if refused.status in (404, 410):
            return Permanent(
                what, where=where, why="it is not there", hint="check `url` of the store and the collection's name"
            )
        if refused.status == 403:
            return Permanent(
                what,
                where=where,
                why=f"access is not allowed ({why})",
                hint="check the rights of this user on the server",
            )
        if refused.status in (200, 207, 301, 302, 307, 308, 405, 501):
            return Permanent(
                what, where=where, why=f"{why}; it does not speak WebDAV here", hint="check `url` of the store"
            )
        if refused.status >= 500:
            return Transient(what, where=where, why=why, hint="look at the server's log; try again later")
        return Permanent(what, where=where, why=why)
