"""`trueup init`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trueup.model.errors import UsageError
from trueup.ui.cli.common import Common

IGNORED = (".trueup/", "*.secret")


def init(
    folder: Path | None = None,
    /,
    *,
    no_input: Annotated[bool, Parameter(negative="")] = False,
    common: Common | None = None,
) -> int:
    """Ask a few questions and write a commented trueup.yaml. Reads from the stores you name, and never writes to them.

    Parameters
    ----------
    folder
        Where to; default: the current folder.
    no_input
        Ask nothing: write an example that explains every key.
    """
    common = common or Common()
    from trueup.app import connectors
    from trueup.config import FILE_NAME
    from trueup.config.sample import sample, written

    target = (folder or Path.cwd()) / FILE_NAME
    if target.exists():
        raise UsageError(f"{target} is there already", hint="change it by hand, or move it away first")
    if not target.parent.is_dir():
        raise UsageError(f"{target.parent} is no folder", hint="make it first")
    types = connectors()
    if no_input:
        text = sample(types)
    elif sys.stdin.isatty():
        from trueup.ui.cli.wizard import ask

        text = written(*ask(types, target.parent))
    else:
        raise UsageError("there is nobody to ask", hint="trueup init --no-input writes an example to edit")
    target.write_text(text, encoding="utf-8")
    _ignore(target.parent / ".gitignore")
    if common.for_programs:
        common.put({"written": str(target)})
    else:
        print(f"{target} is written. Next: trueup validate, trueup doctor, trueup plan JOB")
    return 0


def _ignore(path: Path) -> None:
    """Keeps the ledger and secrets out of version control; lines that are there stay."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    missing = [one for one in IGNORED if one not in lines]
    if missing:
        path.write_text("\n".join([*lines, *missing]) + "\n", encoding="utf-8")
