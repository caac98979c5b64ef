"""Scenario folders with golden plans; see README.md beside this."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine

from trueup.app import App
from trueup.ui.cli.render.text import plan_lines, report_lines

CASES = Path(__file__).parent / "cases"
NOW = "2026-11-16T08:00:00Z"
VARIES = ("run", "created", "config", "hash", "precondition", "revision")


@pytest.fixture(params=sorted(path.name for path in CASES.iterdir()))
def case(request: pytest.FixtureRequest) -> Path:
    return CASES / str(request.param)


def test_scenario(case: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    shutil.copytree(case / "before", tmp_path, dirs_exist_ok=True)
    shutil.copy(case / "trueup.yaml", tmp_path)
    with time_machine.travel(NOW, tick=True), App.load(tmp_path / "trueup.yaml") as app:
        [job] = app.config.jobs
        edits = case / "edits"
        if edits.is_dir():
            assert app.run(job)["state"] in ("done", "partial")
            overlay(edits, tmp_path)
        found = dict(told(app, job, allowed(case)))
        found |= {f"sides/{name}": text for name, text in sides(case, tmp_path)}
        if request.config.getoption("--update", default=False):
            write(case / "expected", found)
        assert read(case / "expected") == found
        at_rest(app, job)


def told(app: App, job: str, allow: list[str]) -> Iterator[tuple[str, str]]:
    header = app.plan(job)
    changes = list(app.changes(header["run"]))
    report = app.run(job, allow=allow)
    text = [*plan_lines(header, changes), "", *report_lines({**report, "job": job}, job)]
    yield "plan.txt", masked("\n".join(text) + "\n", header, report)
    plan = without_varying({**header, "changes": changes})
    yield "plan.json", json.dumps(plan, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def at_rest(app: App, job: str) -> None:
    """A second run has nothing to do, unless it waits for a person."""
    report = app.run(job)
    if report["state"] not in ("awaiting_approval", "conflict"):
        assert not any(report["counts"].get(one) for one in ("create", "update", "delete", "conflict"))


def overlay(edits: Path, folder: Path) -> None:
    for file in items(edits):
        target = folder / file.relative_to(edits)
        if file.stat().st_size == 0:
            target.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)


def items(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix in (".ics", ".vcf"))


def allowed(case: Path) -> list[str]:
    file = case / "allow"
    return file.read_text().split() if file.exists() else []


def sides(case: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """Every calendar file and card, with line ends as in the repository (there is no CR in it)."""
    for file in items(folder):
        yield str(file.relative_to(folder)), file.read_bytes().decode().replace("\r\n", "\n")


def masked(text: str, header: dict[str, Any], report: dict[str, Any]) -> str:
    for run in (header["run"], report["run"]):
        text = text.replace(run, "RUN")
    return text.replace(header["hash"][:12], "HASH")


def without_varying(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_varying(one) for key, one in value.items() if key not in VARIES}
    if isinstance(value, list | tuple):
        return [without_varying(one) for one in value]
    return value


def read(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in sorted(folder.rglob("*")) if file.is_file()}


def write(folder: Path, found: dict[str, str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in found.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
