"""A big calendar or address book and a folder: the first pull, nothing changed, ten items changed; and two address books on one server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urljoin

from examples.office.recipes.clients import Item

from benchmarks import cards
from benchmarks.clients import ADDRESS_BOOKS, CALENDARS, Account, Client, Failed, Matter, Trueup, Vdirsyncer
from benchmarks.events import edited, events
from benchmarks.ground import BOTH, Ground, ground, in_turn, note, side
from benchmarks.loading import put_all
from benchmarks.measured import Comparison
from benchmarks.process import Cost

CHANGED = 10
PULL_TARGET = {"Cyrus": 4.0}
SAME_TARGET = {"Cyrus": 10.0}


def compare(label: str, count: int, rounds: int, matter: Matter = CALENDARS) -> list[Comparison]:
    """All three pieces of work on one server; with contacts also a fourth: two users' address books that agree already."""
    items = list(events(count) if matter is CALENDARS else cards.cards(count))
    with ground(label) as at:
        account = at.filled("bench", items, matter)
        found = _Big(at, account, items, rounds).comparisons()
        if matter is ADDRESS_BOOKS:
            # Xandikos has one user; the other address book is his too.
            other = at.filled("other", items, matter, "ben" if label == "Cyrus" else None)
            found.append(_Two(at, account, items, rounds, other).comparison())
        return found


class _Big:
    def __init__(self, at: Ground, account: Account, items: Sequence[Item], rounds: int) -> None:
        self._at = at
        self._account = account
        self._items = items
        self._rounds = rounds
        self._clients: dict[str, Client] = {}
        self._edits = 0

    def comparisons(self) -> list[Comparison]:
        pull = self._compare("first pull into a folder", self._pull, PULL_TARGET, count_fresh=True)
        same = self._compare("nothing changed", self._same, SAME_TARGET)
        changed = self._compare(
            f"{CHANGED} {self._account.matter.items} changed on the server", self._same, {}, before=self._edit
        )
        return [pull, same, changed]

    def _compare(
        self,
        work: str,
        run: Callable[[type[Client]], Cost],
        targets: dict[str, float],
        *,
        before: Callable[[], None] | None = None,
        count_fresh: bool = False,
    ) -> Comparison:
        note(f"{self._at.label}: {work}, {len(self._items):,} {self._account.matter.items}")

        prepared: set[int] = set()

        def turns(kind: type[Client]) -> Callable[[int], Cost]:
            def turn(number: int) -> Cost:
                if before is not None and number not in prepared:
                    prepared.add(number)
                    before()
                return run(kind)

            return turn

        results = in_turn(self._rounds, {kind.name: turns(kind) for kind in BOTH})
        between = None if count_fresh else before or _nothing
        counts = {
            kind.name: self._at.requests(lambda account, kind=kind: self._client(kind, account), self._account, between)  # type: ignore[misc]
            for kind in BOTH
            if not isinstance(results[kind.name], str)
        }
        sides = {kind.name: side(results[kind.name], counts.get(kind.name)) for kind in BOTH}
        size = sum(len(one.body) for one in self._items)
        return Comparison(
            work,
            self._at.label,
            len(self._items),
            size,
            self._rounds,
            sides[Vdirsyncer.name],
            sides[Trueup.name],
            targets.get(self._at.label),
        )

    def _client(self, kind: type[Client], account: Account) -> Client:
        return self._at.client(kind, account)

    def _pull(self, kind: type[Client]) -> Cost:
        client = self._client(kind, self._account)
        cost = client.sync()
        if client.held() != len(self._items):
            raise Failed(
                f"{kind.name} brought {client.held()} of {len(self._items)} {self._account.matter.items}\n{cost.output[-2000:]}"
            )
        self._clients[kind.name] = client
        return cost

    def _same(self, kind: type[Client]) -> Cost:
        if kind.name not in self._clients:
            raise Failed("the first pull failed already")
        return self._clients[kind.name].sync()

    def _edit(self) -> None:
        """Another ten events get another title on the server."""
        self._edits += 1
        held = self._at.server.dav().list(self._account.calendar)
        chosen = sorted(held)[self._edits * CHANGED :: max(1, len(held) // CHANGED)][:CHANGED]
        bodies = {}
        for href in chosen:
            url = urljoin(self._account.calendar, href)
            edit = edited if self._account.matter is CALENDARS else cards.edited
            bodies[url] = edit(self._at.server.dav().get(href).expect(200).body, f"moved {self._edits}")
        put_all(self._at.server, bodies, matter=self._account.matter)


class _Two(_Big):
    """Two users of the server with the same contacts: what a run costs that finds nothing to do."""

    def __init__(self, at: Ground, account: Account, items: Sequence[Item], rounds: int, other: Account) -> None:
        super().__init__(at, account, items, rounds)
        self._other = other

    def comparison(self) -> Comparison:
        return self._compare("nothing changed, two servers", self._agreed, SAME_TARGET)

    def _client(self, kind: type[Client], account: Account) -> Client:
        return self._at.client(kind, account, self._other)

    def _agreed(self, kind: type[Client]) -> Cost:
        if kind.name not in self._clients:
            self._clients[kind.name] = self._client(kind, self._account)
            self._clients[kind.name].sync()
        return self._clients[kind.name].sync()


def _nothing() -> None:
    pass
