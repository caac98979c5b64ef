"""A step's function in a process of its own, so that a time-out really ends it: a thread cannot be ended from outside.

The parent hands over two pipes. Down comes one line of JSON (the request), later a line for "stop, please"; its end
means that the parent
died, and the child dies too, so that a resumed run does not meet a function that is still at work. Up go lines of
JSON: events, then the output or
the error.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from trueup.core.functions import Context, NotJson, StepFailed, call
from trueup.model.errors import ConfigError, TrueupError, UserError

GRACE = 2.0
"""Seconds from SIGTERM to SIGKILL."""

_TICK = 0.1
_KINDS = {one.__name__: one for one in (StepFailed, NotJson, ConfigError, UserError)}


class TimedOut(StepFailed):
    """A step did not end in time."""


def call_within(
    seconds: float, target: str, arguments: Mapping[str, Any], context: Context, root: Path | None = None
) -> Any:
    """What the function returns; see `trueup.core.functions.call`. Runs in a process of its own, ended after `seconds`.

    Raises:
        TimedOut: it did not end in time; it and what it started in its process group is gone.
        StepFailed, ConfigError, UserError: as `call`.
    """
    request = {
        "target": target,
        "arguments": dict(arguments),
        "context": {
            "params": dict(context.params),
            "run": context.run,
            "step": context.step,
            "attempt": context.attempt,
        },
        "root": str(root) if root else None,
        "path": sys.path,
    }
    deadline = time.monotonic() + seconds
    with _child(request) as (process, down, up):
        for answer in _answers(up, down, context, deadline):
            if "event" in answer:
                context.emit(answer["event"], **answer["data"])
            elif "error" in answer:
                raise _error(answer["error"])
            else:
                return answer["output"]
        if time.monotonic() >= deadline:
            raise TimedOut(
                f"it did not end within {seconds:g} s",
                where=target,
                hint="a longer `timeout`, or less work in one step",
            )
        code = process.wait()
    died = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    raise StepFailed(f"its process died: {died}", where=target)


@contextlib.contextmanager
def _child(request: dict[str, Any]) -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    """The started child and our ends of the two pipes; afterwards it is gone, whatever happened."""
    their_down, down = os.pipe()
    up, their_up = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(their_down), str(their_up)],
            stdin=subprocess.DEVNULL,
            stdout=sys.__stderr__ or subprocess.DEVNULL,  # what a function prints must not get into `trueup --json`
            pass_fds=[their_down, their_up],
            start_new_session=True,  # Ctrl-C goes to the parent alone, which asks; and the group can be ended whole
            env={**os.environ, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one)},
        )
    except BaseException:
        os.close(down)
        os.close(up)
        raise
    finally:
        os.close(their_down)
        os.close(their_up)
    try:
        with contextlib.suppress(BrokenPipeError):
            _write(down, json.dumps(request).encode() + b"\n")
        yield process, down, up
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=GRACE)  # it has answered, and may have something to clear up
    finally:
        _end(process)
        os.close(down)
        os.close(up)


def _write(pipe: int, data: bytes) -> None:
    while data:
        data = data[os.write(pipe, data) :]


def _end(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL) if process.poll() is None else ():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=GRACE)
            break
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # what it started and left behind


def _answers(up: int, down: int, context: Context, deadline: float) -> Iterator[dict[str, Any]]:
    """What the child says, until it is silent for good or the time is over; hands a request to stop down on the way."""
    buffer = b""
    told = False
    with selectors.DefaultSelector() as selector:
        selector.register(up, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not told and context.cancelled():
                told = True
                with contextlib.suppress(BrokenPipeError):
                    os.write(down, b"stop\n")
            if not selector.select(min(left, _TICK)):
                continue
            data = os.read(up, 1 << 16)
            if not data:
                return
            *lines, buffer = (buffer + data).split(b"\n")
            yield from map(json.loads, lines)


def _error(value: dict[str, str]) -> TrueupError:
    kind = _KINDS[value["type"]]
    words = {name: value[name] for name in ("where", "why", "hint")}
    if kind is StepFailed:
        return StepFailed(value["what"], trace=value["trace"], **words)
    return kind(value["what"], **words)


# -- in the child
# -------------------------------------------------------------------------------------------------------


def main(down: int, up: int) -> None:
    """Reads the request, calls the function, writes the answer."""
    os.set_inheritable(down, False)
    os.set_inheritable(up, False)
    lines = os.fdopen(down, "rb")
    request = json.loads(lines.readline())
    sys.path[:] = request["path"]
    stop = threading.Event()
    threading.Thread(target=_watch, args=(lines, stop), daemon=True).start()
    voice = threading.Lock()

    def say(value: dict[str, Any]) -> None:
        with voice:
            _write(up, json.dumps(value, default=str).encode() + b"\n")

    def emit(message: str, **data: Any) -> None:
        say({"event": message, "data": data})

    context = Context(**request["context"], emit=emit, cancelled=stop.is_set)
    try:
        root = Path(request["root"]) if request["root"] else None
        say({"output": call(request["target"], request["arguments"], context, root)})
    except TrueupError as error:
        kind = next(one.__name__ for one in (*_KINDS.values(), TrueupError) if isinstance(error, one))
        say({"error": {**error.to_json(), "type": kind, "trace": getattr(error, "trace", "")}})


def _watch(lines: IO[bytes], stop: threading.Event) -> None:
    while lines.readline():
        stop.set()
    os.killpg(os.getpgrp(), signal.SIGKILL)  # the parent died: this process and what it started go with it


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
