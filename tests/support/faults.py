"""What can go wrong between a client and a server, as rules that a proxy applies.

An exchange passes four points, and a fault acts at one or more of them:

    received   the request is read whole, the server knows nothing of it
    answered   the server has answered (what it did is done), the client knows nothing of it
    passing    the answer is about to be sent to the client (after `answered`, after every delay there)
    passed     the client has the answer
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.wire import Request, Response

ALWAYS = sys.maxsize


class Reset(Exception):
    """Ends the client's connection with a TCP reset, without an answer."""


class Closed(Exception):
    """Ends the client's connection in the orderly way, after whatever was sent."""


@dataclass
class Exchange:
    """One request on its way, and what came of it."""

    request: Request
    first_on_connection: bool
    # Set when the proxy stops, so that nothing goes on waiting.
    stopping: threading.Event
    response: Response | None = None
    # Whether the server got the request.
    forwarded: bool = False
    # How many bytes of the body the client gets; None for all.
    cut_after: int | None = None
    # The server's answer as the client got it, if it got one whole.
    status: int | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def method(self) -> str:
        return self.request.method

    @property
    def path(self) -> str:
        return self.request.path

    @property
    def number(self) -> int:
        return self.request.number

    @property
    def at(self) -> float:
        """When the request was read, on the monotonic clock."""
        return self.request.at

    def wait(self, seconds: float, also: threading.Event | None = None) -> None:
        """Sleeps, but not beyond the end of the proxy."""
        if (also or self.stopping).wait(seconds) and self.stopping.is_set():
            raise Reset


Hook = Callable[[Exchange], None]


@dataclass
class Rule:
    """Which exchanges, and what happens to them.

    A test can look at `hits` to make sure that the fault really happened, `release` those that hang, and `remove` it.
    """

    label: str
    matches: Callable[[Request], bool]
    first: int
    times: int
    hooks: dict[str, Hook]
    hits: list[Exchange] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    seen: int = 0
    active: bool = True

    def takes(self, request: Request) -> bool:
        """Counts the request if it is one of this rule's kind; called under the proxy's lock."""
        if not self.active or not self.matches(request):
            return False
        self.seen += 1
        return self.first <= self.seen < self.first + self.times

    def release(self) -> None:
        self.released.set()

    def remove(self) -> None:
        self.active = False
        self.released.set()


@dataclass(frozen=True)
class Selection:
    """The exchanges a test picked with `proxy.on(...)`; each method installs one fault for them."""

    add: Callable[[Rule], Rule]
    matches: Callable[[Request], bool]
    first: int
    times: int

    def _rule(self, label: str, **hooks: Hook) -> Rule:
        return self.add(Rule(label, self.matches, self.first, self.times, hooks))

    def delay(self, seconds: float) -> Rule:
        """The answer comes late; the server has worked meanwhile."""
        return self._rule("delay", passing=lambda exchange: exchange.wait(seconds))

    def round_trip(self, milliseconds: float, *, connecting: bool = True) -> Rule:
        """Half of the time on the way there, half on the way back; a new connection costs one round trip more.

        It stands for the TCP handshake, which on loopback takes no time. Slow start and bandwidth are not imitated.
        """
        half = milliseconds / 2000

        def there(exchange: Exchange) -> None:
            exchange.wait(half * 3 if connecting and exchange.first_on_connection else half)

        return self._rule("round trip", received=there, passing=lambda exchange: exchange.wait(half))

    def reset_before_forwarding(self) -> Rule:
        """The server never hears of it."""
        return self._rule("reset before forwarding", received=_reset)

    def reset_before_answering(self) -> Rule:
        """The server has done it; the client does not know."""
        return self._rule("reset before answering", answered=_reset)

    def hang_before_forwarding(self, seconds: float = 3600.0) -> Rule:
        """No answer, for the client's time-out; then a reset. The server never hears of it."""
        return self._hang("hang before forwarding", "received", seconds)

    def hang_before_answering(self, seconds: float = 3600.0) -> Rule:
        """No answer, for the client's time-out; then a reset. The server has done it."""
        return self._hang("hang before answering", "answered", seconds)

    def _hang(self, label: str, point: str, seconds: float) -> Rule:
        released = threading.Event()

        def hang(exchange: Exchange) -> None:
            exchange.wait(seconds, also=released)
            raise Reset

        rule = self._rule(label, **{point: hang})
        rule.released = released
        return rule

    def answer(self, status: int, reason: str = "", body: bytes = b"", **headers: str) -> Rule:
        """The proxy answers by itself; headers as keywords: `answer(429, Retry_After="1")`."""
        return self._rule(f"answer {status}", received=_put(status, reason, body, headers))

    def answer_instead(self, status: int, reason: str = "", body: bytes = b"", **headers: str) -> Rule:
        """As `answer`, but after the server has done it: a gateway that gave up too early."""
        return self._rule(f"answer {status} instead", answered=_put(status, reason, body, headers))

    def too_many_requests(self, retry_after: float = 1) -> Rule:
        return self.answer(429, "Too Many Requests", Retry_After=f"{retry_after:g}")

    def unavailable(self, retry_after: float | None = None) -> Rule:
        if retry_after is None:
            return self.answer(503, "Service Unavailable")
        return self.answer(503, "Service Unavailable", Retry_After=f"{retry_after:g}")

    def truncate(self, after: int) -> Rule:
        """The whole head, that many bytes of the body as framed on the wire, then the end of the connection."""

        def cut(exchange: Exchange) -> None:
            exchange.cut_after = after

        return self._rule("truncate", answered=cut)

    def call(
        self,
        *,
        received: Hook | None = None,
        answered: Hook | None = None,
        passing: Hook | None = None,
        passed: Hook | None = None,
    ) -> Rule:
        """The test's own code at a point of the exchange: killing the client there, looking at the server, waiting.

        It may raise `Reset`, set `exchange.response` (before forwarding: the server is not asked), replace
        `exchange.request`, or just return.
        """
        hooks = {"received": received, "answered": answered, "passing": passing, "passed": passed}
        return self._rule("call", **{point: hook for point, hook in hooks.items() if hook})


def _reset(exchange: Exchange) -> None:
    raise Reset


def _put(status: int, reason: str, body: bytes, headers: dict[str, str]) -> Hook:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    made = Response.make(status, reason or "Made up", body, named)

    def put(exchange: Exchange) -> None:
        exchange.response = made

    return put
