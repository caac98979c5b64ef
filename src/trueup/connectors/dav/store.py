"""An account on a WebDAV server: the port `Store`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b

from trueup.connectors.dav.collection import DavCollection
from trueup.connectors.dav.dialect import Dialect
from trueup.connectors.dav.discovery import Account, Discovery, Place
from trueup.connectors.dav.hrefs import child, name_of, path_of
from trueup.connectors.dav.listing import Cursor
from trueup.connectors.dav.session import Session
from trueup.connectors.http import Answer, Client, origin
from trueup.model.capabilities import Capabilities
from trueup.model.diagnostics import Diagnostic
from trueup.model.errors import ConfigError, Permanent
from trueup.model.ports import CollectionInfo

BATCH = 200


class DavStore:
    """One account. Nothing is asked before it is used; what is found then is kept for the life of the store.

    Args:
        name: in the configuration.
        url: the server, a principal, a home, or a collection.
        home: the home, where the server does not name it; "" to look it up.
        user: who logs in, as far as it is not a secret; "" where that cannot be told.
    """

    def __init__(self, name: str, client: Client, url: str, dialect: Dialect, home: str = "", user: str = "") -> None:
        self.name = name
        self.dialect = dialect
        self.client = client
        self.session = Session(client)
        self.url = url
        self._mark = blake2b("\0".join((url, home, user)).encode(), digest_size=8).hexdigest() if user else ""
        self._discovery = Discovery(self.session, url, dialect, home)
        self._threads = ThreadPoolExecutor(client.parallel, thread_name_prefix=f"trueup-{name}")
        self._lock = threading.RLock()
        self._account: Account | None = None
        self._places: list[Place] | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    # -- the port -------------------------------------------------------------------------------------------------

    def collections(self) -> list[CollectionInfo]:
        """Every collection of the account; one whose name another one has too is named by its path."""
        places = self.places(fresh=True)
        names = [place.name for place in places]
        return [
            CollectionInfo(
                place.name if names.count(place.name) == 1 else path_of(place.url), place.title, None, place.writable
            )
            for place in places
        ]

    def open(self, name: str, cursor: str | None = None) -> DavCollection | None:
        """The collection of that name: the last segment of its address, its title, or its whole path.

        Raises:
            ConfigError: more than one collection has this name.
        """
        known = self._recalled(name, cursor) if cursor else None
        if known is not None:
            return known
        place = self._find(name, fresh=False) or self._find(name, fresh=True)
        return self._opened(place) if place else None

    def create(self, name: str) -> DavCollection:
        """Makes an empty collection; one that exists already is opened.

        Raises:
            Permanent: the server does not make collections, or not this one.
        """
        collection = self.open(name)
        if collection is not None:
            return collection
        account = self.account()
        if account.single:
            raise Permanent(
                f"{self.dialect.noun} {name} cannot be made",
                where=self.client.place(self.url),
                why=f"`url` of the store names a single {self.dialect.noun}",
                hint="set `url` to the account, so that it can hold more than one",
            )
        from trueup.connectors.dav.making import make_collection, plain

        make_collection(self.session, child(account.homes[0], plain(name, self.dialect)), name, self.dialect)
        collection = self.open(name)
        if collection is None:
            raise Permanent(
                f"{self.dialect.noun} {name} cannot be made",
                where=self.client.place(account.homes[0]),
                why="the server took it but does not list it",
            )
        return collection

    def check(self) -> Iterable[Diagnostic]:
        """See `Store.check`."""
        from trueup.connectors.dav.doctor import examine

        return examine(self)

    def close(self) -> None:
        """See `Store.close`."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self.client.close()

    # -- what was found -------------------------------------------------------------------------------------------

    def account(self) -> Account:
        """Where the collections are."""
        with self._lock:
            if self._account is None:
                self._account = self._discovery.account()
            return self._account

    def places(self, *, fresh: bool) -> list[Place]:
        """The collections; `fresh` asks the server again."""
        with self._lock:
            if fresh or self._places is None:
                self._places = self._discovery.places(self.account())
            return self._places

    def schedules(self) -> bool:
        """Whether the server sends mail of its own accord when an item is stored."""
        return False

    def features(self) -> frozenset[str]:
        """The words of the DAV header (RFC 4918 section 10.1)."""
        return self.client.send("OPTIONS", self.account().homes[0], _features, follow=True)

    # -- inside ---------------------------------------------------------------------------------------------------

    def _find(self, name: str, *, fresh: bool) -> Place | None:
        places = [one for one in self.places(fresh=fresh) if name in (one.name, one.title) or _same_path(one, name)]
        if len(places) > 1:
            raise ConfigError(
                f"{len(places)} {self.dialect.noun}s of {self.name} are called {name}",
                where=self.client.place(self.url),
                why=" and ".join(f"{path_of(one.url)} ({one.title or one.name})" for one in places),
                hint="use the path as the name in trueup.yaml",
            )
        return places[0] if places else None

    def _recalled(self, name: str, cursor: str) -> DavCollection | None:
        """The collection where it was at its last reading, if it is still there: six requests fewer where nothing has changed.

        Only where the name is part of the address: a title may belong to another collection by now.
        """
        url = Cursor.address(cursor, self._mark)
        if not url or name_of(url) != name or origin(url) != origin(self.url):
            return None
        collection = self._at(url, lambda: self._capabilities(self._listed(url)))
        return collection if collection.resumes(cursor) else None

    def _listed(self, url: str) -> Place:
        for fresh in (False, True):
            for place in self.places(fresh=fresh):
                if path_of(place.url) == path_of(url):
                    return place
        raise Permanent(
            f"the {self.dialect.noun} is not listed any more",
            where=self.client.place(url),
            why="it answers at its address, but the account does not name it",
            hint="check the rights of this user on the server",
        )

    def _opened(self, place: Place) -> DavCollection:
        return self._at(place.url, lambda: self._capabilities(place))

    def _at(self, url: str, capabilities: Callable[[], Capabilities]) -> DavCollection:
        return DavCollection(self.session, url, self.dialect, capabilities, self._threads, self._mark)

    def _capabilities(self, place: Place) -> Capabilities:
        return Capabilities(
            writable=place.writable,
            schedules=self.schedules(),
            components=place.components,
            formats=place.formats,
            max_size=place.max_size,
            parallel=self.client.parallel,
            batch=BATCH,
        )


def _features(answer: Answer) -> frozenset[str]:
    # A server may send the header more than once; urllib3 joins them with commas.
    return frozenset(word.strip().lower() for word in answer.headers.get("DAV", "").split(","))


def _same_path(place: Place, name: str) -> bool:
    return name.startswith("/") and path_of(name).rstrip("/") == path_of(place.url).rstrip("/")
