"""A small office to be killed in: a calendar on a server, reached through a proxy, and a folder; edits of every kind waiting on both sides.

And one with address books on two servers.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from tests.e2e.office import OnServer, card
from tests.support.proxy import Proxy
from tests.support.servers import Dav, DavServer

FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["tests.crash.preload"])
SHOWN = ("SUMMARY", "LOCATION", "DTSTART", "CATEGORIES")


@dataclass
class World:
    """The office, and what every side shows."""

    folder: Path
    dav: Dav
    calendar: str

    @classmethod
    def build(cls, folder: Path, *, server: DavServer, proxy: Proxy, ledger: str = "", timeout: str = "5s") -> World:
        """Five agreed items, then edits that a run has to carry over: new, changed, merged and deleted, on both sides."""
        calendar = server.make_calendar()
        world = cls(folder, server.dav(), calendar)
        folder.mkdir(parents=True)
        (folder / "calendars").mkdir()
        name = calendar.rstrip("/").rsplit("/", 1)[-1]
        text = f"""\
version: 1
stores:
  work: {{connector: caldav, url: "{proxy.url}", username: "{server.login}", password: "{server.password}", timeout: {timeout}}}
  laptop: {{connector: vdir, path: calendars}}
jobs:
  team: {{kind: calendar, collections: [{{store: work, name: {name}}}, {{store: laptop, name: team}}]}}
"""
        (folder / "trueup.yaml").write_text(text + (f'ledger: "{ledger}"\n' if ledger else ""))
        for number in range(5):
            world.dav.put(
                f"{calendar}{number}.ics", event(f"item-{number}", f"Item {number}"), if_none_match="*"
            ).expect(201)
        proxy.clear()
        report = world.run()
        assert report["state"] == "done", report
        world.edit()
        return world

    def edit(self) -> None:
        """What people did since."""
        self.dav.put(f"{self.calendar}new-w.ics", event("new-work", "New at work"), if_none_match="*").expect(201)
        self.laptop.joinpath("new-l.ics").write_text(event("new-laptop", "New on the laptop"))
        self._edit_server("item-1", "SUMMARY:Item 1", "SUMMARY:Item 1 renamed")
        self._edit_file("item-1", "END:VEVENT", "LOCATION:Room\r\nEND:VEVENT")
        self._edit_file("item-2", "SUMMARY:Item 2", "SUMMARY:Item 2 renamed")
        self.dav.delete(self._href("item-3")).expect(200, 204)
        self._file("item-4").unlink()

    @property
    def laptop(self) -> Path:
        return self.folder / "calendars" / "team"

    def run(self) -> dict[str, Any]:
        """A run in a process of its own, to its end."""
        return self.finished(self.start())

    def attempt(self) -> dict[str, Any]:
        """A run that may fail: its report, or {"state": "failed"} with the error where it raised one of ours."""
        (self.folder / "report.json").unlink(missing_ok=True)
        process = self.start(tolerant)
        process.join(120)
        assert process.exitcode == 0, f"the run ended with {process.exitcode}"
        return dict(json.loads((self.folder / "report.json").read_text()))

    def finished(self, process: multiprocessing.process.BaseProcess) -> dict[str, Any]:
        """Waits for a run that is expected to end well, and returns its report."""
        process.join(60)
        assert process.exitcode == 0, f"the run ended with {process.exitcode}"
        return dict(json.loads((self.folder / "report.json").read_text()))

    def start(self, hook: Callable[..., None] | None = None, *arguments: object) -> multiprocessing.process.BaseProcess:
        """Starts a run; `hook(app, *arguments)` prepares it in the child."""
        process = FORK.Process(target=child, args=(str(self.folder), hook, arguments))
        process.start()
        return process

    @property
    def expected(self) -> dict[str, list[str]]:
        """What both sides show in the end."""
        return EXPECTED

    def sides(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """What the server and the folder show, by UID; an item that stands twice shows twice."""
        files = [path.read_bytes().decode() for path in sorted(self.laptop.glob("*.ics"))]
        return shown(list(self.dav.items(self.calendar).values())), shown(files)

    def debris(self) -> list[str]:
        """Files in the folder that are no items."""
        return [path.name for path in self.laptop.iterdir() if path.suffix != ".ics"]

    def _href(self, uid: str) -> str:
        return next(
            href
            for href, text in self.dav.items(self.calendar).items()
            if f"UID:{uid}\r\n" in text.replace("\n", "\r\n").replace("\r\r", "\r")
        )

    def _file(self, uid: str) -> Path:
        return next(
            path
            for path in self.laptop.glob("*.ics")
            if f"UID:{uid}\r\n" in path.read_bytes().decode().replace("\r\n", "\n").replace("\n", "\r\n")
        )

    def _edit_server(self, uid: str, old: str, new: str) -> None:
        href = self._href(uid)
        answer = self.dav.get(href)
        self.dav.put(href, answer.text.replace(old, new), if_match=answer.etag).expect(200, 201, 204)

    def _edit_file(self, uid: str, old: str, new: str) -> None:
        path = self._file(uid)
        path.write_bytes(path.read_bytes().decode().replace(old, new).encode())


@dataclass
class BookWorld(World):
    """Address books on two servers, the first one reached through a proxy."""

    work: OnServer
    phone: OnServer

    @classmethod
    def of(
        cls, folder: Path, *, server: DavServer, proxy: Proxy, far: DavServer, ledger: str = "", timeout: str = "5s"
    ) -> BookWorld:
        """As `World.build`."""
        work = OnServer.make("work", server, connector="carddav")
        phone = OnServer.make("phone", far, connector="carddav")
        world = cls(folder, work.dav, work.calendar, work, phone)
        folder.mkdir(parents=True, exist_ok=True)
        stores = {"work": {**work.store(), "url": proxy.url, "timeout": timeout}, "phone": phone.store()}
        sides = [{"store": one.name, "name": one.collection()} for one in (work, phone)]
        config: dict[str, Any] = {
            "version": 1,
            "stores": stores,
            "jobs": {"team": {"kind": "contacts", "collections": sides}},
        }
        (folder / "trueup.yaml").write_text(json.dumps({**config, **({"ledger": ledger} if ledger else {})}))
        for number in range(5):
            work.put(f"{number}.vcf", card(f"item-{number}", f"Item {number}"))
        proxy.clear()
        report = world.run()
        assert report["state"] == "done", report
        world.edit()
        return world

    def edit(self) -> None:
        self.work.put("new-w.vcf", card("new-work", "New at work"))
        self.phone.put("new-l.vcf", card("new-laptop", "New on the laptop"))
        self.work.edit("item-1", "FN:Item 1", "FN:Item 1 renamed")
        self.phone.edit("item-1", "END:VCARD", "NOTE:Room\r\nEND:VCARD")
        self.phone.edit("item-2", "FN:Item 2", "FN:Item 2 renamed")
        self.work.delete("item-3")
        self.phone.delete("item-4")

    @property
    def expected(self) -> dict[str, list[str]]:
        words = {uid: "\n".join(lines) for uid, lines in EXPECTED.items()}
        return {
            uid: text.replace("SUMMARY:", "FN:").replace("LOCATION:", "NOTE:").split("\n")
            for uid, text in words.items()
        }

    def sides(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        work, phone = (list(one.dav.items(one.calendar).values()) for one in (self.work, self.phone))
        return shown(work), shown(phone)

    def debris(self) -> list[str]:
        return []


Build: TypeAlias = Callable[..., World]
"""Makes a world in a folder: `build(folder, ledger="", timeout="5s")`."""

EXPECTED = {
    "item-0": ["SUMMARY:Item 0"],
    "item-1": ["SUMMARY:Item 1 renamed", "LOCATION:Room"],
    "item-2": ["SUMMARY:Item 2 renamed"],
    "new-work": ["SUMMARY:New at work"],
    "new-laptop": ["SUMMARY:New on the laptop"],
}
"""What both sides show in the end, whatever was killed when."""


def event(uid: str, title: str) -> str:
    """A small event."""
    lines = (
        "DTSTAMP:20261101T080000Z",
        "LAST-MODIFIED:20261101T080000Z",
        "DTSTART:20261130T090000Z",
        "DTEND:20261130T100000Z",
    )
    body = [f"UID:{uid}", *lines, f"SUMMARY:{title}"]
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example.org//Crash//EN", "BEGIN:VEVENT"]
    return "\r\n".join([*head, *body, "END:VEVENT", "END:VCALENDAR", ""])


def shown(texts: list[str]) -> dict[str, list[str]]:
    """By UID the title and place, in order of appearance."""
    result: dict[str, list[str]] = {}
    for text in texts:
        lines = text.replace("\r\n", "\n").split("\n")
        uid = next(line[4:] for line in lines if line.startswith("UID:"))
        found = [
            line for name in ("SUMMARY", "FN", "LOCATION", "NOTE") for line in lines if re.match(name + "[:;]", line)
        ]
        result.setdefault(uid, []).extend(found)
    return result


def child(folder: str, hook: Callable[..., None] | None, arguments: tuple[object, ...]) -> None:
    """The process that runs the job; its report goes to a file."""
    from trueup.app import App
    from trueup.model.errors import TrueupError

    os.chdir(folder)
    with App.load(Path(folder)) as app:
        if hook is not None:
            hook(app, *arguments)
        try:
            report = app.run("team")
        except TrueupError as error:
            if hook is not tolerant:
                raise
            report = {"state": "failed", "error": error.to_json()}
    Path(folder, "report.json").write_text(json.dumps(report, default=str))


def kill(process: multiprocessing.process.BaseProcess) -> None:
    """kill -9, and wait until it is gone."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(30)


def tolerant(app: Any) -> None:
    """A hook that stands for: an error of the stores may end the run."""


def die_at_write(app: Any, number: int) -> None:
    """Kills this very process at the n-th call of the ledger's hook: before and after every commit."""
    count = 0

    def hook(label: str) -> None:
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    app.ledger.on_write = hook


def count_writes(app: Any, path: str) -> None:
    """Writes down the labels of all calls of the hook, in order."""

    def hook(label: str) -> None:
        with open(path, "a", encoding="utf-8") as file:
            file.write(label + "\n")

    app.ledger.on_write = hook
