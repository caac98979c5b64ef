"""A configuration deployed on a real Prefect server, workers in processes of their own, and calendars to look at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    LogFilter,
    LogFilterFlowRunId,
)

from tests.e2e.office import InFolder, Office, Place
from tests.support.prefect_server import PrefectServer
from trueup.engines.prefect import ENGINE

EVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//tests//prefect//EN
BEGIN:VEVENT
UID:{uid}
DTSTAMP:20261101T000000Z
DTSTART:202612{day:02}T100000Z
DTEND:202612{day:02}T110000Z
SUMMARY:{title}
END:VEVENT
END:VCALENDAR
"""

STEPS = '''
"""Steps of a user. Each appends a line to `effects` when it takes effect."""
import os, time
from pathlib import Path

HERE = Path(__file__).parent

def effect(line):
    handle = os.open(HERE / "effects", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{line}\\n".encode())
    os.close(handle)

def rows(n, context):
    effect(context.step)
    return {"rows": [{"name": f"row {i}"} for i in range(n)], "count": n}

def send(row, context):
    context.emit("sending", row=row["name"])
    effect(context.step)
    return row["name"]

def flaky(context):
    effect(context.step)
    if context.attempt < 2:
        raise ConnectionError("not yet")
    return context.attempt

def bad(context):
    effect(context.step)
    raise ValueError("broken")

def note(context, x=None):
    effect(context.step)
    return x

def wait_for(file, context):
    """Until the file is there."""
    effect(context.step)
    (HERE / f"{file}.waiting").touch()
    while not (HERE / file).exists():
        time.sleep(0.05)
'''

HOLD = """\
import sys
sys.path.append({root!r})
from tests.engines.holding import hold
hold({folder!r})
"""
ROOT = Path(__file__).resolve().parents[3]
FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def event(uid: str, title: str = "", day: int = 1) -> str:
    """An event as an .ics file."""
    return EVENT.format(uid=uid, title=title or f"Event {uid}", day=day).replace("\n", "\r\n")


class Plant:
    """Two calendars, `a` and `b`, one job `team` between them, and what a test adds.

    Args:
        folder: of the configuration.
        server: Prefect's.
        ledger: where the ledger is.
    """

    def __init__(self, folder: Path, server: PrefectServer, ledger: str) -> None:
        self.folder, self.server, self.ledger = folder, server, ledger
        self.office = Office(folder)
        self.a: Place = InFolder("a", folder / "a")
        self.b: Place = InFolder("b", folder / "b")
        (folder / "usersteps.py").write_text(STEPS)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.env: dict[str, str] = {}
        self.configure()

    @property
    def config(self) -> str:
        return str(self.folder / "trueup.yaml")

    def configure(self, job: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Writes trueup.yaml; `job` replaces what the job says."""
        self.office.configure([self.a, self.b], job, ledger=self.ledger, **more)

    def pipeline(self, steps: Mapping[str, Any], **more: Any) -> None:
        """Writes trueup.yaml with a pipeline `monthly`."""
        self.configure(pipelines={"monthly": {"steps": steps, **more}})

    def fill(self, count: int) -> None:
        """Events in `a`."""
        for number in range(count):
            self.a.put(f"e{number}.ics", event(f"e{number}", day=1 + number % 28))

    # -- engine ---------------------------------------------------------------------------------------------------------

    def deploy(self) -> dict[str, Any]:
        return ENGINE.deploy(self.config, on_event=lambda told: None)

    def states(self) -> dict[str, str]:
        """What `status` says of each unit that is not as it should be."""
        return {one["name"]: one["state"] for one in ENGINE.status(self.config)["units"] if one["state"] != "ok"}

    def deployment(self, name: str) -> Any:
        with get_client(sync_client=True) as client:
            return client.read_deployment_by_name(f"{name}/trueup")

    def start(self, name: str, **parameters: Any) -> Any:
        """A flow run of a job's or pipeline's deployment; returns its id."""
        with get_client(sync_client=True) as client:
            known = self.deployment(name)
            more = {"job_variables": {"env": {**known.job_variables["env"], **self.env}}} if self.env else {}
            return client.create_flow_run_from_deployment(known.id, parameters=parameters, **more).id

    def run(self, flow_run: Any) -> Any:
        with get_client(sync_client=True) as client:
            return client.read_flow_run(flow_run)

    def wait(self, flow_run: Any, *names: str, seconds: float = 90) -> Any:
        """Until the flow run is in a state of one of these names (none: in any that is final)."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            state = self.run(flow_run).state
            if state.name in names if names else state.type.value in FINAL:
                return state
            if names and state.type.value in FINAL and "Crashed" not in names and state.name != "Crashed":
                break
            time.sleep(0.2)
        raise AssertionError(f"{state.name}: {state.message}, not {names}\n{self.logs(flow_run)}\n{self.worker_log()}")

    def tasks(self, flow_run: Any) -> dict[str, list[str]]:
        """The names of a flow run's task runs, each with its states' names, once they have all ended.

        Prefect tells of tasks by events, which may come after the flow run's end.
        """
        this = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run]))
        deadline = time.monotonic() + 20
        while True:
            with get_client(sync_client=True) as client:
                runs = client.read_task_runs(flow_run_filter=this, limit=200)
            found: dict[str, list[str]] = defaultdict(list)
            for one in runs:
                if not one.state.state_details.child_flow_run_id:  # what stands for a sub-flow
                    found[one.name].append(one.state.name)
            if time.monotonic() > deadline or not any(one.state.type.value in ("RUNNING", "PENDING") for one in runs):
                return dict(found)
            time.sleep(0.3)

    def children(self, flow_run: Any) -> list[Any]:
        below = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flow_run]))
        with get_client(sync_client=True) as client:
            return list(client.read_flow_runs(flow_run_filter=below))

    def runs_of(self, name: str) -> list[Any]:
        """All flow runs of a job's or pipeline's deployment."""
        flow = FlowFilter(name=FlowFilterName(any_=[name]))
        ours = DeploymentFilter(name=DeploymentFilterName(any_=["trueup"]))
        with get_client(sync_client=True) as client:
            return list(client.read_flow_runs(flow_filter=flow, deployment_filter=ours))

    def logs(self, flow_run: Any, wanted: str = "") -> str:
        """What was logged in a flow run and its tasks; waits for a text for some seconds."""
        deadline = time.monotonic() + 15
        of = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run]))
        while True:
            found: list[Any] = []
            with get_client(sync_client=True) as client:
                while page := client.read_logs(log_filter=of, limit=200, offset=len(found)):
                    found += page
            text = "\n".join(one.message for one in found)
            if wanted in text or time.monotonic() > deadline:
                return text
            time.sleep(0.3)

    # -- workers --------------------------------------------------------------------------------------------------------

    def hold(self, *points: str) -> None:
        """Processes of flow runs that are started from now on stop at these points ("plan.after"), once each; see `tests/engines/holding.py`."""
        for one in points:
            (self.folder / f"hold-{one}").touch()
        place = self.folder / "site"
        place.mkdir(exist_ok=True)
        (place / "sitecustomize.py").write_text(HOLD.format(root=str(ROOT), folder=str(self.folder)))
        self.env["PYTHONPATH"] = os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)

    def kill_held(self) -> list[str]:
        """Kills what is held; returns where."""
        points = []
        for path in self.folder.glob("held-*"):
            if text := path.read_text():
                os.kill(int(text), signal.SIGKILL)
                path.rename(path.with_name(path.name.replace("held-", "killed-")))
                points.append(path.name.removeprefix("held-"))
        return points

    def work(self, *options: str, keeper: bool = True) -> subprocess.Popen[bytes]:
        """Starts a worker, with the keeper beside it; without: one of Prefect's own."""
        ours = [sys.executable, "-m", "trueup", "engine", "prefect", "worker", *options, "-c", self.config]
        command = ours if keeper else [sys.executable, "-m", "prefect", "worker", "start", "--pool", "trueup"]
        with (self.folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(command, env={**os.environ, **self.server.env}, stdout=log, stderr=log)
        self.workers.append(process)
        return process

    def worker_log(self) -> str:
        path = self.folder / "worker.log"
        return path.read_text()[-4000:] if path.exists() else ""

    def pid(self, flow_run: Any) -> int:
        """The process that works on a flow run."""
        return int(self.run(flow_run).labels["trueup.pid"])

    def stop(self) -> None:
        for process in self.workers:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.workers:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.workers.clear()

    def remove(self) -> None:
        """Everything that was deployed, for the next test on the same server."""
        ours = DeploymentFilter(name=DeploymentFilterName(any_=["trueup"]))
        with get_client(sync_client=True) as client:
            for one in client.read_deployments(deployment_filter=ours):
                client.delete_deployment(one.id)
            for automation in client.read_automations():
                client.delete_automation(automation.id)

    # -- what there is --------------------------------------------------------------------------------------------------

    def effects(self) -> list[str]:
        path = self.folder / "effects"
        return sorted(path.read_text().split("\n")[:-1]) if path.exists() else []

    def uids(self, place: Place) -> list[str]:
        return sorted(place.side().raw)

    def agree(self) -> None:
        """Both calendars hold the same, each event once."""
        a, b = self.a.side(), self.b.side()
        assert a.shown() == b.shown()
        assert (a.doubled, b.doubled) == ([], [])

    def history(self) -> list[dict[str, Any]]:
        with self.office.app() as app:
            return app.history()


@contextmanager
def planted(folder: Path, server: PrefectServer, ledger: str) -> Iterator[Plant]:
    plant = Plant(folder, server, ledger)
    try:
        yield plant
    finally:
        plant.stop()
        plant.remove()
