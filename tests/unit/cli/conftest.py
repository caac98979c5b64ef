"""The command line in this process, on folders and a feed in a temporary directory: everything real, no network."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from trueup.ui.cli.main import run

CONFIG = """\
version: 1
stores:
  work: {connector: vdir, path: work}
  laptop: {connector: vdir, path: laptop}
  feed: {connector: ics, path: feed.ics}
jobs:
  team:
    kind: calendar
    collections: [{store: work, name: team}, {store: laptop, name: team}]
  holidays:
    kind: calendar
    from: {store: feed}
    to: {store: laptop, name: holidays}
pipelines:
  nightly:
    description: Everything, every night.
    steps:
      first: {job: team}
      second: {job: holidays, needs: [first]}
"""


@dataclass(frozen=True)
class Result:
    """What a call of the command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


def event(uid: str, title: str, starts: str = "20270301T090000Z", more: str = "") -> str:
    """An event as a text; `more` are further lines."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VEVENT", f"UID:{uid}"]
    lines += ["DTSTAMP:20260101T000000Z", f"DTSTART:{starts}", f"SUMMARY:{title}", *more.splitlines()]
    return "\r\n".join([*lines, "END:VEVENT", "END:VCALENDAR", ""])


class Office:
    """A folder with a configuration, two folders of events and a feed; the command line is called in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("work/team", "laptop/team"):
            (root / name).mkdir(parents=True)
        (root / "feed.ics").write_text(event("new-year", "New Year", "20270101T000000Z"))
        (root / "trueup.yaml").write_text(CONFIG)

    def put(self, store: str, uid: str, title: str, *, starts: str = "20270301T090000Z", more: str = "") -> None:
        """Stores an event behind the product's back."""
        (self.root / store / "team" / f"{uid}.ics").write_bytes(event(uid, title, starts, more).encode())

    def titles(self, store: str, calendar: str = "team") -> list[str]:
        """The titles of a folder's events."""
        texts = (path.read_text() for path in (self.root / store / calendar).glob("*.ics"))
        return sorted(line[8:] for text in texts for line in text.splitlines() if line.startswith("SUMMARY:"))


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    root = tmp_path / "office"
    root.mkdir()
    monkeypatch.chdir(root)
    monkeypatch.delenv("TRUEUP_DEBUG", raising=False)
    return Office(root)


@pytest.fixture
def trueup(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Calls the command line; `answers` are what a person at a terminal types."""

    def call(*arguments: str, answers: list[str] | None = None) -> Result:
        stdin = io.StringIO("".join(f"{one}\n" for one in answers or ()))
        stdin.isatty = lambda: answers is not None  # type: ignore[method-assign]
        monkeypatch.setattr(sys, "stdin", stdin)
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call
