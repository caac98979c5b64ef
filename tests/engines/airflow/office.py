"""An office on Airflow: trueup.yaml with a calendar on a real server and one in a folder, functions of its own, and a DAG file."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.office import InFolder, OnServer, event
from tests.support.airflow_server import Airflow
from tests.support.servers import Radicale
from trueup.app import App

FUNCTIONS = '''
"""Functions of the office. Each appends a line to `effects` when it takes effect."""
import os
from pathlib import Path

HERE = Path(__file__).parent

def effect(line):
    handle = os.open(HERE / "effects", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{line}\\n".encode())
    os.close(handle)

def rows(context, count=3):
    effect(context.step)
    return [{"name": f"row {number}", "number": number} for number in range(count)]

def say(context, x=None):
    effect(context.step)
    context.emit("said", x=x)
    return x

def send(context, x, bad=()):
    effect(context.step)
    if x["number"] in bad:
        raise ValueError(f"{x['name']} is refused")
    return x["number"] * 10

def fail(context):
    effect(context.step)
    raise ValueError("no such customer")

def fail_until(context, times):
    effect(context.step)
    path = HERE / "failures"
    failed = len(path.read_text()) if path.exists() else 0
    if failed < times:
        path.write_text("x" * (failed + 1))
        raise ConnectionError(f"{failed + 1} of {times}")
    return {"attempt": context.attempt}
'''

DAG_FILE = """\
import sys
from datetime import timedelta

sys.path[:0] = [{root!r}, {folder!r}]
from tests.engines.holding import hold
from trueup.engines.airflow import dags

hold({folder!r})
quick = {{"retry_delay": timedelta(seconds=1), "retry_exponential_backoff": 0.0}}
globals().update(dags({config!r}, prefix={prefix!r}, default_args=quick, {more}))
"""
ROOT = str(Path(__file__).resolve().parents[3])


class Office:
    """See the module's text.

    Args:
        folder: where trueup.yaml is.
        radicale: the server of the first calendar.
        ledger: the address of a database; "": SQLite beside trueup.yaml.

    Attributes:
        server, laptop: the two calendars; prefix: of the DAGs' ids.
    """

    def __init__(self, folder: Path, radicale: Radicale, ledger: str = "") -> None:
        self.folder = folder
        self.ledger = ledger
        self.prefix = f"t{secrets.token_hex(3)}_"
        self.module = f"office_{secrets.token_hex(3)}"
        self.server = OnServer.make("work", radicale)
        self.laptop = InFolder("laptop", folder / "laptop")
        self.dag_file = Path()
        (folder / f"{self.module}.py").write_text(FUNCTIONS)
        self.write()

    @property
    def config(self) -> str:
        return str(self.folder / "trueup.yaml")

    def dag(self, name: str = "team") -> str:
        """The id of a job's or pipeline's DAG."""
        return self.prefix + name

    def write(
        self,
        pipelines: Mapping[str, Any] | None = None,
        job: Mapping[str, Any] | None = None,
        stores: Mapping[str, Any] | None = None,
        **store: Any,
    ) -> None:
        """Writes trueup.yaml: the job `team` over both calendars, and pipelines whose functions are written `python: name`.

        Args:
            pipelines: by name; job: more of the job; stores: further ones; store: more of the server's.
        """
        places = (self.server, self.laptop)
        refs = [{"store": one.name, "name": one.collection()} for one in places]
        known: dict[str, Any] = {one.name: one.store() for one in places}
        known["work"] |= store
        config: dict[str, Any] = {
            "version": 1,
            "stores": {**known, **(stores or {})},
            "jobs": {"team": {"kind": "calendar", "collections": refs, **(job or {})}},
        }
        if pipelines:
            config["pipelines"] = {name: self._with_module(one) for name, one in pipelines.items()}
        if self.ledger:
            config["ledger"] = self.ledger
        (self.folder / "trueup.yaml").write_text(json.dumps(config, indent=1))

    def _with_module(self, pipeline: Mapping[str, Any]) -> dict[str, Any]:
        steps = {
            name: {**one, **({"python": f"{self.module}:{one['python']}"} if "python" in one else {})}
            for name, one in pipeline["steps"].items()
        }
        return {**pipeline, "steps": steps}

    def deploy(self, airflow: Airflow, *wait_for: str, more: str = "") -> None:
        """Puts the DAG file into Airflow's folder, and waits until these are known."""
        text = DAG_FILE.format(root=ROOT, folder=str(self.folder), config=self.config, prefix=self.prefix, more=more)
        self.dag_file = airflow.dags / f"dags_{self.prefix}.py"
        self.dag_file.write_text(text)
        airflow.wait_for_dags(*(self.prefix + one for one in wait_for or ("team",)))

    def app(self) -> App:
        return App.load(self.folder)

    # -- the calendars ------------------------------------------------------------------------------------------------

    def fill(self, number: int, where: str = "server", first: int = 0) -> list[str]:
        """Events in one of the calendars; returns their UIDs."""
        place = self.server if where == "server" else self.laptop
        names = [f"{where}-{at:02}" for at in range(first, first + number)]
        for name in names:
            place.put(f"{name}.ics", event(name, f"Event {name}"))
        return names

    def assert_same(self, uids: list[str]) -> None:
        """Both calendars hold exactly these events, each once, and show the same."""
        sides = [self.server.side(), self.laptop.side()]
        for side in sides:
            assert side.doubled == [], side
            assert sorted(side.raw) == sorted(uids), side.name
        assert sides[0].shown() == sides[1].shown()

    def effects(self) -> Counter[str]:
        """How often each step took effect."""
        path = self.folder / "effects"
        return Counter(path.read_text().split()) if path.exists() else Counter()

    # -- killing ------------------------------------------------------------------------------------------------------

    def hold(self, *points: str) -> None:
        """Tasks stop at these points ("apply_batch.after"), once each, until they are killed."""
        for one in points:
            (self.folder / f"hold-{one}").touch()

    def held(self) -> dict[str, int]:
        """The processes that are held, by their points."""
        found = {}
        for path in self.folder.glob("held-*"):
            if text := path.read_text():
                found[path.name.removeprefix("held-")] = int(text)
        return found

    def kill_held(self) -> list[str]:
        """Kills what is held (SIGKILL); returns where."""
        points = []
        for point, pid in self.held().items():
            os.kill(pid, signal.SIGKILL)
            (self.folder / f"held-{point}").rename(self.folder / f"killed-{point}")
            points.append(point)
        return points

    def wait_held(self, point: str, seconds: float = 90) -> int:
        """The process that is held at a point."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if pid := self.held().get(point):
                return pid
            time.sleep(0.1)
        raise AssertionError(f"nothing came to {point}")

    def close(self, airflow: Airflow | None = None) -> None:
        """Takes the DAG file away, so that Airflow does not read it for every later test."""
        self.dag_file.unlink(missing_ok=True) if self.dag_file != Path() else None
        while str(self.folder) in sys.path:
            sys.path.remove(str(self.folder))
        sys.modules.pop(self.module, None)
