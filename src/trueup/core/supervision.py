"""Programs that trueup starts, and work that may hang: deadlines, signs of life, and an end for the whole process group."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trueup.core import guarding
from trueup.core.guardian import family, send
from trueup.model.errors import Permanent, TimedOut, Transient
from trueup.model.repository import Watch

TAIL = 64 * 1024
"""Bytes of a program's messages that are kept: the last ones, where the reason is."""

_TICK = 0.1
_CHUNK = 1 << 18
_PIPE = 1 << 20
_WRITTEN = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_LAST_WORDS = 0.2
_LAST_READS = 64  # far more than a full pipe needs
_KILLED = 5.0
_KEPT_VARIABLES = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
_BUSY = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY})


class Deadline(Watch):
    """Work that must end in time, and must move. May be used from several threads at once.

    Args:
        what: the work, for people: the error's first words.
        timeout: seconds it may take in all; None: no limit.
        no_progress: seconds without a sign of life; None: no limit.
        check: asked first by `ok`; raises where the work must stop for another reason (Cancelled, Locked).
        clock: gives seconds.
    """

    def __init__(
        self,
        what: str,
        *,
        timeout: float | None = None,
        no_progress: float | None = None,
        check: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._timeout = timeout
        self._no_progress = no_progress
        self._check = check
        self._clock = clock
        self._began = self._moved = clock()

    def moved(self, amount: int = 1) -> None:
        """Something was done; an amount of 0 is no sign of life."""
        if amount > 0:
            self._moved = self._clock()

    def ok(self) -> None:
        """Returns where the work may go on.

        Raises:
            TimedOut: the time is over, or nothing moved for too long; and what `check` raises.
        """
        self._check()
        now = self._clock()
        if self._timeout is not None and now - self._began >= self._timeout:
            raise TimedOut(
                self._what,
                why=f"it took longer than {_duration(self._timeout)}",
                hint="a longer `timeout`, where it is not stuck",
            )
        if self._no_progress is not None and now - self._moved >= self._no_progress:
            raise TimedOut(
                self._what,
                why=f"nothing moved for {_duration(self._no_progress)}",
                hint="look whether the system hangs; a longer `no_progress`, where it only is slow",
            )

    def left(self) -> float | None:
        """Seconds until the deadline, never below 0; None: there is none."""
        return None if self._timeout is None else max(0.0, self._began + self._timeout - self._clock())


def _duration(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit code (-N: by signal N) and the last 64 KiB of what it said on stderr, without secrets."""

    code: int
    stderr: str


def child_env(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A small environment for a program: where things are, plain messages in UTF-8, and `extra`; nothing else of ours."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {"PATH": os.defpath, **kept, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **(extra or {})}


def require(program: str, hint: str, *, also: Sequence[Path] = ()) -> str:
    """The path of a program.

    Args:
        program: its name (or a path).
        hint: how to install it.
        also: folders to look at after the PATH.

    Raises:
        Permanent: it is not there.
    """
    for folders in (None, *(str(one) for one in also)):
        if found := shutil.which(program, path=folders):
            return found
    raise Permanent(f"the program {program} is not installed", hint=hint)


def run_child(
    args: Sequence[str],
    *,
    watch: Watch,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: bytes | Path | None = None,
    stdout: Path | Callable[[bytes], None] | None = None,
    secrets: Sequence[str] = (),
    grace: float = 5.0,
) -> Ended:
    """Runs a program to its end, in a session and process group of its own; nothing of the group is left when this returns or raises.

    May be called from many threads at once. Where trueup is killed meanwhile, `core/guardian.py` ends the group within two seconds.

    Args:
        args: the program and its arguments; no secret belongs here, everybody on the machine can read them.
        watch: asked ten to twenty times a second; told of bytes on stdout (or the file's growth) and stderr.
        env: the whole environment, as `child_env` makes it; a variable by which the guardian knows the program is added.
        cwd: where it runs.
        stdin: what it reads: bytes, a file, or nothing.
        stdout: a file (made with mode 600, or emptied), what takes each chunk of bytes, or None: dropped.
        secrets: texts that are replaced by *** in what it says.
        grace: seconds from SIGTERM to SIGKILL.

    Raises:
        Permanent: the program cannot be started. Transient: not now (no memory, no process).
        Whatever `watch.ok` or `stdout` raises, once the program is gone.
    """
    with contextlib.ExitStack() as stack:
        with _starting("the guardian of programs", None):
            mark = stack.enter_context(guarding.guarded())
        child = _Child(stack, args, {**env, **mark.variables}, cwd, stdin, stdout, watch)
        try:
            mark.began(child.pid)
            child.serve()
        except BaseException:
            child.stop(grace, mark.value)
            raise
        finally:
            child.finish(mark)
        return Ended(child.process.returncode, _redacted(bytes(child.tail), child.cut, secrets))


class _Child:
    """A started program and our ends of its pipes."""

    def __init__(
        self,
        stack: contextlib.ExitStack,
        args: Sequence[str],
        env: Mapping[str, str],
        cwd: Path | None,
        stdin: bytes | Path | None,
        stdout: Path | Callable[[bytes], None] | None,
        watch: Watch,
    ) -> None:
        self.tail = bytearray()
        self.cut = False
        self._watch = watch
        self._take = stdout if callable(stdout) else None
        self._input = memoryview(stdin) if isinstance(stdin, bytes) else memoryview(b"")
        self._file = stack.enter_context(_opened(stdout, _WRITTEN)) if isinstance(stdout, Path) else None
        self._size = 0
        self._selector = stack.enter_context(selectors.DefaultSelector())
        source: IO[bytes] | int = subprocess.DEVNULL
        if isinstance(stdin, Path):
            source = stack.enter_context(_opened(stdin, os.O_RDONLY))
        elif isinstance(stdin, bytes):
            source = subprocess.PIPE
        target: IO[bytes] | int = subprocess.PIPE if self._take else subprocess.DEVNULL
        with _starting(args[0], cwd):
            self.process = subprocess.Popen(
                list(args),
                stdin=source,
                stdout=self._file or target,
                stderr=subprocess.PIPE,
                env=dict(env),
                cwd=cwd,
                bufsize=0,
                start_new_session=True,
            )
        self.pid = self.process.pid
        for pipe, event in (
            (self.process.stdin, selectors.EVENT_WRITE),
            (self.process.stdout, selectors.EVENT_READ),
            (self.process.stderr, selectors.EVENT_READ),
        ):
            if pipe is not None:
                stack.callback(pipe.close)
                self._prepare(pipe, event)

    def _prepare(self, pipe: IO[bytes], event: int) -> None:
        os.set_blocking(pipe.fileno(), False)
        if hasattr(fcntl, "F_SETPIPE_SZ") and pipe is self.process.stdout:
            with contextlib.suppress(OSError):  # the machine allows less
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
        self._selector.register(pipe, event)

    def serve(self) -> None:
        """Feeds it and takes what it says until it has ended; the group is still there, and the program is not yet waited for."""
        pause, asked = 0.001, -_TICK
        while not self.over():
            if (
                now := time.monotonic()
            ) >= asked + _TICK / 2:  # not for every chunk of a stream: asking may cost something
                self._watch.ok()
                asked = now
            self._exchange(_TICK)
            self._measure()
            if not self._selector.get_map():  # it has closed its ends: it ends in a moment, or goes on in silence
                time.sleep(pause)
                pause = min(_TICK / 2, pause * 2)
        self._last_words()
        self._measure()

    def over(self) -> bool:
        """Whether it has ended. It is left as a zombie, so that its group's number cannot become another's before we signal that."""
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            return self.process.poll() is not None
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _last_words(self) -> None:
        """Ends what it left behind in its group, and takes what still is in the pipes.

        What left the group (a daemon) and holds an end open is not waited for.
        """
        send(self.pid, {}, signal.SIGKILL)
        if self.process.stdin in {one.fileobj for one in self._selector.get_map().values()}:
            self._selector.unregister(self.process.stdin)
        for _ in range(_LAST_READS):
            if not self._exchange(_LAST_WORDS):
                return

    def stop(self, grace: float, mark: str) -> None:
        """SIGTERM to all of its family, SIGKILL to who is left after `grace`; what it says meanwhile is read, so that it does not block."""
        self._take = None
        send(self.pid, family(self.pid, mark), signal.SIGTERM)
        until = time.monotonic() + grace
        while not (self.over() and not family(self.pid, mark)) and time.monotonic() < until:
            self._exchange(0)
            time.sleep(0.02)
        send(self.pid, family(self.pid, mark), signal.SIGKILL)

    def finish(self, mark: guarding.Mark) -> None:
        """Ends its group and waits for it; for one that the kernel cannot end (it waits for a dead network share) some seconds only."""
        send(self.pid, {}, signal.SIGKILL)
        until = time.monotonic() + _KILLED
        while not self.over() and time.monotonic() < until:
            time.sleep(0.005)
        mark.over()
        if not self.over():
            return
        self.process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, 0)  # there was more than the program itself: killed, but perhaps not quite gone
            while family(self.pid, mark.value) and time.monotonic() < until:
                time.sleep(0.005)

    def _exchange(self, wait: float) -> bool:
        """Reads and writes what can be read and written, waiting for up to `wait` seconds; whether there was anything."""
        ready = self._selector.select(wait) if self._selector.get_map() else []
        for key, _ in ready:
            if key.fileobj is self.process.stdin:
                self._feed(key.fd)
            else:
                self._read(key)
        return bool(ready)

    def _feed(self, pipe: int) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                self._input = self._input[os.write(pipe, self._input[:_CHUNK]) :]
            except BrokenPipeError:  # it does not want the rest; its exit code says whether that is well
                self._input = memoryview(b"")
        if not self._input and self.process.stdin:
            self._selector.unregister(self.process.stdin)
            self.process.stdin.close()

    def _read(self, key: selectors.SelectorKey) -> None:
        try:
            data = os.read(key.fd, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._selector.unregister(key.fileobj)
            return
        self._watch.moved(len(data))
        if key.fileobj is self.process.stderr:
            self._keep(data)
        elif self._take:
            self._take(data)

    def _keep(self, data: bytes) -> None:
        self.tail += data
        if len(self.tail) > 4 * TAIL:
            del self.tail[: -2 * TAIL]
            self.cut = True

    def _measure(self) -> None:
        """Counts the growth of the file it writes as progress."""
        if self._file is not None:
            size = os.fstat(self._file.fileno()).st_size
            self._watch.moved(size - self._size)
            self._size = size


def _opened(path: Path, flags: int) -> IO[bytes]:
    try:
        return os.fdopen(os.open(path, flags | os.O_CLOEXEC, 0o600), "rb" if flags == os.O_RDONLY else "wb")
    except OSError as error:
        raise Permanent("could not open a file for a program", where=str(path), why=error.strerror or "") from None


@contextlib.contextmanager
def _starting(program: str, cwd: Path | None) -> Iterator[None]:
    """Errors of starting a program, in words."""
    try:
        yield
    except OSError as error:
        if cwd is not None and not cwd.is_dir():
            raise Permanent(f"could not start {program}", where=str(cwd), why="there is no such folder") from None
        if isinstance(error, FileNotFoundError):
            raise Permanent(f"the program {program} is not installed") from None
        kind = Transient if error.errno in _BUSY else Permanent
        raise kind(f"could not start {program}", why=error.strerror or str(error)) from None


def _redacted(tail: bytes, cut: bool, secrets: Sequence[str]) -> str:
    """The last `TAIL` bytes as text, with *** for every secret, also as it stands in addresses."""
    from urllib.parse import quote, quote_plus

    forms = {
        form.encode() for one in secrets if one for form in (one, quote(one, safe=""), quote(one), quote_plus(one))
    }
    for form in sorted(forms, key=len, reverse=True):
        tail = tail.replace(form, b"***")
    if cut:
        tail = tail[max(map(len, forms), default=0) :]  # the end of a secret may stand there, whose beginning is gone
    return tail[-TAIL:].decode(errors="replace")
