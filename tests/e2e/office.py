"""A place to run jobs end to end: a configuration over real servers and folders, run in this process, looked at without trueup."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from examples.demo_checks import Side, folder_side, server_side

from tests.support.servers import Dav, DavServer
from trueup.app import App

OFFICE = Path(__file__).resolve().parents[2] / "examples" / "office"


class Place(Protocol):
    """Where a calendar or an address book is."""

    name: str

    def store(self) -> dict[str, Any]: ...

    def collection(self) -> str: ...

    def put(self, name: str, text: str) -> None: ...

    def edit(self, uid: str, old: str, new: str) -> None: ...

    def delete(self, uid: str) -> None: ...

    def side(self) -> Side: ...


@dataclass
class OnServer:
    """A fresh calendar of one user of a server, or with `connector` carddav an address book."""

    name: str
    server: DavServer
    calendar: str
    dav: Dav
    connector: str = "caldav"

    @classmethod
    def make(cls, name: str, server: DavServer, user: str | None = None, connector: str = "caldav") -> OnServer:
        make = server.make_book if connector == "carddav" else server.make_calendar
        return cls(name, server, make(user=user), server.dav(user), connector)

    def store(self) -> dict[str, Any]:
        password = self.dav.password
        return {"connector": self.connector, "url": self.server.url, "username": self.dav.user, "password": password}

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
        if self.connector == "carddav":
            return CardSide.of(self.name, list(self.dav.items(self.calendar).values()))
        return server_side(self.name, self.dav, self.calendar)

    def _href(self, uid: str) -> str:
        return next(href for href, text in self.dav.items(self.calendar).items() if f"UID:{uid}" in text)


@dataclass
class InFolder:
    """A folder of .ics files, or with `suffix` .vcf of cards."""

    name: str
    root: Path
    suffix: str = ".ics"

    def __post_init__(self) -> None:
        (self.root / "team").mkdir(parents=True)

    def store(self) -> dict[str, Any]:
        return {"connector": "vcf" if self.suffix == ".vcf" else "vdir", "path": str(self.root)}

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
        if self.suffix == ".vcf":
            return CardSide.of(self.name, [path.read_bytes().decode() for path in (self.root / "team").glob("*.vcf")])
        return folder_side(self.name, self.root / "team")

    def _path(self, uid: str) -> Path:
        return next(
            path for path in (self.root / "team").glob(f"*{self.suffix}") if f"UID:{uid}" in path.read_bytes().decode()
        )


@dataclass
class InFile:
    """One .vcf file."""

    name: str
    path: Path

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"")

    def store(self) -> dict[str, Any]:
        return {"connector": "vcf", "path": str(self.path)}

    def collection(self) -> str:
        return ""

    def put(self, name: str, text: str) -> None:
        self.path.write_bytes(self.path.read_bytes() + text.encode())

    def edit(self, uid: str, old: str, new: str) -> None:
        card = self._card(uid)
        assert old in card, (uid, old, card)
        self._replace(card, card.replace(old, new, 1))

    def delete(self, uid: str) -> None:
        self._replace(self._card(uid), "")

    def side(self) -> Side:
        return CardSide.of(self.name, CARD.findall(self.path.read_bytes().decode()))

    def _card(self, uid: str) -> str:
        return next(card for card in CARD.findall(self.path.read_bytes().decode()) if f"UID:{uid}" in card)

    def _replace(self, old: str, new: str) -> None:
        self.path.write_bytes(self.path.read_bytes().decode().replace(old, new, 1).encode())


CARD = re.compile(r"BEGIN:VCARD\r?\n.*?END:VCARD\r?\n", re.DOTALL)


class CardSide(Side):
    """An address book."""

    @classmethod
    def of(cls, name: str, texts: list[str]) -> CardSide:
        uids = [re.sub(r"\\(.)", r"\1", _line(text, "UID")) for text in texts]
        return cls(name, dict(zip(uids, texts, strict=True)), [one for one in set(uids) if uids.count(one) > 1])

    def shown(self) -> dict[str, object]:
        """By UID, what a person sees of a card."""
        return {uid: [_line(text, name) for name in ("FN", "ORG", "NOTE", "EMAIL")] for uid, text in self.raw.items()}


def _line(text: str, name: str) -> str:
    """The values of a property, unfolded, in an order of their own."""
    unfolded = re.sub(r"\r?\n[ \t]", "", text)
    return " | ".join(sorted(re.findall(rf"(?mi)^(?:\w+\.)?{name}(?:;[^:\r\n]*)?:([^\r\n]*)", unfolded)))


@dataclass
class Office:
    """A configuration with one job, `team`, and runs of it."""

    folder: Path

    def configure(
        self, places: list[Place], job: Mapping[str, Any] | None = None, kind: str = "calendar", **extra: Any
    ) -> None:
        """Writes trueup.yaml: the places' stores, and the job; two-way over all of them unless it says otherwise."""
        refs = [self.ref(place) for place in places]
        config = {
            "version": 1,
            "stores": {place.name: place.store() for place in places},
            "jobs": {"team": {"kind": kind, **(job if job is not None else {"collections": refs})}},
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


def card(uid: str, title: str, *lines: str) -> str:
    """A small contact."""
    head = ["BEGIN:VCARD", "VERSION:3.0", f"UID:{uid}", f"FN:{title}", f"N:{title};;;;"]
    return "\r\n".join([*head, *lines, "END:VCARD", ""])


@dataclass(frozen=True)
class Kind:
    """How items of a kind are written, so that what holds for all kinds is tested once.

    Attributes:
        name: of the kind; connector, suffix: of a server's collections, and of files; titled: the property that is the title.
        item: makes a small one of UID, title and further lines.
    """

    name: str
    connector: str
    suffix: str
    titled: str
    item: Callable[..., str]

    def server(self, name: str, server: DavServer) -> OnServer:
        return OnServer.make(name, server, connector=self.connector)

    def folder(self, name: str, root: Path) -> InFolder:
        return InFolder(name, root, self.suffix)


CALENDAR = Kind("calendar", "caldav", ".ics", "SUMMARY", event)
CONTACTS = Kind("contacts", "carddav", ".vcf", "FN", card)
