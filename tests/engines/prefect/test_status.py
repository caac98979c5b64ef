"""What the server has beside what trueup.yaml says: missing, changed by hand, paused, extra; and repaired."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentUpdate, GlobalConcurrencyLimitUpdate

from tests.engines.prefect.plant import Plant
from trueup.engines.prefect import ENGINE
from trueup.engines.prefect.automations import CRASHED

pytestmark = pytest.mark.slow

SCHEDULE = {"cron": "0 6 * * 1-5", "zone": "Europe/Berlin", "overlap": "queue"}


def scheduled(plant: Plant, **more: Any) -> None:
    job = {"collections": [plant.office.ref(plant.a), plant.office.ref(plant.b)], "schedule": {**SCHEDULE, **more}}
    steps = {"one": {"python": "usersteps:note"}}
    nightly = {"steps": steps, "schedule": {"every": "1h"}, "params": {"x": {"type": "string", "default": "y"}}}
    plant.configure(job, pipelines={"nightly": nightly, "later": {"steps": steps, "triggers": [{"after": "team"}]}})


def test_drift_is_told_and_repaired(plant: Plant) -> None:
    scheduled(plant)
    assert plant.states()["team"] == "missing"
    plant.deploy()
    assert plant.states() == {}
    assert [one["state"] for one in plant.deploy()["changed"] if one["state"] != "same"] == []

    team = plant.deployment("team")
    with get_client(sync_client=True) as client:
        schedule = team.schedules[0]
        client.update_deployment_schedule(team.id, schedule.id, active=False)
        client.update_deployment(plant.deployment("nightly").id, DeploymentUpdate(tags=["trueup"], description="mine"))
        client.delete_deployment(plant.deployment("later").id)
        client.update_global_concurrency_limit("trueup-store-a", GlobalConcurrencyLimitUpdate(limit=99))
        client.pause_automation(client.find_automation(CRASHED).id)
    assert plant.states() == {
        "team": "paused",
        "nightly": "changed",
        "later": "missing",
        "trueup: later after team (done)": "changed",  # it names a deployment that is gone
        "trueup-store-a": "changed",
        CRASHED: "paused",
    }
    status = ENGINE.status(plant.config)
    paused = next(one for one in status["units"] if one["name"] == "team")
    assert (paused["wanted"]["schedules"][0]["active"], paused["found"]["schedules"][0]["active"]) == (True, False)
    ENGINE.fix(plant.config, status)
    assert plant.states() == {}


def test_what_trueup_yaml_no_longer_says_is_extra(plant: Plant) -> None:
    scheduled(plant)
    plant.deploy()
    plant.configure()
    assert plant.states() == {
        "nightly": "extra",
        "later": "extra",
        "team": "changed",
        "trueup: later after team (done)": "extra",
    }
    plant.deploy()
    assert plant.states() == {}


def test_schedules_are_prefects_own(plant: Plant) -> None:
    scheduled(plant, overlap="skip")
    plant.deploy()
    team, nightly = plant.deployment("team"), plant.deployment("nightly")
    cron, every = team.schedules[0].schedule, nightly.schedules[0].schedule
    assert (cron.cron, cron.timezone) == ("0 6 * * 1-5", "Europe/Berlin")
    assert every.interval.total_seconds() == 3600
    assert (team.global_concurrency_limit.limit, team.concurrency_options.collision_strategy.value) == (1, "ENQUEUE")


def test_a_server_that_is_away_is_told(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        status = ENGINE.status(plant.config)
    assert not status["reachable"]
    assert "does not answer" in status["error"]["what"]
