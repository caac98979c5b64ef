"""A proxy with a round trip time in a process of its own, so that a benchmark does not count its work as the client's."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.support.process import HOST, Server
from tests.support.proxy import Proxy

PROJECT = Path(__file__).resolve().parents[2]


class SlowNetwork(Server):
    """`with SlowNetwork(cyrus.url, 50) as slow: slow.through(calendar)`."""

    name = "slow-network"

    def __init__(self, upstream: str, milliseconds: float) -> None:
        super().__init__()
        self.upstream = upstream
        self.milliseconds = milliseconds

    def command(self) -> Sequence[str | Path]:
        # The path is set inside, because the guard passes the environment on as it is.
        start = f"import sys; sys.path.insert(0, {str(PROJECT)!r}); from tests.support.slow_network import main; main()"
        return [sys.executable, "-c", start, self.upstream, str(self.milliseconds), str(self.port)]

    @property
    def url(self) -> str:
        return self.through(self.upstream)

    def through(self, url: str) -> str:
        return urlunsplit(urlsplit(url)._replace(netloc=f"{HOST}:{self.port}"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("upstream")
    parser.add_argument("milliseconds", type=float)
    parser.add_argument("port", type=int)
    chosen = parser.parse_args()
    with Proxy(chosen.upstream, port=chosen.port, record=False) as proxy:
        proxy.round_trip(chosen.milliseconds)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    os._exit(0)
