"""A job on the real server: its shape, its result, and what a person sees and says meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from tests.engines.temporal.office import JOB, Office
from trueup.app import App
from trueup.engines.temporal import ENGINE


def test_a_job_is_a_workflow_of_its_name_with_an_activity_for_every_phase(office: Office) -> None:
    for number in range(3):
        office.event("work", f"w{number}", f"Work {number}")
    office.event("laptop", "l", "Laptop")
    office.worker()

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "team")
        report = await office.result(handle)
        assert (report["state"], report["counts"]) == ("done", {"create": 4})
        shown = await office.activities(handle)
        assert {one for one, _ in shown} == {
            *("begin", "read work/team", "read laptop/team", "plan", "guard", "start apply"),
            *("apply work/team", "apply laptop/team", "verify work/team", "verify laptop/team", "report", "end"),
        }
        assert ("apply work/team", "apply batch 2 (work/team)") in shown or (
            "apply work/team",
            "apply batch 1 (work/team)",
        ) in shown
        progress = await handle.query("progress")
        assert progress["units"]["apply laptop/team"] == {"state": "done", "done": 1, "of": 1}
        with App.load(office.folder / "trueup.yaml") as app:
            (record,) = app.history("team")
        description = await handle.describe()
        assert record["report"]["url"].endswith(f"/workflows/{handle.id}/{description.run_id}/history")

    office.with_client(scenario)
    assert office.titles("work") == office.titles("laptop") == ["Laptop", "Work 0", "Work 1", "Work 2"]


def blocked(office: Office) -> None:
    """Both sides agree on ten events; then most of them vanish from one."""
    for number in range(10):
        office.event("work", f"w{number}", f"Work {number}")
    assert office.run("team")["state"] == "done"
    for number in range(8):
        (office.folder / "work" / "team" / f"w{number}.ics").unlink()


def test_a_blocked_run_waits_for_the_signal(office: Office) -> None:
    ENGINE.deploy(office.config)  # makes the search attributes known
    office.worker()
    blocked(office)

    async def found(client: Any, id: str) -> bool:
        query = f"TrueupState = 'awaiting_approval' AND TrueupJob = 'team' AND TaskQueue = '{office.queue}'"
        return [one.id async for one in client.list_workflows(query)] == [id]

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "team")
        await office.state(handle, "awaiting_approval")
        assert len(office.titles("laptop")) == 10
        await office.until(lambda: found(client, handle.id))
        text = await details(handle)
        assert "Awaiting approval" in text
        assert "trueup apply" in text
        plan = await handle.query("plan")
        assert plan["counts"]["delete"] == 8
        table = await handle.execute_update("show_plan", 5)
        assert "Work" in table
        await handle.signal("approve", {"allow": ["wrong"], "who": "ana"})
        await office.state(handle, "awaiting_approval")
        await handle.signal("approve", args=[[one["guard"] for one in plan["guards"]], "ana"])
        report = await office.result(handle)
        assert report["counts"] == {"delete": 8}

    office.with_client(scenario)
    assert office.titles("work") == office.titles("laptop") == ["Work 8", "Work 9"]
    with App.load(office.folder / "trueup.yaml") as app:
        assert "ana" in str(app.history("team")[0]["plan"]["guards"])


@pytest.mark.slow
def test_a_refused_plan_changes_nothing(office: Office) -> None:
    office.worker()
    blocked(office)

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "team")
        await office.state(handle, "awaiting_approval")
        await handle.signal("reject", "ben")
        assert (await handle.result())["state"] == "superseded"

    office.with_client(scenario)
    assert len(office.titles("laptop")) == 10


def test_what_a_person_applies_on_the_command_line_ends_the_wait(office: Office) -> None:
    office.worker(poll=0.5)
    blocked(office)

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "team")
        run = (await office.state(handle, "awaiting_approval"))["run"]
        with App.load(office.folder / "trueup.yaml") as app:
            app.apply(run, allow=["all"])
        report = await office.result(handle)
        assert (report["run"], report["state"]) == (run, "done")
        assert "approve" not in {one for one, _ in await office.activities(handle)}

    office.with_client(scenario)
    assert office.titles("laptop") == ["Work 8", "Work 9"]


@pytest.mark.slow
def test_a_word_that_was_said_before_the_question_does_not_count(office: Office) -> None:
    office.worker()
    blocked(office)

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "team", start_signal="approve", start_signal_args=[{"who": "ana"}])
        await office.state(handle, "awaiting_approval")
        await asyncio.sleep(1)
        await office.state(handle, "awaiting_approval")
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        # Its lease is given back at once.
        again = await office.start(client, "team", {"allow": ["all"]})
        assert (await office.result(again, 20))["counts"] == {"delete": 8}

    office.with_client(scenario)


@pytest.mark.slow
def test_a_plan_that_goes_stale_while_it_waits_is_made_anew(office: Office) -> None:
    """Somebody edits trueup.yaml, or the calendar, before the approval: what was approved is not what would be done."""
    office.worker()
    blocked(office)

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "team")
        first = (await office.state(handle, "awaiting_approval"))["run"]
        office.event("work", "new", "New")
        office.write(JOB + "    guards: {max_delete: off}\n")
        await handle.signal("approve", {"who": "ana"})
        report = await office.result(handle)
        assert report["state"] == "done"
        assert report["run"] != first

    office.with_client(scenario)
    assert office.titles("work") == office.titles("laptop") == ["New", "Work 8", "Work 9"]


def test_a_failed_run_fails_the_workflow_with_what_where_why_and_hint(office: Office) -> None:
    office.worker()
    with pytest.raises(WorkflowFailureError) as failure:
        office.run("nobody")
    error = failure.value.cause
    assert error.type == "NotFound"  # type: ignore[union-attr]
    (details,) = error.details  # type: ignore[union-attr]
    assert details["what"] == "there is no job or pipeline nobody"
    assert "team" in details["why"]


async def details(handle: Any) -> str:
    """The current details, as the web screen asks for them."""
    return str((await handle.query("__temporal_workflow_metadata")).current_details)
