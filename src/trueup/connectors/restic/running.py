"""One restic command: started, watched, its lines handed on, its end turned into an error or not."""

from __future__ import annotations

import json
import os
import random
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from trueup.connectors.restic import faults, locks, program
from trueup.connectors.restic.address import LOCAL, Address
from trueup.connectors.restic.pulse import Pulse
from trueup.core.supervision import child_env, run_child
from trueup.model.errors import StoreError
from trueup.model.repository import Watch

LOCK_WAIT = 600.0
"""Seconds to wait for a repository that another process works on, before the error says so."""

# What it prints and its errors come in the order in which they happened. The first line is its process id: the shell's, which it takes over.
_BOTH = 'echo $$; exec "$@" 2>&1'
_STDOUT = 'echo $$; exec "$@"'
_MESSAGES_A_SECOND = "0.5"
_KEPT_LINES = 200

Take = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """How one repository is reached.

    Attributes:
        name: the store's name.
        address: where it is.
        password: the repository's.
        program: the restic that is configured; None: the one on the PATH.
        cache: where restic keeps its cache, and we our marks.
        credentials: the part of its environment that lets it in.
        flags: for every command.
    """

    name: str
    address: Address
    password: str = field(repr=False)
    program: Path | None
    cache: Path
    credentials: Mapping[str, str] = field(repr=False, default_factory=dict)
    flags: tuple[str, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What is never shown."""
        return tuple(one for one in (self.password, self.address.secret, *self.credentials.values()) if one)


def ignore(line: str) -> None:
    """Takes a line and does nothing with it."""


def parsed(line: str) -> dict[str, object]:
    """A message; empty where the line is no JSON object."""
    if not line.startswith("{"):
        return {}
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


class Restic:
    """restic at work on one repository. May be used from several threads at once.

    The password goes through a pipe, so that it stands in no argument, environment or file; what a server wants goes by restic's own environment.

    Args:
        settings: how the repository is reached.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lock_wait = LOCK_WAIT

    def run(
        self,
        what: str,
        args: Sequence[str],
        watch: Watch,
        take: Take | Path = ignore,
        *,
        ok: Sequence[int] = (0,),
        both: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> int:
        """Runs a command to its end. Waits where another process has locked the repository, and removes the lock of one of ours that died.

        Args:
            what: what it is for: the error's first words.
            args: without what goes with every command.
            watch: who looks after the work.
            take: gets every line of stdout (with `both`: of stderr too), or the file it is written to.
            ok: exit codes that are no error.
            both: whether `take` gets stderr too.
            env: more environment.

        Returns:
            The exit code.

        Raises:
            Transient, Permanent, LoginRefused: it failed; what `watch.ok` raises.
        """
        cleared: set[str] = set()
        reading = args[0] in ("restore", "ls")
        if reading and self._read_only():  # restic would try for a quarter of an hour to write its lock
            args = ["--no-lock", *args]
        pause, until = 0.5, time.monotonic() + self.lock_wait
        while True:
            code, why = self._once(args, watch, take, both, env or {})
            if code in ok:
                return code
            if code == faults.LOCKED and self._cleared(why, cleared, watch):
                continue
            if code == faults.LOCKED and time.monotonic() < until:
                pause = _rest(pause, watch)
            elif faults.cannot_lock(why) and reading and "--no-lock" not in args:
                args = ["--no-lock", *args]
            else:
                raise faults.failure(what, self.settings.address.place, code, why)

    def json(self, what: str, args: Sequence[str], watch: Watch) -> Any:
        """The JSON array that a command prints, among what else it says; None where there is none."""
        lines: list[str] = []
        self.run(what, args, watch, lines.append, both=True)
        found = [one for one in lines if one.startswith(("[{", "[]"))]
        return json.loads(found[-1]) if found else None

    def failure(self, what: str, code: int, lines: Sequence[str]) -> StoreError:
        """The error for a command that ended with a code that says too little."""
        return faults.failure(what, self.settings.address.place, code, self.clean(faults.message(lines)))

    def _once(
        self, args: Sequence[str], watch: Watch, take: Take | Path, both: bool, env: Mapping[str, str]
    ) -> tuple[int, str]:
        """Its exit code, and why it failed."""
        path = program.find(self.settings.program, watch)
        pulse = Pulse(watch)
        lines = _Lines(pulse, take if callable(take) else ignore, self._look)
        ended = run_child(
            ["/bin/sh", "-c", _BOTH if both else _STDOUT, "restic", path, *self._flags(), *args],
            watch=watch if isinstance(take, Path) else pulse,
            env=self._env(env),
            stdin=self.settings.password.encode(errors="surrogateescape"),
            stdout=take if isinstance(take, Path) else lines.feed,
        )
        lines.end()
        said = [*lines.last, *ended.stderr.splitlines()]
        return ended.code, "" if ended.code == 0 else self.clean(faults.message(said))

    def _look(self, line: str) -> None:
        """Raises:
        LoginRefused: restic would try for a quarter of an hour what the server has refused (its source, internal/backend/retry).
        """
        if "returned error, retrying" in line and faults.refused(line):
            why = self.clean(line.partition("retrying after ")[2].partition(": ")[2])
            raise faults.failure(f"{self.settings.name} lets nobody in", self.settings.address.place, 1, why)

    def _flags(self) -> list[str]:
        try:
            self.settings.cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            return [*self.settings.flags, "--no-cache"]
        return list(self.settings.flags)

    def _env(self, more: Mapping[str, str]) -> dict[str, str]:
        address = self.settings.address
        return child_env(
            {
                **address.passed(),
                **self.settings.credentials,
                "RESTIC_REPOSITORY": address.text,
                "RESTIC_PASSWORD_FILE": "/dev/stdin",
                "RESTIC_CACHE_DIR": str(self.settings.cache),
                "RESTIC_PROGRESS_FPS": _MESSAGES_A_SECOND,
                "TZ": "UTC",  # which `--time` is read in
                **more,
            }
        )

    def clean(self, text: str) -> str:
        """Without secrets, also as they stand in addresses."""
        for secret in self.settings.secrets:
            text = text.replace(secret, "***").replace(quote(secret, safe=""), "***")
        return text

    def _cleared(self, why: str, cleared: set[str], watch: Watch) -> bool:
        """Whether the lock was one of our own machine and of a dead process, and could be removed, and no other with it."""
        holder = locks.holder(why)
        if holder is None or str(holder) in cleared or not holder.gone():
            return False
        cleared.add(str(holder))
        found = []
        for one in self._read(["list", "locks", "--no-lock"], watch).split():
            text = self._read(["cat", "lock", one, "--no-lock"], watch)
            if text:  # it went away meanwhile
                found.append(locks.Lock.parse(text))
        if not locks.only_ours(found):
            return False
        return self._once(["unlock"], watch, ignore, False, {})[0] == 0

    def _read(self, args: Sequence[str], watch: Watch) -> str:
        lines: list[str] = []
        code, _ = self._once(args, watch, lines.append, False, {})
        return "\n".join(lines) if code == 0 else ""

    def _read_only(self) -> bool:
        """Whether it may only be read, which is enough to bring data back; for one elsewhere its answer says so."""
        return self.local is not None and not os.access(self.local / "locks", os.W_OK)

    @property
    def local(self) -> Path | None:
        """The repository's folder, where it is on this machine."""
        return Path(self.settings.address.text) if self.settings.address.scheme == LOCAL else None


class _Lines:
    """Chunks of output as lines; the first is the process id."""

    def __init__(self, pulse: Pulse, take: Take, look: Take) -> None:
        self.last: deque[str] = deque(maxlen=_KEPT_LINES)
        self._pulse = pulse
        self._take = take
        self._look = look
        self._rest = b""
        self._begun = False

    def feed(self, chunk: bytes) -> None:
        whole, newline, rest = (self._rest + chunk).rpartition(b"\n")
        self._rest = rest
        if newline:
            for line in whole.split(b"\n"):
                self._line(line.decode("utf-8", "replace"))

    def end(self) -> None:
        if self._rest:
            self._line(self._rest.decode("utf-8", "replace"))

    def _line(self, line: str) -> None:
        if not self._begun:
            self._begun = True
            self._pulse.began(int(line))
            return
        self.last.append(line[:2000])
        self._look(line)
        self._take(line)


def _rest(pause: float, watch: Watch) -> float:
    """Waits a while, which is no hanging; returns how long to wait next time."""
    until = time.monotonic() + random.uniform(pause / 2, pause)
    while time.monotonic() < until:
        watch.moved()
        watch.ok()
        time.sleep(0.1)
    return min(10.0, pause * 1.5)
