"""Plans and reports as a person sees them, against texts in `golden/` (TRUEUP_GOLDEN=write writes them anew: read the difference)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from trueup.model.change import Action, Change, FieldChange
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.plan import BasedOn, GuardFinding, Plan
from trueup.ui.cli.render.errors import without_secrets
from trueup.ui.cli.render.json import plan_document
from trueup.ui.cli.render.terminal import cut, safe, width
from trueup.ui.cli.render.text import SHOWN, plan_lines, report_lines

GOLDEN = Path(__file__).parent / "golden"


def same(name: str, lines: Iterable[str]) -> None:
    """Compares with the golden text of that name."""
    path, text = GOLDEN / f"{name}.txt", "\n".join(lines) + "\n"
    if os.environ.get("TRUEUP_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def change(seq: int, action: Action, title: str, **more: Any) -> Change:
    return Change(seq, action, title=title, starts="Mon 2026-11-16 09:00 Europe/Berlin", **more)


CHANGES = (
    change(
        1,
        Action.CREATE,
        "Board meeting",
        collection="home/team",
        reason="new in work/team",
        origin=("work/team",),
        link=1,
    ),
    change(
        2,
        Action.CREATE,
        "Board meeting",
        collection="laptop/team",
        reason="new in work/team",
        origin=("work/team",),
        link=1,
    ),
    change(
        3,
        Action.UPDATE,
        "Stand-up",
        collection="work/team",
        reason="edited in home/team",
        fields=(
            FieldChange("location", None, "Room 1"),
            FieldChange("title", "Standup", "Stand-up"),
            FieldChange("alarm", "15 minutes before", None),
        ),
        link=2,
    ),
    change(4, Action.DELETE, "Cancelled trip", collection="laptop/team", reason="deleted in work/team", link=3),
    change(5, Action.LINK, "Known already", reason="the same in work/team and home/team", link=4),
    change(6, Action.SKIP, "", collection="work/team", reason="has no UID", code="no-uid"),
    change(
        7,
        Action.SKIP,
        "Ask Žofie 会議",
        collection="home/team",
        reason="would mail 3 attendees",
        code="invitations",
        link=5,
    ),
    change(
        8,
        Action.UPDATE,
        "Busy",
        collection="laptop/copy",
        reason="put back",
        drift=True,
        fields=(FieldChange("title", "Mine", "Busy"),),
        link=6,
    ),
)
CONFLICT = {
    **change(9, Action.CONFLICT, "Review", reason="edited differently on two sides", link=7).to_json(),
    "conflict": [{"label": "start", "values": {"work/team": "10:00", "home/team": "11:00"}, "winner": "home/team"}],
}


def plan(**more: Any) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for one in (*CHANGES, Change(9, Action.CONFLICT)):
        counts[one.action.value] = counts.get(one.action.value, 0) + 1
    based_on = (
        BasedOn("work/team", 3, 120, True),
        BasedOn("home/team", 2, 118, True),
        BasedOn("laptop/team", 9, 119, True),
    )
    values: dict[str, Any] = {
        "applyable": True,
        "counts": counts,
        "based_on": based_on,
        "creates": ("laptop/copy",),
        **more,
    }
    header = Plan("20261116-090000-ab12", "team", "2026-11-16T09:00:00+00:00", "c0ffee", **values).sealed(
        json.dumps(one.to_json()) for one in CHANGES
    )
    return {**header.to_json(), "state": "planned"}


def changes() -> list[dict[str, Any]]:
    return [*(one.to_json() for one in CHANGES), CONFLICT]


def test_a_plan() -> None:
    same("plan", plan_lines(plan(), changes()))


def test_a_plan_in_full() -> None:
    same("plan-verbose", plan_lines(plan(), changes(), verbose=True))


def test_a_plan_that_a_guard_blocks() -> None:
    guards = (
        GuardFinding("max_delete", "work/team", "90 of 120 items would be deleted from work/team (75%, limit 50%)"),
        GuardFinding("max_delete", "home/team", "90 of 118 items vanished from home/team (76%, limit 50%)"),
        GuardFinding("empty", "laptop/team", "laptop/team is empty now; it had 119 items in the last run"),
        GuardFinding("max_update", "home/team", "all would be changed", allowed="ana"),
    )
    header = {**plan(guards=guards), "state": "awaiting_approval"}
    same("plan-blocked", plan_lines(header, changes()))


def test_a_plan_that_is_not_complete() -> None:
    found = (Diagnostic(Severity.ERROR, "home/team could not be read", why="503 Service Unavailable"),)
    based_on = (BasedOn("work/team", 3, 120, True), BasedOn("home/team", 2, 118, False))
    header = plan(complete=False, applyable=False, counts={}, creates=(), diagnostics=found, based_on=based_on)
    same("plan-incomplete", plan_lines(header, []))


def test_nothing_to_do() -> None:
    same("plan-nothing", plan_lines(plan(applyable=False, counts={}, creates=()), []))


def test_a_report() -> None:
    report = {
        "run": "20261116-090000-ab12",
        "job": "team",
        "state": "partial",
        "counts": {"create": 2, "update": 1, "skip": 1},
        "readings": [{"collection": "home/team", "read": False, "error": {"what": "no answer", "why": "timed out"}}],
        "left": [
            {
                "title": "Ask Žofie",
                "starts": "Mon 09:00",
                "collection": "home/team",
                "code": "invitations",
                "reason": "would mail 3 attendees",
            },
            {"title": "Review", "starts": "", "collection": "", "code": "fields", "reason": "edited differently"},
        ],
        "conflicts": 1,
        "verifications": [{"collection": "work/team", "rewritten": 2, "lost": {"attachment": 2}}],
        "overlaps": ["“A” and “B” overlap"],
    }
    same("report", report_lines(report, "team"))


@pytest.mark.parametrize("drift", [False, True])
def test_a_long_plan_is_cut_and_says_so(drift: bool) -> None:
    count = 10_000
    many = (
        change(n, Action.CREATE, f"Event {n}", collection="a/b", drift=drift, link=n).to_json() for n in range(count)
    )
    lines = list(plan_lines(plan(counts={"create": count}, creates=()), many))
    assert len([line for line in lines if line.startswith("  + ")]) == SHOWN
    assert any(f"and {count - SHOWN:,} more" in line for line in lines)


def test_a_long_plan_is_streamed() -> None:
    asked = 0

    def endless() -> Iterable[dict[str, Any]]:
        nonlocal asked
        for number in range(1_000_000):
            asked += 1
            yield change(number, Action.CREATE, f"Event {number}", collection="a/b", link=number).to_json()

    lines = iter(plan_lines(plan(creates=()), endless()))
    for _ in range(5):
        next(lines)
    assert asked < 10


def test_the_json_document_is_the_plan_and_its_changes() -> None:
    expected = json.loads(json.dumps({**plan(), "changes": changes()}))
    assert json.loads("".join(plan_document(plan(), changes()))) == expected
    assert json.loads("".join(plan_document(plan(), [])))["changes"] == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\r\nlines\tand a tab", "two  lines and a tab"),
        ("\033[31mred\033[0m", "\\x1b[31mred\\x1b[0m"),
        ("\u009b31m bell\007 nul\0 del\x7f", "\\x9b31m bell\\x07 nul\\x00 del\\x7f"),
        ("line\u2028and\u2029paragraph", "line\\x2028and\\x2029paragraph"),
        ("a\u202etxt.exe\u2066\u200f", "atxt.exe"),
        ("lone \ud800 surrogate", "lone \\xd800 surrogate"),
        ("שלום", "שלום\u200e"),
        ("👩‍👩‍👧 會議", "👩‍👩‍👧 會議"),
    ],
)
def test_a_text_is_shown_safely(text: str, shown: str) -> None:
    assert safe(text) == shown


@pytest.mark.parametrize(
    ("text", "cells"), [("abc", 3), ("会議", 4), ("e\u0301", 1), ("שלום\u200e", 4), ("ﾊﾝ", 2), ("", 0)]
)
def test_cells(text: str, cells: int) -> None:
    assert width(text) == cells


@pytest.mark.parametrize("cells", range(1, 12))
def test_a_text_is_cut_to_its_cells(cells: int) -> None:
    for text in ("abcdefghijklmno", "会議会議会議会議", "e\u0301" * 20):
        assert width(cut(text, cells)) <= cells
    assert cut("short", 5) == "short"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("password: hunter2", "password: ***"),
        ('  {password: "hun, ter2", url: x}', "  {password: ***, url: x}"),
        ("pasword: 'hunter2'", "pasword: ***"),
        ("Passwort: hunter2 # mine", "Passwort: ***# mine"),
        ("password: {env: WORK_PASSWORD}", "password: {env: WORK_PASSWORD}"),
        ("url: https://ana:hunter2@example.org/", "url: https://ana:***@example.org/"),
        ("ledger: postgresql://u:p@ss@db/x", "ledger: postgresql://u:***@db/x"),
        ("path: calendars", "path: calendars"),
    ],
)
def test_no_password_is_shown(line: str, shown: str) -> None:
    assert without_secrets(line) == shown
