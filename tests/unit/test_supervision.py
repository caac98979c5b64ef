"""Programs under supervision: deadlines, signs of life, ends; and nothing is left behind, whoever dies first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trueup.core.supervision import TAIL, Deadline, child_env, require, run_child
from trueup.model.errors import Cancelled, Permanent, TimedOut

PYTHON = sys.executable


def quiet(timeout: float | None = 20.0) -> Deadline:
    return Deadline("the test's child did not end", timeout=timeout)


def shell(script: str, *args: str) -> list[str]:
    return ["sh", "-c", script, "sh", *args]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in b"ZX"
    except OSError:
        return False


def eventually(what: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while not what() and time.monotonic() < until:
        time.sleep(0.02)
    return what()


def pids(folder: Path) -> list[int]:
    """What children wrote down about themselves, one file each."""
    return [int(text) for one in folder.iterdir() if (text := one.read_text().strip())]


# -- the watch


def test_a_deadline_ends_and_says_so():
    now = [0.0]
    watch = Deadline("could not dump crm", timeout=3600, clock=lambda: now[0])
    watch.ok()
    assert watch.left() == 3600
    now[0] = 3600
    with pytest.raises(TimedOut, match="could not dump crm: it took longer than 1 h"):
        watch.ok()
    now[0] = 4000
    assert watch.left() == 0


def test_what_does_not_move_is_given_up():
    now = [0.0]
    watch = Deadline("could not dump crm", no_progress=300, clock=lambda: now[0])
    for _ in range(5):
        now[0] += 299
        watch.ok()
        watch.moved()
    now[0] += 200
    watch.moved(0)
    now[0] += 100
    with pytest.raises(TimedOut, match="nothing moved for 5 min"):
        watch.ok()
    assert watch.left() is None


def test_a_check_comes_first():
    def stop() -> None:
        raise Cancelled("asked to stop")

    with pytest.raises(Cancelled):
        Deadline("work", timeout=0, check=stop).ok()


# -- how a child ends


def test_exit_code_and_messages():
    ended = run_child(shell("echo one >&2; exit 3"), watch=quiet(), env=child_env())
    assert (ended.code, ended.stderr) == (3, "one\n")


def test_a_child_that_dies_by_a_signal():
    assert run_child(shell("kill -SEGV $$"), watch=quiet(), env=child_env()).code == -signal.SIGSEGV


def test_a_program_that_is_not_there(tmp_path: Path):
    with pytest.raises(Permanent, match="the program no-such-program is not installed"):
        run_child(["no-such-program"], watch=quiet(), env=child_env())
    with pytest.raises(Permanent, match="no such folder"):
        run_child(["sh"], watch=quiet(), env=child_env(), cwd=tmp_path / "none")
    script = tmp_path / "script"
    script.write_text("no program")
    with pytest.raises(Permanent, match="could not start"):
        run_child([str(script)], watch=quiet(), env=child_env())


def test_files_that_cannot_be_opened(tmp_path: Path):
    for files in ({"stdout": tmp_path / "none" / "x"}, {"stdin": tmp_path / "none"}):
        with pytest.raises(Permanent, match=r"none.*: could not open a file for a program: No such file or directory"):
            run_child(["true"], watch=quiet(), env=child_env(), **files)


def test_require(tmp_path: Path):
    with pytest.raises(Permanent) as caught:
        require("no-such-program", "apt install it")
    assert caught.value.hint == "apt install it"
    (tmp_path / "no-such-program").write_text("#!/bin/sh\n")
    (tmp_path / "no-such-program").chmod(0o755)
    assert require("no-such-program", "", also=[tmp_path / "none", tmp_path]) == str(tmp_path / "no-such-program")


def test_the_environment_is_minimal(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CRM_PASSWORD", "hunter2")
    got = bytearray()
    run_child(["env"], watch=quiet(), env=child_env({"PGPASSFILE": "/x"}), stdout=got.extend)
    names = {line.partition("=")[0] for line in got.decode().splitlines()}
    assert names >= {"PATH", "PGPASSFILE", "LC_ALL"}
    assert "CRM_PASSWORD" not in names
    assert len(names) < 15


# -- what goes in and comes out


def test_standard_output_to_a_file_counts_as_progress(tmp_path: Path):
    moved: list[int] = []
    watch = quiet()
    watch.moved = moved.append  # type: ignore[method-assign]
    ended = run_child(
        shell("head -c 3000000 /dev/zero; sleep 0.3"), watch=watch, env=child_env(), stdout=tmp_path / "out"
    )
    assert ended.code == 0
    assert (tmp_path / "out").stat().st_size == sum(moved) == 3_000_000
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600


def test_standard_output_to_a_callable_is_complete_even_where_that_is_slow():
    got = bytearray()

    def take(data: bytes) -> None:
        time.sleep(0.02)
        got.extend(data)

    run_child(
        shell("head -c 1500000 /dev/urandom | tee /dev/stderr | cat"), watch=quiet(), env=child_env(), stdout=take
    )
    assert len(got) == 1_500_000


def test_what_takes_the_output_may_refuse(tmp_path: Path):
    def take(data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        run_child(shell('echo $$ >"$1"; yes', str(tmp_path / "pid")), watch=quiet(), env=child_env(), stdout=take)
    assert not alive(pids(tmp_path)[0])


@pytest.mark.parametrize("size", [0, 10, 5_000_000])
def test_standard_input_from_bytes_and_from_a_file(tmp_path: Path, size: int):
    data = os.urandom(size)
    (tmp_path / "in").write_bytes(data)
    for source in (data, tmp_path / "in"):
        got = bytearray()
        assert run_child(["cat"], watch=quiet(), env=child_env(), stdin=source, stdout=got.extend).code == 0
        assert got == data


def test_a_child_that_does_not_want_its_input():
    assert run_child(["true"], watch=quiet(), env=child_env(), stdin=bytes(5_000_000)).code == 0


def test_secrets_are_not_in_the_messages():
    secret = "p@ss wörd/1"
    script = "import sys; sys.stderr.write('refused: ' + sys.stdin.read() + ' p%40ss%20w%C3%B6rd%2F1 end')"
    ended = run_child(
        [PYTHON, "-c", script], watch=quiet(), env=child_env(), stdin=secret.encode(), secrets=["", secret]
    )
    assert ended.stderr == "refused: *** *** end"


def test_endless_messages_are_kept_from_the_end_without_half_a_secret():
    script = "import sys\nsecret = sys.stdin.read()\nfor _ in range(300): sys.stderr.write(secret * 1000)\nsys.stderr.write('last')"
    secret = "0123456789abcdefghijklmnopqrstuvwxyz"
    ended = run_child([PYTHON, "-c", script], watch=quiet(), env=child_env(), stdin=secret.encode(), secrets=[secret])
    assert ended.stderr.endswith("***last")
    assert len(ended.stderr) <= TAIL
    assert set(ended.stderr[:-4]) == {"*"}


def test_the_memory_of_endless_messages_is_bounded():
    from trueup.core import supervision

    sizes: list[int] = []
    keep = supervision._Child._keep

    def noted(self: supervision._Child, data: bytes) -> None:
        keep(self, data)
        sizes.append(len(self.tail))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(supervision._Child, "_keep", noted)
        run_child(shell("head -c 20000000 /dev/zero >&2"), watch=quiet(), env=child_env())
    assert max(sizes) <= 4 * TAIL + (1 << 18)


def test_a_child_that_closes_its_output_and_goes_on(tmp_path: Path):
    got = bytearray()
    script = 'echo said; exec >&- 2>&-; sleep 0.4; echo done >"$1"; exit 5'
    ended = run_child(shell(script, str(tmp_path / "late")), watch=quiet(), env=child_env(), stdout=got.extend)
    assert (ended.code, bytes(got), (tmp_path / "late").read_text()) == (5, b"said\n", "done\n")


# -- nothing is left behind


def test_grandchildren_do_not_outlive_the_child(tmp_path: Path):
    script = (
        'for n in 1 2 3; do (echo "$(exec sh -c "echo \\$PPID")" >"$1/$n"; exec sleep 600) & done; sleep 0.3; exit 0'
    )
    ended = run_child(shell(script, str(tmp_path)), watch=quiet(), env=child_env(), stdout=lambda data: None)
    assert ended.code == 0
    assert len(pids(tmp_path)) == 3
    assert not any(alive(pid) for pid in pids(tmp_path))


def test_a_deadline_ends_the_whole_family_also_what_changed_its_session(tmp_path: Path):
    inner = """setsid sh -c 'echo $$ >"$1/$2"; exec sleep 600' sh "$1" """
    script = f'{inner} inner & ({inner} orphan &); echo $$ >"$1/self"; sleep 600'
    with pytest.raises(TimedOut):
        run_child(shell(script, str(tmp_path)), watch=quiet(1.0), env=child_env())
    assert len(pids(tmp_path)) == 3
    assert not any(alive(pid) for pid in pids(tmp_path))


def test_no_progress_ends_a_frozen_child(tmp_path: Path):
    watch = Deadline("dump", no_progress=0.5)
    with pytest.raises(TimedOut, match="nothing moved"):
        run_child(shell('echo $$ >"$1/self"; kill -STOP $$', str(tmp_path)), watch=watch, env=child_env(), grace=0.3)
    assert not alive(pids(tmp_path)[0])


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path):
    script = 'trap "" TERM; echo $$ >"$1/self"; while :; do sleep 0.1; done'
    with pytest.raises(TimedOut):
        run_child(shell(script, str(tmp_path)), watch=quiet(0.5), env=child_env(), grace=0.3)
    assert not alive(pids(tmp_path)[0])


def test_a_child_that_tidies_up_is_given_the_time(tmp_path: Path):
    script = 'trap "sleep 0.3; echo tidy >$1/tidy; exit" TERM; while :; do sleep 0.05; done'
    with pytest.raises(TimedOut):
        run_child(shell(script, str(tmp_path)), watch=quiet(0.5), env=child_env())
    assert (tmp_path / "tidy").exists()


PARENT = """
import os, sys, threading, time
from pathlib import Path
from trueup.core.supervision import Deadline, child_env, run_child
def one(script):
    run_child(["sh", "-c", script, "sh", sys.argv[1]], watch=Deadline("x"), env=child_env())
scripts = [
    'echo $$ >"$1/plain"; exec sleep 600',
    'trap "" TERM; echo $$ >"$1/stubborn"; while :; do sleep 0.1; done',
    'setsid sh -c \\'echo $$ >"$1/session"; exec sleep 600\\' sh "$1" & wait',
    '(setsid sh -c \\'echo $$ >"$1/orphan"; exec sleep 600\\' sh "$1" &) ; sleep 600',
]
for script in scripts:
    threading.Thread(target=one, args=[script]).start()
while len(list(Path(sys.argv[1]).glob("*"))) < 4:
    time.sleep(0.01)  # a fork while another thread starts a program would inherit that one's pipes
if fork := os.fork():
    Path(sys.argv[1], "fork").write_text(str(fork))
else:
    time.sleep(600)
"""


@pytest.mark.slow
def test_a_killed_trueup_takes_its_children_along(tmp_path: Path):
    parent = subprocess.Popen([PYTHON, "-c", PARENT, str(tmp_path)], start_new_session=True)
    try:
        assert eventually(lambda: len(pids(tmp_path)) == 5)
    finally:
        parent.kill()
        parent.wait()
    # A fork of trueup's lives on, and is nobody's child of ours: it must not keep the guardian from seeing.
    forked = int((tmp_path / "fork").read_text())
    (tmp_path / "fork").unlink()
    try:
        assert alive(forked)
        assert eventually(lambda: not any(alive(pid) for pid in pids(tmp_path)))
    finally:
        os.kill(forked, signal.SIGKILL)


def test_a_guardian_that_was_ended_is_replaced(tmp_path: Path):
    from trueup.core import guardian, guarding

    def guardians() -> list[int]:
        """Of this process, also one that is just starting."""
        ours = guardian.__file__.encode()
        found = [
            int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit() and ours in _bytes(one / "cmdline")
        ]
        return [
            pid
            for pid in found
            if _bytes(Path(f"/proc/{pid}/stat")).rpartition(b")")[2].split()[1:2] == [b"%d" % os.getpid()]
        ]

    run_child(["true"], watch=quiet(), env=child_env())
    assert guarding._guardian.running == {}
    for pid in guardians():
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not guardians())
    assert run_child(["true"], watch=quiet(), env=child_env()).code == 0
    assert eventually(lambda: len(guardians()) == 1)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_many_threads_at_once(tmp_path: Path):
    before = threading.active_count()

    def one(number: int) -> tuple[int, bytes]:
        got = bytearray()
        ended = run_child(
            shell(f"cat; exit {number}"), watch=quiet(60), env=child_env(), stdin=b"%d" % number, stdout=got.extend
        )
        return ended.code, bytes(got)

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(one, range(100))) == [(number, b"%d" % number) for number in range(100)]
    assert threading.active_count() == before
