"""`trueup init`."""

from __future__ import annotations

from pathlib import Path

import click

from trueup.model.errors import ConfigError, UsageError, UserError
from trueup.ui.cli.common import Common, shared

IGNORED = (".trueup/", "*.secret")


@click.command
@click.argument(
    "folder", type=click.Path(path_type=Path), required=False, help="Where to; default: the current folder."
)
@shared
def init(common: Common, folder: Path | None) -> int:
    """Ask a few questions and write a commented trueup.yaml. Reads from the stores you name, and never writes to them.

    With --no-input nothing is asked: an example that explains every key is written.
    """
    from trueup.app import connectors
    from trueup.config import FILE_NAME
    from trueup.config.sample import sample, written

    target = (folder or Path.cwd()) / FILE_NAME
    if target.exists():
        raise UsageError(f"{target} is there already", hint="change it by hand, or move it away first")
    if not target.parent.is_dir():
        raise UsageError(f"{target.parent} is no folder", hint="make it first")
    types = connectors()
    if common.no_input:
        text = sample(types)
    elif common.may_ask:
        from trueup.ui.cli.wizard import ask

        text = written(*ask(types, target.parent))
    else:
        raise UsageError("there is nobody to ask", hint="trueup init --no-input writes an example to edit")
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
        _ignore(target.parent / ".gitignore")
    except OSError as error:
        raise UserError(f"{target} cannot be written", why=error.strerror or str(error)) from error
    _look(target)
    if common.for_programs:
        common.put({"written": str(target)})
    else:
        print(f"{target} is written. Next: trueup validate, trueup doctor, trueup plan JOB")
    return 0


def _look(target: Path) -> None:
    """What `validate` would say, at once: an answer may have been wrong."""
    from trueup.app import App

    try:
        with App.load(target, checked=True) as app:
            app.validate()
    except ConfigError as error:
        hint = f"{target} is written all the same: mend it there. {error.hint}"
        raise ConfigError(error.what, where=error.where, why=error.why, hint=hint.strip()) from error


def _ignore(path: Path) -> None:
    """Keeps the ledger and secrets out of version control; lines that are there stay."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    missing = [one for one in IGNORED if one not in lines]
    if missing:
        path.write_text("\n".join([*lines, *missing]) + "\n", encoding="utf-8")
