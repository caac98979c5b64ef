"""`trueup schedule`, and what `trueup serve` prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import time_machine

from trueup.ui.cli.main import run
from trueup.ui.cli.render.schedules import event_line

CONFIG = """\
version: 1
stores:
  home: {connector: vdir, path: calendars}
jobs:
  team:
    kind: calendar
    collections: [{store: home, name: a}, {store: home, name: b}]
    schedule: {every: 12h}
pipelines:
  close:
    params: {region: {}, days: {type: integer, default: 3}}
    steps: {a: {job: team}}
    schedule:
      calendar: {store: home, name: ops}
      except: {calendar: {store: home, name: free}, policy: shift}
      collide: ask
    triggers: [{file: "in/*.csv", params: {region: x}}, {after: team, outcome: [failed, partial], params: {region: x}}]
  idle:
    steps: {a: {job: team}}
    schedule: {cron: "0 6 * * 1-5", zone: Europe/Berlin, paused: on}
"""


def put(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    body = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:{name}\nDTSTAMP:20260101T000000Z\n{text}\nEND:VEVENT\nEND:VCALENDAR\n"
    (folder / f"{name}.ics").write_bytes(body.replace("\n", "\r\n").encode())


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "trueup.yaml").write_text(CONFIG)
    ops, free = tmp_path / "calendars" / "ops", tmp_path / "calendars" / "free"
    put(
        ops,
        "good",
        "SUMMARY:Close\nDTSTART:20261126T120000Z\nDTEND:20261126T130000Z\nDESCRIPTION:region: EMEA\\ndays: 5",
    )
    put(ops, "bad", "SUMMARY:Close \\; again\nDTSTART:20261127T090000Z\nDESCRIPTION:days: soon\\nregion: x")
    put(ops, "moved", "SUMMARY:Close it\nDTSTART:20261126T160000Z\nDESCRIPTION:region: APAC")
    put(free, "freeze", "SUMMARY:Freeze\nDTSTART:20261126T150000Z\nDTEND:20261126T170000Z")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    return tmp_path


@time_machine.travel("2026-11-26T10:00:00+00:00", tick=False)
def test_what_is_to_come(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schedule", "--for", "1d"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "team: every 12h",
        "close: events of home/ops; files in/*.csv; after team (failed, partial)",
        "idle: 0 6 * * 1-5 (Europe/Berlin) (paused)",
        "",
        "+ Thu 2026-11-26 12:00:00 UTC  close  “Close”  region=EMEA days=5",
        "+ Thu 2026-11-26 12:00:00 UTC  team  (waits for close (“Close”))",
        "+ Thu 2026-11-26 17:00:00 UTC  close  “Close it”  region=APAC days=3  (moved to the end of “Freeze”)",
        "+ Fri 2026-11-27 00:00:00 UTC  team",
        ". Fri 2026-11-27 09:00:00 UTC  close  “Close ; again”  "
        "(left out: 'days' of pipeline close must be a whole number, not \"soon\")",
    ]


@time_machine.travel("2026-11-26T10:00:00+00:00", tick=False)
def test_as_json_and_of_one(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schedule", "close", "--limit", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (one,) = found["occurrences"]
    assert (one["subject"], one["key"], one["params"]) == ("close", "good", {"region": "EMEA", "days": 5})
    assert list(found["schedules"]) == ["close"]
    assert found["problems"] == {}
    assert not (place / ".trueup").exists()  # looking makes no ledger


def test_a_calendar_that_is_not_there(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "trueup.yaml").write_text(CONFIG.replace("name: ops", "name: opps"))
    assert run(["schedule", "close"]) == 0
    assert "! close: calendar home/opps cannot be read: store home has no calendar 'opps'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["schedule", "nobody"], 1, "`nobody` does not start by itself"),
        (["schedule", "--for", "soon"], 64, "--for soon must be a number and a unit"),
        (["serve", "--listen", "here"], 64, "--listen here is no address"),
        (["serve", "--parallel", "0"], 64, "--parallel"),
        (["run", "team", "--occurrence", "x"], 1, "`team` has no occurrence x"),
    ],
)
def test_what_is_refused(
    place: Path, arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == code
    assert message in capsys.readouterr().err


def test_nothing_to_serve(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "trueup.yaml").write_text("version: 1\nstores: {}\n")
    assert run(["serve"]) == 64
    assert "nothing to serve" in capsys.readouterr().err
    assert run(["schedule"]) == 0


@time_machine.travel("2026-11-26T10:00:00+00:00", tick=False)
def test_doctor_says_what_will_not_start(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["doctor", "--json"])
    found = {one["what"]: one for one in json.loads(capsys.readouterr().out)["findings"]}
    bad = found["“Close ; again” will not start it: its parameters do not fit"]
    assert (bad["where"], bad["severity"]) == ("close", "warning")
    assert "whole number" in bad["why"]
    assert found["`trueup serve` does not run on this ledger"]["severity"] == "info"
    (place / "trueup.yaml").write_text(CONFIG.replace("name: ops", "name: opps"))
    run(["doctor", "--json"])
    found = {one["what"]: one for one in json.loads(capsys.readouterr().out)["findings"]}
    assert "opps" in found["it cannot be said when it starts"]["why"]


BASE = {"subject": "close", "key": "k", "at": 1795694400.0, "title": "Close"}


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"event": "serve", "state": "leading", "subjects": ["a", "b"]}, "serving a, b"),
        ({"event": "serve", "state": "stopping", "runs": 2}, "stopping; 2 under way"),
        ({"event": "serve", "state": "standby", "note": "process 7 on x"}, "standing by: process 7 on x"),
        ({"event": "run", **BASE, "state": "started"}, "close, started, “Close”"),
        (
            {"event": "run", **BASE, "state": "ended", "outcome": "awaiting_approval", "seconds": 1.25, "run": "r1"},
            "close, ended: awaiting approval, after 1.2s, run r1, “Close”",
        ),
        (
            {"event": "occurrence", **BASE, "state": "skipped", "note": "within “Holiday”"},
            "close, skipped, the start of Thu 2026-11-26 12:00:00 UTC, “Close”: within “Holiday”",
        ),
        ({"event": "occurrence", **BASE, "state": "wanted", "note": ""}, ""),
        ({"event": "calendar", "subject": "close", "problem": "away"}, "close: away"),
        ({"event": "calendar", "subject": "close", "problem": ""}, "close: the calendar is well again"),
        (
            {"event": "serve", "state": "trouble", "error": {"what": "it broke", "why": "so", "hint": "mend it"}},
            "it broke: so (mend it)",
        ),
    ],
)
def test_a_line_for_an_event(event: dict[str, object], text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    with time_machine.travel("2026-11-26T10:00:00+00:00", tick=False):
        line = event_line(event)
    assert line == (f"2026-11-26 10:00:00  {text}" if text else "")


def test_a_title_cannot_write_to_the_terminal() -> None:
    assert "\x1b" not in event_line({"event": "run", **BASE, "title": "\x1b[31mred", "state": "started"})


def test_quiet_is_told_what_needs_somebody() -> None:
    told = [
        {"event": "run", **BASE, "state": "started"},
        {"event": "run", **BASE, "state": "ended", "outcome": "done"},
        {"event": "run", **BASE, "state": "ended", "outcome": "failed", "note": "no"},
        {"event": "occurrence", **BASE, "state": "asked", "note": "trueup apply x"},
        {"event": "serve", "state": "leading", "subjects": []},
    ]
    assert [bool(event_line(one, quiet=True)) for one in told] == [False, False, True, True, False]
