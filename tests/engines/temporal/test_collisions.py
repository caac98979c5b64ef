"""What a run does that a plain schedule starts while something else uses its job: `collide`, on the real server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.engines.temporal.office import JOB, Office
from trueup.app import App
from trueup.engines.temporal import ENGINE

pytestmark = pytest.mark.slow

CLOSE = """\
    schedule: {{every: 1h, collide: {collide}}}
pipelines:
  close:
    steps:
      first: {{job: team}}
      gate: {{python: "office:wait_for", needs: first, with: {{file: open}}}}
  nightly:
    params: {{n: {{type: integer}}}}
    schedule: {{every: 1h, collide: {collide}, params: {{n: 7}}}}
    steps:
      team: {{job: team}}
      say: {{python: "office:say", with: {{x: "${{params.n}}"}}}}
"""


def met(office: Office, collide: str, name: str, then: Callable[[Any, Any], Coroutine[Any, Any, Any]]) -> Any:
    """A pipeline is under way that uses the job; a schedule starts another run; `then(close, run)`."""
    office.write(JOB + CLOSE.format(collide=collide))
    office.worker(poll=0.3)
    ENGINE.deploy(office.config)

    async def scenario(client: Any) -> Any:
        close = await office.start(client, "close")

        async def at_the_gate() -> bool:
            return "waiting for open" in office.effects()

        await office.until(at_the_gate)
        await asyncio.sleep(
            1.1
        )  # the server knows the moment of a start to the second: this one comes after what is under way
        schedule = client.get_schedule_handle(f"{office.queue}/{name}")
        await schedule.trigger()

        async def started() -> Any:
            actions = (await schedule.describe()).info.recent_actions
            return actions[0].action.workflow_id if actions else None

        return await then(close, client.get_workflow_handle(await office.until(started)))

    return office.with_client(scenario)


def open_gate(office: Office) -> None:
    (office.folder / "open").touch()


@pytest.mark.parametrize("name", ["team", "nightly"])
def test_it_is_left_out(office: Office, name: str) -> None:
    async def then(close: Any, run: Any) -> Any:
        ended = await office.result(run)
        open_gate(office)
        assert (await office.result(close))["state"] == "done"
        return ended

    assert met(office, "skip", name, then) == {"state": "superseded", "error": "it would meet close"}
    assert office.counted()["say"] == 0


@pytest.mark.parametrize("collide", ["queue", "shift"])
def test_it_waits_until_the_other_has_ended(office: Office, collide: str) -> None:
    async def then(close: Any, run: Any) -> Any:
        progress = await office.state(run, "queued")
        assert office.counted()["say"] == 0
        open_gate(office)
        assert (await office.result(close))["state"] == "done"
        return progress, await office.result(run)

    progress, report = met(office, collide, "nightly", then)
    assert progress["name"] == "nightly"
    assert report["state"] == "done"
    assert office.effects()[-1] == "say"


@pytest.mark.parametrize("name", ["team", "nightly"])
def test_a_person_lets_it_begin(office: Office, name: str) -> None:
    async def then(close: Any, run: Any) -> Any:
        asked = await office.state(run, "awaiting_approval")
        open_gate(office)
        await office.result(close)
        assert office.counted()["say"] == 0
        await run.signal("approve", {"who": "ana"})
        return asked["run"], await office.result(run)

    asked, report = met(office, "ask", name, then)
    assert (report["run"], report["state"]) == (asked, "done")
    with App.load(Path(office.config)) as app:
        record = app.ledger.journal.get(asked)
    assert record.report["engine"] == "temporal"
    assert name == "team" or record.plan is not None
    assert name == "team" or (record.plan["params"], office.counted()["say"]) == ({"n": 7}, 1)  # type: ignore[index]


def test_a_person_refuses(office: Office) -> None:
    async def then(close: Any, run: Any) -> Any:
        await office.state(run, "awaiting_approval")
        await run.signal("reject", {"who": "ana"})
        ended = await office.result(run)
        open_gate(office)
        await office.result(close)
        return ended

    assert met(office, "ask", "nightly", then) == {"state": "superseded", "error": "ana refused it"}
    assert office.counted()["say"] == 0


def test_said_on_the_command_line(office: Office) -> None:
    """It is carried out there, once, and the workflow ends with its report."""

    async def then(close: Any, run: Any) -> Any:
        asked = (await office.state(run, "awaiting_approval"))["run"]
        open_gate(office)
        await office.result(close)
        with App.load(Path(office.config)) as app:
            assert app.apply(asked)["state"] == "done"
        return asked, await office.result(run)

    asked, report = met(office, "ask", "nightly", then)
    assert (report["run"], report["state"]) == (asked, "done")
    assert office.counted()["say"] == 1
