"""The command line: which commands there are, and how an error is told. A command's module is imported when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import cyclopts

from trueup import __version__
from trueup.model.errors import Bug, ExitCode, TrueupError, UsageError
from trueup.ui.cli.commands import COMMANDS, HELP


def build() -> cyclopts.App:
    """The command line, with nothing but names so far."""
    app = cyclopts.App(
        name="trueup",
        help=HELP,
        version=f"trueup {__version__}",
        version_flags=["--version", "-V"],
        help_format="plaintext",
        help_formatter="plain",
    )
    for command in COMMANDS:
        app.command(f"trueup.ui.cli.{command.name}:{command.name}", name=command.name, help=command.help)
    return app


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and returns its exit code."""
    _speak_utf8()
    try:
        # A command returns its exit code.
        result = build()(
            list(arguments), exit_on_error=False, print_error=False, result_action="return_value", help_on_error=False
        )
        sys.stdout.flush()
        return int(result or 0)
    except cyclopts.CycloptsError as error:
        return _tell(
            UsageError(_sentence(error), hint="trueup --help lists the commands, trueup COMMAND --help its options")
        )
    except TrueupError as error:
        return _tell(error)
    except KeyboardInterrupt:
        print("\nStopped. Nothing half-done is lost: run it again.", file=sys.stderr)
        return ExitCode.CANCELLED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except Exception as error:
        if os.environ.get("TRUEUP_DEBUG"):
            raise
        why = f"{type(error).__name__}: {error}"
        hint = "this is our mistake: please report it, with what TRUEUP_DEBUG=1 prints. Nothing half-done is lost: run it again"
        return _tell(Bug("something went wrong that should not have", why=why, hint=hint))


def _tell(error: TrueupError) -> int:
    """What, where, why, what to do, on the standard error."""
    from trueup.ui.cli.render.errors import error_lines

    if os.environ.get("TRUEUP_DEBUG"):
        raise error
    for line in error_lines(error):
        print(line, file=sys.stderr)
    return int(error.exit_code)


def _sentence(error: cyclopts.CycloptsError) -> str:
    try:
        text = " ".join(str(error).split())
    except ImportError as broken:
        raise Bug(f"a command is missing: {broken}") from broken
    return text[:1].lower() + text[1:].rstrip(".")


def _speak_utf8() -> None:
    """A title that the terminal's encoding cannot show must not end the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
