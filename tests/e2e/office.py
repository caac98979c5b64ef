"""A place to run jobs end to end: a configuration over real servers and folders, run in this process, looked at without trueup."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from examples.demo_checks import Side, folder_side, server_side

from tests.support.servers import Dav, DavServer
from trueup.app import App

OFFICE = Path(__file__).resolve().parents[2] / "examples" / "office"


class Place(Protocol):
    """Where a calendar is."""

    name: str

    def store(self) -> dict[str, Any]: ...

    def collection(self) -> str: ...

    def put(self, name: str, text: str) -> None: ...

    def edit(self, uid: str, old: str, new: str) -> None: ...

    def delete(self, uid: str) -> None: ...

    def side(self) -> Side: ...


@dataclass
class OnServer:
    """A fresh calendar of one user of a server."""

    name: str
    server: DavServer
    calendar: str
    dav: Dav

    @classmethod
    def make(cls, name: str, server: DavServer, user: str | None = None) -> OnServer:
        return cls(name, server, server.make_calendar(user=user), server.dav(user))

    def store(self) -> dict[str, Any]:
        password = self.dav.password
        return {"connector": "caldav", "url": self.server.url, "username": self.dav.user, "password": password}

    def collection(self) -> str:
        return self.calendar.rstrip("/").rsplit("/", 1)[-1]

    def put(self, name: str, text: str) -> None:
        self.dav.put(f"{self.calendar}{name}", text, if_none_match="*").expect(201, 204)

    def edit(self, uid: str, old: str, new: str) -> None:
        href = self._href(uid)
        answer = self.dav.get(href)
        text = answer.body.decode()
        assert old in text, (uid, old, text)
        self.dav.put(href, text.replace(old, new, 1), if_match=answer.etag).expect(200, 201, 204)

    def delete(self, uid: str) -> None:
        self.dav.delete(self._href(uid)).expect(200, 204)

    def side(self) -> Side:
        return server_side(self.name, self.dav, self.calendar)

    def _href(self, uid: str) -> str:
        return next(href for href, text in self.dav.items(self.calendar).items() if f"UID:{uid}" in text)


@dataclass
class InFolder:
    """A folder of .ics files."""

    name: str
    root: Path

    def __post_init__(self) -> None:
        (self.root / "team").mkdir(parents=True)

    def store(self) -> dict[str, Any]:
        return {"connector": "vdir", "path": str(self.root)}

    def collection(self) -> str:
        return "team"

    def put(self, name: str, text: str) -> None:
        (self.root / "team" / name).write_bytes(text.encode())

    def edit(self, uid: str, old: str, new: str) -> None:
        path = self._path(uid)
        text = path.read_bytes().decode()
        assert old in text, (uid, old, text)
        path.write_bytes(text.replace(old, new, 1).encode())

    def delete(self, uid: str) -> None:
        self._path(uid).unlink()

    def side(self) -> Side:
        return folder_side(self.name, self.root / "team")

    def _path(self, uid: str) -> Path:
        return next(path for path in (self.root / "team").glob("*.ics") if f"UID:{uid}" in path.read_bytes().decode())


@dataclass
class Office:
    """A configuration with one job, `team`, and runs of it."""

    folder: Path

    def configure(self, places: list[Place], job: Mapping[str, Any] | None = None, **extra: Any) -> None:
        """Writes trueup.yaml: the places' stores, and the job; two-way over all of them unless it says otherwise."""
        refs = [self.ref(place) for place in places]
        config = {
            "version": 1,
            "stores": {place.name: place.store() for place in places},
            "jobs": {"team": {"kind": "calendar", **(job if job is not None else {"collections": refs})}},
            **extra,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "trueup.yaml").write_text(json.dumps(config))

    @staticmethod
    def ref(place: Place) -> dict[str, str]:
        return {"store": place.name, "name": place.collection()}

    def app(self) -> App:
        return App.load(self.folder)

    def run(self, **options: Any) -> dict[str, Any]:
        with self.app() as app:
            return app.run("team", **options)

    def plan(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        with self.app() as app:
            header = app.plan("team")
            return header, list(app.changes(header["run"]))


def wrote(report: Mapping[str, Any]) -> dict[str, int]:
    """How many writes of each kind a run made."""
    return {one: report["counts"][one] for one in ("create", "update", "delete") if report["counts"].get(one)}


def event(uid: str, title: str, *lines: str, modified: str = "20261101T080000Z") -> str:
    """A small event on 30 November 2026."""
    body = [
        f"UID:{uid}",
        f"DTSTAMP:{modified}",
        f"LAST-MODIFIED:{modified}",
        "DTSTART:20261130T090000Z",
        "DTEND:20261130T100000Z",
    ]
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example.org//Tests//EN", "BEGIN:VEVENT"]
    return "\r\n".join([*head, *body, f"SUMMARY:{title}", *lines, "END:VEVENT", "END:VCALENDAR", ""])
