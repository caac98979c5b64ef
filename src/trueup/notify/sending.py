"""Sending one message: through apprise, or as a ping by plain HTTP. Nothing of an address is in what comes back, for it holds passwords."""

from __future__ import annotations

import logging
import re
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from urllib.request import Request

TIMEOUT = 10.0
"""Seconds that a heartbeat's server may take to connect, and between two packets."""

PING_BODY = 10_000
"""Bytes of text that go with a ping (healthchecks.io keeps 100 kB of it, others less)."""

_PATHS = {"start": "/start", "fail": "/fail", "success": ""}
_TYPES = {"failure": "failure", "reminder": "failure", "success": "success", "recovery": "success"}
_NAMED_HOSTS = ("mailto", "mailtos", "json", "jsons", "xml", "xmls", "form", "forms", "http", "https")
_LONGEST = 500
_CAUSE = re.compile(r"""HTTPS?ConnectionPool\(.*\(Caused by \w+\(['"]?(?:.*?\): )?(.*?)['"]?\)\)$""", re.DOTALL)
_REASON = "Socket Exception: "  # what stands before the cause in apprise's own words, at the level DEBUG


class NotSent(Exception):
    """A message did not go out; its text is for people, and without secrets."""


def send(url: str, title: str, body: str, kind: str) -> None:
    """Sends a message through the service that an apprise URL names.

    Raises:
        NotSent: why it did not go out.
    """
    try:
        import apprise
    except ImportError:
        raise NotSent('apprise is not installed: pip install "trueup[notify]"') from None
    with _listening() as heard:
        try:
            service = apprise.Apprise.instantiate(url)
            if service is None:
                raise NotSent("apprise does not understand the address")
            if "format=" not in url:
                service.notify_format = apprise.NotifyFormat.TEXT
            done = service.notify(
                title=title,
                body=body,
                notify_type=apprise.NotifyType(_TYPES.get(kind, "info")),
                body_format=apprise.NotifyFormat.TEXT,
            )
        except NotSent:
            raise
        except Exception as error:  # a plugin may raise anything, with the address in it
            raise NotSent(redacted(f"{type(error).__name__}: {error}", url)) from None
    if not done:
        raise NotSent(redacted("; ".join(dict.fromkeys(heard)), url) or "apprise gave no reason")


def ping(url: str, kind: str, body: str) -> None:
    """Tells a watcher of heartbeats: URL/start, URL/fail, or URL itself for success (https://healthchecks.io/docs/http_api/).

    Raises:
        NotSent: why it did not arrive.
    """
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import urlopen

    try:
        with urlopen(_request(url, kind, body), timeout=TIMEOUT) as answer:
            answer.read(PING_BODY)
    except (OSError, HTTPException, ValueError) as error:
        why = error if isinstance(error, HTTPError) else getattr(error, "reason", error)
        raise NotSent(redacted(str(why) or type(error).__name__, url)) from None


def _request(url: str, kind: str, body: str) -> Request:
    from urllib.request import Request

    parts = urlsplit(url)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise NotSent("the heartbeat is no http:// or https:// address")
    login, _, host = parts.netloc.rpartition("@")
    target = parts._replace(netloc=host, path=parts.path.rstrip("/") + _PATHS[kind], fragment="")
    headers = {"User-Agent": "trueup", "Content-Type": "text/plain; charset=utf-8"}
    if login:
        headers["Authorization"] = f"Basic {b64encode(unquote(login).encode()).decode()}"
    return Request(target.geturl(), body.encode("utf-8", "replace")[:PING_BODY], headers, method="POST")


def redacted(text: str, url: str) -> str:
    """A line of text in which nothing of the address is left but its scheme, and its host where that is one."""
    scheme, _, rest = url.partition("://")
    place, _, query = rest.partition("?")
    pieces = {url, rest, *re.split(r"[/#@:,;]", place), *(one.partition("=")[2] for one in query.split("&"))}
    pieces |= {unquote(one) for one in pieces}
    if scheme.lower() in _NAMED_HOSTS:
        host = place.partition("/")[0].rpartition("@")[2]
        pieces -= {host, *host.rsplit(":", 1)}
    for one in sorted(pieces, key=len, reverse=True):
        if len(one) > 2:
            text = text.replace(one, "***")
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


@contextmanager
def _listening() -> Iterator[list[str]]:
    """What apprise says while it works in this thread: it gives its reasons to its log alone, the cause at the lowest level.

    None of it goes on to anybody's handlers: it may hold parts of the address.
    """
    heard: list[str] = []
    with _ear.guard:
        _ear.heard[threading.get_ident()] = heard
        _ear.attach()
    try:
        yield heard
    finally:
        with _ear.guard:
            del _ear.heard[threading.get_ident()]
            _ear.detach()


class _Ear(logging.Filter):
    """Takes the records of listening threads out of apprise's logger, and leaves everybody else's as they were."""

    def __init__(self) -> None:
        super().__init__()
        self.guard = threading.Lock()
        self.heard: dict[int, list[str]] = {}
        self._logger = logging.getLogger("apprise")
        self._level = logging.NOTSET
        self._wanted = logging.WARNING

    def attach(self) -> None:
        """Listens, from the first that asks for it on."""
        if len(self.heard) == 1:
            self._level, self._wanted = self._logger.level, self._logger.getEffectiveLevel()
            self._logger.addFilter(self)
            self._logger.setLevel(logging.DEBUG)

    def detach(self) -> None:
        """Leaves the logger as it was, after the last."""
        if not self.heard:
            self._logger.removeFilter(self)
            self._logger.setLevel(self._level)

    def filter(self, record: logging.LogRecord) -> bool:
        heard = self.heard.get(record.thread or 0)
        if heard is None:
            return record.levelno >= self._wanted
        said = record.getMessage()
        if record.levelno >= logging.WARNING or said.startswith(_REASON):
            heard.append(_CAUSE.sub(r"\1", said.removeprefix(_REASON)).rstrip("."))
        return False


_ear = _Ear()
