"""Apache Airflow with its parts as processes of their own, as a company runs it, so that each can be killed and started again alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Self

from tests.support.process import HOST, Process, ServerDied, free_port

Json = dict[str, Any]

PARTS = ("api-server", "dag-processor", "triggerer", "scheduler")
OVER = ("success", "failed")
_USER, _PASSWORD = "ana", "ana-secret"


class AirflowError(RuntimeError):
    """The API answered with an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Airflow:
    """Runs from the environment the tests run in: `.venv-airflow`. `with Airflow() as airflow:` starts and stops it.

    Args:
        workers: how many tasks the LocalExecutor runs at once.
        settings: more of Airflow's settings, as environment variables.

    Attributes:
        directory: everything it writes; home: AIRFLOW_HOME; dags: the DAGs folder.
        url: the address of the API server and the screen.
        user, password: of an administrator.
    """

    user, password = _USER, _PASSWORD

    def __init__(self, workers: int = 2, settings: Mapping[str, str] | None = None) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="trueup-airflow-"))
        self.home = self.directory / "home"
        self.dags = self.home / "dags"
        self.dags.mkdir(parents=True)
        self.port = free_port()
        self.workers = workers
        self.settings = dict(settings or {})
        self.processes: dict[str, Process] = {}
        self._token = ""

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """The environment of every process that belongs to this instance."""
        set_ = {
            "CORE__DAGS_FOLDER": self.dags,
            "CORE__LOAD_EXAMPLES": False,
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": self.workers,
            "CORE__FERNET_KEY": "",
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": False,
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{_USER}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": self.home / "passwords.json",
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home}/airflow.db",
            "API__HOST": HOST,
            "API__PORT": self.port,
            "API__BASE_URL": self.url,
            "API__SECRET_KEY": "a-secret-of-the-tests",
            "API_AUTH__JWT_SECRET": "another-secret-of-the-tests-0123456789",
            "LOGGING__WORKER_LOG_SERVER_PORT": self.port + 1,
            "LOGGING__TRIGGER_LOG_SERVER_PORT": self.port + 2,
            "LOGGING__COLORED_CONSOLE_LOG": False,
            # Sooner than in production, because a test waits for it.
            "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": 1,
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": 0.2,
            "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": 5,
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": 15,
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": 3,
            "DAG_PROCESSOR__PARSING_PROCESSES": 1,
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": 5,
            "DAG_PROCESSOR__REFRESH_INTERVAL": 3,
            "USAGE_DATA_COLLECTION__ENABLED": False,
        }
        given = {f"AIRFLOW__{name}": str(value) for name, value in set_.items()}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        # Parts start each other and the tasks by name.
        path = f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', '')}"
        # With these a run stops an earlier one (`overlap: cancel`).
        login = {"TRUEUP_AIRFLOW_USER": _USER, "TRUEUP_AIRFLOW_PASSWORD": _PASSWORD}
        return {**inherited, "PATH": path, "AIRFLOW_HOME": str(self.home), **login, **given, **self.settings}

    # -- life -----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(self) -> Self:
        """Makes the database and starts all parts; returns when they all report that they are healthy."""
        (self.home / "passwords.json").write_text(json.dumps({_USER: _PASSWORD}))
        self.run("db", "migrate")
        for part in PARTS:
            self.start_part(part, wait=False)
        api = self.processes["api-server"]
        api.wait_until(lambda: self._get("/api/v2/monitor/health") is not None, what="api-server", seconds=180)
        self.wait_for(self.healthy, "all parts to be healthy", 180)
        return self

    def run(self, *arguments: str, seconds: float = 300) -> str:
        """An `airflow` command; its output."""
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self.env,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            raise ServerDied(f"airflow {' '.join(arguments)} ended with {done.returncode}\n{done.stdout[-4000:]}")
        return done.stdout

    def start_part(self, part: str, *, wait: bool = True) -> None:
        """Starts one part."""
        command = [sys.executable, "-m", "airflow", part]
        log = self.directory / f"{part}.log"
        self.processes[part] = Process(command, log=log, directory=self.directory, env=self.env, grace=20.0)
        if wait:
            self.wait_for(self.healthy, f"{part} to be healthy", 120)

    def kill_part(self, part: str) -> None:
        """Kills one part and what it has started, as an outage of its machine does."""
        process = self.processes.pop(part)
        for pid in reversed(descendants(process.pid)):
            kill(pid)
        process.stop()

    def close(self) -> None:
        """Stops everything and removes it."""
        for part in reversed(PARTS):
            if process := self.processes.pop(part, None):
                process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def healthy(self) -> bool:
        """Whether every part has reported lately."""
        found = self._get("/api/v2/monitor/health") or {}
        return all(found.get(one, {}).get("status") == "healthy" for one in _HEALTH)

    def logs(self, lines: int = 40) -> str:
        """The end of every part's log, for a test that failed."""
        ends = []
        for file in sorted(self.directory.glob("*.log")):
            ends.append(f"--- {file.name}\n" + "\n".join(file.read_text(errors="replace").splitlines()[-lines:]))
        return "\n".join(ends)

    # -- the API --------------------------------------------------------------------------------------------------

    def _get(self, path: str) -> Any:
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return json.load(answer)
        except OSError:
            return None

    def token(self) -> str:
        """A token of the administrator, for the API."""
        if not self._token:
            body = json.dumps({"username": _USER, "password": _PASSWORD}).encode()
            request = urllib.request.Request(
                f"{self.url}/auth/token", data=body, headers={"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=20) as answer:
                self._token = str(json.load(answer)["access_token"])
        return self._token

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Calls the REST API ("/dags/team")."""
        headers = {"Authorization": f"Bearer {self.token()}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v2{path}", data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise AirflowError(error.code, error.read().decode("utf-8", "replace")) from None
        return json.loads(text) if text else None

    def wait_for(self, true: Callable[[], Any], what: str, seconds: float = 120) -> Any:
        """What `true()` gives once it gives something."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := true():
                return found
            time.sleep(0.3)
        raise ServerDied(f"waited {seconds:g} s for {what}\n{self.logs()}")

    def wait_for_dags(self, *names: str, seconds: float = 120) -> None:
        """Until the DAG processor has them; a DAG file that cannot be imported ends the wait."""

        def known() -> bool:
            errors = self.api("GET", "/importErrors")["import_errors"]
            # A file of an earlier test, taken away while it was read, is one as well.
            errors = [one for one in errors if (self.dags / Path(one["filename"]).name).exists()]
            if errors:
                raise ServerDied("\n".join(one["stack_trace"] for one in errors))
            return set(names) <= {one["dag_id"] for one in self.api("GET", "/dags?limit=100")["dags"]}

        self.wait_for(known, f"DAGs {', '.join(names)}", seconds)

    def trigger(self, dag: str, conf: Json | None = None) -> str:
        """Starts a run; returns its id."""
        answer = self.api("POST", f"/dags/{dag}/dagRuns", {"logical_date": None, "conf": conf or {}})
        return str(answer["dag_run_id"])

    def state(self, dag: str, run: str) -> str:
        return str(self.api("GET", f"/dags/{dag}/dagRuns/{_quoted(run)}")["state"])

    def wait_run(self, dag: str, run: str, states: Collection[str] = OVER, seconds: float = 240) -> str:
        """Until a run is in one of these states; returns it."""

        def there() -> str:
            state = self.state(dag, run)
            return state if state in states else ""

        try:
            return str(self.wait_for(there, f"run {run} of {dag}", seconds))
        except ServerDied as error:
            shown = {f"{key[0]}[{key[1]}]": one["state"] for key, one in self.tasks(dag, run).items()}
            raise ServerDied(f"{error}\n{shown}") from None

    def assert_success(self, dag: str, run: str, seconds: float = 240) -> None:
        """Waits for a run, which has to be green; else shows what its failed tasks say."""
        if self.wait_run(dag, run, seconds=seconds) == "success":
            return
        told = []
        for (task, at), one in self.tasks(dag, run).items():
            if one["state"] == "failed":
                log = json.loads(self.log(dag, run, task, one["try_number"], at))
                lines = [f"{line.get('event')} {line.get('error_detail') or ''}" for line in log["content"]]
                told.append("\n".join([f"--- {task}[{at}], try {one['try_number']}", *lines[-15:]]))
        raise AssertionError("\n".join([str(self.task_states(dag, run)), *told]))

    def tasks(self, dag: str, run: str) -> dict[tuple[str, int], Json]:
        """The task instances of a run by task id and map index (-1: not mapped)."""
        path = f"/dags/{dag}/dagRuns/{_quoted(run)}/taskInstances?limit=100"
        found: dict[tuple[str, int], Json] = {}
        while True:
            page = self.api("GET", f"{path}&offset={len(found)}")
            new = {(one["task_id"], one["map_index"]): one for one in page["task_instances"]}
            found |= new
            if not new or len(found) >= page["total_entries"]:
                return found

    def task_states(self, dag: str, run: str) -> dict[str, str]:
        """States by task id; of a mapped task the states of its instances, sorted, joined by a comma."""
        states: dict[str, list[str]] = {}
        for (task, _), one in self.tasks(dag, run).items():
            states.setdefault(task, []).append(str(one["state"]))
        return {task: ",".join(sorted(found)) for task, found in states.items()}

    def log(self, dag: str, run: str, task: str, attempt: int = 1, map_index: int = -1) -> str:
        """A task's log as the screen shows it."""
        path = f"/dags/{dag}/dagRuns/{_quoted(run)}/taskInstances/{task}/logs/{attempt}?map_index={map_index}"
        return json.dumps(self.api("GET", path), ensure_ascii=False)


_HEALTH = ("metadatabase", "scheduler", "triggerer", "dag_processor")


def _quoted(run: str) -> str:
    return urllib.parse.quote(run, safe="")


def descendants(pid: int) -> list[int]:
    """The processes below this one, itself not included, parents first."""
    found: list[int] = []
    left = [pid]
    while left:
        try:
            children = Path(f"/proc/{left[-1]}/task/{left.pop()}/children").read_text().split()
        except OSError:
            continue
        found += map(int, children)
        left += map(int, children)
    return found


def kill(pid: int) -> None:
    """SIGKILL; nothing where it is gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
