"""Backup jobs in trueup.yaml: what they become, and what is said of mistakes, with line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.app import App, connectors
from trueup.config.load import load
from trueup.config.sample import BACKUP
from trueup.config.source import InvalidConfig
from trueup.config.spec import Config
from trueup.jobs.backup.spec import BackupSpec

STORES = """\
version: 1
stores:
  vault: {connector: archive, path: vault, encrypt: off}
  far: {connector: archive, path: far, encrypt: off}
  work: {connector: vdir, path: calendars}
jobs:
  office:
    kind: backup
    repository: {store: vault}
"""


def loaded(folder: Path, text: str) -> Config:
    (folder / "trueup.yaml").write_text(text)
    return load(folder / "trueup.yaml", connectors())


def spec(folder: Path, text: str) -> BackupSpec:
    return BackupSpec.of(loaded(folder, STORES + text).job("office"))


def wrong(folder: Path, text: str) -> list[str]:
    """The findings as "line:column what"."""
    with pytest.raises(InvalidConfig) as caught:
        loaded(folder, STORES + text)
    return [f"{one.source.line}:{one.source.column} {one.what}" for one in caught.value.diagnostics if one.source]


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    found = spec(
        tmp_path,
        """\
    sources:
      crm: {postgresql: {url: {env: CRM_URL}, databases: all}, timeout: 2h, min_size: 10MB}
      shop: {mariadb: "mysql://shop@db/shop"}
      cache: {sqlite: data/app.db}
      people: {collections: {store: work, name: "*"}}
      files: {path: share, exclude: ["*.tmp"], after: [crm, shop], one_file_system: on, unreadable: warn}
      said: {command: {run: [tool, --all], ends_with: END}, hooks: {before: "freeze it", after: [thaw, it]}}
      own: {ledger: on}
    window: {start: "1:00", start_by: "02:00", end_by: "05:00", zone: Europe/Berlin, missed: run}
    retry: {attempts: 5, base: 10s}
    timeout: {no_progress: 1m}
    verify: {check: 1d, read_data: 10%, drill: {every: every run, sources: [crm]}}
    archive: {store: far, lock: 90d, retention: {monthly: 12}}
    retention: {daily: 7, within: 2d}
    anomalies: {drop: off, grow: 200%}
""",
    )
    by_name = found.by_name
    assert (by_name["crm"].kind, by_name["crm"].options["url"]) == ("postgresql", {"env": "CRM_URL"})
    assert (by_name["crm"].timeout, by_name["crm"].min_size) == (7200.0, 10_000_000)
    assert by_name["shop"].options["url"] == "mysql://shop@db/shop"
    assert by_name["cache"].options == {"path": "data/app.db"}
    assert by_name["people"].options == {"collections": [{"store": "work", "name": "*"}]}
    files = by_name["files"]
    assert files.options == {"path": "share", "exclude": ["*.tmp"], "one_file_system": True, "unreadable": "warn"}
    assert (files.after, files.no_progress) == (("crm", "shop"), 60.0)
    assert by_name["said"].hooks.before == ("sh", "-c", "freeze it")
    assert by_name["said"].hooks.after == ("thaw", "it")
    assert found.window is not None
    assert (found.window.start, found.make_up) == ("01:00", True)
    assert (found.retry.attempts, found.retry.base, found.retry.cap) == (5, 10.0, 900.0)
    assert (found.verify.check, found.verify.read_data, found.verify.drill) == (86_400.0, 0.1, 0.0)
    assert found.verify.drilled == ("crm",)
    assert (found.archives[0].lock, found.archives[0].verified) == (90 * 86_400.0, True)
    assert (found.retention.daily, found.retention.within) == (7, 2 * 86_400.0)
    assert (found.anomalies.drop, found.anomalies.grow, found.anomalies.changed) == (None, 2.0, 0.6)
    assert [[one.name for one in group] for group in found.groups()] == [
        ["crm", "shop", "files"],
        ["cache"],
        ["people"],
        ["said"],
        ["own"],
    ]


def test_a_window_is_a_schedule(tmp_path: Path) -> None:
    text = '    sources: {own: {ledger: on}}\n    window: {start: "01:30", zone: Europe/Berlin}\n'
    job = loaded(tmp_path, STORES + text).job("office")
    assert job.schedule is not None
    assert (job.schedule.cron, job.schedule.zone) == ("30 1 * * *", "Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("    sources: {}\n", "10:5 there are no sources"),
        ("    sources: {a: {}}\n", "10:15 source `a` needs exactly one of"),
        ("    sources: {a: {path: x, sqlite: y}}\n", "10:15 source `a` needs exactly one of"),
        ("    sources: {a: {sqlite: y, exclude: z}}\n", "10:30 `exclude` belongs to `path`"),
        ("    sources: {a: {path: x, after: b}}\n", "10:35 there is no source `b`"),
        (
            "    sources:\n      a: {path: x, after: b}\n      b: {path: y, after: a}\n",
            "11:27 sources wait for each other",
        ),
        ("    sources: {a b: {path: x}}\n", "10:15 'a b' is no good as a name"),
        ("    sources: {a: {collections: {store: nowhere, name: x}}}\n", "10:40 there is no store `nowhere`"),
        ("    sources: {a: {path: x}}\n    archive: {store: vault}\n", "11:22 the archive is the repository itself"),
        (
            "    sources: {a: {path: x}}\n    archive: {store: work}\n",
            "11:22 store `work` (vdir) does not keep snapshots",
        ),
        ("    sources: {a: {path: x}}\n    verify: {drill: {sources: [b]}}\n", "11:32 there is no source `b`"),
        ("    sources: {a: {path: x, min_size: big}}\n", "10:38 `min_size` must be a number of bytes"),
        ('    sources: {a: {path: x}}\n    window: {start: "25:00"}\n', "11:21 `start` must be a time of day"),
        ("    sources: {a: {path: x}}\n    verify: {check: often}\n", "11:21 `check` must be `every run`"),
        ("    sources: {a: {path: x}}\n    anomalies: {grow: 3}\n", "11:23 `grow` must be a percentage"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, finding: str) -> None:
    assert any(one.startswith(finding) for one in wrong(tmp_path, text)), wrong(tmp_path, text)


def test_a_password_in_plain_text_is_told_and_never_kept_beside_the_ledger(tmp_path: Path) -> None:
    text = STORES + "    sources: {crm: {postgresql: 'postgresql://ana:s3cret@db/crm'}}\n"
    config = loaded(tmp_path, text)
    assert [one.what for one in config.warnings] == ["the url of source crm has its password in plain text"]
    (tmp_path / ".trueup").mkdir()
    App.load(tmp_path / "trueup.yaml").close()
    assert not (tmp_path / ".trueup" / "config.json").exists()


def test_a_backup_is_remembered_as_it_was_checked(tmp_path: Path) -> None:
    loaded(tmp_path, STORES + "    sources: {crm: {postgresql: {url: {env: CRM_URL}}}, files: {path: x}}\n")
    (tmp_path / ".trueup").mkdir()
    with App.load(tmp_path / "trueup.yaml") as first, App.load(tmp_path / "trueup.yaml") as again:
        assert (tmp_path / ".trueup" / "config.json").exists()
        assert not again.config.checked
        assert again.config.job("office") == first.config.job("office")


def test_the_sample_is_right(tmp_path: Path) -> None:
    lines = [one.removeprefix("# ") for one in BACKUP.splitlines()[1:]]
    stores, jobs = lines[1 : lines.index("jobs:")], lines[lines.index("jobs:") :]
    text = "version: 1\nstores:\n  work: {connector: vdir, path: calendars}\n" + "\n".join([*stores, *jobs])
    recipient = "age136vcu3hlsgp3xaca6cpsq0fevvlzeajnnfvw0rw4p5g4xe62sqhshec58y"
    config = loaded(tmp_path, text.replace("age1…", recipient))
    assert [one.name for one in BackupSpec.of(config.job("office")).sources] == ["crm", "people", "files"]
