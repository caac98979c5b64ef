"""Our side of the guardian: which programs run at the moment is told to it, before they are started and when they are over."""

from __future__ import annotations

import itertools
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from trueup.core import guardian


class _Guardian:
    """The guardian's process, started with the first program; a new one where it was ended (out of memory …) or we are a fork."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running: dict[str, int] = {}
        self._pipe: IO[bytes] | None = None

    def tell(self, mark: str, group: int) -> None:
        """Group 0: about to be started; -1: over."""
        with self.lock:
            if group < 0:
                self.running.pop(mark, None)
            else:
                self.running[mark] = group
            try:
                self._write(f"{mark} {group}\n")
            except BrokenPipeError:
                self._pipe = None
                self._write("".join(f"{one} {its}\n" for one, its in self.running.items()))

    def _write(self, lines: str) -> None:
        if self._pipe is None:
            self._pipe = _started()
        self._pipe.write(lines.encode())

    def close(self) -> None:
        """Gives our end of its pipe back."""
        if self._pipe is not None:
            self._pipe.close()


def _started() -> IO[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", guardian.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env={name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ},
        cwd="/",
        start_new_session=True,
    )
    process.returncode = 0  # it outlives us by design: nobody waits for it
    assert process.stdin is not None
    return process.stdin


_guardian = _Guardian()
_numbers = itertools.count(1)


def _forked() -> None:
    """In a fork: guardian and programs are the parent's, and our copy of its pipe would keep it from seeing the parent's end."""
    global _guardian
    _guardian.close()
    _guardian = _Guardian()


os.register_at_fork(after_in_child=_forked)


class Mark:
    """What a program is known by."""

    def __init__(self) -> None:
        self.value = f"{os.getpid()}-{next(_numbers)}-{secrets.token_hex(8)}"

    @property
    def variables(self) -> dict[str, str]:
        """For its environment."""
        return {guardian.MARK: self.value}

    def began(self, group: int) -> None:
        """It runs, as this process group."""
        _guardian.tell(self.value, group)

    def over(self) -> None:
        """It has ended, and must not be looked for any more."""
        _guardian.tell(self.value, -1)


@contextmanager
def guarded() -> Iterator[Mark]:
    """For as long as a program runs."""
    mark = Mark()
    mark.began(0)
    try:
        yield mark
    finally:
        mark.over()
