"""`trueup key`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from trueup.model.errors import UsageError
from trueup.ui.cli.common import Common, shared


@click.command
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), help="The file that gets the key.")
@shared
def key(common: Common, file: Path) -> int:
    """Make a key for an archive: FILE gets the one that reads, and the one that writes is printed.

    Put the printed one (age1…) into trueup.yaml as `recipients:`. Keep FILE in two places that are not this machine: without it
    no backup can be read, and the machine that backs up does not need it.
    """
    from trueup.connectors.archive.keys import new_identity

    identity, recipient = new_identity()
    try:
        made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(
            f"{file} is there already", why="a key is never written over", hint="name another file"
        ) from None
    except OSError as error:
        hint = "name a file in a folder that is there, and that you may write into"
        raise UsageError(f"{file} cannot be made", why=error.strerror or str(error), hint=hint) from None
    with os.fdopen(made, "w") as out:
        out.write(f"{identity}\n# public key: {recipient}\n")
        out.flush()
        os.fsync(out.fileno())
    if common.for_programs:
        common.put({"recipient": recipient, "file": str(file)})
    else:
        print(recipient)
    return 0
