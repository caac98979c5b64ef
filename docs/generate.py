"""`make docs`: writes docs/reference/ from the code. `--check` writes nothing and fails where a page is not current.

What a page says is said once, in the code: help texts of commands, descriptions of the schema, options of the connectors,
docstrings of the error tree and of the plan. `docs/reference/pipelines.md` is written by hand.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel, TypeAdapter

from trueup.__main__ import PIPE_CLOSED
from trueup.app import connectors
from trueup.config import quality
from trueup.config.backup_models import BackupJobModel, SourceModel
from trueup.config.contacts import FIELDS
from trueup.config.contacts_models import ContactsJobModel
from trueup.config.describe import Key, keys
from trueup.config.mapping_models import AddressModel, DateModel, LineModel, MappingModel, NameModel, PhotoModel
from trueup.config.models import (
    ConfigModel,
    GuardsModel,
    JobModel,
    ParamModel,
    PipelineModel,
    ScheduleModel,
    SecretModel,
    StepModel,
    TriggerModel,
)
from trueup.config.quality_models import AnomalyModel, ProfileGuardModel, RuleModel
from trueup.config.spec import WORKERS
from trueup.config.stores import WORKERS_HELP, WORKERS_KEY
from trueup.core import guard
from trueup.model import errors
from trueup.model.change import Action, Change, ChangeState
from trueup.model.errors import ExitCode
from trueup.model.plan import PLAN_VERSION, Plan
from trueup.model.run import RunState
from trueup.ui.cli.commands import COMMANDS
from trueup.ui.cli.common import SHARED
from trueup.ui.cli.main import build

BY_HAND = ("pipelines.md", "archive-format.md", "README.md")
FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/generate.py (make docs). Change the code it is made from. -->\n\n"


def pages() -> dict[str, str]:
    """Every generated file by its name."""
    made = {
        "commands.md": commands(),
        "configuration.md": configuration(),
        "guards.md": guards(),
        "exit-codes.md": exit_codes(),
        "plan.md": plan(),
    }
    return {**{name: NOTE + text for name, text in made.items()}, "plan.schema.json": dumped(plan_schema())}


# Commands -------------------------------------------------------------------------------------------------------------


def commands() -> str:
    """Every command with every argument and option."""
    parts = ["# Commands\n\n`trueup COMMAND --help` says the same.\n\n", table(("command", ""), command_rows())]
    shared = [(names(one), one.help or "") for one in SHARED]
    parts.append(
        f"\n## Options of every command\n\nThey stand before the command's name or after it.\n\n{table(('option', ''), shared)}"
    )
    app = build()
    with click.Context(app, info_name="trueup") as ctx:
        parts += [part for name in app.list_commands(ctx) for part in sections(name, app.get_command(ctx, name), ctx)]
    parts.append(ENVIRONMENT)
    return "".join(parts)


ENVIRONMENT = """
## Environment

| variable | |
|---|---|
| `NO_COLOR` | no colours ([no-color.org](https://no-color.org)); without a terminal there are none anyway |
| `TRUEUP_DEBUG` | an error shows where in the code it was raised; please send this with a report |
"""


def command_rows() -> Iterator[tuple[str, str]]:
    for one in COMMANDS:
        yield f"[`{one.name}`](#trueup-{one.name})", one.help


def sections(name: str, command: click.Command | None, parent: click.Context) -> Iterator[str]:
    """A command, and those below it; of several that are alike, one, under the name NAME."""
    assert command is not None
    ctx = click.Context(command, info_name=name, parent=parent)
    yield section(command, ctx)
    if not isinstance(command, click.Group):
        return
    alike = getattr(command, "alike", ())
    for below in command.list_commands(ctx):
        if below not in alike[1:]:
            shown = "NAME" if below in alike else below
            yield from sections(shown, command.get_command(ctx, below), ctx)


def section(command: click.Command, ctx: click.Context) -> str:
    """One command."""
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    text = f"\n## {ctx.command_path}\n\n```\n{usage}\n```\n\n{inspect.cleandoc(command.help or '')}\n"
    common = {*(option.name for option in SHARED), "help"}
    own = [one for one in command.params if one.name not in common]
    rows = [(names(one), described(one)) for one in own]
    return text + (f"\n{table(('', ''), rows)}" if rows else "")


def names(one: click.Parameter) -> str:
    """`-c`, `--config FILE`"""
    if isinstance(one, click.Argument):
        return f"`{(one.name or '').upper()}`"
    flag = isinstance(one, click.Option) and one.is_flag
    metavar = "" if flag else f" {one.metavar or getattr(one.type, 'name', 'value').upper()}"
    if isinstance(one.type, click.Choice) and not one.metavar:
        metavar = f" [{' / '.join(one.type.choices)}]"
    return ", ".join(f"`{name}{metavar}`" for name in sorted(one.opts, key=len))


def described(one: click.Parameter) -> str:
    """Its help, and its default where one is to be told; fails where it has none."""
    text = str(getattr(one, "help", "") or "")
    assert text, f"{one.name} has no help"
    default = one.default if isinstance(one.default, str | int) and not isinstance(one.default, bool) else None
    return f"{text} Default: {default}." if default is not None else text


# Configuration --------------------------------------------------------------------------------------------------------


def configuration() -> str:
    """Every key of trueup.yaml."""
    return "".join(
        (
            "# trueup.yaml\n\nFound in the current folder or the nearest one above, or named with `-c`. YAML 1.2 in UTF-8; ",
            "`trueup validate` tells every mistake with its line and column. A path is taken from the folder of the file.\n\n",
            key_table(key for key in keys(ConfigModel)),
            "\nA **duration** is `90s`, `10m`, `1h`, `30d`, `2w`, `2y` or `1h 30m` (a year has 365.25 days; a bare number is seconds). ",
            "A **percentage** is `50%` or `0.5`. A **switch** is `on` or `off`.\n",
            "\n## Secrets\n\nA password or token, and `ledger`, may be named instead of written:\n\n",
            key_table(keys(SecretModel), required=False),
            "\nExactly one of them. It is looked up when a store is first used, is never kept and never printed.\n",
            "\n## Stores\n\n`stores:` has a name for each account or place, with its `connector` and the options of that connector. ",
            f"For every connector: `{WORKERS_KEY}`, a whole number (default {WORKERS}): {WORKERS_HELP}.\n",
            *(connector(one) for one in connectors().values()),
            "\n## Jobs: calendars\n\nEither `collections`, or `from` and `to`.\n\n",
            key_table(_apart(JobModel)),
            "\nHow conflicts are decided: [explanation/merge.md](../explanation/merge.md). What guards look at: [guards.md](guards.md).\n",
            "\n## Jobs: contacts\n\nEither `collections`, or `from` and `to`. What the words mean: ",
            "[explanation/contacts.md](../explanation/contacts.md).\n\n",
            key_table(_apart(ContactsJobModel)),
            f"\nFields of `truth` and `blanks`: {', '.join(f'`{one}`' for one in FIELDS)}; ",
            'or a property by its own name in capitals (`X-SKYPE`); `"*"` is for all others.\n',
            "\n### Rules of quality\n\n`quality:` of a job of contacts, a list of rules; each demands one of ",
            f"{', '.join(f'`{one}`' for one in quality.TESTS)}, or has a `fix`. How they work: ",
            "[how-to/data-quality.md](../how-to/data-quality.md).\n\n",
            key_table(keys(RuleModel)),
            "\n### Mapping\n\n`mapping:` of a table in a contacts job: a column's name for each property, or more about the column (below). "
            "[how-to/contacts-tables.md](../how-to/contacts-tables.md)\n\n",
            key_table(one for one in keys(MappingModel) if not re.search(r"[.]", one.path)),
            "\n### Columns of a mapping\n\nIn the place of a column's name: `{column: …}`, and what goes with it.\n\n",
            key_table(
                [
                    *keys(NameModel),
                    *(one for one in keys(DateModel) if one.path == "format"),
                    *(one for one in keys(PhotoModel) if one.path == "as"),
                    *(one for one in keys(LineModel) if one.path.startswith("type")),
                ]
            ),
            "\nAn address has a column for each of its parts:\n\n",
            key_table(one for one in keys(AddressModel) if "." not in one.path),
            f"\nFields of rules: {', '.join(f'`{one}`' for one in quality.WORDS)}; or a property by its own name in capitals.\n",
            "\n### guards.profile\n\nA load that is unlike the last one. `volume: block` is short for `volume: {action: block}`.\n\n",
            key_table(one for one in keys(ProfileGuardModel) if "." not in one.path),
            "\nOf each kind of anomaly:\n\n",
            key_table(keys(AnomalyModel)),
            "\n## Jobs: backups\n\nHow they work: [explanation/backups.md](../explanation/backups.md). ",
            "A **size** is `10MB`, `1.5GiB` or a number of bytes.\n\n",
            key_table(_apart(BackupJobModel)),
            "\n### Sources\n\nExactly one of `postgresql`, `mariadb`, `sqlite`, `path`, `collections`, `command` and `ledger`.\n\n",
            key_table(keys(SourceModel)),
            "\n## Pipelines\n\nWhat the words mean: [pipelines.md](pipelines.md).\n\n",
            key_table(_apart(PipelineModel)),
            "\n### Steps\n\nExactly one of `job`, `python` and `pipeline`.\n\n",
            key_table(keys(StepModel)),
            "\n### Parameters\n\n",
            key_table(keys(ParamModel)),
            "\n## Schedules\n\n`schedule:` of a job or pipeline; exactly one of `cron`, `every` and `calendar`. ",
            "`trueup serve` runs it, or an engine; ",
            "`trueup schedule` shows what is to come. How it works: [how-to/schedules.md](../how-to/schedules.md), ",
            "[how-to/calendar-driven.md](../how-to/calendar-driven.md).\n\n",
            key_table(keys(ScheduleModel)),
            "\n## Triggers\n\n`triggers:` of a job or pipeline, a list; each has exactly one of `file`, `http` and `after`.\n\n",
            key_table(keys(TriggerModel)),
        )
    )


_SECTIONS = {
    **{f"{one}[].mapping": "[Mapping](#mapping)" for one in ("collections", "from", "to")},
    "schedule": "[Schedules](#schedules)",
    "triggers": "[Triggers](#triggers)",
    "quality": "[Rules](#rules-of-quality)",
    "guards.profile": "[limits](#guardsprofile)",
}


def _apart(model: type[BaseModel]) -> Iterator[Key]:
    """The keys of a job or pipeline; what is below `schedule` and `triggers` has sections of its own."""
    for one in keys(model):
        if not one.path.startswith(tuple(f"{path}{mark}" for path in _SECTIONS for mark in (".", "[]."))):
            section = _SECTIONS.get(one.path)
            yield dataclasses.replace(one, description=f"{one.description}: {section}") if section else one


def connector(one: Any) -> str:
    """A connector's options."""
    rows = []
    for option in one.options:
        assert option.help, f"option {option.name} of {one.name} has no help"
        default = {float: lambda value: f"`{value:g}s`", bool: lambda value: "`on`" if value else "`off`"}
        shown = "**required**" if option.required else ""
        if option.default is not None:
            shown = default.get(type(option.default), lambda value: f"`{value}`")(option.default)
        words = {"str": "text", "int": "whole number", "bool": "on or off", "words": "text or list of texts"}
        kind = words.get(option.type, option.type)
        rows.append((f"`{option.name}`", kind, shown, option.help))
    return f"\n### {one.name}\n\n{one.help}.\n\n{table(('option', 'type', 'default', ''), rows)}"


def key_table(found: Iterable[Key], *, required: bool = True) -> str:
    rows = []
    for one in found:
        assert one.description, f"{one.path} has no description"
        default = f"`{one.default}`" if one.default else "**required**" if one.required and required else ""
        rows.append((f"`{one.path}`", one.type, default, one.description))
    return table(("key", "type", "default", ""), rows)


# Guards, exit codes ---------------------------------------------------------------------------------------------------


def guards() -> str:
    """What stops a run."""
    head = inspect.cleandoc(guard.__doc__ or "").partition("\n\n")[2].replace("\n", " ")
    return (
        "# Guards\n\nA guard blocks a plan until a person allows it. Nothing is changed; the run ends as *awaiting approval* "
        f"(exit 4) and says how to allow this one.\n\n{head}\n\n{key_table(keys(GuardsModel))}\n"
        "A job of contacts has one more, `profile`: what is read is unlike the last load in volume, empty fields, forms of values and more; see "
        "[limits](configuration.md#guardsprofile) and [how-to/data-quality.md](../how-to/data-quality.md).\n\n"
        "Both directions count: what a plan would delete from a collection, and what vanished from one. Below 5 changes the two "
        "shares say nothing: one of two events deleted is no disaster. `max_delete: 50%` keeps the number of 1000 beside it; "
        "`max_delete: 200` alone takes the share away.\n\n"
        "`trueup apply RUN --allow max_delete` applies exactly the plan that was shown; `--allow all` allows every guard that fired. "
        "`trueup resolve JOB --restore STORE/NAME` brings back what vanished by mistake.\n"
    )


MEANINGS = {
    ExitCode.DONE: "done, or nothing to do",
    ExitCode.FAILED: "failed; the message says why",
    ExitCode.CHANGES: "`plan --exit-code`: there is something to do",
    ExitCode.PARTIAL: "partly done: an item was refused, or a store could not be read; the rest is done. `verify`: the sides differ",
    ExitCode.BLOCKED: "a guard asks for a person's word, or the plan is stale; nothing was changed",
    ExitCode.CONFLICT: "a conflict or a question needs a person: `trueup resolve JOB`",
    ExitCode.NOT_INITIALISED: "there is no trueup.yaml: `trueup init`",
    ExitCode.LOCKED: "another process works on this job",
    ExitCode.LOGIN_REFUSED: "a login was refused, or a password is not where the configuration says",
    ExitCode.USAGE: "the command line does not fit",
    ExitCode.BUG: "a mistake of trueup's own; please report it",
    ExitCode.TEMPORARY: "temporary: no store to compare could be reached; trying again later may help",
    ExitCode.CANCELLED: "stopped by Ctrl-C or SIGTERM; what was under way is recorded, and the next run goes on from there",
}


def exit_codes() -> str:
    """What trueup answers to the shell, and which errors lead there."""
    tree = re.findall(r"── (\w+)\s{2,}(.+?)\s+(\d+)$", errors.__doc__ or "", re.M)
    rows = [(f"{code.value}", MEANINGS[code]) for code in ExitCode]
    rows.append((f"{PIPE_CLOSED}", "who was to read the output went away (`trueup plan team | head`)"))
    kinds = [(f"`{name}`", what.strip(), code) for name, what, code in tree]
    return (
        f"# Exit codes\n\n{table(('code', 'meaning'), rows)}\n"
        "Where fewer than two collections of a job could be read there is nothing to compare: then 12 or 75 says why. Else one that "
        "cannot be read makes it 3, and the others are kept in step.\n\n## Errors\n\n"
        "An error goes to standard error as text: what, where, `why:`, `do:`. With `--json` it is the one document on standard output, "
        'with `--json-lines` the last line (`"event": "error"`):\n\n'
        f"```json\n{json.dumps(EXAMPLE_ERROR, indent=2, ensure_ascii=False)}\n```\n\n{table(('type', '', 'exit code'), kinds)}"
    )


EXAMPLE_ERROR = {
    "error": {
        **errors.NotFound("there is no job `taem`", hint="did you mean `team`?").to_json(),
        "findings": [],
    },
    "exit_code": 1,
}


# The plan's JSON ------------------------------------------------------------------------------------------------------


def plan() -> str:
    """The JSON of `plan --json`."""
    actions = [(f"`{one.value}`", f"`{one.sign}`", inspected(Action, one.value)) for one in Action]
    states = [(f"`{one.value}`",) for one in ChangeState]
    return (
        f"# The plan's JSON, version {PLAN_VERSION}\n\n`trueup plan JOB --json` prints one object: the plan's header with its `changes`. "
        "`--json-lines` prints the changes one by one and the header last. The text a person sees is made from the same. "
        "[plan.schema.json](plan.schema.json) is its JSON Schema (2020-12).\n\n"
        "Members may be added without a new version; a program should ignore what it does not know. What is empty is left out of a change.\n\n"
        f"## Header\n\n{member_table(Plan, PLAN_EXTRA)}\n## A change\n\n{member_table(Change, CHANGE_EXTRA)}\n"
        f"### Actions\n\n{table(('action', 'sign', ''), actions)}\n"
        f"### States of a change\n\n{inspect.cleandoc(ChangeState.__doc__ or '').partition(chr(10) * 2)[2]}\n\n{table(('state',), states)}"
    )


PLAN_EXTRA = {
    "version": f"version of this format: {PLAN_VERSION}.",
    "state": f"the run's state: {', '.join(one.value for one in RunState)}.",
    "kind": "run or undo.",
    "changes": "the changes, in order of `seq`.",
}
CHANGE_EXTRA = {
    "state": "its place in the journal.",
    "result": "what came of it.",
}
_ACTIONS = {
    "create": "an item is made in a collection",
    "update": "an item is changed in place",
    "delete": "an item is removed",
    "link": "the sides agree already; nothing is written",
    "conflict": "the sides contradict each other",
    "skip": "the item is left alone, with the reason",
}


def inspected(kind: type, value: str) -> str:
    assert kind is Action
    return _ACTIONS[value]


def member_table(kind: type, extra: dict[str, str]) -> str:
    described = {**attributes(kind), **extra}
    known = [one.name for one in dataclasses.fields(kind)] + list(extra)
    return table(("member", ""), [(f"`{name}`", described[name]) for name in known])


def attributes(kind: type) -> dict[str, str]:
    """The descriptions in a docstring's "Attributes:", by name; "title, starts: …" describes two."""
    text = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")[2]
    found: dict[str, str] = {}
    for block in re.split(r"\n(?=    \w)", "\n" + text)[1:]:
        heads, _, what = block.strip().partition(":")
        for head in heads.split(","):
            found[head.strip()] = " ".join(what.split())
    return found


def plan_schema() -> dict[str, Any]:
    """The JSON Schema of `plan --json`, from the dataclasses."""
    schema = TypeAdapter(Plan).json_schema()
    change = TypeAdapter(Change).json_schema(ref_template="#/$defs/{model}")
    definitions = {**schema.pop("$defs"), **change.pop("$defs")}
    state = {"enum": [one.value for one in ChangeState], "description": CHANGE_EXTRA["state"]}
    change["properties"] |= {"state": state, "result": {"type": "object", "description": CHANGE_EXTRA["result"]}}
    schema["properties"] |= {
        "version": {"const": PLAN_VERSION, "description": PLAN_EXTRA["version"]},
        "state": {"enum": [one.value for one in RunState], "description": "the run's state."},
        "kind": {"enum": ["run", "undo"], "description": PLAN_EXTRA["kind"]},
        "changes": {"type": "array", "items": {"$ref": "#/$defs/Change"}, "description": PLAN_EXTRA["changes"]},
    }
    schema["required"] = sorted({*(one.name for one in dataclasses.fields(Plan)), "version", "state", "changes"})
    for kind, one in ((Plan, schema), (Change, change)):
        one["additionalProperties"] = False
        one.pop("description", None)
        for name, what in attributes(kind).items():
            one["properties"][name]["description"] = what
        for value in one["properties"].values():
            value.pop("title", None), value.pop("default", None)
    title = f"A plan of trueup, version {PLAN_VERSION}"
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    return {
        **head,
        **{key: one for key, one in schema.items() if key != "title"},
        "$defs": {**definitions, "Change": change},
    }


# Writing --------------------------------------------------------------------------------------------------------------


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    escaped = ([cell.replace("|", r"\|").replace("\n", " ") for cell in line] for line in lines)
    return "".join("|" + "|".join(f" {cell} " if cell != "---" else cell for cell in line) + "|\n" for line in escaped)


def dumped(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def stale(folder: Path = FOLDER) -> list[str]:
    """The names of the pages that are not what the code says."""
    made = pages()
    files = {path.name: path.read_text("utf-8") for path in folder.iterdir() if path.name not in BY_HAND}
    return sorted(name for name in {*made, *files} if made.get(name) != files.get(name))


def main(arguments: list[str]) -> int:
    """Writes the pages, or says which are not current; returns the exit code."""
    if "--check" in arguments:
        for name in stale():
            print(f"docs/reference/{name} is not current: make docs")
        return 1 if stale() else 0
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
