"""kill -9 at every write to the ledger, Ctrl-C, SIGTERM: real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engines.world import World
from tests.unit.graph.specs import pipeline, python
from trueup.model.errors import Locked
from trueup.model.run import RunState

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def test_kill_9_at_every_write(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.engines.killed", str(tmp_path)],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) > 60, "every write is there twice: before and after its commit"
    assert sum(one["same"] for one in answers) > 50, "most of them went on with the run that was killed"
    assert sum(one["known"] == "failed" for one in answers) <= 3
    for one in answers:
        check(one)


def check(one: dict[str, Any]) -> None:
    """What must be true whatever write the process died at."""
    if one["known"] != "failed":  # else killed after the run's end: the second is a run of its own
        assert one["twice"] == [], one
    assert one["state"] == "failed", one
    assert one["steps"] == {
        "rows": "done", "each": "done", "child": "done", "team": "done", "again": "done", "bad": "failed", "kept": "done",
        "skipped": "skipped", "alarm": "done", "tidy": "done",
    }, one  # fmt: skip
    assert one["output"]["each"] == [0, 1, 2], one
    assert one["output"]["tidy"] == [0, 1, 2], one
    assert one["output"]["child"] == {"inner": "7", "last": None}, one
    assert one["output"]["kept"] == "7", one
    assert one["output"]["team"]["parent"] == "team", one
    assert one["open"] == [], one
    keys = {"rows", "each[0]", "each[1]", "each[2]", "inner", "last", "again", "bad", "kept", "alarm", "tidy"}
    assert set(one["effects"]) == keys, one


def script(world: World, *steps: str, signals: bool = True) -> str:
    """A program that runs a pipeline of these steps and exits as the command line would."""
    return textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from tests.engines.world import World
        from tests.unit.graph.specs import pipeline, python
        from trueup.engines.embedded import stop_on_signals
        from trueup.model.errors import TrueupError
        world = World(Path({str(world.root)!r}))
        m = {world.module!r}
        spec = pipeline({", ".join(steps)})
        try:
            with stop_on_signals() as stop:
                sys.exit(world.run(spec, stop=stop)["exit_code"])
        except TrueupError as error:
            print(error, error.hint)
            sys.exit(int(error.exit_code))
    """)


def start(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)


def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


STEPS = (
    "python('a', m + ':say')",
    "python('wait', m + ':wait_for', needs=['a'], with_={'file': 'go'})",
    "python('after', m + ':say', needs=['wait'])",
)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_what_is_under_way_end(world: World, sign: signal.Signals) -> None:
    process = start(script(world, *STEPS))
    until(lambda: (world.root / "go.waiting").exists())
    process.send_signal(sign)
    time.sleep(0.3)
    assert process.poll() is None, "it waits for the step"
    (world.root / "go").touch()
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "run it again" in out
    assert world.effects() == ["a", "wait"]
    run = world.ledger.journal.latest("nightly")
    assert run is not None
    assert run.state is RunState.RUNNING
    again = start(script(world, *STEPS))
    assert again.wait(timeout=30) == 0
    assert world.effects() == ["a", "wait", "after"]
    assert world.ledger.journal.get(run.id).state is RunState.DONE


def test_a_second_signal_ends_at_once(world: World) -> None:
    process = start(script(world, *STEPS))
    until(lambda: (world.root / "go.waiting").exists())
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 130
    (world.root / "go").touch()
    again = start(script(world, *STEPS))
    assert again.wait(timeout=30) == 0
    assert world.counted() == {"a": 1, "wait": 2, "after": 1}


def test_a_killed_process_is_taken_over_at_once_and_a_living_one_is_not(world: World) -> None:
    process = start(script(world, *STEPS))
    until(lambda: (world.root / "go.waiting").exists())
    spec = pipeline(
        python("a", f"{world.module}:say"),
        python("wait", f"{world.module}:wait_for", needs=["a"], with_={"file": "go"}),
        python("after", f"{world.module}:say", needs=["wait"]),
    )
    with pytest.raises(Locked) as caught:
        world.run(spec)
    assert str(process.pid) in str(caught.value)
    process.kill()
    process.wait()
    (world.root / "go").touch()
    result = world.run(spec)
    assert (result["state"], result["resumed"]) == ("done", True)
    assert world.counted() == {"a": 1, "wait": 2, "after": 1}


def test_a_function_with_a_time_out_dies_with_the_engine(world: World) -> None:
    source = world.root / f"{world.module}.py"
    source.write_text(
        source.read_text()
        + "\n\ndef late():\n    (HERE / 'late.waiting').touch()\n    time.sleep(2)\n    effect('late')\n"
    )
    process = start(script(world, "python('it', m + ':late', timeout=60.0)"))
    until(lambda: (world.root / "late.waiting").exists())
    process.kill()
    process.wait()
    time.sleep(2.5)
    assert world.effects() == []
    assert world.run(pipeline(python("it", f"{world.module}:late", timeout=60.0)))["state"] == "done"
    assert world.effects() == ["late"]


def test_a_death_in_the_pause_after_a_failure_forgets_no_failure(world: World) -> None:
    retry = "RetrySpec(2, Backoff.FIXED, base=3.0)"
    code = script(world, f"python('it', m + ':fail', retry={retry})")
    code = code.replace("world = World", "from trueup.model.pipeline import Backoff, RetrySpec\nworld = World")
    process = start(code)
    until(lambda: any(row.input and row.input.get("failures") for row in rows(world)))
    process.kill()
    process.wait()
    begun = time.monotonic()
    assert start(code).wait(timeout=30) == 1
    assert time.monotonic() - begun > 1.0, "the rest of the pause is waited for"
    assert world.effects() == ["it", "it"]


def rows(world: World) -> list[Any]:
    run = world.ledger.journal.latest("nightly")
    return world.ledger.steps.all(run.id) if run else []
