"""The HTTP client of all connectors: one pool, one pace, one place that retries.

What an answer means is the caller's business; whether a request is worth repeating is decided here and nowhere else:

- repeated: no connection, time-outs, resets, 429, 502, 503, 504, and bodies that end too early;
- never repeated: every other status, and above all 401, so that no account gets locked;
- a write whose answer was lost may have taken effect. It is repeated only where the caller says that this is safe (it carries a
  precondition), and `Answer.uncertain` then tells that an earlier attempt may be the reason for what the server says now.
"""

from __future__ import annotations

import base64
import os
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin, urlsplit, urlunsplit

from trueup import __version__
from trueup.connectors.pace import Pace, retry_after
from trueup.connectors.transport import Pool, Response, target_of
from trueup.connectors.wire_errors import Again, BrokenAnswer, translated
from trueup.model.errors import ConfigError, LoginRefused, Permanent, Transient

__all__ = ["Answer", "BrokenAnswer", "Client", "Login", "Retries", "Unanswered", "origin", "without_login"]

T = TypeVar("T")

USER_AGENT = f"trueup/{__version__}"
RETRIED = frozenset({429, 502, 503, 504})
TOO_FAST = frozenset({429, 503})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 5
MAX_BODY = 64 * 2**20
MAX_CONNECT = 10.0


class Unanswered(Transient):
    """A request was sent and no answer came: it may or may not have taken effect."""


@dataclass(frozen=True, slots=True)
class Login:
    """What proves who we are: a token (RFC 6750), or a name and a password (RFC 7617); neither: nothing is sent."""

    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def header(self) -> str:
        """The value of `Authorization`, sent with the first request already; "" for none."""
        if self.token:
            return f"Bearer {self.token}"
        if not self.username and not self.password:
            return ""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class Retries:
    """How hard to try: `attempts` at most, `budget` seconds at most, waiting a random part of `first * 2**n` seconds or of `longest`."""

    attempts: int = 5
    budget: float = 90.0
    first: float = 0.25
    longest: float = 20.0


class Answer:
    """The head of an answer, and its body to be read once.

    Attributes:
        status: the HTTP status.
        headers: by name, in any case.
        url: where it came from, after redirects.
        uncertain: an earlier attempt of the same request may have taken effect.
    """

    def __init__(self, response: Response, url: str, uncertain: bool) -> None:
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self.url = url
        self.uncertain = uncertain

    @property
    def version(self) -> str:
        """The HTTP version: "1.0" or "1.1"."""
        return "1.0" if self._response.version == 10 else "1.1"

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    def chunks(self) -> Iterator[bytes]:
        """The body, decompressed, in pieces of about 64 KiB."""
        return self._response.stream()

    def read(self, limit: int = MAX_BODY) -> bytes:
        """The whole body, decompressed.

        Raises:
            Permanent: it has more than `limit` bytes.
        """
        parts, size = [], 0
        for chunk in self.chunks():
            size += len(chunk)
            if size > limit:
                raise Permanent("the answer is too long", where=self.url, why=f"it has more than {limit:,} bytes")
            parts.append(chunk)
        return b"".join(parts)

    def finish(self) -> None:
        """Gives the connection back; closes it where much of the body was left unread."""
        self._response.finish()


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    follow: bool
    timeout: float


class Client:
    """Sends requests for one store; safe to use from many threads.

    Args:
        store: the store's name, for messages.
        url: an address of the store; the login goes to its origin and to those that `trust` adds.
        login: who we are.
        timeout: seconds to wait for each part of an answer.
        parallel: how many requests may be under way at once.
        verify: check the server's certificate.
        ca: a file or folder of certificates to trust in place of the system's.
        retries: how hard to try.
    """

    def __init__(
        self,
        store: str,
        url: str,
        *,
        login: Login | None = None,
        timeout: float = 30.0,
        parallel: int = 4,
        verify: bool = True,
        ca: Path | None = None,
        retries: Retries | None = None,
    ) -> None:
        self.store = store
        self.parallel = parallel
        self._authorization = (login or Login()).header
        self._trusted = {origin(url)}
        self._timeout = timeout
        self._verify = verify
        self._ca = ca
        self._retries = retries or Retries()
        self._pace = Pace()
        self._offline = False
        self._lock = threading.Lock()
        self._pools: dict[str, Pool] = {}

    def __repr__(self) -> str:
        return f"Client({self.store!r}, {sorted(self._trusted)})"

    def trust(self, url: str, told_by: str) -> None:
        """Sends the login to the origin of `url` too: a server that has it already names the address where the account lives.

        Only from HTTPS to HTTPS, where nobody on the way can have put the address there.
        """
        if url.startswith("https:") and told_by.startswith("https:") and origin(told_by) in self._trusted:
            self._trusted.add(origin(url))

    def send(
        self,
        method: str,
        url: str,
        read: Callable[[Answer], T],
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        repeat: bool = True,
        follow: bool = False,
        patience: float = 1.0,
    ) -> T:
        """Sends a request and reads its answer, again and again where that may help.

        Args:
            read: makes the result of the answer; called for every attempt that gets one, so it starts afresh each time.
            repeat: sending the request twice does no harm.
            follow: go where a redirect points to; the login goes with it to a trusted origin only.
            patience: how many times longer than usual an answer may take; for what is much work for a server.

        Raises:
            Unanswered: given up; it may or may not have taken effect.
            Transient: given up; it has taken no effect.
            LoginRefused: 401.
            Permanent: repeating does not help: a certificate that cannot be trusted, a redirect in circles.
        """
        request = _Request(method, url, headers or {}, body, follow, self._timeout * patience)
        started, lost = time.monotonic(), False
        # A store that was given up is asked once a request, until it answers again.
        attempts = 1 if self._offline else self._retries.attempts
        for attempt in range(1, attempts + 1):
            try:
                result = self._once(request, read, uncertain=lost)
            except Again as error:
                lost = lost or error.lost
                from random import uniform

                wait = uniform(0, min(self._retries.longest, self._retries.first * 2**attempt)) + (error.wait or 0.0)
                in_time = time.monotonic() - started + wait < self._retries.budget
                if attempt == attempts or not in_time or (lost and not repeat):
                    self._offline = error.offline
                    raise self._given_up(url, error, attempt, lost) from error
                time.sleep(wait)
            else:
                self._offline = False
                return result
        raise AssertionError("the last attempt ends with a result or an error")

    def close(self) -> None:
        """Gives the connections back."""
        with self._lock:
            pools = list(self._pools.values())
            self._pools.clear()
        for pool in pools:
            pool.close()

    def place(self, url: str) -> str:
        """The store and an address of it, for messages."""
        return f"{self.store} ({without_login(url)})"

    # -- one attempt ----------------------------------------------------------------------------------------------

    def _once(self, request: _Request, read: Callable[[Answer], T], *, uncertain: bool) -> T:
        for _ in range(MAX_REDIRECTS + 1):
            response = self._open(request)
            answer = Answer(response, request.url, uncertain)
            target = answer.headers.get("Location") if request.follow and answer.status in REDIRECTS else None
            try:
                with translated(self.place(request.url)):
                    if target is None:
                        result = read(answer)
                        answer.finish()
                        return result
                    answer.finish()
            except BaseException:
                response.close()
                raise
            request = replace(request, url=self._redirected(request.url, target))
        raise Permanent(
            "the server redirects in circles", where=self.place(request.url), hint="check `url` of the store"
        )

    def _open(self, request: _Request) -> Response:
        """An answer that is the caller's business; raises for those that are ours."""
        wait = self._pace.reserve()
        if wait > self._retries.budget:
            raise Again(f"the server asked for a pause of {wait:.0f} s", lost=False, wait=wait)
        if wait:
            time.sleep(wait)
        sent_at = time.monotonic()
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip", **request.headers}
        if self._authorization and origin(request.url) in self._trusted:
            headers["Authorization"] = self._authorization
        with translated(self.place(request.url)):
            pool, target = self._pool(request.url), target_of(request.url)
            response = pool.request(request.method, target, request.body, headers, request.timeout)
        if response.status == 401:
            response.close()
            raise self._login_refused(request.url, response.headers)
        if response.status in RETRIED:
            response.close()
            raise self._put_off(response, sent_at)
        self._pace.well()
        return response

    def _put_off(self, response: Response, sent_at: float) -> Again:
        wait = retry_after(response.headers.get("Retry-After"))
        if response.status in TOO_FAST:
            self._pace.slow(sent_at, wait or 0.0)
        # 429 says that nothing was done; the others may come from a gateway that gave up on a server which had.
        why = f"the server answers {response.status} {response.reason or ''}".rstrip()
        return Again(why, lost=response.status != 429, wait=wait)

    def _redirected(self, url: str, target: str) -> str:
        target = urljoin(url, target)
        if url.startswith("https:") and not target.startswith("https:"):
            raise Permanent("the server redirects from HTTPS to an open connection", where=self.place(url), why=target)
        if origin(url) in self._trusted and _upgrade(url, target):
            self._trusted.add(origin(target))
        return target

    # -- connections ----------------------------------------------------------------------------------------------

    def _pool(self, url: str) -> Pool:
        """The pool for an address; through the proxy that the environment names for it, if any."""
        key = origin(url)
        pool = self._pools.get(key)
        if pool is None:
            connect = min(self._timeout, MAX_CONNECT)
            pool = Pool(key, self.parallel, tls=self._tls, proxy=_proxy_for(url), connect=connect)
            with self._lock:
                pool = self._pools.setdefault(key, pool)
        return pool

    @cached_property
    def _tls(self) -> ssl.SSLContext | None:
        if not any(one.startswith("https:") for one in self._trusted) and self._verify and self._ca is None:
            return None
        try:
            folder = self._ca is not None and self._ca.is_dir()
            context = ssl.create_default_context(
                cafile=str(self._ca) if self._ca and not folder else None, capath=str(self._ca) if folder else None
            )
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"`ca` of store {self.store} cannot be read",
                where=str(self._ca),
                why=str(error),
                hint="a file in PEM format",
            ) from error
        if not self._verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    # -- errors ---------------------------------------------------------------------------------------------------

    def _given_up(self, url: str, error: Again, attempts: int, lost: bool) -> Transient:
        why = error.why if attempts == 1 else f"{error.why}; tried {attempts} times"
        kind = Unanswered if lost else Transient
        what = "the server does not answer" if error.offline else "the server is too busy"
        return kind(what, where=self.place(url), why=why, hint="try again later; `trueup doctor` looks closer")

    def _login_refused(self, url: str, headers: Mapping[str, str]) -> LoginRefused:
        asked = headers.get("WWW-Authenticate", "")
        if not self._authorization:
            why, hint = "it wants a login and the store has none", "set `username` and `password` of the store"
        elif origin(url) not in self._trusted:
            why = "a redirect led to another server, which does not get the password unasked"
            hint = f"if it is the right one, set `url` of the store to {without_login(url)}"
        elif asked.lower().startswith("digest"):
            why, hint = (
                "it wants Digest authentication",
                "trueup speaks Basic and Bearer; let the server offer one of them",
            )
        else:
            why, hint = "user name or password is wrong", "some servers want an app password made for this purpose"
        return LoginRefused("the server refuses the login", where=self.place(url), why=why, hint=hint)


@lru_cache(maxsize=64)
def _origin(scheme: str, netloc: str) -> str:
    parts = urlsplit(f"{scheme}://{netloc}")
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    host = (parts.hostname or "").lower()
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def origin(url: str) -> str:
    """Scheme, host and port of an address: what a login belongs to (RFC 6454)."""
    parts = urlsplit(url)
    return _origin(parts.scheme, parts.netloc)


def without_login(url: str) -> str:
    """The address without user name and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _upgrade(url: str, target: str) -> bool:
    """From http to https at the same host: the login has travelled openly before, so it may travel safely now."""
    ours, theirs = urlsplit(url), urlsplit(target)
    return (ours.scheme, theirs.scheme) == ("http", "https") and ours.hostname == theirs.hostname


def _proxy_for(url: str) -> str:
    """The proxy that the environment (or the system's settings) names for an address; "" for none."""
    if sys.platform == "linux" and not any(name.lower().endswith("_proxy") for name in os.environ):
        return ""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme, "")
    return "" if proxy and proxy_bypass(parts.netloc.rpartition("@")[2]) else proxy
