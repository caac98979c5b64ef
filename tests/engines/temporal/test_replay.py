"""Recorded histories replay: what is under way when trueup is upgraded goes on. See `record` about what may be done to them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from tests.engines.temporal.record import HISTORIES, SCENARIOS
from trueup.engines.temporal import Trueup, versions
from trueup.engines.temporal.pipeline import PipelineFlow
from trueup.engines.temporal.worker import runner

RECORDED = sorted(HISTORIES.glob("*.json"))


def replay(path: Path, **more: Any) -> None:
    text = path.read_text("utf-8")
    begun = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]
    history = WorkflowHistory.from_json(begun["workflowId"], text)
    asyncio.run(Replayer(workflows=[Trueup], **more).replay_workflow(history))


def test_there_is_a_history_of_every_scenario() -> None:
    assert {path.stem for path in RECORDED} >= SCENARIOS.keys()


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_it_replays_as_a_worker_runs_it(path: Path) -> None:
    replay(path, workflow_runner=runner())


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_it_replays_in_the_whole_sandbox(path: Path) -> None:
    """Every module is loaded anew, and a call to a clock, a file or the network is refused."""
    replay(path, workflow_runner=SandboxedWorkflowRunner())


def test_other_commands_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = PipelineFlow._ready
    monkeypatch.setattr(PipelineFlow, "_ready", lambda self, under_way: ready(self, under_way)[::-1])
    with pytest.raises(workflow.NondeterminismError):
        replay(HISTORIES / "pipeline.json", workflow_runner=runner())


def test_the_version_is_that_of_the_workflows_code() -> None:
    """Every module that a workflow loads counts, and no other."""
    folder = Path(versions.__file__).parent
    imported = {
        line.split()[1].rpartition(".")[2]
        for name in versions.PURE
        for line in (folder / f"{name}.py").read_text("utf-8").splitlines()
        if line.strip().startswith("from trueup.engines.temporal.")
    }
    assert imported <= set(versions.PURE)
    assert versions.build_id().count("-") == 1
