"""The reference is current, and says something of every command, option, key, exit code and member."""

from __future__ import annotations

import dataclasses
import json
import re
import runpy
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from pydantic import BaseModel

from tests.unit.cli.conftest import Office, Result
from trueup.app import connectors
from trueup.config import backup_models as backup
from trueup.config.contacts_models import ContactsFilterModel, ContactsJobModel, MatchModel
from trueup.config.mapping_models import AddressModel, CellModel, MappingModel, RangeModel
from trueup.config.models import (
    CacheModel,
    CollectionModel,
    ConfigModel,
    DigestModel,
    EventsModel,
    ExceptModel,
    FilterModel,
    GuardsModel,
    JobModel,
    NotifyModel,
    OverlapsModel,
    ParamModel,
    PipelineModel,
    PreferModel,
    RetryModel,
    ScheduleModel,
    SecretModel,
    StepModel,
    Strict,
    TransformModel,
    TriggerModel,
    WindowModel,
)
from trueup.config.quality_models import AnomalyModel, LookupModel, ProfileGuardModel, RuleModel
from trueup.model import errors
from trueup.model.change import Change
from trueup.model.errors import ExitCode, TrueupError
from trueup.model.plan import Plan
from trueup.ui.cli.commands import COMMANDS
from trueup.ui.cli.common import SHARED
from trueup.ui.cli.main import build

ROOT = Path(__file__).parents[3]
GENERATE: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "generate.py"))
PAGES: dict[str, str] = GENERATE["pages"]()

MODELS = (
    *(ConfigModel, CollectionModel, PreferModel, GuardsModel, WindowModel, FilterModel, TransformModel, OverlapsModel),
    *(JobModel, RetryModel, CacheModel, StepModel, ParamModel, PipelineModel, SecretModel),
    *(EventsModel, ExceptModel, ScheduleModel, TriggerModel),
    *(MappingModel, CellModel, AddressModel, RangeModel),
    *(ContactsJobModel, ContactsFilterModel, MatchModel, RuleModel, LookupModel, ProfileGuardModel, AnomalyModel),
    *(backup.BackupJobModel, backup.RepositoryModel, backup.BackupWindowModel),
    *(backup.TimeoutModel, backup.VerifyModel, backup.DrillModel, backup.ArchiveModel, backup.RetentionModel),
    *(backup.AnomaliesModel, NotifyModel, DigestModel, backup.SourceModel, backup.PostgresqlModel),
    *(backup.MariadbModel, backup.SqliteModel, backup.CommandModel, backup.HooksModel),
)


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_current(name: str) -> None:
    path = ROOT / "docs" / "reference" / name
    assert path.read_text("utf-8") == PAGES[name], "not current; run: make docs"


def test_a_page_that_is_not_current_fails_the_check(tmp_path: Path) -> None:
    folder = tmp_path / "reference"
    shutil.copytree(ROOT / "docs" / "reference", folder)
    stale = GENERATE["stale"]
    assert stale(folder) == []
    (folder / "commands.md").write_text("old")
    (folder / "guards.md").unlink()
    (folder / "more.md").write_text("nobody wrote this")
    assert stale(folder) == ["commands.md", "guards.md", "more.md"]


def commands() -> Iterator[tuple[str, click.Command]]:
    app = build()
    for one in COMMANDS:
        command = app.get_command(click.Context(app), one.name)
        assert command is not None
        yield from with_those_below(one.name, command)


def with_those_below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """A command and those below it, all of them: of some that are alike the page shows one, under NAME."""
    yield path, command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            found = command.get_command(ctx, name)
            assert found is not None
            yield from with_those_below(f"{path} {'NAME' if name in getattr(command, 'alike', ()) else name}", found)


@pytest.mark.parametrize(
    ("name", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_and_option_is_documented(name: str, command: click.Command) -> None:
    assert command.help
    page = PAGES["commands.md"]
    (own,) = re.findall(rf"\n## trueup {name}\n(.*?)(?=\n## |\Z)", page, re.S)
    shared = {one.name for one in SHARED}
    for param in command.params:
        where = page if param.name in shared else own
        assert getattr(param, "help", ""), f"{name} says nothing of {param.name}"
        for option in param.opts if isinstance(param, click.Option) else [(param.name or "").upper()]:
            assert re.search(rf"`{re.escape(option)}[ `]", where), f"{option} of {name}"


def test_the_overview_names_every_command_module() -> None:
    folder = ROOT / "src" / "trueup" / "ui" / "cli"
    modules = {path.stem for path in folder.glob("*.py")} - {
        "__init__",
        "main",
        "common",
        "commands",
        "wizard",
        "wizard_tables",
        "restoring",
    }
    assert modules == {one.name for one in COMMANDS}
    assert all(one.help.endswith(".") for one in COMMANDS)


def test_all_models_are_looked_at() -> None:
    assert {*Strict.__subclasses__()} == set(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_every_key_is_documented(model: type[BaseModel]) -> None:
    assert model.__doc__
    for name, field in model.model_fields.items():
        assert field.description, f"{model.__name__} says nothing of {name}"
        key = re.escape(field.alias or name)
        assert re.search(rf"\| `([\w.]+(\[\])?\.)?{key}` \|", PAGES["configuration.md"]), name


def test_every_connector_option_is_documented() -> None:
    assert set(connectors()) >= {"caldav", "vdir", "ics"}
    for connector in connectors().values():
        (own,) = re.findall(rf"\n### {connector.name}\n(.*?)(?=\n##)", PAGES["configuration.md"], re.S)
        for option in connector.options:
            assert f"| `{option.name}` |" in own
            assert option.help in own


def test_every_exit_code_and_error_is_documented() -> None:
    for code in ExitCode:
        assert f"\n| {int(code)} | " in PAGES["exit-codes.md"]
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, TrueupError) and kind not in (TrueupError, errors.StoreError):
            assert re.search(rf"\| `{kind.__name__}` \| .* \| {int(kind.exit_code)} \|", PAGES["exit-codes.md"])


@pytest.mark.parametrize("described", [Plan, Change])
def test_every_member_of_a_plan_is_documented(described: type) -> None:
    told = GENERATE["attributes"](described)
    assert [one.name for one in dataclasses.fields(described) if not told.get(one.name)] == []


def test_real_plans_are_what_the_schema_says(office: Office, trueup: Callable[..., Result]) -> None:
    schema = json.loads(PAGES["plan.schema.json"])
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    seen: set[str] = set()

    def check(*command: str) -> dict[str, Any]:
        plan: dict[str, Any] = trueup(*command, "--json").json
        validator.validate(plan)
        seen.update(one["action"] for one in plan["changes"])
        return plan

    office.put("work", "a", "Review")
    office.put("work", "same", "Both have it")
    office.put("laptop", "same", "Both have it")
    check("plan", "team")
    trueup("run", "team")
    office.put("work", "a", "Review moved", more="SEQUENCE:1")
    check("plan", "team")
    office.put("laptop", "a", "Review dropped", more="SEQUENCE:1")
    check("plan", "team")
    trueup("run", "team")
    (office.root / "work" / "team" / "same.ics").unlink()
    (office.root / "work" / "team" / "broken.ics").write_text("BEGIN:VCALENDAR\r\nno")
    plan = check("plan", "team")
    check("plan", "holidays")
    assert seen >= {"create", "update", "delete", "link", "conflict", "skip"}, seen
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**plan, "counts": {"create": "many"}})
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({key: value for key, value in plan.items() if key != "hash"})
