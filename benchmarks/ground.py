"""The ground the scenarios share: filled servers, clients in fresh folders, and runs in turn."""

from __future__ import annotations

import itertools
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from examples.office.recipes.clients import Item
from tests.support.proxy import Proxy
from tests.support.servers import Cyrus, DavServer, Radicale, Xandikos

from benchmarks.clients import CALENDARS, Account, Client, Failed, Matter, Trueup, Vdirsyncer
from benchmarks.loading import fill
from benchmarks.measured import Side
from benchmarks.process import Cost

WORK = Path(__file__).resolve().parents[1] / ".work" / "benchmarks"
SERVERS: dict[str, type[DavServer]] = {"Cyrus": Cyrus, "Xandikos": Xandikos, "Radicale": Radicale}


def note(text: str) -> None:
    """Tells whoever waits what is going on."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


@dataclass
class Ground:
    """A server and a folder for everything the clients make.

    Nothing is removed before the end: where thousands of files were just deleted, creating one took up to 0.6 ms of kernel time on ext4
    (it does not take inodes again that were freed a moment ago), and 0.03 ms elsewhere.

    Attributes:
        label: the server's name for people.
    """

    label: str
    server: DavServer
    folder: Path
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def account(self, calendar: str, matter: Matter = CALENDARS, user: str | None = None) -> Account:
        """A user of the server (its first one) with that calendar or address book."""
        server = self.server
        path = server.home(user) if matter is CALENDARS else server.books(user)
        login = server.dav(user)
        return Account(calendar, server.url.rstrip("/") + path, login.user, login.password, matter)

    def filled(self, name: str, items: Sequence[Item], matter: Matter = CALENDARS, user: str | None = None) -> Account:
        """A calendar or address book that holds these items."""
        note(f"{self.label}: storing {len(items):,} {matter.items}")
        return self.account(fill(self.server, name, items, user, matter), matter, user)

    def empty(self) -> Account:
        """A new calendar with nothing in it."""
        return self.account(self.server.make_calendar(f"empty{next(self._numbers)}"))

    def client(self, kind: type[Client], account: Account, other: Account | None = None) -> Client:
        """A program that was never run before."""
        return kind(self.folder / f"{kind.name}-{next(self._numbers)}", account, other)

    def requests(
        self, make: Callable[[Account], Client], account: Account, before: Callable[[], None] | None = None
    ) -> int:
        """How many requests a run of a new client sends (through a proxy, so it is not timed).

        Args:
            make: makes the client.
            account: the calendar.
            before: done between a first run and the one that is counted; None: the first run is counted.
        """
        with Proxy(self.server.url, record=True) as proxy:
            client = make(account.through(proxy.url))
            if before is not None:
                client.sync()
                before()
            proxy.clear()
            client.sync()
            return proxy.count()


@contextmanager
def ground(label: str) -> Iterator[Ground]:
    """Starts that kind of server; it and all that was made go away in the end."""
    WORK.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=WORK))
    try:
        with SERVERS[label]() as server:
            yield Ground(label, server, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def in_turn(rounds: int, runs: dict[str, Callable[[int], Cost]]) -> dict[str, list[Cost] | str]:
    """Runs A B, B A, A B …; one that fails is not run again, and its place holds the reason."""
    costs: dict[str, list[Cost]] = {name: [] for name in runs}
    failed: dict[str, str] = {}
    for number in range(rounds):
        order = list(runs) if number % 2 == 0 else list(reversed(runs))
        for name in order:
            if name in failed:
                continue
            try:
                cost = runs[name](number)
            except Failed as error:
                failed[name] = str(error)
                note(f"  {name} failed: {error}")
            else:
                costs[name].append(cost)
                note(f"  {name}: {cost.wall:.2f} s, {cost.cpu:.2f} s of processor, {cost.rss / 1e6:.0f} MB")
    return {name: failed.get(name) or costs[name] for name in runs}


def side(result: list[Cost] | str, requests: int | None = None) -> Side:
    """The figures of one program, or why there are none."""
    return Side(failed=_short(result)) if isinstance(result, str) else Side.of(result, requests)


def _short(reason: str) -> str:
    """The line of a program's output that says what went wrong."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    telling = [line for line in lines if line.lower().startswith("error")]
    return (telling or lines)[0][:160]


def written(cost: Cost) -> int:
    """How many items trueup said it wrote."""
    counts = json.loads(cost.output).get("counts", {})
    return sum(counts.get(name, 0) for name in ("create", "update", "delete"))


BOTH: tuple[type[Client], type[Client]] = (Vdirsyncer, Trueup)
