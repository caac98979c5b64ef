"""`trueup engine`: jobs and pipelines on an orchestrator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from trueup.model.errors import ExitCode, UsageError
from trueup.ui.cli.common import Common, shared

if TYPE_CHECKING:
    from trueup.engines.base import Engine

ENGINES = {"prefect": "prefect", "temporal": "temporalio", "airflow": "airflow"}
"""The package each engine is, by the engine's name, which is also that of the extra and of the adapter's module."""

_END = (ExitCode.DONE, ExitCode.PARTIAL, ExitCode.TEMPORARY)  # from good to bad


class EngineCommands(click.Group):
    """`status`, and the commands of each engine: the same three for all of them.

    Attributes:
        alike: the engines' names; the reference shows the commands of one as those of NAME.
    """

    alike = tuple(ENGINES)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The engines, and what is about all of them."""
        return [*ENGINES, "status"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The commands of an engine, or `status`."""
        if cmd_name in ENGINES:
            help_text = f"Run jobs and pipelines on {cmd_name.capitalize()}."
            return click.Group(cmd_name, [_deploy(cmd_name), _worker(cmd_name), _serve(cmd_name)], help=help_text)
        return super().get_command(ctx, cmd_name)


@click.group(cls=EngineCommands)
def engine() -> None:
    """Run jobs and pipelines on Prefect, Temporal or Apache Airflow."""


@engine.command
@click.argument("name", type=click.Choice(tuple(ENGINES)), required=False, help="Only this engine.")
@click.option("--fix", is_flag=True, help="Repair what differs.")
@shared
def status(common: Common, name: str | None, fix: bool) -> int:
    """Compare what an engine has with trueup.yaml, and show the last runs there.

    Without a name: every engine that is installed. Exit code 3 where something differs, 75 where an engine does not answer.
    """
    config = _config(common)
    found = []
    for one in [name] if name else _installed():
        adapter = _adapter(one)
        state = adapter.status(config)
        if fix and state["reachable"] and _differs(state):
            fixed = adapter.fix(config, state)
            state = {**adapter.status(config), "fixed": fixed}
        found.append(state)
    if common.for_programs:
        common.put({"engines": found})
    else:
        from trueup.ui.cli.render.engines import none_lines, status_lines

        lines = (line for one in found for line in status_lines(one, quiet=common.quiet))
        for line in lines if found else none_lines(ENGINES):
            print(line)
    return int(max(map(_code, found), key=_END.index, default=ExitCode.DONE))


def _code(state: dict[str, Any]) -> ExitCode:
    if not state["reachable"]:
        return ExitCode.TEMPORARY
    return ExitCode.PARTIAL if _differs(state) else ExitCode.DONE


def _differs(state: dict[str, Any]) -> bool:
    return any(one["state"] != "ok" for one in state["units"])


_worker_options = click.argument(
    "options",
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="[--OPTION VALUE]...",
    help="What this engine's worker takes (see the how-to of the engine).",
)


def _deploy(name: str) -> click.Command:
    @click.command
    @shared
    def deploy(common: Common) -> int:
        """Make what the engine has (deployments, schedules, a DAG file) equal to trueup.yaml."""
        _deployed(common, name)
        return ExitCode.DONE

    return deploy


def _worker(name: str) -> click.Command:
    @click.command(context_settings={"ignore_unknown_options": True})
    @_worker_options
    @shared
    def worker(common: Common, options: tuple[str, ...]) -> int:
        """Do the engine's work in this process until it is stopped (Ctrl-C, SIGTERM)."""
        _adapter(name).worker(_config(common), **dict(_pairs(options)))
        return ExitCode.DONE

    return worker


def _serve(name: str) -> click.Command:
    @click.command(context_settings={"ignore_unknown_options": True})
    @_worker_options
    @shared
    def serve(common: Common, options: tuple[str, ...]) -> int:
        """Deploy, then do the engine's work in this process until it is stopped (Ctrl-C, SIGTERM)."""
        given = dict(_pairs(options))
        _deployed(common, name)
        _adapter(name).worker(_config(common), **given)
        return ExitCode.DONE

    return serve


def _deployed(common: Common, name: str) -> None:
    def told(event: dict[str, Any]) -> None:
        if common.json_lines:
            from trueup.ui.cli.render import json

            print(json.line(event), flush=True)

    result = _adapter(name).deploy(_config(common), on_event=told)
    if common.for_programs:
        common.put(result)
        return
    from trueup.ui.cli.render.engines import deploy_lines

    for line in deploy_lines(result, quiet=common.quiet):
        print(line)


def _config(common: Common) -> str:
    """The absolute path of trueup.yaml, which is good."""
    with common.load() as app:
        return str(app.config.path.absolute())


def _installed() -> list[str]:
    return [name for name, package in ENGINES.items() if find_spec(package) is not None]


def _adapter(name: str) -> Engine:
    """The adapter of an engine.

    Raises:
        UsageError: its package is not installed.
    """
    hint = f'pip install "trueup[{name}]", in an environment of its own'
    if find_spec(ENGINES[name]) is None:
        raise UsageError(f"{name} is not installed here", why=f"there is no package {ENGINES[name]}", hint=hint)
    try:
        found: Engine = import_module(f"trueup.engines.{name}").ENGINE
    except ImportError as error:
        raise UsageError(f"{name} cannot be used here", why=str(error), hint=hint) from error
    return found


def _pairs(options: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """`--store-rate a=1 --store-rate b=2 --threads 8` as {"store_rate": ["a=1", "b=2"], "threads": "8"}.

    What is given several times, or is a pair itself and may be, is a list.
    """
    found: dict[str, list[str]] = {}
    words = iter(_split(options))
    for name in words:
        value = next(words, None)
        if not name.startswith("--") or value is None:
            raise UsageError(f"{name} is no option with a value", hint="--NAME VALUE")
        found.setdefault(name[2:].replace("-", "_"), []).append(value)
    for name, values in found.items():
        yield name, values if len(values) > 1 or "=" in values[0] else values[0]


def _split(options: Iterable[str]) -> Iterator[str]:
    """`--threads=8` as `--threads`, `8`."""
    for one in options:
        name, equals, value = one.partition("=")
        yield from (name, value) if equals and name.startswith("--") else (one,)
