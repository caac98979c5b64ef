"""Many small jobs at one account, and how many of its workers are at the server at once: measured there, whoever drives them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.crash.world import event
from tests.support.proxy import Proxy
from tests.support.servers import Radicale

Json = dict[str, Any]


class Target:
    """A server behind a proxy that counts what is at it at once.

    Args:
        radicale: the server.
        room: requests are held for a moment until so many have been there at once: that they may is part of what is tested.

    Attributes:
        most: at once, at most.
    """

    def __init__(self, radicale: Radicale, room: int) -> None:
        self.radicale, self.room = radicale, room
        self.most = self._now = 0
        self._changed = threading.Condition()
        self._proxy = Proxy(radicale.url)
        # Counted off before the client has its answer: with it the client may let another worker in at once.
        self._proxy.on().call(received=self._came, passing=lambda exchange: self._went())

    def __enter__(self) -> Self:
        self._proxy.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._proxy.close()

    @property
    def url(self) -> str:
        return self._proxy.url

    def _came(self, exchange: Any) -> None:
        with self._changed:
            self._now += 1
            self.most = max(self.most, self._now)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most >= self.room, 2.0)
        exchange.wait(0.05)

    def _went(self) -> None:
        with self._changed:
            self._now -= 1

    def arrived(self, folder: Path, jobs: Iterable[str]) -> bool:
        """Whether the event of every job came to its folder."""
        return all(list((folder / "many" / job).glob("*.ics")) for job in jobs)


def many_jobs(target: Target, folder: Path, jobs: int) -> tuple[Json, Json]:
    """Stores and jobs for trueup.yaml: each job brings an event from a calendar of its own on the server into a folder. Every worker at the
    store `account` sends one request at a time."""
    stores: Json = {
        "account": {
            "connector": "caldav",
            "url": target.url,
            "username": "user",
            "password": "any",
            "parallel": 1,
            "workers": target.room,
        },
        "many": {"connector": "vdir", "path": "many"},
    }
    made: Json = {}
    for number in range(jobs):
        calendar = target.radicale.make_calendar()
        text = event(f"item-{number}", "Title")
        target.radicale.dav().put(f"{calendar}x.ics", text, if_none_match="*").expect(201)
        name, job = calendar.rstrip("/").rsplit("/", 1)[-1], f"job-{number}"
        refs = [{"store": "account", "name": name}, {"store": "many", "name": job}]
        made[job] = {"kind": "calendar", "collections": refs}
    (folder / "many").mkdir(exist_ok=True)
    return stores, made
