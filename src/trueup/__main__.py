"""`trueup`, and `python -m trueup`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Runs the command line; what needs no more than the package's version does not wait for anything else."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from trueup import __version__

        print(f"trueup {__version__}")
        return
    if (
        sys.argv[1:] in ([], ["--help"], ["-h"]) and "_TRUEUP_COMPLETE" not in os.environ
    ):  # a shell asks without arguments
        from trueup.ui.cli.commands import overview

        print(overview())
        return
    from trueup.ui.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
