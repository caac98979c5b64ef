"""Runs one pipeline over and over, killed with SIGKILL at one ledger write after another, and says what the next run made of it.

    python -m tests.engines.killed FOLDER

For every write there is a folder of its own and two processes: one that kills itself there, one that runs the pipeline again. Both are
forked from this one, which has imported everything and has no threads. One line of JSON for each.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.engines.world import World
from tests.unit.graph.specs import ALWAYS, FAILED, job, pipeline, python, sub
from trueup.model.pipeline import CacheSpec, ParamSpec, PipelineSpec, RetrySpec, StepOutcome
from trueup.model.run import RunState


def build(world: World) -> PipelineSpec:
    """A small pipeline with everything in it."""

    def step(name: str, function: str = "say", **more: Any) -> Any:
        return python(name, f"{world.module}:{function}", **more)

    inner = step("inner", with_={"x": "${params.n}"})
    params = [ParamSpec("n", required=False, default="1")]
    world.pipelines["weekly"] = pipeline(inner, step("last", needs=["inner"]), name="weekly", params=params)
    world.jobs["team"] = lambda parent, **more: {"state": "done", "run": "r1", "parent": parent.partition("/")[2]}
    return pipeline(
        step("rows", "rows", with_={"count": 3}),
        step("each", for_each="${steps.rows.output.rows}", with_={"x": "${item}"}, parallel=2),
        sub("child", "weekly", with_={"n": "${params.n}"}),
        job("team", "team", needs=["rows"]),
        step("again", "fail_until", with_={"file": "failures", "times": 1}, retry=RetrySpec(3, base=0.001)),
        step("bad", "fail"),
        step("kept", cache=CacheSpec("${steps.rows.output.count}"), with_={"x": "${steps.child.output.inner}"}),
        step("skipped", needs=["bad"]),
        step("alarm", needs=["skipped"], when=FAILED),
        step("tidy", needs=["each", "bad"], when=ALWAYS, with_={"x": "${steps.each.output}"}),
        params=params,
    )


def first(folder: Path, write: int) -> None:
    """Dies at this write, or ends."""
    world = World(folder)
    left = [write]

    def hook(label: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    world.ledger.on_write = hook
    world.run(build(world), {"n": "7"})


def second(folder: Path) -> None:
    """Runs again and says what there was, and what came of it."""
    world = World(folder)
    spec = build(world)
    known = world.ledger.journal.latest("nightly")
    ends = {one.value for one in StepOutcome}
    over = []
    for run in world.ledger.journal.history(kind="pipeline"):
        over += [row.key for row in world.ledger.steps.all(run.id) if row.state in ends]
    before = world.counted()
    kept = known is not None and known.state is RunState.RUNNING and known.plan is not None
    result = world.run(spec) if kept else world.run(spec, {"n": "7"})
    after = world.counted()
    answer = {
        "known": known.state.value if known else None,
        "same": known is not None and known.id == result["run"],
        "twice": sorted(key for key in over if after[key] > before[key]),
        "effects": after,
        "steps": {name: one["outcome"] for name, one in result["steps"].items()},
        "output": result["output"],
        "state": result["state"],
        "open": [run.id for run in world.ledger.journal.history() if run.ended is None and run.kind == "pipeline"],
    }
    (folder / "answer").write_text(json.dumps(answer))


def forked(work: Any, *given: Any) -> int:
    """The exit status of a forked process that does this."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]
    try:
        work(*given)
        os._exit(0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)


def main(folder: Path) -> None:
    write = 0
    while True:
        one = folder / str(write)
        one.mkdir()
        status = forked(first, one, write)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        if not killed:
            assert status == 0, status
            return
        assert forked(second, one) == 0, write
        print(json.dumps({"write": write, **json.loads((one / "answer").read_text())}), flush=True)
        write += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
