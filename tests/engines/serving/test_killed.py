"""serve killed before and after every commit of its: what came in runs once, whatever the moment."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.engines.serving.office import office

pytestmark = pytest.mark.slow

PIPELINES = """
  load:
    params: {file: {}}
    steps: {a: {python: "steps:note", with: {what: load}}}
    triggers: [{file: "in/*.csv", settle: 0.1s}]
  then:
    steps: {a: {python: "steps:note", with: {what: then}}}
    triggers: [{after: load}]
"""
MOMENTS = range(1, 41) if os.environ.get("TRUEUP_CAMPAIGN") == "full" else range(1, 41, 6)


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_a_moment_and_started_again(tmp_path: Path, moment: int) -> None:
    with office(tmp_path, PIPELINES) as place:
        (tmp_path / "in").mkdir()
        serve = place.serve_later(0.0)  # so that it is known from when on ends of runs count
        serve.wait(event="serve", state="leading")
        place.wait_for(lambda: place.trueup("history")["runs"] == [])
        serve.stop()
        (tmp_path / "in" / "a.csv").write_text("x")
        killed = place.serve_killed_at(moment)
        place.wait_for(
            lambda: killed.process.poll() is not None or killed.told(event="run", state="ended", subject="then")
        )
        if killed.process.poll() is None:
            killed.stop()
        else:
            assert killed.process.returncode == -signal.SIGKILL
        again = place.serve_later(0.0)
        place.wait_for(lambda: "end then" in place.notes())
        again.wait(event="serve", state="leading")
        place.wait_for(lambda: not place.children())
        assert again.stop() == 0
        assert place.notes() == ["begin load", "end load", "begin then", "end then"]
        assert [state for name in ("load", "then") for _, state in place.runs(name)] == ["done", "done"]
