"""Where workers are born: a process that has imported everything and has no threads, and forks one for each call.

    python -m tests.engines.calls.nursery

Reads a JSON object a line: {"config", "call", "arguments", "file", "death"}; answers with the worker's process id. The worker writes its
answer to the file; where there is none in the end, it was killed.
"""

from __future__ import annotations

import json
import os
import pkgutil
import signal
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

import trueup

_ENGINES = tuple(f"trueup.engines.{one}" for one in ("prefect", "temporal", "airflow"))


def main() -> None:
    """Until the other side closes the line."""
    for found in pkgutil.walk_packages(trueup.__path__, "trueup."):
        if not found.name.endswith("__main__") and not found.name.startswith(_ENGINES):
            import_module(found.name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the workers: they vanish when they end
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(0)
            os.dup2(2, 1)  # what a step prints must not get between the process ids
            work(**json.loads(line))
        print(pid, flush=True)


def work(config: str, call: str, arguments: list[Any], file: str, death: list[Any] | None) -> None:
    """The worker; never returns."""
    from trueup.engines import calls
    from trueup.engines.calls.opened import opened

    try:
        with opened(config) as app:
            if death is not None:
                prepare(app, *death)
            answer: dict[str, Any] = {"answer": getattr(calls, call)(config, *arguments)}
    except Exception as error:
        answer = {"type": type(error).__name__, "text": str(error), "retryable": calls.retryable(error)}
        answer["trace"] = traceback.format_exc()
    Path(f"{file}.new").write_text(json.dumps(answer))
    Path(f"{file}.new").rename(file)
    os._exit(0)


def prepare(app: Any, kind: str, number: int) -> None:
    """Makes this process kill itself at the n-th write to the ledger, or when a store has answered n requests."""
    left = [number]

    def count(*_: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if kind == "write":
        app.ledger.on_write = count
        return
    from trueup.connectors.transport import Pool

    request = Pool.request

    def counted(*given: Any, **more: Any) -> Any:
        answer = request(*given, **more)  # the server has acted, and nobody will ever know
        count()
        return answer

    Pool.request = counted  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
