"""What needs no Airflow that runs: how batches and items are put together, names, retries, moments."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from tests.engines.airflow.office import Office
from trueup.engines.airflow.calling import answered, call, key_of
from trueup.engines.airflow.following import by_second, variable_of
from trueup.engines.airflow.items import run_id_of
from trueup.engines.airflow.maps import parts
from trueup.engines.airflow.phases import packed
from trueup.model.errors import Locked, Transient


def batches(number: int) -> list[dict[str, Any]]:
    return [{"batch": at + 1, "collection": f"work/{'ab'[at % 2]}", "title": ""} for at in range(number)]


@pytest.mark.parametrize(
    ("number", "limit", "sizes"), [(0, 4, []), (3, 4, [1, 1, 1]), (4, 4, [1] * 4), (5, 4, [2, 2, 1])]
)
def test_batches_fit_the_limit_of_a_map(number: int, limit: int, sizes: list[int]) -> None:
    found = packed(batches(number), "apply", limit)
    assert [len(one["batches"]) for one in found] == sizes
    assert [batch for one in found for batch in one["batches"]] == list(range(1, number + 1))


def test_batches_have_names() -> None:
    assert packed(batches(1), "apply", 4)[0]["label"] == "apply batch 1 (work/a)"
    assert packed(batches(8), "delete", 4)[0]["label"] == "delete batch 1-2 (work/a, work/b)"
    titled = [{**one, "title": f"drill {name}"} for one, name in zip(batches(2), ("crm", "files"), strict=True)]
    assert packed(titled, "drill", 1)[0]["label"] == "drill crm, drill files"


def test_items_fit_the_limit_of_a_map() -> None:
    assert parts("send", 0, [], 4) == []
    assert parts("send", 2, ["rome", ""], 4) == [
        {"items": [0], "label": "send[0] rome"},
        {"items": [1], "label": "send[1]"},
    ]
    found = parts("send", 2500, ["x"] * 2500, 1024)
    assert len(found) <= 1024
    assert [item for one in found for item in one["items"]] == list(range(2500))
    assert found[0]["label"] == "send[0-2]"


def test_ids_of_dag_runs_are_what_airflow_allows() -> None:
    allowed = re.compile(r"^[A-Za-z0-9_.~:+-]+$")  # [scheduler] allowed_run_id_pattern
    ids = [
        run_id_of(parent) for parent in ("r1/each[1]", "r1/each[11]", "r1/each-1-", "file:/in box/ä.csv:1:2", "x" * 900)
    ]
    assert all(allowed.match(one) and len(one) < 250 for one in ids)
    assert len(set(ids)) == len(ids)
    assert run_id_of("r1/each[1]") == ids[0]


def context(attempt: int = 1, tries: int = 3, cleared: int = 0) -> Any:
    run = SimpleNamespace(dag_id="team", run_id="manual__1", clear_number=cleared)
    return {"dag_run": run, "ti": SimpleNamespace(try_number=attempt, max_tries=tries)}


def test_a_repeated_task_has_the_same_key_and_a_cleared_one_another() -> None:
    assert key_of(context(1), "begin") == key_of(context(3), "begin")
    assert key_of(context(1), "begin") != key_of(context(1, cleared=1), "begin")
    assert key_of(context(1), "a.begin") != key_of(context(1), "b.begin")


def test_a_store_that_is_away_is_asked_again_and_then_left_out() -> None:
    found = {"read": False, "error": Transient("it is away", where="work", why="reset", hint="wait").to_json()}
    with pytest.raises(Transient, match="it is away"):
        answered(context(3), found)
    assert answered(context(4), found) == found
    with pytest.raises(Transient):
        answered(context(1), {"error": {**found["error"], "type": "Unanswered"}})
    refused = {"error": {**found["error"], "type": "LoginRefused"}}
    assert answered(context(1), refused) == refused


def test_what_repeating_cannot_mend_fails_at_once(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(AirflowFailException):
        call("begin_job", office.config, "nobody", "key")
    assert "nobody" in caplog.text
    with office.app() as app:
        app.ledger.leases.acquire("job/team", "somebody else", 60)
        with pytest.raises(Locked):
            call("begin_job", office.config, "team", "key")


def test_two_events_of_one_moment_have_a_second_each() -> None:
    found = by_second([{"at": 10.2, "key": "b"}, {"at": 10.0, "key": "a"}, {"at": 11.0, "key": "c"}])
    assert {second: one["key"] for second, one in found.items()} == {10: "a", 11: "b", 12: "c"}


def test_variables_of_two_configurations_differ() -> None:
    assert variable_of("/etc/a/trueup.yaml", "close") != variable_of("/srv/a/trueup.yaml", "close")
