"""As an operator meets it: the commands, upgrades, long waits, logs."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.engines.temporal.office import Office
from tests.engines.temporal.test_job import blocked, details
from tests.support.process import free_port
from trueup.engines.temporal.activity import Activities
from trueup.engines.temporal.settings import Settings
from trueup.engines.temporal.worker import Options, workers
from trueup.model.errors import UsageError

TRUEUP = [sys.executable, "-m", "trueup"]


def trueup(office: Office, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command, in the office's folder."""
    given = {**os.environ, **office.environment, **environment}
    return subprocess.run([*TRUEUP, *words], cwd=office.folder, env=given, capture_output=True, text=True, timeout=60)


def test_the_commands(office: Office) -> None:
    office.event("work", "w", "Work")
    assert trueup(office, "engine", "temporal", "deploy").returncode == 0
    missing = json.loads(trueup(office, "engine", "status", "temporal", "--json").stdout)["engines"][0]
    assert {one["kind"]: one["state"] for one in missing["units"]} == {"search attributes": "ok", "worker": "missing"}
    worker = subprocess.Popen(
        [*TRUEUP, "engine", "temporal", "worker", "--threads", "4"],
        cwd=office.folder,
        env={**os.environ, **office.environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert office.run("team")["state"] == "done"
        good = trueup(office, "engine", "status", "temporal")
        assert good.returncode == 0, good.stdout
        history = trueup(office, "history")
        assert f"{office.server.web}/namespaces/default/workflows/{office.queue}-team/" in history.stdout
    finally:
        worker.send_signal(signal.SIGTERM)
        _, log = worker.communicate(timeout=60)
    assert worker.returncode == 0
    assert f"working on task queue {office.queue}" in log


@pytest.mark.slow
def test_a_server_that_does_not_answer(office: Office) -> None:
    away = trueup(office, "engine", "temporal", "deploy", TEMPORAL_ADDRESS=f"127.0.0.1:{free_port()}")
    assert away.returncode == 75
    assert "TEMPORAL_ADDRESS" in away.stderr
    status = trueup(office, "engine", "status", "temporal", TEMPORAL_ADDRESS=f"127.0.0.1:{free_port()}")
    assert status.returncode == 75


@pytest.mark.slow
def test_a_namespace_that_is_not_there(office: Office) -> None:
    for words in (("deploy",), ("worker",)):
        refused = trueup(office, "engine", "temporal", *words, TEMPORAL_NAMESPACE="nowhere")
        assert refused.returncode not in (0, 70), refused.stderr
        assert "nowhere" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_options_that_do_not_fit_are_refused() -> None:
    assert Options.from_texts({"store_rate": ["work=2", "home=0.5"], "versioned": "no"}).stores == {
        "work": 2,
        "home": 0.5,
    }
    for wrong in ({"thread": "4"}, {"threads": "many"}, {"versioned": "perhaps"}, {"store_rate": "work"}):
        with pytest.raises(UsageError) as error:
            Options.from_texts(wrong)
        assert error.value.hint


@pytest.mark.slow
def test_a_run_goes_on_with_the_next_version_of_the_worker(office: Office) -> None:
    """The old worker is gone for good; nothing waits for it."""
    office.pipeline("""
first: {python: "office:wait_for", with: {file: "one"}}
second: {python: "office:say", needs: [first]}
""")
    old = office.worker(heartbeat=1, build="0.1-old")

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "nightly")

        async def begun() -> bool:
            return bool(office.effects())

        await office.until(begun)
        office.worker(heartbeat=1, build="0.2-new")
        await asyncio.sleep(2)
        old.kill()
        (office.folder / "one").touch()
        assert (await asyncio.wait_for(handle.result(), 60))["state"] == "done"
        version = (await handle.describe()).raw_description.workflow_execution_info.versioning_info.deployment_version
        assert version.build_id == "0.2-new"

    office.with_client(scenario)


@pytest.mark.slow
def test_what_a_function_emits_is_in_the_log_with_its_workflow(office: Office) -> None:
    office.pipeline('tell: {python: "office:tell"}')
    with (office.folder / "office.py").open("a") as file:
        file.write("\ndef tell(context):\n    context.emit('counted', rows=3)\n")
    worker = office.worker()
    assert office.run("nightly")["state"] == "done"
    log = worker.log.read_text()
    (line,) = [line for line in log.splitlines() if "counted" in line]
    assert "trueup.step.tell: counted rows=3" in line
    assert f"'workflow_id': '{office.queue}-nightly'" in line


@pytest.mark.slow
def test_three_days_of_waiting_for_approval_leave_a_short_history(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the server that skips time: the wait is polled, the history continues as new, and the word is heard in the end."""
    office.worker()
    blocked(office)
    office.close()
    path = Path(sys.executable).with_name("temporal-test-server")
    assert path.exists() or shutil.which("temporal-test-server")

    async def scenario() -> Any:
        async with await WorkflowEnvironment.start_time_skipping(test_server_existing_path=str(path)) as server:
            own = Activities(office.config, Settings(events=600))
            options = Options(queue="waiting", versioned=False)
            async with workers(server.client, own, options)[0]:
                handle = await server.client.start_workflow("team", id="waiting", task_queue="waiting")
                await office.state(handle, "awaiting_approval")
                await server.sleep(timedelta(days=3))
                waiting = server.client.get_workflow_handle("waiting")
                description = await waiting.describe()
                assert description.run_id != handle.first_execution_run_id
                assert description.history_length < 700
                # The namespace does not know the search attributes: the memo says the same.
                assert await description.memo_value("TrueupState") == "awaiting_approval"
                await office.state(waiting, "awaiting_approval")
                assert "max_delete" in await details(waiting)
                assert (await waiting.query("plan"))["counts"]["delete"] == 8
                await waiting.signal("approve", {"who": "ana"})
                return await waiting.result()

    assert asyncio.run(scenario())["counts"] == {"delete": 8}
    assert office.titles("laptop") == ["Work 8", "Work 9"]
