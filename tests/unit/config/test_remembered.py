"""A configuration that is used again without being checked: the same as the checked one, and forgotten when anything changes."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.config.conftest import STORES, TEAM
from trueup.app import App
from trueup.config import remembered
from trueup.config.source import InvalidConfig
from trueup.model.errors import NotFound

RICH = f"""\
{STORES.rstrip()}
  far: {{connector: caldav, url: "https://dav.example.org/", username: bob, password: {{file: far.secret}}, parallel: 3, timeout: 5s, workers: 7}}
ledger: {{env: LEDGER_URL}}
{TEAM.rstrip()}
    conflicts: {{prefer: work}}
    guards: {{max_delete: [20%, 7], empty: off}}
    schedule: {{cron: "0 6 * * 1-5", zone: Europe/Berlin, catch_up: all, jitter: 2m}}
    triggers: [{{after: mirror, outcome: [done, partial]}}, {{http: /hooks/team, token: {{env: HOOK}}}}]
  mirror:
    kind: calendar
    from: {{store: feed}}
    to: [{{store: home, name: holidays}}]
    transform: {{only: busy, title: Busy, drop: [alarms]}}
    filter: {{window: {{past: 30d, future: 2y}}, categories: [public]}}
pipelines:
  nightly:
    steps:
      sync: {{job: team}}
      copy: {{job: mirror, needs: sync}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".trueup").mkdir(mode=0o700)
    return tmp_path


@pytest.fixture
def write(folder: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        file = folder / "trueup.yaml"
        file.write_text(text)
        return file

    return write


def kept(folder: Path) -> Path:
    return folder / ".trueup" / "config.json"


def test_it_is_the_same_as_the_checked_one(write: Callable[[str], Path], folder: Path) -> None:
    file = write(RICH)
    checked = App.load(file).config
    assert checked.checked
    found = App.load(file)
    assert not found.config.checked, "it was checked again"
    for part in ("path", "root", "stores", "jobs", "ledger_given", "hooks", "warnings"):
        assert getattr(found.config, part) == getattr(checked, part), part
    assert list(found.config.pipelines) == ["nightly"]
    assert found.config.pipeline("nightly") == checked.pipeline("nightly")
    with pytest.raises(NotFound, match="no pipeline `weekly`"):
        found.config.pipeline("weekly")
    assert set(found.connectors) == {"caldav", "vdir", "ics"}
    assert found.store("home").name == "home"
    assert stat.S_IMODE(kept(folder).stat().st_mode) == 0o600


def test_validate_and_doctor_check_all_the_same(write: Callable[[str], Path]) -> None:
    file = write(STORES + TEAM)
    App.load(file)
    assert App.load(file).validate().checked


@pytest.mark.parametrize(
    "text",
    [
        STORES.replace("{env: X}", "hunter2") + TEAM,
        f"ledger: postgresql://ana:hunter2@127.0.0.1/x\n{STORES}{TEAM}",
        f"ledger: postgresql://127.0.0.1/x?password=hunter2\n{STORES}{TEAM}",
        STORES + TEAM.rstrip() + "\n    triggers: [{http: /hooks/team, token: hunter2}]\n",
    ],
    ids=["store", "ledger", "ledger-option", "hook"],
)
def test_a_secret_in_plain_text_is_never_kept(write: Callable[[str], Path], folder: Path, text: str) -> None:
    file = write(text)
    App.load(file)
    assert not kept(folder).exists()
    assert App.load(file).config.checked


def test_nothing_is_made_where_there_is_no_folder_for_it(tmp_path: Path) -> None:
    (tmp_path / "trueup.yaml").write_text(STORES + TEAM)
    App.load(tmp_path / "trueup.yaml")
    assert [one.name for one in tmp_path.iterdir()] == ["trueup.yaml"]


def test_a_changed_file_is_checked(write: Callable[[str], Path]) -> None:
    App.load(write(STORES + TEAM))
    file = write(STORES + TEAM.replace("team:", "crew:"))
    assert list(App.load(file).config.jobs) == ["crew"]
    with pytest.raises(InvalidConfig):
        App.load(write(STORES + TEAM.replace("kind: calendar", "kind: kalender")))


def test_another_place_home_or_program_is_checked(
    write: Callable[[str], Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(STORES + TEAM)
    App.load(file)
    assert not App.load(file).config.checked
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("HOME", "/somewhere/else")  # `~` in a path means another folder
        assert App.load(file).config.checked
    App.load(file)
    with monkeypatch.context() as later:
        later.setattr(remembered, "__version__", "99.0")
        assert App.load(file).config.checked
    App.load(file)
    moved = folder.with_name("moved")
    folder.rename(moved)
    assert App.load(moved / "trueup.yaml").config.stores["home"].options["path"] == moved / "calendars"


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": 1}', "\x00" * 100])
def test_what_is_damaged_is_made_anew(write: Callable[[str], Path], folder: Path, damage: str) -> None:
    file = write(STORES + TEAM)
    App.load(file)
    kept(folder).write_text(damage)
    assert App.load(file).config.checked
    assert not App.load(file).config.checked


def test_what_others_could_have_written_is_not_used(write: Callable[[str], Path], folder: Path) -> None:
    file = write(STORES + TEAM)
    App.load(file)
    value = json.loads(kept(folder).read_text())
    value["connectors"]["vdir"] = "os:system"
    kept(folder).write_text(json.dumps(value))
    os.chmod(kept(folder), 0o666)
    assert App.load(file).config.checked


def test_a_full_disk_leaves_nothing_behind(write: Callable[[str], Path], folder: Path) -> None:
    file = write(STORES + TEAM)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        assert App.load(file).config.checked
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert not list((folder / ".trueup").iterdir())
    App.load(file)
    assert not App.load(file).config.checked
