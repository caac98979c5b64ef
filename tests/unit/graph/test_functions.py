"""The user's functions: found, called, timed out, with errors that show the user's part alone."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trueup.core.function_child import TimedOut, call_within
from trueup.core.functions import MAX_OUTPUT, Context, NotJson, StepFailed, call, load
from trueup.model.errors import ConfigError, UserError

STEPS = """
import os, sys, time, asyncio, datetime, subprocess, threading

def add(a, b=1):
    return {"sum": a + b}

def shown(context):
    context.emit("half", done=1)
    context.log.info("hello")
    return [dict(context.params), context.run, context.step, context.attempt, context.cancelled()]

async def later(a):
    await asyncio.sleep(0)
    return a

async def later_broken():
    await asyncio.sleep(0)
    helper(9)

class Group:
    @staticmethod
    def inner():
        return "inner"

number = 5

def tuples():
    return {"pair": (1, 2), 3: "three"}

def dated():
    return {"rows": [{"when": datetime.date(2026, 1, 1)}]}

def endless():
    loop = []
    loop.append(loop)
    return loop

def nan():
    return [1.0, float("nan")]

def large():
    return "x" * 1_000_001

def helper(x):
    raise ValueError(f"bad row {x}")

def broken(x):
    helper(x)

def chained():
    try:
        helper(1)
    except ValueError as error:
        raise KeyError("outer") from error

def quits():
    sys.exit("enough")

def anything(**given):
    return sorted(given)

def sleeps(seconds, pidfile=None):
    if pidfile:
        child = subprocess.Popen(["sleep", "300"])
        open(pidfile, "w").write(f"{os.getpid()} {child.pid}")
    time.sleep(seconds)
    return "slept"

def stubborn(pidfile):
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open(pidfile, "w").write(str(os.getpid()))
    time.sleep(300)

def dies():
    os._exit(7)

def killed():
    os.kill(os.getpid(), 9)

def prints():
    print("to the terminal")
    return os.getpid()

def waits(context):
    for _ in range(200):
        if context.cancelled():
            return "asked"
        time.sleep(0.05)
    return "never asked"
"""

_numbers = iter(range(10_000))


@pytest.fixture
def module(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A module of the user's, and the folder it is in."""
    name = f"user_steps_{os.getpid()}_{next(_numbers)}"
    (tmp_path / f"{name}.py").write_text(STEPS)
    yield name, tmp_path
    sys.modules.pop(name, None)
    while str(tmp_path) in sys.path:
        sys.path.remove(str(tmp_path))


Caller = Callable[..., Any]


@pytest.fixture(params=["thread", "process"])
def run(request: pytest.FixtureRequest, module: tuple[str, Path]) -> Caller:
    """Calls a function of the user's module, in this process and in one of its own: the same must come out."""
    name, root = module

    def do(function: str, _context: Context | None = None, **arguments: Any) -> Any:
        if request.param == "thread":
            return call(f"{name}:{function}", arguments, _context or Context(), root)
        return call_within(30, f"{name}:{function}", arguments, _context or Context(), root)

    return do


def test_called_with_what_with_gives(run: Caller) -> None:
    assert run("add", a=2, b=3) == {"sum": 5}
    assert run("add", a=2) == {"sum": 3}
    assert run("later", a=[1]) == [1]
    assert run("Group.inner") == "inner"
    assert run("anything", b=1, a=2) == ["a", "b"]


def test_the_context_is_handed_over_to_who_asks(run: Caller) -> None:
    said: list[Any] = []
    context = Context({"p": 1}, "run-1", "it[2]", 3, lambda message, **data: said.append((message, data)))
    assert run("shown", context) == [{"p": 1}, "run-1", "it[2]", 3, False]
    assert said == [("half", {"done": 1})]


def test_the_output_is_what_the_ledger_will_give_back(run: Caller) -> None:
    assert run("tuples") == {"pair": [1, 2], "3": "three"}


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("dated", "the output['rows'][0]['when'] is of type date"),
        ("nan", "the output[1] is nan"),
        ("endless", "holds itself"),
        ("large", "bytes of JSON"),
    ],
)
def test_what_is_not_small_json_is_refused(run: Caller, function: str, said: str) -> None:
    with pytest.raises(NotJson) as caught:
        run(function)
    assert said in str(caught.value)
    assert caught.value.hint
    assert MAX_OUTPUT == 1_000_000


def test_an_error_shows_the_users_part_of_the_traceback(run: Caller, module: tuple[str, Path]) -> None:
    with pytest.raises(StepFailed) as caught:
        run("broken", x=3)
    error = caught.value
    assert error.what == "ValueError: bad row 3"
    assert error.where == f"{module[0]}:broken"
    lines = error.trace.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert f"{module[0]}.py" in lines[1]
    assert "in broken" in lines[1]
    assert "trueup" not in error.trace
    with pytest.raises(StepFailed) as caught:
        run("later_broken")
    assert "bad row 9" in caught.value.trace
    assert "asyncio" not in caught.value.trace
    with pytest.raises(StepFailed) as caught:
        run("chained")
    assert "bad row 1" in caught.value.trace
    assert "direct cause" in caught.value.trace
    assert "trueup" not in caught.value.trace
    with pytest.raises(StepFailed, match="enough"):
        run("quits")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "missing a required argument: 'a'"),
        ({"a": 1, "c": 2}, "'c'"),
        ({"a": 1, "context": 2}, "'context'"),
    ],
)
def test_arguments_that_do_not_fit_are_told_before_the_call(run: Caller, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as caught:
        run("add", **arguments)
    assert said in str(caught.value)
    assert caught.value.hint == "it takes: a, b"


def test_what_cannot_be_found_is_told_with_where_it_was_looked_for(module: tuple[str, Path]) -> None:
    name, root = module
    with pytest.raises(ConfigError) as caught:
        load("no_such_module.x:f", root)
    assert "no module no_such_module" in caught.value.what
    assert str(root) in caught.value.why
    with pytest.raises(ConfigError) as caught:
        load(f"{name}:ad", root)
    assert caught.value.hint == "did you mean 'add'?"
    assert caught.value.where == str(root / f"{name}.py")
    with pytest.raises(ConfigError, match="is no function but a int"):
        load(f"{name}:number", root)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import not_installed_thing", "No module named 'not_installed_thing'"),
        ("x = 1 / 0", "ZeroDivisionError"),
        ("def f(:", "SyntaxError"),
    ],
)
def test_a_module_that_cannot_be_imported_shows_its_own_lines(tmp_path: Path, source: str, said: str) -> None:
    name = f"broken_{os.getpid()}_{next(_numbers)}"
    (tmp_path / f"{name}.py").write_text(source)
    with pytest.raises(StepFailed) as caught:
        load(f"{name}:f", tmp_path)
    assert said in caught.value.what
    assert f"{name}.py" in caught.value.trace
    assert "importlib" not in caught.value.trace
    sys.path.remove(str(tmp_path))


# -- a process of its own -----------------------------------------------------------------------------------------------


def gone(pid: int) -> bool:
    """Whether a process ended (a zombie did)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def wait_for(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return result


def test_a_time_out_really_ends_the_function_and_what_it_started(module: tuple[str, Path]) -> None:
    name, root = module
    pids = root / "pids"
    start = time.monotonic()
    with pytest.raises(TimedOut, match=r"within 1\.5 s"):
        call_within(1.5, f"{name}:sleeps", {"seconds": 300, "pidfile": str(pids)}, Context(), root)
    assert 1.5 <= time.monotonic() - start < 6
    for pid in map(int, pids.read_text().split()):
        wait_for(lambda pid=pid: gone(pid))


def test_one_that_does_not_listen_is_killed(module: tuple[str, Path]) -> None:
    name, root = module
    pids = root / "pids"
    with pytest.raises(TimedOut):
        call_within(1.5, f"{name}:stubborn", {"pidfile": str(pids)}, Context(), root)
    assert gone(int(pids.read_text()))


@pytest.mark.parametrize(("function", "said"), [("dies", "exit code 7"), ("killed", "SIGKILL")])
def test_a_process_that_dies_is_a_failure_and_not_a_time_out(
    module: tuple[str, Path], function: str, said: str
) -> None:
    name, root = module
    with pytest.raises(StepFailed, match=said) as caught:
        call_within(30, f"{name}:{function}", {}, Context(), root)
    assert not isinstance(caught.value, TimedOut)


def test_it_is_another_process_and_its_prints_do_not_get_into_our_output(
    module: tuple[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    name, root = module
    assert call_within(30, f"{name}:prints", {}, Context(), root) != os.getpid()
    out, _ = capfd.readouterr()
    assert out == ""


def test_a_request_to_stop_reaches_the_function(module: tuple[str, Path]) -> None:
    name, root = module
    asked = threading.Event()
    threading.Timer(0.5, asked.set).start()
    assert call_within(30, f"{name}:waits", {}, Context(cancelled=asked.is_set), root) == "asked"


def test_the_function_dies_with_the_process_that_called_it(module: tuple[str, Path]) -> None:
    name, root = module
    pids = root / "pids"
    script = f"""
        from pathlib import Path
        from trueup.core.function_child import call_within
        from trueup.core.functions import Context
        call_within(60, "{name}:sleeps", {{"seconds": 60, "pidfile": {str(pids)!r}}}, Context(), Path({str(root)!r}))
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
    try:
        wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    finally:
        parent.kill()
        parent.wait()
    function, grandchild = map(int, pids.read_text().split())
    wait_for(lambda: gone(function))
    wait_for(lambda: gone(grandchild))
