"""The reference is current, and says something of every command, option, key, exit code and member."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import click
import pytest
from pydantic import BaseModel

from trueup.app import connectors
from trueup.config.models import ConfigModel
from trueup.config.secrets import SecretRef
from trueup.model.change import Change, FieldChange
from trueup.model.diagnostics import Diagnostic, SourceRange
from trueup.model.errors import ExitCode
from trueup.model.plan import BasedOn, GuardFinding, Plan
from trueup.ui.cli.commands import COMMANDS
from trueup.ui.cli.main import build

ROOT = Path(__file__).parents[3]
GENERATE: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "generate.py"))
PAGES: dict[str, str] = GENERATE["pages"]()


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_current(name: str) -> None:
    path = ROOT / "docs" / "reference" / name
    assert path.read_text("utf-8") == PAGES[name] + "\n", "not current; run: python docs/generate.py"


def test_a_page_that_is_not_current_fails_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main = GENERATE["main"]
    main.__globals__["FOLDER"], before = tmp_path, main.__globals__["FOLDER"]
    try:
        assert main(["--check"])
        assert main([]) == 0
        assert main(["--check"]) == 0
        (tmp_path / "commands.md").write_text("old")
        assert main(["--check"])
    finally:
        main.__globals__["FOLDER"] = before
    assert "commands.md is not current" in capsys.readouterr().out


def commands() -> list[tuple[str, click.Command]]:
    app, found = build(), []
    for one in COMMANDS:
        command = app.get_command(click.Context(app), one.name)
        assert command is not None
        found.append((one.name, command))
    return found


@pytest.mark.parametrize(("name", "command"), commands(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_command_and_option_is_documented(name: str, command: click.Command) -> None:
    assert command.help
    assert f"\n## {name}\n" in PAGES["commands.md"]
    for param in command.params:
        text = GENERATE["help_of"](param)
        assert text, f"{name} says nothing of {param.name}"
        assert " ".join(text.split()).replace("|", "\\|") in PAGES["commands.md"]
        for option in param.opts if isinstance(param, click.Option) else ():
            assert f"`{option}`" in PAGES["commands.md"]


def test_the_overview_names_every_command_module() -> None:
    folder = ROOT / "src" / "trueup" / "ui" / "cli"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "main", "common", "commands", "wizard"}
    assert modules == {one.name for one in COMMANDS}
    assert all(one.help.endswith(".") for one in COMMANDS)


@pytest.mark.parametrize("model", [ConfigModel, SecretRef, *(model for _, model in GENERATE["_sections"]())])
def test_every_key_is_documented(model: type[BaseModel]) -> None:
    assert model.__doc__
    for name, field in model.model_fields.items():
        assert field.description, f"{model.__name__} says nothing of {name}"
        assert f"`{field.alias or name}`" in PAGES["configuration.md"] or model is SecretRef


def test_every_section_is_there() -> None:
    paths = [path for path, _ in GENERATE["_sections"]()]
    assert {"jobs.NAME", "jobs.NAME.guards", "jobs.NAME.filter.window", "pipelines.NAME.steps.NAME.retry"} <= set(paths)


def test_every_connector_option_is_documented() -> None:
    assert set(connectors()) >= {"caldav", "vdir", "ics"}
    for connector in connectors().values():
        assert f"\n### {connector.name}\n" in PAGES["configuration.md"]
        for option in connector.options:
            assert option.help, f"{connector.name} says nothing of {option.name}"


def test_every_exit_code_is_documented() -> None:
    for code in ExitCode:
        assert f"\n| {int(code)} | " in PAGES["exit-codes.md"]


@pytest.mark.parametrize("described", [Plan, BasedOn, GuardFinding, Diagnostic, SourceRange, Change, FieldChange])
def test_every_member_of_a_plan_is_documented(described: type) -> None:
    for name, text in GENERATE["attributes"](described).items():
        assert text, f"{described.__name__} says nothing of {name}"


def test_links_between_the_pages_lead_somewhere() -> None:
    folder = ROOT / "docs" / "reference"
    for name, text in PAGES.items():
        headings = {line.lstrip("# ").lower().replace(".", "") for line in text.splitlines() if line.startswith("#")}
        for link in re.findall(r"\]\(([^)]+)\)", text):
            file, _, anchor = link.partition("#")
            assert not file or (folder / file).exists(), f"{name}: {link}"
            assert file or anchor in headings, f"{name}: {link}"
