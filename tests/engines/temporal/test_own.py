"""In a person's own workflow and worker: the example of docs/how-to/temporal.md, run as it stands there, and whole jobs as children."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from temporalio.worker import Worker

from tests.engines.temporal.office import Office
from tests.engines.temporal.test_job import blocked
from tests.engines.temporal.weekly import Weekly
from trueup.engines.temporal import activities

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "temporal.md"


@pytest.fixture
def example(office: Office, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The page's Python as a module, in the office's folder."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    path = office.folder / "monday.py"
    path.write_text(
        code.replace('"office"', f'"{office.queue}-own"').replace('id="monday"', f'id="{office.queue}-monday"')
    )
    monkeypatch.chdir(office.folder)
    monkeypatch.syspath_prepend(str(office.folder))
    spec = importlib.util.spec_from_file_location("monday", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "monday", module)
    spec.loader.exec_module(module)
    return module


def test_the_example_of_the_page(office: Office, example: Any) -> None:
    office.event("work", "w", "Work")
    report = office.with_client(example.main)
    assert (report["state"], report["counts"]) == ("done", {"create": 1})
    assert office.titles("laptop") == ["Work"]


@pytest.mark.slow
def test_the_example_asks_where_a_guard_blocks(office: Office, example: Any) -> None:
    first = office.worker()
    blocked(office)
    first.stop()
    report = office.with_client(example.main)
    assert report["counts"] == {"delete": 8}
    assert office.titles("laptop") == ["Work 8", "Work 9"]


def test_whole_jobs_and_pipelines_as_children(office: Office) -> None:
    office.pipeline('say: {python: "office:say", with: {x: "${params.n}"}}', "n: {type: integer}")
    office.event("work", "w", "Work")
    office.worker()

    async def scenario(client: Any) -> Any:
        queue = f"{office.queue}-own"
        async with Worker(client, task_queue=queue, workflows=[Weekly]):
            return await client.execute_workflow(Weekly.run, office.queue, id=queue, task_queue=queue)

    assert office.with_client(scenario) == ["done", "done"]
    assert office.titles("laptop") == ["Work"]
    assert office.effects() == ["say"]


def test_activities_are_found_from_a_relative_path(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(office.folder)
    (one,) = activities("trueup.yaml")
    assert one.__self__.config == os.path.realpath(office.config)  # type: ignore[attr-defined]
