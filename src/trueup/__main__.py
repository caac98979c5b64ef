"""`trueup`, and `python -m trueup`."""

from __future__ import annotations

import os
import sys

PIPE_CLOSED = 141  # 128 + SIGPIPE, as any other program at the wrong end of a pipe


def main() -> None:
    """Runs the command line and ends with its exit code."""
    _occupy_streams()
    try:
        code = _run(sys.argv[1:])
        sys.stdout.flush()
    except OSError as error:  # only from writing: the command line has told every other
        code = PIPE_CLOSED if isinstance(error, BrokenPipeError) else 1
        if code != PIPE_CLOSED:
            print(f"error: cannot write to the standard output: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left in the buffer has nowhere to go
    sys.exit(code)


def _occupy_streams() -> None:
    """Opens what was closed by who started us (`>&-`): else the ledger's file would become standard output or error."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def _run(arguments: list[str]) -> int:
    """What needs no more than the package's version, or the list of commands, does not wait for anything else."""
    if arguments in (["--version"], ["-V"]):
        from trueup import __version__

        print(f"trueup {__version__}")
        return 0
    asked_by_shell = "_TRUEUP_COMPLETE" in os.environ  # for completion, which comes without arguments
    if arguments in ([], ["--help"], ["-h"]) and not asked_by_shell:
        from trueup.ui.cli.commands import overview

        print(overview())
        return 0
    from trueup.ui.cli.main import run

    return run(arguments)


if __name__ == "__main__":
    main()
