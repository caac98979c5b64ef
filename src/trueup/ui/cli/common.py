"""What all commands share: options, opening the configuration, and how results are put out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout, suppress
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import click

from trueup.model.errors import ExitCode, TrueupError

if TYPE_CHECKING:
    from trueup.app import App
    from trueup.engines.embedded import Stop


_P = ParamSpec("_P")

SHARED: tuple[click.Option, ...] = (
    click.Option(
        ["--config", "-c"],
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The configuration file or its folder; default: trueup.yaml here or above.",
    ),
    click.Option(["--json"], is_flag=True, help="Print one JSON document."),
    click.Option(
        ["--json-lines"],
        is_flag=True,
        help="Print what happens as it happens, a JSON object a line; the last one is the result.",
    ),
    click.Option(["--no-input"], is_flag=True, help="Ask nothing, even at a terminal."),
    click.Option(["--quiet", "-q"], is_flag=True, help="Print only what needs you."),
    click.Option(["--verbose", "-v"], is_flag=True, help="Print everything."),
)
"""Options of every command; they may stand before the command's name or after it."""


@dataclass(frozen=True)
class Common:
    """What was given of the options of every command."""

    config: Path | None = None
    json: bool = False
    json_lines: bool = False
    no_input: bool = False
    quiet: bool = False
    verbose: bool = False

    @property
    def for_programs(self) -> bool:
        """Whether a program reads the output."""
        return self.json or self.json_lines

    @property
    def may_ask(self) -> bool:
        """Whether there is a person to ask."""
        return not self.no_input and not self.for_programs and sys.stdin.isatty()

    def load(self, *, checked: bool = False) -> App:
        """Opens the configuration; `checked`: with its warnings."""
        from trueup.app import App

        return App.load(self.config, checked=checked)

    @contextmanager
    def working(self) -> Iterator[tuple[App, Progress, Stop]]:
        """The application, somebody to tell what happens, and a `Stop` that Ctrl-C asks."""
        from trueup.engines.embedded import stop_on_signals

        with self.load() as app, stop_on_signals() as stop, stop.listening(stopping):
            yield app, Progress(self), stop

    def prints_aside(self) -> AbstractContextManager[object]:
        """While a program reads the output, what the user's functions print goes to the standard error."""
        return redirect_stdout(sys.stderr) if self.for_programs else nullcontext()

    def put(self, value: Any) -> None:
        """Puts out a result for programs."""
        from trueup.ui.cli.render import json

        print(json.line({"event": "result", **value}) if self.json_lines else json.document(value), flush=True)


def shared(function: Callable[Concatenate[Common, _P], int]) -> Callable[_P, int]:
    """For a command's function: takes the shared options, and hands them over as the first argument."""
    names = [one.name for one in fields(Common)]

    @wraps(function)
    def called(*args: _P.args, **kwargs: _P.kwargs) -> int:
        before = click.get_current_context().find_root().params
        given: dict[str, Any] = {name: kwargs.pop(name) or before.get(name) for name in names}
        return function(Common(**given), *args, **kwargs)

    # Click gathers a command's parameters here, from the last to the first.
    called.__click_params__ = [*reversed(SHARED)]  # type: ignore[attr-defined]
    return called


def job_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The jobs that a word may be completed to."""
    return [name for name in _names(ctx, "jobs") if name.startswith(incomplete)]


def run_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The jobs and pipelines that a word may be completed to."""
    return [name for name in (*_names(ctx, "jobs"), *_names(ctx, "pipelines")) if name.startswith(incomplete)]


def pipeline_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The pipelines that a word may be completed to."""
    return [name for name in _names(ctx, "pipelines") if name.startswith(incomplete)]


def store_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The stores that a word may be completed to."""
    return [name for name in _names(ctx, "stores") if name.startswith(incomplete)]


def _names(ctx: click.Context, section: str) -> list[str]:
    try:
        common = Common(config=ctx.params.get("config") or ctx.find_root().params.get("config"))
        return list(getattr(common.load().config, section))
    except TrueupError:  # nothing to offer is no reason to disturb a person who is typing
        return []


def stopping() -> None:
    """Says that Ctrl-C was heard. Comes from a signal handler: it must not wait for a stream that is being written to."""
    text = "\nStopping as soon as what is under way is recorded. Once more stops at once; that loses nothing either.\n"
    with suppress(OSError):
        os.write(2, text.encode())


class Progress:
    """Told what happens; shows it in the way that was asked for."""

    def __init__(self, common: Common) -> None:
        self._common = common
        told = not common.quiet and not common.for_programs
        self._live = told and sys.stderr.isatty()
        self._lines = told and not self._live and common.verbose
        self._width = 0
        self._out = sys.stdout  # as it is now: what the user's functions print is turned aside later

    def __call__(self, event: dict[str, Any]) -> None:
        """Shows one event."""
        if self._common.json_lines:
            from trueup.ui.cli.render import json

            print(json.line(event), file=self._out, flush=True)
        elif event.get("event") == "note":  # nothing that stops the work, and nobody else says it
            from trueup.ui.cli.render.terminal import safe

            self.end()
            print(safe(f"note: {event['what']}"), file=sys.stderr, flush=True)
        elif self._live or self._lines:
            from trueup.ui.cli.render.progress import line

            if text := line(event):
                self._show(text)

    def _show(self, text: str) -> None:
        """A line that the next one is written over; where there is no terminal, a line of its own."""
        if self._lines:
            print(text, file=sys.stderr, flush=True)
            return
        from shutil import get_terminal_size

        from trueup.ui.cli.render.terminal import cut, width

        text = cut(text, get_terminal_size().columns - 1)
        print("\r" + text + " " * (self._width - width(text)), end="", file=sys.stderr, flush=True)
        self._width = width(text)

    def end(self) -> None:
        """Clears the live line."""
        if self._width:
            print("\r" + " " * self._width + "\r", end="", file=sys.stderr, flush=True)
            self._width = 0


STATES = {
    "done": ExitCode.DONE,
    "planned": ExitCode.DONE,
    "partial": ExitCode.PARTIAL,
    "conflict": ExitCode.CONFLICT,
    "awaiting_approval": ExitCode.BLOCKED,
    "failed": ExitCode.FAILED,
}


def exit_code(report: dict[str, Any]) -> int:
    """The exit code of a run that ended like this.

    Where fewer than two collections could be read there was nothing to compare, and the code says why: a refused login, or a
    trouble that may pass. Else what cannot be read makes the run a partial one.
    """
    readings = report.get("readings", [])
    unread = [one for one in readings if not one.get("read", True)]
    if unread and len(readings) - len(unread) < 2:
        if any(one.get("login") for one in unread):
            return int(ExitCode.LOGIN_REFUSED)
        if all(one.get("error", {}).get("type") == "Transient" for one in unread):
            return int(ExitCode.TEMPORARY)
    return int(STATES.get(str(report.get("state")), ExitCode.FAILED))


def confirm(question: str) -> bool:
    """Asks a person (see `Common.may_ask`)."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
