"""A pipeline on the real server: every feature of the graph in its native form, and what happens when it gets long or is changed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError

from tests.engines.temporal.office import Office
from trueup.app import App

EVERYTHING = """
rows: {python: "office:rows", with: {count: "${params.count}"}}
send: {python: "office:send", for_each: "${steps.rows.output}", with: {x: "${item}"}, parallel: 3}
team: {job: team}
child: {pipeline: weekly, with: {n: "${params.count}"}}
again: {python: "office:fail_until", with: {times: 2}, retry: {attempts: 3, base: 0.01}}
add: {python: "office:add", with: {numbers: "${steps.send.output}"}}
many: {python: "office:say", needs: [add], when: {outcome: done, data: "${params.count > 100}"}}
bad: {python: "office:fail", retry: {attempts: 2, base: 0.01}}
after: {python: "office:say", needs: [bad]}
alarm: {python: "office:say", needs: [after], when: {outcome: failed}}
"""
WEEKLY = """\
  weekly:
    params: {n: {type: integer}}
    steps:
      inner: {python: "office:say", with: {x: "${params.n}"}}
"""


def test_every_feature_of_the_graph(office: Office) -> None:
    office.pipeline(EVERYTHING, "count: {type: integer}", more=WEEKLY)
    office.event("work", "w", "Work")
    office.worker()

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "nightly", {"count": 5})
        with pytest.raises(WorkflowFailureError) as failure:
            await handle.result()
        error: Any = failure.value.cause
        assert error.type == "PipelineFailed"
        assert "no such customer" in error.message
        outcomes = {name: one["outcome"] for name, one in error.details[0]["steps"].items()}
        assert outcomes == {
            **dict.fromkeys(["rows", "send", "team", "child", "again", "add", "alarm"], "done"),
            **dict.fromkeys(["many", "after"], "skipped"),
            "bad": "failed",
        }
        shown = await office.activities(handle)
        assert [id for type_, id in shown if type_ == "send"] == [f"send[{number}]" for number in range(5)]
        assert {type_ for type_, _ in shown} == {"begin", "rows", "send", "again", "add", "bad", "alarm", "end"}
        children = await office.events(handle, "start_child_workflow_execution_initiated")
        assert {(one.workflow_type.name, one.workflow_id) for one in children} == {
            ("team", f"{handle.id}/team"),
            ("weekly", f"{handle.id}/child"),
        }
        scheduled = await office.events(handle, "activity_task_scheduled")
        (again,) = [one for one in scheduled if one.activity_type.name == "again"]
        assert "ConfigError" in again.retry_policy.non_retryable_error_types

    office.with_client(scenario)
    done = office.counted()
    assert done == {
        **{f"send[{n}]": 1 for n in range(5)},
        "rows": 1,
        "inner": 1,
        "again": 3,
        "add": 1,
        "bad": 2,
        "alarm": 1,
    }
    assert office.titles("laptop") == ["Work"]
    with App.load(office.folder / "trueup.yaml") as app:
        history = app.history()
        nightly = next(one for one in history if one["subject"] == "nightly")
        parents = {one["subject"]: one["parent"] for one in history}
    assert nightly["state"] == "failed"
    assert parents["team"] == f"{nightly['id']}/team"
    assert parents["weekly"] == f"{nightly['id']}/child"


@pytest.mark.slow
def test_parameters_have_types(office: Office) -> None:
    office.pipeline(EVERYTHING, "count: {type: integer}", more=WEEKLY)
    office.worker()
    with pytest.raises(WorkflowFailureError) as failure:
        office.run("nightly", {"count": "five"})
    error: Any = failure.value.cause
    assert error.type == "UsageError"
    assert "count" in str(error.details[0])
    assert office.effects() == []


@pytest.mark.slow
def test_items_go_side_by_side_and_never_more_than_parallel(office: Office) -> None:
    steps = """
rows: {python: "office:rows", with: {count: 12}}
send: {python: "office:send", for_each: "${steps.rows.output}", with: {x: "${item}", seconds: 0.2}, parallel: 4}
"""
    office.pipeline(steps)
    office.worker()

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "nightly")
        await handle.result()
        history = await handle.fetch_history()
        open_, most, sends = set(), 0, set()
        for event in history.events:
            if event.HasField("activity_task_scheduled_event_attributes"):
                if event.activity_task_scheduled_event_attributes.activity_type.name == "send":
                    sends.add(event.event_id)
                    open_.add(event.event_id)
                    most = max(most, len(open_))
            elif event.HasField("activity_task_completed_event_attributes"):
                open_.discard(event.activity_task_completed_event_attributes.scheduled_event_id)
        assert (len(sends), most) == (12, 4)

    office.with_client(scenario)


def test_a_long_map_continues_as_new_and_does_every_item_once(office: Office) -> None:
    steps = """
rows: {python: "office:rows", with: {count: 60}}
send: {python: "office:send", for_each: "${steps.rows.output}", with: {x: "${item}"}, parallel: 4}
other: {python: "office:say"}
add: {python: "office:add", with: {numbers: "${steps.send.output}"}}
"""
    office.pipeline(steps)
    office.worker(events=100)

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "nightly")
        result = await handle.result()
        assert result["state"] == "done"
        found = [one async for one in client.list_workflows(f"WorkflowId = '{handle.id}'")]
        continued = [one for one in found if one.status is WorkflowExecutionStatus.CONTINUED_AS_NEW]
        assert len(continued) >= 2
        for one in found:
            assert one.history_length < 180

    office.with_client(scenario)
    assert office.counted() == {"rows": 1, "other": 1, "add": 1, **{f"send[{n}]": 1 for n in range(60)}}


@pytest.mark.slow
def test_pause_resume_and_cancel(office: Office) -> None:
    steps = """
first: {python: "office:wait_for", with: {file: "one"}}
second: {python: "office:wait_for", with: {file: "two"}, needs: [first]}
third: {python: "office:say", needs: [second]}
"""
    office.pipeline(steps)
    office.worker(heartbeat=1)

    async def waiting_for(name: str) -> None:
        async def there() -> bool:
            return f"waiting for {name}" in office.effects()

        await office.until(there)

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "nightly")
        await waiting_for("one")
        await handle.signal("pause")
        (office.folder / "one").touch()
        await asyncio.sleep(1.5)
        assert (await handle.query("progress"))["state"] == "paused"
        assert office.effects() == ["waiting for one", "first"]
        await handle.signal("resume")
        await waiting_for("two")
        await handle.signal("cancel")
        await asyncio.sleep(1.5)
        assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING  # what is under way is finished
        (office.folder / "two").touch()
        with pytest.raises(WorkflowFailureError) as failure:
            await handle.result()
        assert failure.value.cause.type == "Cancelled"  # type: ignore[union-attr]
        assert office.effects()[-1] == "second"
        # Temporal's own cancellation does the same.
        for name in ("one", "two", "effects"):
            (office.folder / name).unlink()
        handle = await office.start(client, "nightly")
        await waiting_for("one")
        await handle.cancel()
        await asyncio.sleep(1)
        (office.folder / "one").touch()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED

    office.with_client(scenario)
    with App.load(office.folder / "trueup.yaml") as app:
        assert [one["state"] for one in app.history("nightly")] == ["failed", "failed"]
    assert office.effects() == ["waiting for one", "first"]


@pytest.mark.slow
def test_a_trueup_yaml_that_is_wrong_for_a_while_is_waited_for(office: Office) -> None:
    steps = """
first: {python: "office:wait_for", with: {file: "one"}}
second: {python: "office:say", needs: [first]}
"""
    office.pipeline(steps)
    office.worker()

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "nightly")

        async def there() -> bool:
            return bool(office.effects())

        await office.until(there)
        good = (office.folder / "trueup.yaml").read_text()
        office.write(good + "somebody is typ")
        (office.folder / "one").touch()
        await asyncio.sleep(3)
        office.write(good)
        assert (await office.result(handle))["state"] == "done"

    office.with_client(scenario)


TWO_STEPS = """
first: {python: "office:wait_for", with: {file: "one"}}
second: {python: "office:say", needs: [first]}
"""


def edited_meanwhile(office: Office, steps: str, more: str) -> Any:
    """The result of a run during whose first step trueup.yaml becomes another."""
    office.pipeline(TWO_STEPS)
    office.worker()

    async def scenario(client: Any) -> Any:
        handle = await office.start(client, "nightly")

        async def there() -> bool:
            return bool(office.effects())

        await office.until(there)
        office.pipeline(steps, more=more)
        (office.folder / "one").touch()
        return await office.result(handle)

    return office.with_client(scenario)


def test_an_edit_of_something_else_leaves_a_run_that_is_under_way_alone(office: Office) -> None:
    result = edited_meanwhile(office, TWO_STEPS, WEEKLY)
    assert (result["state"], list(result["steps"])) == ("done", ["first", "second"])


def test_an_edit_of_the_pipeline_leaves_a_run_that_is_under_way_alone(office: Office) -> None:
    result = edited_meanwhile(office, TWO_STEPS + 'third: {python: "office:say"}\n', "")
    assert (result["state"], list(result["steps"])) == ("done", ["first", "second"])
