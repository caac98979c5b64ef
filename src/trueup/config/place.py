"""Where `trueup.yaml` is."""

from __future__ import annotations

import os
from pathlib import Path

from trueup.model.errors import ConfigError, NotInitialised

FILE_NAME = "trueup.yaml"


def find(given: Path | None = None) -> Path:
    """The configuration file: the one named, else `trueup.yaml` in the current folder or the nearest one above.

    One above that belongs to another user is refused: a configuration names commands and functions to run, and whoever
    can write to a shared folder (/tmp) could leave one there.

    Raises:
        NotInitialised: there is none.
        ConfigError: the one above is somebody else's.
    """
    if given is not None:
        path = given / FILE_NAME if given.is_dir() else given
        if not path.exists():
            raise NotInitialised(f"{path} is not there", hint="`trueup init` makes one")
        return path.resolve()
    try:
        here = Path.cwd()
        found = next((one / FILE_NAME for one in (here, *here.parents) if (one / FILE_NAME).is_file()), None)
    except OSError as error:
        raise NotInitialised("cannot look for trueup.yaml here", why=error.strerror or str(error)) from error
    if found is None:
        hint = "`trueup init` makes one; or name it with -c"
        raise NotInitialised(f"no {FILE_NAME} here or in a folder above", where=str(here), hint=hint)
    if found.parent != here and not _trusted(found):
        why = "it belongs to somebody else, and a configuration can run commands"
        raise ConfigError(f"{found} is not used by itself", why=why, hint=f"if you trust it: -c {found}")
    return found


def _trusted(path: Path) -> bool:
    """Whether a file that was found above the current folder belongs to us, to root, or to who called sudo."""
    return path.stat().st_uid in {os.geteuid(), 0, int(os.environ.get("SUDO_UID", "0"))}
