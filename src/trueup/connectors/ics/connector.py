"""The ics connector's name, options and way in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from trueup.connectors.base import Option
from trueup.model.errors import ConfigError

# A connector's name and options are read at every start; what it works with only when one of its stores is opened.
if TYPE_CHECKING:
    from trueup.connectors.ics.source import Source
    from trueup.connectors.ics.store import FeedStore

TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class IcsConnector:
    """Published calendars."""

    name: str = "ics"
    help: str = "a published calendar: one .ics file with many events, on a web server or on this machine, read only"
    options: tuple[Option, ...] = (
        Option("url", "str", help="address of the file (https:, http:, webcal:); or give `path`"),
        Option("path", "path", help="the file on this machine; or give `url`"),
        Option("username", "str", help="user name, where the server wants one"),
        Option("password", "secret", help="password, where the server wants one"),
        Option("timeout", "duration", default=TIMEOUT, help="how long to wait for each part of an answer"),
    )

    def open(self, name: str, options: Mapping[str, object]) -> FeedStore:
        """The store of the feed at `url` or `path`.

        Raises:
            ConfigError: neither or both are given, or `url` is no address of a web server.
        """
        from trueup.connectors.ics.source import FileSource
        from trueup.connectors.ics.store import FeedStore

        url, path = options.get("url"), options.get("path")
        if (url is None) == (path is None):
            raise ConfigError(
                f"store {name} needs exactly one of `url` and `path`",
                why="both are given" if url is not None else "neither is given",
                hint="give `url` for a feed on a web server, `path` for a file on this machine",
            )
        if path is not None:
            assert isinstance(path, str | os.PathLike)
            return FeedStore(name, FileSource(os.fspath(path)))
        return FeedStore(name, _web_source(name, str(url), options))


def _web_source(name: str, given: str, options: Mapping[str, object]) -> Source:
    from trueup.connectors.http import Client, Login, without_login
    from trueup.connectors.ics.source import WebSource, plain_url

    url = plain_url(given)
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        valid = False
    if not valid:
        raise ConfigError(
            f"`url` of store {name} is no address of a feed",
            where=f"stores.{name}.url",
            hint="it looks like https://example.org/calendar.ics",
        )
    username = options.get("username") or unquote(parts.username or "")
    password = options.get("password") or unquote(parts.password or "")
    timeout = options.get("timeout") or TIMEOUT
    assert isinstance(timeout, int | float)
    url = without_login(url)
    return WebSource(
        Client(name, url, login=Login(str(username), str(password)), timeout=float(timeout), parallel=1), url
    )


CONNECTOR = IcsConnector()
