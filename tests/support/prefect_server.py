"""Prefect's server, as `prefect server start` runs it, with its home and database in a temporary directory; it reports to nobody."""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tests.support.process import HOST, Server


class PrefectServer(Server):
    """Runs from the environment the tests run in: `.venv-prefect`.

    Attributes:
        url: the API's address; ui: the screen's.
        env: what another process needs in its environment to use this server and home, and no other.
    """

    name = "prefect"
    ready_within = 120.0
    grace = 10.0

    @property
    def ui(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.ui}/api"

    @property
    def env(self) -> dict[str, str]:
        return {
            "PREFECT_HOME": str(self.directory / "home"),
            "PREFECT_API_URL": self.url,
            # Logs, events and answers soon: a test waits for them.
            "PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "0.5",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PREFECT_RUNNER_POLL_FREQUENCY": "2",
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
            "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "true",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_CLI_PROMPT": "false",
            "PREFECT_CLI_COLORS": "false",
        }

    def command(self) -> Sequence[str | Path]:
        settings = [f"{name}={value}" for name, value in self.env.items()]
        start = ("prefect", "server", "start", "--host", HOST, "--port", str(self.port))
        return ["env", *settings, sys.executable, "-m", *start]

    def ready(self) -> bool:
        with urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
