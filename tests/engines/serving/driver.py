"""`trueup serve` with a clock that is ahead: hours of absence in no time."""

from __future__ import annotations

import argparse
import json
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
    given = parser.parse_args()
    settings = Settings(
        listen=("127.0.0.1", 0), parallel=given.parallel, patience=0.2, clock=lambda: time.time() + given.ahead
    )
    with App.load(given.config, checked=True) as app:
        serving = Serving(app, lambda event: print(json.dumps(event), flush=True), settings)
        with stop_on_signals(serving.kill) as stop:
            serving.run(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
