"""What all commands share: options, opening the configuration, and how results are put out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from trueup.model.errors import ExitCode

if TYPE_CHECKING:
    from trueup.app import App
    from trueup.engines.embedded import Stop


@Parameter(name="*")
@dataclass(frozen=True)
class Common:
    """Options of every command."""

    config: Annotated[Path | None, Parameter(name=["--config", "-c"])] = None
    "The configuration file or its folder; default: trueup.yaml here or above."

    json: Annotated[bool, Parameter(negative="")] = False
    "Print one JSON document."

    json_lines: Annotated[bool, Parameter(negative="")] = False
    "Print what happens as it happens, a JSON object a line; the last one is the result."

    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False
    "Print only what needs you."

    verbose: Annotated[bool, Parameter(name=["--verbose", "-v"], negative="")] = False
    "Print everything."

    @property
    def for_programs(self) -> bool:
        """Whether a program reads the output."""
        return self.json or self.json_lines

    def load(self) -> App:
        """Opens the configuration."""
        from trueup.app import App

        return App.load(self.config)

    @contextmanager
    def working(self) -> Iterator[tuple[App, Progress, Stop]]:
        """The application, somebody to tell what happens, and a `Stop` that Ctrl-C asks."""
        from trueup.engines.embedded import stop_on_signals

        with self.load() as app, stop_on_signals() as stop:
            yield app, Progress(self), stop

    def put(self, value: Any) -> None:
        """Puts out a result for programs."""
        if self.json_lines:
            print(json.dumps({"event": "result", **value}, ensure_ascii=False), flush=True)
        else:
            print(json.dumps(value, ensure_ascii=False, indent=2), flush=True)


class Progress:
    """Told what happens; shows it in the way that was asked for."""

    def __init__(self, common: Common) -> None:
        self._common = common
        self._live = sys.stderr.isatty() and not common.quiet and not common.for_programs
        self._width = 0

    def __call__(self, event: dict[str, Any]) -> None:
        """Shows one event."""
        if self._common.json_lines:
            print(json.dumps(event, ensure_ascii=False, default=str), flush=True)
        elif self._live:
            from trueup.ui.cli.render.progress import line

            self._show(line(event))

    def _show(self, text: str) -> None:
        if text:
            print("\r" + text[:110].ljust(self._width), end="", file=sys.stderr, flush=True)
            self._width = min(len(text), 110)

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
    """The exit code of a run that ended like this; a login that was refused is told apart from other failures."""
    readings = report.get("readings", [])
    unread = [one for one in readings if not one.get("read", True)]
    if unread and len(unread) == len(readings):
        return int(ExitCode.LOGIN_REFUSED if any(one.get("login") for one in unread) else ExitCode.TEMPORARY)
    return int(STATES.get(str(report.get("state")), ExitCode.FAILED))


def confirm(question: str) -> bool:
    """Asks a person; nobody there means no."""
    if not sys.stdin.isatty():
        return False
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
