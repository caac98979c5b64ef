"""The two programs that are compared, each used as its manual says: a folder on this machine and a calendar on a server."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from benchmarks.process import Cost, run

PROJECT = Path(__file__).resolve().parents[1]


class Failed(RuntimeError):
    """A program did not do what it was asked for."""


@dataclass(frozen=True)
class Account:
    """A calendar on a server: its URL, who logs in, and the URL of the calendar home above it."""

    calendar: str
    home: str
    user: str
    password: str

    @property
    def name(self) -> str:
        return urlsplit(self.calendar).path.rstrip("/").rsplit("/", 1)[-1]

    def through(self, proxy: str) -> Account:
        """The same calendar, at a proxy's address."""
        there = urlsplit(proxy).netloc
        moved = [urlunsplit(urlsplit(one)._replace(netloc=there)) for one in (self.calendar, self.home)]
        return Account(moved[0], moved[1], self.user, self.password)


class Client(ABC):
    """One program, with its configuration and state in a folder of its own; `events` is the folder it keeps in step.

    Args:
        folder: where all of it is; made when it does not exist.
        account: the calendar.
    """

    name: str

    def __init__(self, folder: Path, account: Account) -> None:
        self.folder = folder
        self.events = folder / "calendars" / account.name
        self.events.mkdir(parents=True, exist_ok=True)
        self.use(account)

    @abstractmethod
    def use(self, account: Account) -> None:
        """Writes the configuration; later calls give the calendar another address (a proxy's)."""

    @abstractmethod
    def sync(self) -> Cost:
        """Runs it once; raises Failed if it says that it failed."""

    def fill(self, bodies: Mapping[str, bytes]) -> None:
        """Puts events into the folder."""
        for name, body in bodies.items():
            (self.events / name).write_bytes(body)

    def held(self) -> int:
        """How many events the folder holds."""
        return sum(1 for one in self.events.iterdir() if one.suffix == ".ics")

    def _run(self, *command: str | Path, env: Mapping[str, str] | None = None) -> Cost:
        cost = run(command, self.folder, env)
        if cost.code:
            raise Failed(f"{self.name} ended with code {cost.code}\n{cost.output[-3000:]}")
        return cost


class Trueup(Client):
    """`trueup run team --json`."""

    name = "trueup"
    program = Path(sys.executable).with_name("trueup")

    def use(self, account: Account) -> None:
        (self.folder / "trueup.yaml").write_text(f"""\
version: 1
stores:
  server: {{connector: caldav, url: "{account.home}", username: {account.user}, password: {{env: BENCH_PASSWORD}}}}
  folder: {{connector: vdir, path: calendars}}
jobs:
  team:
    kind: calendar
    invitations: allow    # vdirsyncer copies attendees too
    collections: [{{store: server, name: {account.name}}}, {{store: folder, name: {account.name}}}]
""")
        self._password = account.password

    def sync(self) -> Cost:
        return self._run(self.program, "run", "team", "--json", env={"BENCH_PASSWORD": self._password})


class Vdirsyncer(Client):
    """`vdirsyncer sync`, after `vdirsyncer discover`, which is not measured."""

    name = "vdirsyncer"
    program = Path(sys.executable).with_name("vdirsyncer")

    def use(self, account: Account) -> None:
        (self.folder / "config").write_text(f"""\
[general]
status_path = "{self.folder}/status/"

[pair team]
a = "server"
b = "folder"
collections = ["{account.name}"]
conflict_resolution = "a wins"

[storage server]
type = "caldav"
url = "{account.home}"
username = "{account.user}"
password = "{account.password}"

[storage folder]
type = "filesystem"
path = "{self.folder}/calendars"
fileext = ".ics"
""")
        self._command("discover")

    def sync(self) -> Cost:
        return self._command("sync")

    def _command(self, verb: str) -> Cost:
        return self._run(self.program, "-c", self.folder / "config", verb)


def vdirsyncer_at(venv: Path) -> None:
    """Uses the vdirsyncer of another environment (`make bench` gives it one with its own pinned requirements)."""
    Vdirsyncer.program = venv / "bin" / "vdirsyncer"


CLIENTS: tuple[type[Client], ...] = (Vdirsyncer, Trueup)
