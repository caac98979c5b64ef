"""The configuration of a call: opened once for a process and file, and anew where the file was changed, and from time to time."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trueup.app import App

LONGEST = 600.0
"""Seconds after which it is opened anew: a store keeps what it found out about its server, and its password, for its life."""


@dataclass(slots=True)
class _Opened:
    app: App
    stamp: tuple[int, int, int]
    until: float
    users: int = 0
    stale: bool = False


_lock = threading.Lock()
_opened: dict[tuple[int, str], _Opened] = {}


def _after_fork() -> None:
    """A child has no use for the lock as somebody held it, nor for connections that are its parent's."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def opened(config: str) -> Iterator[App]:
    """The application of a configuration file; a worker's calls share it, and with it connections to stores and ledger.

    Args:
        config: the absolute path of trueup.yaml.

    Raises:
        NotInitialised: there is none.
        ConfigError: it is wrong.
    """
    one = _enter(config)
    try:
        yield one.app
    finally:
        _leave(one)


def _enter(config: str) -> _Opened:
    key = (os.getpid(), config)  # connections do not survive a fork
    with _lock:
        stamp = _stamp(config)
        known = _opened.get(key)
        if known is None or known.stamp != stamp or time.monotonic() > known.until:
            if known is not None:
                known.stale = True
                _close_if_unused(known)
            known = _opened[key] = _Opened(App.load(Path(config)), stamp, time.monotonic() + LONGEST)
        known.users += 1
        return known


def _leave(one: _Opened) -> None:
    with _lock:
        one.users -= 1
        _close_if_unused(one)


def close_unused() -> None:
    """Closes what no call of this process uses now; what one uses is closed when it ends. So does the end of the process, so that servers see
    their connections given back."""
    with _lock:
        for key in [key for key in _opened if key[0] == os.getpid()]:
            one = _opened.pop(key)
            one.stale = True
            _close_if_unused(one)


atexit.register(close_unused)


def _close_if_unused(one: _Opened) -> None:
    if one.stale and not one.users:
        one.app.close()


def _stamp(config: str) -> tuple[int, int, int]:
    try:
        status = os.stat(config)
    except OSError:
        return (0, 0, 0)  # `App.load` says what is wrong
    return (status.st_mtime_ns, status.st_size, status.st_ino)
