"""Starting a server process on a free loopback port, waiting until it is ready, and stopping it."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

GUARD = Path(__file__).with_name("guard.py")
HOST = "127.0.0.1"


class ServerDied(RuntimeError):
    """A server ended, or was not ready in time; the message holds the end of its log."""


def free_port() -> int:
    """A free port below the range the kernel takes outgoing connections from.

    A port from that range could be taken by some client's connection between the choice and the server's bind, or
    between a stop and a restart.
    """
    for _ in range(200):
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                return port
    raise RuntimeError("no free port between 20000 and 32000")


class Process:
    """A command with a guard around it (see guard.py): it never outlives the process that started it."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        directory: Path,
        user: str = "",
        env: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace: float = 5.0,
    ) -> None:
        self.log = log
        self._log_start = log.stat().st_size if log.exists() else 0
        self._grace = grace
        theirs, self._lifeline = os.pipe()
        arguments = [str(theirs), str(directory), user, str(int(stop_signal)), str(grace), *map(str, command)]
        try:
            with log.open("ab") as output:
                self._guard = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(GUARD), *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=[theirs],
                    start_new_session=True,
                    env=None if env is None else dict(env),
                )
        finally:
            os.close(theirs)

    @property
    def pid(self) -> int:
        """The guard's process id; the server and all it started are its descendants."""
        return self._guard.pid

    @property
    def running(self) -> bool:
        return self._guard.poll() is None

    def wait_until(self, ready: Callable[[], bool], *, what: str, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.running:
                raise ServerDied(f"{what} ended with code {self._guard.returncode}\n{self.log_tail()}")
            with contextlib.suppress(OSError):
                if ready():
                    # Something else may have answered on a port that ours failed to take.
                    time.sleep(0.01)
                    if self.running:
                        return
            time.sleep(0.03)
        raise ServerDied(f"{what} was not ready after {seconds:g} s\n{self.log_tail()}")

    @property
    def output(self) -> str:
        """What was logged since this start; the log itself goes on over restarts."""
        return self.log.read_bytes()[self._log_start :].decode("utf-8", "replace")

    def log_tail(self, lines: int = 30) -> str:
        return "\n".join(self.output.splitlines()[-lines:])

    def stop(self) -> None:
        if self._lifeline < 0:
            return
        with contextlib.suppress(BrokenPipeError):
            os.write(self._lifeline, b"s")
        os.close(self._lifeline)
        self._lifeline = -1
        self._guard.wait(timeout=self._grace + 20)


class Server:
    """A server in a temporary directory on its own port; `with Server() as it:` starts and stops it.

    A kind of server says how to prepare the directory once (`prepare`), how to start (`command`) and when it is
    ready (`ready`).
    """

    name = "server"
    stop_signal = signal.SIGTERM
    grace = 5.0
    ready_within = 30.0

    def __init__(self) -> None:
        self.port = 0
        self.directory = Path()
        self.process: Process | None = None

    # -- what a kind of server fills in ---------------------------------------------------------------------------

    def prepare(self) -> None:
        """Makes files and accounts, once, before the first start."""

    def command(self) -> Sequence[str | Path]:
        raise NotImplementedError

    def ready(self) -> bool:
        with socket.create_connection((HOST, self.port), timeout=1):
            return True

    def settle(self) -> None:
        """Does what needs the server running, once, after the first start."""

    def user(self) -> str:
        """The system user to run as, or nothing for the present one."""
        return ""

    # -- life -----------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        first = not self.port
        if first:
            self.directory = Path(tempfile.mkdtemp(prefix=f"trueup-{self.name}-"))
        try:
            if first:
                self.prepare()
            self._start(attempts=4 if first else 1)
            if first:
                self.settle()
        except BaseException:
            self.close()
            raise
        return self

    def _start(self, attempts: int) -> None:
        for left in reversed(range(attempts)):
            if attempts > 1:
                self.port = free_port()
            self.process = Process(
                self.command(),
                log=self.directory / "server.log",
                directory=self.directory,
                user=self.user(),
                stop_signal=self.stop_signal,
                grace=self.grace,
            )
            try:
                self.process.wait_until(self.ready, what=self.name, seconds=self.ready_within)
                return
            except ServerDied as error:
                self.stop()
                # Two test workers may have chosen the same port; anything else would only fail again.
                if not left or "in use" not in str(error).lower():
                    raise

    def stop(self) -> None:
        """Stops the server and keeps its data, so that `start` goes on where it was, on the same port."""
        if self.process is not None:
            self.process.stop()
            self.process = None

    def close(self) -> None:
        """Stops the server and removes its data."""
        self.stop()
        if self.directory != Path():
            shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def log(self) -> str:
        file = self.directory / "server.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
