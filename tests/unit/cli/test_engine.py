"""`trueup engine`, with an engine that only remembers what it was asked; the real ones are under tests/engines."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.unit.cli.conftest import Office, Result
from trueup.engines import calls
from trueup.engines.base import Engine
from trueup.ui.cli import engine as command

Trueup = Callable[..., Result]


class Remembering:
    """An engine as `trueup.engines.base` has it."""

    name = "prefect"

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.reachable = True
        self.drift = "ok"

    def deploy(self, config: str, *, on_event: Any) -> dict[str, Any]:
        self.asked.append(("deploy", config))
        on_event({"event": "deploy", "name": "team", "kind": "deployment", "state": "created"})
        changed = [{"name": "team", "kind": "deployment", "state": "created"}]
        changed.append({"name": "nightly", "kind": "deployment", "state": "same"})
        return {"engine": self.name, "changed": changed, "url": "http://127.0.0.1:4200"}

    def status(self, config: str) -> dict[str, Any]:
        self.asked.append(("status", config))
        unit = {"name": "team", "kind": "schedule", "state": self.drift, "wanted": "0 6 * * *", "found": "0 7 * * *"}
        run = {
            "name": "team",
            "state": "completed",
            "started": "2026-11-26T06:00:00Z",
            "url": "http://127.0.0.1:4200/r/1",
        }
        return {
            "engine": self.name,
            "reachable": self.reachable,
            "url": "http://127.0.0.1:4200",
            "units": [unit] if self.reachable else [],
            "runs": [run],
        }

    def fix(self, config: str, status: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(("fix", status["units"][0]["state"]))
        self.drift = "ok"
        return {"engine": self.name, "changed": [{"name": "team", "kind": "schedule", "state": "updated"}], "url": ""}

    def worker(self, config: str, **options: Any) -> None:
        self.asked.append(("worker", config, options))


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Remembering:
    """As if Prefect were installed."""
    made = Remembering()
    engine: Engine = made  # keeps to the protocol
    module = ModuleType("trueup.engines.prefect")
    module.ENGINE = engine  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "trueup.engines.prefect", module)
    monkeypatch.setattr(command, "ENGINES", {**command.ENGINES, "prefect": "json"})
    return made


@pytest.mark.parametrize("name", ["temporal", "airflow"])
@pytest.mark.parametrize("action", ["deploy", "worker", "serve"])
def test_a_missing_package_is_told_with_the_cure(office: Office, trueup: Trueup, name: str, action: str) -> None:
    result = trueup("engine", name, action)
    assert result.code == 64
    assert f"{name} is not installed here" in result.err
    assert f'pip install "trueup[{name}]"' in result.err
    result = trueup("engine", name, action, "--json")
    assert (result.code, result.json["error"]["type"]) == (64, "UsageError")


def test_without_an_engine_status_says_so(office: Office, trueup: Trueup) -> None:
    result = trueup("engine", "status")
    assert result.code == 0
    assert "No orchestrator is installed here" in result.out
    assert trueup("engine", "status", "temporal").code == 64
    assert trueup("engine", "status", "--json").json == {"engines": []}


def test_deploy(office: Office, trueup: Trueup, there: Remembering) -> None:
    result = trueup("engine", "prefect", "deploy")
    assert result.code == 0
    assert "created  deployment team" in result.out
    assert "prefect: 1 changed" in result.out
    assert there.asked == [("deploy", str(Path("trueup.yaml").absolute()))]
    quiet = trueup("engine", "prefect", "deploy", "--quiet").out
    assert "nightly" not in quiet
    lines = trueup("engine", "prefect", "deploy", "--json-lines").lines
    assert [one["event"] for one in lines] == ["deploy", "result"]


def test_status_and_its_cure(office: Office, trueup: Trueup, there: Remembering) -> None:
    good = trueup("engine", "status")
    assert good.code == 0
    assert "as in trueup.yaml" in good.out
    assert "http://127.0.0.1:4200/r/1" in good.out
    there.drift = "changed"
    drift = trueup("engine", "status", "prefect")
    assert drift.code == 3
    for text in ("1 differ from trueup.yaml", "was changed there  schedule team", "wanted: 0 6", "found: 0 7", "--fix"):
        assert text in drift.out
    fixed = trueup("engine", "status", "--fix")
    assert fixed.code == 0
    assert "updated  schedule team" in fixed.out
    assert ("fix", "changed") in there.asked
    there.reachable = False
    away = trueup("engine", "status", "--fix")
    assert (away.code, "does not answer" in away.out) == (75, True)
    assert trueup("engine", "status", "--json").json["engines"][0]["reachable"] is False


def test_a_worker_takes_the_options_of_its_engine(office: Office, trueup: Trueup, there: Remembering) -> None:
    config = str(Path("trueup.yaml").absolute())
    given = ("--threads", "8", "--store-rate", "work=2.5", "--pool=mine", "--queue", "a", "--queue", "b")
    assert trueup("engine", "prefect", "worker", *given).code == 0
    options = {"threads": "8", "store_rate": ["work=2.5"], "pool": "mine", "queue": ["a", "b"]}
    assert there.asked == [("worker", config, options)]
    there.asked.clear()
    assert trueup("engine", "prefect", "serve", "--threads", "8").code == 0
    assert [one[0] for one in there.asked] == ["deploy", "worker"]
    wrong = trueup("engine", "prefect", "worker", "--threads")
    assert (wrong.code, "--threads is no option with a value" in wrong.err) == (64, True)


def test_an_unknown_engine_or_action(office: Office, trueup: Trueup) -> None:
    assert trueup("engine", "dagster", "deploy").code == 64
    assert trueup("engine", "prefect", "explode").code == 64
    assert trueup("engine", "status", "dagster").code == 64


def test_history_leads_to_the_engines_page(office: Office, trueup: Trueup) -> None:
    office.put("work", "board", "Board meeting")
    config = str(Path("trueup.yaml").absolute())
    begun = calls.begin_job(config, "team", "key")
    page = "http://127.0.0.1:4200/runs/flow-run/4d1c"
    calls.link(config, begun["run"], "prefect", page)
    report = calls.run_rest(config, begun["run"])
    assert (report["state"], report["engine"], report["url"]) == ("done", "prefect", page)
    for shown in (trueup("history").out, trueup("history", begun["run"]).out):
        assert f"prefect  {page}" in shown
    one = trueup("history", begun["run"], "--json").json
    assert (one["engine"], one["url"]) == ("prefect", page)
    assert trueup("run", "team").code == 0
    last = trueup("history", "last", "--json").json
    assert (last["engine"], last["url"]) == ("", "")
