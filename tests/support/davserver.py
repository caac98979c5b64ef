"""What the CalDAV servers have in common: accounts, addresses, fresh calendars."""

from __future__ import annotations

import http.client
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tests.support.dav import Dav
from tests.support.process import HOST, Server

DOMAIN = "example.org"


class DavServer(Server):
    def __init__(self, passwords: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.passwords = dict(passwords or {})
        self._numbers = itertools.count(1)

    @property
    def login(self) -> str:
        """The user that tests are unless they say otherwise."""
        return next(iter(self.passwords), "user")

    @property
    def password(self) -> str:
        return self.passwords.get(self.login, "any")

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/"

    @property
    def htpasswd(self) -> Path:
        return self.directory / "htpasswd"

    def write_htpasswd(self) -> None:
        if self.passwords:
            self.htpasswd.write_text("".join(f"{user}:{password}\n" for user, password in self.passwords.items()))

    def ready(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("OPTIONS", "/")
            return connection.getresponse().status < 500
        except http.client.HTTPException:
            return False
        finally:
            connection.close()

    def home(self, user: str | None = None) -> str:
        """The path of a user's calendar home, with a slash at both ends."""
        raise NotImplementedError

    def books(self, user: str | None = None) -> str:
        """The path of the home of a user's address books, with a slash at both ends."""
        return self.home(user)

    def inbox(self, user: str | None = None) -> str:
        """The path of a user's scheduling inbox: `server.dav("ben").items(server.inbox("ben"))` is what came."""
        raise NotImplementedError(f"{self.name} has no scheduling")

    def address(self, user: str | None = None) -> str:
        """A user's calendar address, as in ORGANIZER and ATTENDEE."""
        return f"mailto:{user or self.login}@{DOMAIN}"

    def dav(self, user: str | None = None, password: str | None = None) -> Dav:
        """Raw requests as a user, or as the default one."""
        name = user or self.login
        return Dav(self.url, name, self.passwords.get(name, "any") if password is None else password)

    def make_calendar(self, name: str = "", user: str | None = None, title: str = "") -> str:
        """The URL of a new, empty calendar."""
        path = f"{self.home(user)}{name or f'calendar-{next(self._numbers)}'}/"
        return self.dav(user).make_calendar(path, title)

    def make_book(self, name: str = "", user: str | None = None, title: str = "") -> str:
        """The URL of a new, empty address book."""
        path = f"{self.books(user)}{name or f'book-{next(self._numbers)}'}/"
        return self.dav(user).make_book(path, title)


class MakeCalendar(Protocol):
    """The fixture `calendar_url`."""

    def __call__(self, server: DavServer, user: str | None = None) -> str: ...
