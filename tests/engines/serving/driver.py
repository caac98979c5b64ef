"""`trueup serve` with a clock that is ahead (hours of absence in no time), or killed at its n-th write to the ledger."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

from trueup.app import App
from trueup.engines.embedded import stop_on_signals
from trueup.engines.embedded.serving import Settings
from trueup.serving import Serving


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--json-lines", action="store_true")
    parser.add_argument("--ahead", type=float, default=0.0)
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument("--kill-at", type=int, default=0, help="the n-th moment before or after a commit")
    given = parser.parse_args()
    settings = Settings(
        listen=("127.0.0.1", 0), parallel=given.parallel, patience=0.2, clock=lambda: time.time() + given.ahead
    )
    moments = iter(range(1, 1_000_000))

    def on_write(label: str) -> None:
        if next(moments) == given.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with App.load(given.config, checked=True) as app:
        app.ledger.on_write = on_write
        serving = Serving(app, lambda event: print(json.dumps(event), flush=True), settings)
        with stop_on_signals(serving.kill) as stop:
            serving.run(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
