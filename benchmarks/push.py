"""New events in a folder, brought to a server that is far away: every request takes 50 ms more."""

from __future__ import annotations

from tests.support.slow_network import SlowNetwork

from benchmarks.clients import Client, Failed, Trueup, Vdirsyncer
from benchmarks.events import events
from benchmarks.ground import BOTH, Ground, ground, in_turn, note, side
from benchmarks.measured import Comparison
from benchmarks.process import Cost

ROUND_TRIP = 50
TARGET = {"Cyrus": 6.0}


def compare(label: str, count: int, rounds: int) -> tuple[Comparison, float]:
    """Both programs push `count` events.

    Returns:
        The comparison; trueup's processor time for one PUT in milliseconds, what a run with nothing to do costs taken off.
    """
    with ground(label) as at, SlowNetwork(at.server.url, ROUND_TRIP) as slow:
        note(f"{label}: pushing {count:,} events at {ROUND_TRIP} ms")
        push = _Push(at, slow, count)
        results = in_turn(rounds, {kind.name: lambda number, kind=kind: push.run(kind, number) for kind in BOTH})
        counts = {kind.name: push.requests(kind) for kind in BOTH if not isinstance(results[kind.name], str)}
        theirs, ours = (side(results[kind.name], counts.get(kind.name)) for kind in (Vdirsyncer, Trueup))
        work = f"push new events, {ROUND_TRIP} ms round trip"
        found = Comparison(work, label, count, push.size, rounds, theirs, ours, TARGET.get(label))
        return found, (ours.cpu - push.idle) / count * 1000


class _Push:
    def __init__(self, at: Ground, slow: SlowNetwork, count: int) -> None:
        self._at = at
        self._slow = slow
        self._count = count
        self.size = 0
        self.idle = 0.0

    def run(self, kind: type[Client], number: int) -> Cost:
        """One push into a new calendar; events of their own each time, because a server wants every UID once only."""
        account = self._at.empty()
        client = self._filled(kind, account.through(self._slow.url), f"push-{kind.name}-{number}")
        cost = client.sync()
        held = len(self._at.server.dav().list(account.calendar))
        if held != self._count:
            raise Failed(f"{kind.name} brought {held} of {self._count} events\n{cost.output[-2000:]}")
        if kind is Trueup:
            self.idle = min(client.sync().cpu for _ in range(3))
        return cost

    def requests(self, kind: type[Client]) -> int:
        """How many requests a push takes."""
        return self._at.requests(lambda account: self._filled(kind, account, f"count-{kind.name}"), self._at.empty())

    def _filled(self, kind: type[Client], account: object, seed: str) -> Client:
        client = self._at.client(kind, account)  # type: ignore[arg-type]
        bodies = {f"{one.slug}.ics": one.body for one in events(self._count, seed)}
        self.size = sum(map(len, bodies.values()))
        client.fill(bodies)
        return client
