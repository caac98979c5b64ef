"""Records the histories that the replay tests keep: what a worker of today must still understand tomorrow.

    .venv-temporal/bin/python -m tests.engines.temporal.record

A history that is kept is never recorded anew to make a test pass: a run that is under way has it, too. A change of the workflow's
code that does not replay them needs `workflow.patched` (https://docs.temporal.io/develop/python/versioning); then record new ones
beside the old, under another name.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import re
import tempfile
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowFailureError

from tests.engines.temporal.office import Office
from tests.engines.temporal.test_pipeline import EVERYTHING, WEEKLY
from tests.support.temporal_server import TemporalServer

HISTORIES = Path(__file__).with_name("histories")


async def job(office: Office, client: Any) -> Any:
    for number in range(3):
        office.event("work", f"w{number}", f"Work {number}")
    handle = await office.start(client, "team")
    await handle.result()
    return handle


async def approval(office: Office, client: Any) -> Any:
    for number in range(10):
        office.event("work", f"w{number}", f"Work {number}")
    await (await office.start(client, "team")).result()
    for number in range(8):
        (office.folder / "work" / "team" / f"w{number}.ics").unlink()
    handle = await office.start(client, "team")
    await office.state(handle, "awaiting_approval")
    await asyncio.sleep(3)
    await handle.signal("approve", {"who": "ana"})
    await handle.result()
    return handle


async def pipeline(office: Office, client: Any) -> Any:
    office.pipeline(EVERYTHING, "count: {type: integer}", more=WEEKLY)
    handle = await office.start(client, "nightly", {"count": 5})
    await _ended(handle)
    return handle


async def continued(office: Office, client: Any) -> Any:
    steps = """
rows: {python: "office:rows", with: {count: 40}}
send: {python: "office:send", for_each: "${steps.rows.output}", with: {x: "${item}"}, parallel: 4}
"""
    office.pipeline(steps)
    handle = await office.start(client, "nightly")
    await handle.result()
    # The second history of the chain: begun by continue-as-new, ended by it.
    found = [one async for one in client.list_workflows(f"WorkflowId = '{handle.id}'")]
    ordered = sorted(found, key=lambda one: one.start_time)
    return client.get_workflow_handle(handle.id, run_id=ordered[1].run_id)


async def cancelled(office: Office, client: Any) -> Any:
    office.pipeline('first: {python: "office:wait_for", with: {file: "one"}}')
    handle = await office.start(client, "nightly")
    await office.until(lambda: _any(office.effects()))
    await handle.signal("pause")
    await handle.signal("resume")
    await handle.cancel()
    (office.folder / "one").touch()
    await _ended(handle)
    return handle


def _without(value: Any, name: str) -> Any:
    """JSON without a member: traces name files of the machine it was recorded on."""
    if isinstance(value, dict):
        return {key: _without(one, name) for key, one in value.items() if key != name}
    return [_without(one, name) for one in value] if isinstance(value, list) else value


async def _any(found: Any) -> bool:
    return bool(found)


async def _ended(handle: Any) -> None:
    with contextlib.suppress(WorkflowFailureError):
        await handle.result()


SCENARIOS = {one.__name__: one for one in (job, approval, pipeline, continued, cancelled)}


def main() -> None:
    HISTORIES.mkdir(exist_ok=True)
    with TemporalServer() as server:
        for name, scenario in SCENARIOS.items():
            if (HISTORIES / f"{name}.json").exists():
                print(f"{name}: kept")
                continue
            with tempfile.TemporaryDirectory() as folder:
                office = Office(Path(folder), server)
                os.environ.update(office.environment)
                from trueup.engines.temporal import ENGINE

                ENGINE.deploy(office.config)
                office.worker(heartbeat=1, events=100 if name == "continued" else 0)

                async def whole(client: Any, scenario: Any = scenario, office: Office = office) -> str:
                    handle = await scenario(office, client)
                    return str((await handle.fetch_history()).to_json())

                text = office.with_client(whole)
                office.close()
            text = json.dumps(_without(json.loads(text), "stackTrace"), indent=1)
            text = (
                text.replace(folder, "/home/ana/office")
                .replace(office.queue, "trueup")
                .replace(server.web, "http://localhost:8233")
            )
            text = re.sub(rf"\d+@{re.escape(platform.node())}", "1@worker", text)
            (HISTORIES / f"{name}.json").write_text(text + "\n")
            print(f"{name}: recorded, {len(text)} characters")


if __name__ == "__main__":
    main()
