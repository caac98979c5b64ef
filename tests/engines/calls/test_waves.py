"""`start_apply`: the waves of a plan, in the order in which they may be sent, and the plan as it was sealed and allowed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.engines.calls.office import CONFIG, Folders
from trueup.app import App
from trueup.engines import calls
from trueup.model.errors import GuardBlocked, LedgerError, StalePlan, UsageError


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def planned(folders: Folders, key: str = "key") -> str:
    """A run that is ready for `start_apply`."""
    begun = calls.begin_job(folders.config, "team", key)
    readings = [calls.read(folders.config, begun["run"], ref) for ref in begun["collections"]]
    calls.plan(folders.config, begun["run"], readings)
    calls.guard(folders.config, begun["run"])
    return str(begun["run"])


def ended(folders: Folders, run: str) -> dict[str, Any]:
    calls.report(folders.config, run, [calls.verify(folders.config, run, ref) for ref in ("a/team", "b/team")])
    return calls.end_job(folders.config, run)


def applied(folders: Folders, run: str) -> dict[str, Any]:
    for wave in calls.start_apply(folders.config, run)["waves"]:
        for one in wave:
            calls.apply_batch(folders.config, run, one["batch"])
    return ended(folders, run)


def agreed(folders: Folders) -> None:
    """Both sides hold the same, and the ledger knows it."""
    assert applied(folders, planned(folders, "first"))["state"] == "done"
    assert folders.equal


def test_a_batch_says_where_it_goes_and_how_much_it_is(folders: Folders) -> None:
    folders.add("there", "b")
    (wave,) = calls.start_apply(folders.config, planned(folders))["waves"]
    assert sorted((one["collection"], one["changes"]) for one in wave) == [("a/team", 1), ("b/team", 5)]
    assert {(one["wave"], one["title"]) for one in wave} == {(1, "")}
    assert len({one["batch"] for one in wave}) == 2


def test_deletions_are_a_wave_behind_creations_and_updates(folders: Folders) -> None:
    """What moved from one side's name to another's is there twice for a moment, and never not at all."""
    agreed(folders)
    folders.remove("item-0")
    folders.add("new")
    run = planned(folders)
    first, last = calls.start_apply(folders.config, run)["waves"]
    assert ([one["wave"] for one in first], [one["wave"] for one in last]) == ([1], [2])
    with App.load(folders.root) as app:
        actions = {
            one["batch"]: row.change.action.value
            for one in (*first, *last)
            for row in app.ledger.journal.batch(run, one["batch"])
        }
    assert actions == {first[0]["batch"]: "create", last[0]["batch"]: "delete"}
    calls.apply_batch(folders.config, run, first[0]["batch"])
    assert {"new", "item-0"} <= {path.stem for path in (folders.root / "b" / "team").iterdir()}
    calls.apply_batch(folders.config, run, last[0]["batch"])
    assert ended(folders, run)["counts"] == {"create": 1, "delete": 1}
    assert folders.equal


def test_what_was_sent_is_not_named_again(folders: Folders) -> None:
    """Called again by an engine that lost its answer, or by another worker after a kill."""
    agreed(folders)
    folders.remove("item-0")
    folders.add("new")
    run = planned(folders)
    before = calls.start_apply(folders.config, run)["waves"]
    assert calls.start_apply(folders.config, run)["waves"] == before, "nothing was sent yet"
    calls.apply_batch(folders.config, run, before[0][0]["batch"])
    assert calls.start_apply(folders.config, run)["waves"] == before[1:]
    calls.apply_batch(folders.config, run, before[1][0]["batch"])
    assert calls.start_apply(folders.config, run)["waves"] == []
    assert ended(folders, run)["state"] == "done"
    assert calls.start_apply(folders.config, run) == {"waves": []}, "it is over"


def test_what_needs_no_write_is_agreed_on_without_a_wave(folders: Folders) -> None:
    for uid in ("item-0", "item-1", "item-2", "item-3", "item-4"):
        folders.add(uid, "b")
    run = planned(folders)
    assert calls.start_apply(folders.config, run) == {"waves": []}
    assert ended(folders, run)["state"] == "done"
    folders.remove("item-0")
    (wave,) = calls.start_apply(folders.config, planned(folders, "later"))["waves"]
    assert [one["collection"] for one in wave] == ["b/team"], "a deletion: the two were known to be the same"


def test_a_missing_collection_is_made_once_before_the_first_batch(folders: Folders) -> None:
    shutil.rmtree(folders.root / "b" / "team")
    run = planned(folders)
    assert not (folders.root / "b" / "team").exists(), "a plan makes nothing"
    calls.start_apply(folders.config, run)
    assert (folders.root / "b" / "team").is_dir()
    assert applied(folders, run)["state"] == "done"
    assert folders.equal


def test_before_there_is_a_plan(folders: Folders) -> None:
    begun = calls.begin_job(folders.config, "team", "key")
    with pytest.raises(UsageError, match="not ready"):
        calls.start_apply(folders.config, begun["run"])
    assert not any((folders.root / "b" / "team").iterdir())


def test_what_a_guard_has_blocked_waits_for_a_word(folders: Folders) -> None:
    for number in range(5, 12):
        folders.add(f"item-{number}")
    agreed(folders)
    for number in range(10):
        folders.remove(f"item-{number}")
    run = planned(folders)
    with pytest.raises(GuardBlocked, match="waits for your word"):
        calls.start_apply(folders.config, run)
    calls.approve(folders.config, run, ["max_delete"], "ana")
    (wave,) = calls.start_apply(folders.config, run)["waves"]
    assert [one["changes"] for one in wave] == [10]


def test_a_plan_that_was_changed_in_the_ledger_is_refused(folders: Folders) -> None:
    run = planned(folders)
    ((data,),) = folders.sql("SELECT data FROM change WHERE run = ? AND seq = 1", run)
    changed = json.dumps({**json.loads(data), "title": "Another one"})
    folders.sql("UPDATE change SET data = ? WHERE run = ? AND seq = 1", changed, run)
    with pytest.raises(LedgerError, match="not the one that was made"):
        calls.start_apply(folders.config, run)
    assert not any((folders.root / "b" / "team").iterdir())


def test_a_plan_of_another_configuration_is_stale_unless_it_is_half_carried_out(folders: Folders) -> None:
    other = CONFIG.replace("{store: b, name: team}]}", "{store: b, name: team}], guards: {max_delete: 90%}}")
    assert other != CONFIG
    run = planned(folders)
    (folders.root / "trueup.yaml").write_text(other)
    with pytest.raises(StalePlan, match="stale"):
        calls.start_apply(folders.config, run)
    (folders.root / "trueup.yaml").write_text(CONFIG)
    run = planned(folders)
    calls.start_apply(folders.config, run)
    (folders.root / "trueup.yaml").write_text(other)
    assert applied(folders, run)["state"] == "done", "once it is being carried out it is finished"
    assert folders.equal
