"""From any address of an account to its collections (RFC 6764, RFC 5397, RFC 4791 section 6.2.1, RFC 6352 section 7.1.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trueup.connectors.dav.dialect import Dialect
from trueup.connectors.dav.hrefs import at, folder, name_of, path_of
from trueup.connectors.dav.names import (
    DAV,
    DISPLAY_NAME,
    HREF,
    PRINCIPAL,
    PRIVILEGE,
    PRIVILEGES,
    RESOURCE_TYPE,
    UNAUTHENTICATED,
)
from trueup.connectors.dav.session import Refused, Session
from trueup.connectors.dav.xml import Response
from trueup.model.errors import LoginRefused, Permanent

WRITING = frozenset(f"{DAV}{name}" for name in ("all", "write", "write-content", "bind"))


@dataclass(frozen=True, slots=True)
class Place:
    """A collection as its home lists it.

    Attributes:
        url: its address, with a slash at its end.
        name: the last segment of the address.
        title: what people call it; "" for nothing.
        components: what it takes; None: not told.
        formats: the versions of its format that it takes; None: not told.
        max_size: the largest body in bytes; None: not told.
        writable: this user may change it, as far as the server tells.
    """

    url: str
    name: str
    title: str = ""
    components: frozenset[str] | None = None
    formats: frozenset[str] | None = None
    max_size: int | None = None
    writable: bool = True


@dataclass(frozen=True, slots=True)
class Account:
    """Where an account's collections are.

    Attributes:
        homes: the collections that hold them; the first is where new ones are made.
        principal: the address of the user; "" where the server names none.
        single: the configured address is a collection itself, and the only one of the store.
    """

    homes: tuple[str, ...]
    principal: str = ""
    single: bool = False


class Discovery:
    """Looks an account up.

    Args:
        url: what the user configured: the server, a principal, a home, or a collection itself.
        home: the home's address where the user gave it; "" to look it up.
    """

    def __init__(self, session: Session, url: str, dialect: Dialect, home: str = "") -> None:
        self._session = session
        self._url = url
        self._dialect = dialect
        self._home = home
        self._wanted = (
            RESOURCE_TYPE,
            DISPLAY_NAME,
            PRIVILEGES,
            PRINCIPAL,
            dialect.home,
            dialect.max_size,
            *(name for name in (dialect.components, dialect.formats) if name),
        )

    def account(self) -> Account:
        """Where the collections are.

        Raises:
            Permanent: nothing at this address leads to them.
            LoginRefused: the server asks for a login and the store has none.
        """
        if self._home:
            return Account((folder(at(self._url, self._home)),))
        tried: list[str] = []
        for url in (self._url, at(self._url, self._dialect.well_known)):
            account = self._from(url, tried)
            if account:
                return account
        raise Permanent(
            f"no {self._dialect.noun}s found",
            where=self._session.client.place(self._url),
            why="; ".join(tried) or f"nothing here leads to {self._dialect.noun}s",
            hint=f"set `url` to the address your server's manual gives for other programs, or `home` to the folder of the {self._dialect.noun}s",
        )

    def places(self, account: Account) -> list[Place]:
        """The collections in the account's homes, in the order the server has them.

        Raises:
            Permanent, Transient, LoginRefused: a home cannot be read.
        """
        found: dict[str, Place] = {}
        for home in account.homes:
            try:
                url, members = self._session.members(home, self._wanted, depth=0 if account.single else 1)
            except Refused as refused:
                raise self._session.failure(f"the {self._dialect.noun}s cannot be listed", refused) from refused
            for one in members:
                if self._is_collection(one):
                    place = self._place(url, one)
                    found[place.url] = place
        return list(found.values())

    # -- inside ---------------------------------------------------------------------------------------------------

    def _from(self, url: str, tried: list[str]) -> Account | None:
        found = self._look(url, tried)
        if found is None:
            return None
        url, one = found
        if self._is_collection(one):
            return Account((folder(url),), self._principal(url, one), single=True)
        homes = self._homes(url, one)
        if homes:
            return Account(homes, url)
        if path_of(url) != "/" and self._holds_collections(url):
            return Account((folder(url),), self._principal(url, one))
        principal = self._principal(url, one)
        found = self._look(principal, tried) if principal else None
        homes = self._homes(*found) if found else ()
        return Account(homes, principal) if homes else None

    def _look(self, url: str, tried: list[str]) -> tuple[str, Response] | None:
        try:
            answered, one = self._session.properties(url, self._wanted)
        except Refused as refused:
            tried.append(f"{path_of(url)} answers {refused.status}")
            return None
        return at(answered, answered), one

    def _principal(self, url: str, one: Response) -> str:
        if one.has(PRINCIPAL, UNAUTHENTICATED):
            raise LoginRefused(
                "the server does not know who asks",
                where=self._session.client.place(url),
                why="it lets anybody look, but names no user",
                hint="set `username` and `password` of the store",
            )
        href = one.href_in(PRINCIPAL)
        return self._told(url, href) if href else ""

    def _homes(self, url: str, one: Response) -> tuple[str, ...]:
        return tuple(
            folder(self._told(url, node.text))
            for node in one.props.get(self._dialect.home, ())
            if node.tag == HREF and node.text
        )

    def _told(self, url: str, href: str) -> str:
        """An address that the server named; it may be on another host of the same provider."""
        target = at(url, href)
        self._session.client.trust(target, told_by=url)
        return target

    def _holds_collections(self, url: str) -> bool:
        try:
            return any(self._is_collection(one) for one in self._session.members(url, (RESOURCE_TYPE,))[1])
        except Refused:
            return False

    def _is_collection(self, one: Response) -> bool:
        return one.has(RESOURCE_TYPE, self._dialect.resource_type)

    def _place(self, url: str, one: Response) -> Place:
        address = folder(at(url, one.href))
        size = one.text(self._dialect.max_size) or ""
        return Place(
            url=address,
            name=name_of(address),
            title=one.text(DISPLAY_NAME) or "",
            components=self._components(one),
            formats=self._formats(one),
            max_size=int(size) if size.isdigit() else None,
            writable=_writable(one),
        )

    def _components(self, one: Response) -> frozenset[str] | None:
        found = one.props.get(self._dialect.components)
        names: Sequence[str] = (
            [] if found is None else [node.get("name", "") for node in found.iter(self._dialect.component)]
        )
        return frozenset(name.upper() for name in names if name) or None

    def _formats(self, one: Response) -> frozenset[str] | None:
        """RFC 6352 section 6.2.2: an element for each version, with attributes."""
        found = one.props.get(self._dialect.formats)
        names = [
            node.get("version", "")
            for node in (() if found is None else found)
            if node.get("content-type", self._dialect.media_type).lower() == self._dialect.media_type
        ]
        return frozenset(name for name in names if name) or None


def _writable(one: Response) -> bool:
    privileges = one.props.get(PRIVILEGES)
    if privileges is None:
        return True
    return any(node.tag in WRITING for privilege in privileges.iter(PRIVILEGE) for node in privilege)
