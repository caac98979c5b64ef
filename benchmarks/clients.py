"""The two programs that are compared, each used as its manual says: a folder on this machine and a collection on a server, or two of those."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from benchmarks.process import Cost, run

PROJECT = Path(__file__).resolve().parents[1]


class Failed(RuntimeError):
    """A program did not do what it was asked for."""


@dataclass(frozen=True)
class Matter:
    """What is kept in step, in the words of both programs.

    Attributes:
        items: what people call the items.
        kind: of trueup's job.
        connector: of trueup's store on a server, and of vdirsyncer's storage.
        folder: trueup's connector to a folder.
        suffix: of an item's file.
        media_type: of an item.
    """

    items: str
    kind: str
    connector: str
    folder: str
    suffix: str
    media_type: str


CALENDARS = Matter("events", "calendar", "caldav", "vdir", ".ics", "text/calendar")
ADDRESS_BOOKS = Matter("contacts", "contacts", "carddav", "vcf", ".vcf", "text/vcard")


@dataclass(frozen=True)
class Account:
    """A calendar or address book on a server: its URL, who logs in, the URL of the home above it, and what it holds."""

    calendar: str
    home: str
    user: str
    password: str
    matter: Matter = CALENDARS

    @property
    def name(self) -> str:
        return urlsplit(self.calendar).path.rstrip("/").rsplit("/", 1)[-1]

    def through(self, proxy: str) -> Account:
        """The same calendar, at a proxy's address."""
        there = urlsplit(proxy).netloc
        moved = [urlunsplit(urlsplit(one)._replace(netloc=there)) for one in (self.calendar, self.home)]
        return replace(self, calendar=moved[0], home=moved[1])


class Client(ABC):
    """One program, with its configuration and state in a folder of its own; `events` is the folder it keeps in step.

    Args:
        folder: where all of it is; made when it does not exist.
        account: the calendar.
        other: another one on a server, in place of the folder.
    """

    name: str

    def __init__(self, folder: Path, account: Account, other: Account | None = None) -> None:
        self.folder = folder
        self.other = other
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
        return sum(1 for one in self.events.iterdir() if one.suffix in (".ics", ".vcf"))

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
        matter, other = account.matter, self.other
        beside = f"{{connector: {matter.folder}, path: calendars}}" if other is None else self._store(other, "OTHER")
        # vdirsyncer copies attendees too.
        more = "    invitations: allow\n" if matter is CALENDARS else ""
        (self.folder / "trueup.yaml").write_text(f"""\
version: 1
stores:
  server: {self._store(account, "BENCH")}
  beside: {beside}
jobs:
  team:
    kind: {matter.kind}
{more}    collections: [{{store: server, name: {account.name}}}, {{store: beside, name: {(other or account).name}}}]
""")
        self._passwords = {"BENCH_PASSWORD": account.password, "OTHER_PASSWORD": (other or account).password}

    def sync(self) -> Cost:
        return self._run(self.program, "run", "team", "--json", env=self._passwords)

    @staticmethod
    def _store(account: Account, name: str) -> str:
        login = f"username: {account.user}, password: {{env: {name}_PASSWORD}}"
        return f'{{connector: {account.matter.connector}, url: "{account.home}", {login}}}'


class Vdirsyncer(Client):
    """`vdirsyncer sync`, after `vdirsyncer discover`, which is not measured."""

    name = "vdirsyncer"
    program = Path(sys.executable).with_name("vdirsyncer")

    def use(self, account: Account) -> None:
        names = (account.name, (self.other or account).name)
        folder = f'type = "filesystem"\npath = "{self.folder}/calendars"\nfileext = "{account.matter.suffix}"'
        (self.folder / "config").write_text(f"""\
[general]
status_path = "{self.folder}/status/"

[pair team]
a = "server"
b = "beside"
collections = [["team", "{names[0]}", "{names[1]}"]]
conflict_resolution = "a wins"

[storage server]
{self._storage(account)}

[storage beside]
{folder if self.other is None else self._storage(self.other)}
""")
        self._command("discover")

    def sync(self) -> Cost:
        return self._command("sync")

    @staticmethod
    def _storage(account: Account) -> str:
        login = f'username = "{account.user}"\npassword = "{account.password}"'
        return f'type = "{account.matter.connector}"\nurl = "{account.home}"\n{login}'

    def _command(self, verb: str) -> Cost:
        return self._run(self.program, "-c", self.folder / "config", verb)


def vdirsyncer_at(venv: Path) -> None:
    """Uses the vdirsyncer of another environment (`make bench` gives it one with its own pinned requirements)."""
    Vdirsyncer.program = venv / "bin" / "vdirsyncer"


CLIENTS: tuple[type[Client], ...] = (Vdirsyncer, Trueup)
