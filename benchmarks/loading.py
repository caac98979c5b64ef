"""Filling a server's calendar quickly, with exactly what the server itself would have stored.

One PUT after the other takes 50 s for 10,000 events on Cyrus, which is borne. On Radicale and Xandikos it would take most of an
hour (each PUT costs time in proportion to the collection, or a git commit). So their own storage code is called, on their
own folders, while they are stopped: all the items at once, and as they normalise them. `check_filled` compares the result with a PUT.
"""

from __future__ import annotations

import base64
import http.client
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from examples.office.recipes.clients import Item
from tests.support.process import HOST
from tests.support.servers import Cyrus, DavServer, Radicale, Xandikos

from benchmarks.clients import CALENDARS, Matter

CONNECTIONS = 3


def fill(
    server: DavServer, name: str, items: Sequence[Item], user: str | None = None, matter: Matter = CALENDARS
) -> str:
    """Makes a calendar or address book with these items in it.

    Returns:
        Its URL.

    Raises:
        RuntimeError: the server refused an item, or holds another number of them afterwards.
    """
    make = server.make_calendar if matter is CALENDARS else server.make_book
    url = make(name, user=user)
    if isinstance(server, Radicale):
        with _stopped(server):
            _fill_radicale(server, url, items, matter)
    elif isinstance(server, Xandikos):
        with _stopped(server):
            _fill_xandikos(server, url, items, matter)
    elif isinstance(server, Cyrus):
        put_all(server, {f"{url}{one.slug}{matter.suffix}": one.body for one in items}, user, matter)
    else:
        raise NotImplementedError(server.name)
    held = len(server.dav(user).list(url))
    if held != len(items):
        raise RuntimeError(f"{server.name} holds {held} of {len(items)} {matter.items}")
    return url


def check_filled(server: DavServer, name: str, items: Sequence[Item], user: str | None = None) -> None:
    """Compares what `fill` stored with what the server makes of a PUT of the same items.

    Raises:
        RuntimeError: they differ, so the server would not be measured as it really is.
    """
    filled = server.dav(user).items(fill(server, f"{name}-filled", items, user))
    for href in filled:
        server.dav(user).delete(href).expect(200, 204)  # a UID may be in one calendar only
    url = server.make_calendar(f"{name}-put", user=user)
    put_all(server, {f"{url}{one.slug}.ics": one.body for one in items}, user)
    put = server.dav(user).items(url)
    if sorted(filled.values()) != sorted(put.values()):
        odd = next(
            pair for pair in zip(sorted(filled.values()), sorted(put.values()), strict=True) if len(set(pair)) > 1
        )
        raise RuntimeError(f"{server.name} stores something else on a PUT:\n{odd[0]}\n{odd[1]}")


def put_all(server: DavServer, bodies: dict[str, bytes], user: str | None = None, matter: Matter = CALENDARS) -> None:
    """PUTs everything over a few connections that are kept open.

    Raises:
        RuntimeError: a PUT was refused.
    """
    name = user or server.login
    login = base64.b64encode(f"{name}:{server.passwords.get(name, 'any')}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "Content-Type": f"{matter.media_type}; charset=utf-8"}
    threads = threading.local()

    def put(one: tuple[str, bytes]) -> None:
        url, body = one
        if not hasattr(threads, "connection"):
            threads.connection = http.client.HTTPConnection(HOST, server.port, timeout=60)
        threads.connection.request("PUT", urlsplit(url).path, body, headers)
        answer = threads.connection.getresponse()
        text = answer.read()
        if answer.status not in (200, 201, 204):
            raise RuntimeError(f"{server.name} answered {answer.status} to {url}: {text[:500]!r}\n{body.decode()}")

    # Xandikos takes one change of a calendar at a time, and answers 423 to a second one.
    with ThreadPoolExecutor(1 if isinstance(server, Xandikos) else CONNECTIONS) as pool:
        for _ in pool.map(put, bodies.items()):
            pass


class _stopped:
    def __init__(self, server: DavServer) -> None:
        self._server = server

    def __enter__(self) -> None:
        self._server.stop()

    def __exit__(self, *_: object) -> None:
        self._server.start()


def _fill_radicale(server: Radicale, url: str, items: Iterable[Item], matter: Matter) -> None:
    """What Radicale does for the PUT of a whole collection, `.Radicale.props` and item cache included."""
    import radicale.config
    import radicale.log
    import radicale.storage
    from radicale.app.put import prepare
    from radicale.item import Item as Stored
    from radicale.item import read_components

    radicale.log.set_level("warning", backtrace_on_debug=False)
    folder = str(server.directory / "data")
    configuration = radicale.config.load()
    configuration.update({"storage": {"filesystem_folder": folder, "_filesystem_fsync": "False"}}, "benchmark", True)
    storage = radicale.storage.load(configuration)
    path = urlsplit(url).path

    def prepared() -> Iterator[Stored]:
        for one in items:
            tag = "VCALENDAR" if matter is CALENDARS else "VADDRESSBOOK"
            found = read_components(one.body.decode())
            parts = prepare(found, path + "x", matter.media_type, False, True, 10**9, 0, tag)
            yield from parts[0]

    with storage.acquire_lock("w", server.login):
        collection = next(iter(storage.discover(path)))
        storage.create_collection(path, prepared(), dict(collection.get_meta()))


def _fill_xandikos(server: Xandikos, url: str, items: Iterable[Item], matter: Matter) -> None:
    """What Xandikos does for each PUT, but one git commit for all."""
    from dulwich.objects import Blob
    from xandikos.icalendar import ICalendarFile
    from xandikos.store.git import GitStore, index_entry_from_stat, locked_index
    from xandikos.vcard import VCardFile

    store = GitStore.open_from_path(str(server.directory / "data" / urlsplit(url).path.strip("/")))
    with locked_index(store.repo.index_path()) as index:
        for one in items:
            made = (ICalendarFile if matter is CALENDARS else VCardFile)([one.body], matter.media_type)
            data, name = b"".join(made.normalized()), f"{one.slug}{matter.suffix}"
            path = os.path.join(store.repo.path, name)
            with open(path, "wb") as file:
                file.write(data)
            blob = Blob.from_string(data)
            store.repo.object_store.add_object(blob)
            index[name.encode()] = index_entry_from_stat(os.lstat(path), blob.id)
        store._commit_tree(index, b"Many items at once")
