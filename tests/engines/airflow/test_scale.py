"""Airflow's workers: a map spreads over them, and a store's limit holds for all of them together."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.engines.airflow.office import Office
from tests.engines.scale import Target, many_jobs
from tests.support.airflow_server import Airflow
from tests.support.servers import Radicale

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WHO = '''

def who(context, x):
    """A task is a process of its own; its parent is the worker."""
    effect(f"{context.step}@{os.getppid()}")
'''


def test_a_map_spreads_over_the_workers(airflow: Airflow, large: Office) -> None:
    with (large.folder / f"{large.module}.py").open("a") as module:
        module.write(WHO)
    items = {"python": "who", "for_each": list(range(12)), "with": {"x": "${item}"}, "parallel": 12}
    large.write({"many": {"steps": {"each": items}}})
    large.deploy(airflow, "many")
    run = airflow.trigger(large.dag("many"))
    airflow.assert_success(large.dag("many"), run)
    done = [line.split("@") for line in large.effects().elements()]
    assert sorted(step for step, _ in done) == sorted(f"each[{number}]" for number in range(12))
    shares = Counter(worker for _, worker in done)
    assert len(shares) == airflow.workers
    assert min(shares.values()) >= 2


def test_a_stores_limit_holds_over_all_workers(airflow: Airflow, large: Office, radicale: Radicale) -> None:
    """Four jobs of one account, with room for one at the store: measured there."""
    with Target(radicale, 1) as target:
        stores, jobs = many_jobs(target, large.folder, 4)
        config = {"version": 1, "ledger": large.ledger, "stores": stores, "jobs": jobs}
        (large.folder / "trueup.yaml").write_text(json.dumps(config))
        large.deploy(airflow, *jobs)
        runs = {name: airflow.trigger(large.dag(name)) for name in jobs}
        for name, run in runs.items():
            airflow.assert_success(large.dag(name), run)
        assert target.most == 1
        assert target.arrived(large.folder, jobs)
