"""The command line: which commands there are, and how an error is told. A command's module is imported when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from trueup import __version__
from trueup.model.errors import Bug, ExitCode, TrueupError, UsageError
from trueup.ui.cli.commands import COMMANDS, HELP, overview
from trueup.ui.cli.common import SHARED
from trueup.ui.cli.completion import VARIABLE


class Commands(click.Group):
    """All commands, each imported when it is called: a command costs what it needs and no more."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order of the overview."""
        return [one.name for one in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        found = getattr(import_module(f"trueup.ui.cli.{cmd_name}"), cmd_name)
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, which takes what comes close from the commands that are imported already."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(error.command_name, possibilities=self.list_commands(ctx)) from None

    def get_help(self, ctx: click.Context) -> str:
        """What `trueup --help` prints."""
        return overview()


def build() -> Commands:
    """The command line, with nothing but names so far."""
    app = Commands(
        name="trueup",
        help=HELP,
        params=[*SHARED],
        context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 110},
    )
    return click.version_option(__version__, "--version", "-V", message="trueup %(version)s")(app)


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and returns its exit code."""
    _survive_any_title()
    try:
        if VARIABLE in os.environ:
            return _complete(os.environ[VARIABLE])
        app = build()
        # Not `app.main`, which has an exit code of its own for a reader that went away.
        with app.make_context("trueup", list(arguments)) as ctx:
            result = app.invoke(ctx)
        sys.stdout.flush()
        return int(result or 0)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        return _tell(_usage(error), arguments)
    except TrueupError as error:
        return _tell(error, arguments)
    except (KeyboardInterrupt, EOFError, click.Abort):
        print("\nStopped. Nothing half-done is lost: run it again.", file=sys.stderr)
        return ExitCode.CANCELLED
    except BrokenPipeError:
        raise  # `trueup.__main__` knows what to do
    except OSError as error:
        return _tell(_refused(error), arguments)
    except Exception as error:
        return _tell(_bug(error), arguments)


def _complete(instruction: str) -> int:
    from click.shell_completion import shell_complete

    return shell_complete(build(), {}, "trueup", VARIABLE, instruction)


def _tell(error: TrueupError, arguments: Sequence[str]) -> int:
    """What, where, why, what to do, on the standard error; for a program that asked for JSON, on the standard output."""
    if os.environ.get("TRUEUP_DEBUG"):
        import traceback

        traceback.print_exception(error)
    from trueup.ui.cli.render import errors, json

    if json.wanted(arguments):
        print(json.error(error, arguments), flush=True)
    else:
        for line in errors.error_lines(error):
            print(line, file=sys.stderr)
    return int(error.exit_code)


def _refused(error: OSError) -> TrueupError:
    """A full disk, a missing permission: nobody's mistake, and nothing to report."""
    why = error.strerror or str(error)
    hint = "nothing half-done is lost: mend it and run it again (TRUEUP_DEBUG=1 shows where it was)"
    return TrueupError("the system refused", where=str(error.filename or ""), why=why, hint=hint)


def _bug(error: Exception) -> Bug:
    why = f"{type(error).__name__}: {error}"
    hint = "this is our mistake: please report it where you got trueup from, with what TRUEUP_DEBUG=1 prints. Nothing half-done is lost: run it again"
    bug = Bug("something went wrong that should not have", why=why, hint=hint)
    bug.__cause__ = error
    return bug


def _usage(error: click.ClickException) -> UsageError:
    """A command line that does not fit, in our words."""
    text = " ".join(error.format_message().split())
    ctx = getattr(error, "ctx", None)
    command = ctx.command_path if ctx is not None else "trueup"
    return UsageError(text[:1].lower() + text[1:].rstrip("."), hint=f"{command} --help")


def _survive_any_title() -> None:
    """A title that the terminal's encoding cannot show must not end the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
