"""The options of a store on a WebDAV server, and the way in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import unquote, urlsplit

from trueup.connectors.base import Option
from trueup.model.errors import ConfigError

if TYPE_CHECKING:
    from trueup.connectors.dav.store import DavStore
    from trueup.connectors.http import Client

TIMEOUT = 30.0
# A far server is waited for, not worked for: pushing 1,000 events at a round trip of 50 ms takes 17 s with 4 and 9 s with 8. More than 8
# would be too many for Radicale, which takes no further connection then.
PARALLEL = 8

S = TypeVar("S", bound="DavStore")


def options(noun: str) -> tuple[Option, ...]:
    """What can be said of a store, in words for one kind of collection."""
    return (
        Option("url", "str", required=True, help=f"the server, the account or {noun}: any address that leads there"),
        Option("username", "str", help="the user's name at the server"),
        Option("password", "secret", help="the password; many providers want an app password"),
        Option("token", "secret", help="a bearer token in place of name and password"),
        Option("home", "str", help=f"the folder of the {noun.partition(' ')[2]}s, where the server does not name it"),
        Option("timeout", "duration", default=TIMEOUT, help="how long to wait for an answer"),
        Option("parallel", "int", default=PARALLEL, help="how many requests may be under way at once"),
        Option("verify", "bool", default=True, help="check the server's certificate"),
        Option("ca", "path", help="certificates to trust in place of the system's: a file in PEM format, or a folder"),
    )


class DavConnector(Generic[S]):
    """A connector to one kind of collection on WebDAV servers; a subclass says which."""

    name: str
    help: str
    options: tuple[Option, ...]

    def store(self, name: str, client: Client, url: str, home: str, user: str) -> S:
        """The store itself; see `DavStore`."""
        raise NotImplementedError

    def open(self, name: str, options: Mapping[str, object]) -> S:
        """See `ConnectorType.open`."""
        # Not before it is needed: `trueup --version` knows the connectors' names and nothing of HTTP.
        from trueup.connectors.http import Client, Login, without_login

        given = {
            option.name: option.default if options.get(option.name) is None else options[option.name]
            for option in self.options
        }
        url = _address(name, str(given["url"] or ""))
        parts = urlsplit(url)
        login = Login(
            str(given["username"] or unquote(parts.username or "")),
            str(given["password"] or unquote(parts.password or "")),
            str(given["token"] or ""),
        )
        client = Client(
            name,
            without_login(url),
            login=login,
            timeout=float(str(given["timeout"])),
            parallel=_parallel(name, given["parallel"]),
            verify=bool(given["verify"]),
            ca=Path(str(given["ca"])) if given["ca"] else None,
        )
        # A token does not say whose it is.
        user = "" if given["token"] else str(given["username"] or unquote(parts.username or "")) or "nobody"
        return self.store(name, client, without_login(url), str(given["home"] or ""), user)


def _address(name: str, url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"`url` of store {name} is no address",
            why=f"{url!r}" if "@" not in url else "",
            hint="like https://dav.example.org/",
        )
    return url if parts.path else url + "/"


def _parallel(name: str, value: object) -> int:
    count = int(str(value))
    if not 1 <= count <= 64:
        raise ConfigError(f"`parallel` of store {name} is {count}", hint="1 to 64; 8 suits most servers")
    return count
