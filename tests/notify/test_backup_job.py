"""A backup that tells of itself, from its configuration to the servers that hear of it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.backup.office import Office
from tests.support.sinks import MailSink, Watcher

SOURCES = """\
      list: {command: "cat list.txt"}
      files: {path: share, after: list}
"""


def test_a_failure_a_reminder_withheld_and_a_recovery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with MailSink() as mail, Watcher() as watcher:
        monkeypatch.setenv("MAIL_URL", mail.url(password="s3cret-pass"))
        notify = f"failure: [{{env: MAIL_URL}}], success: '{watcher.url('/good', 'json')}', heartbeat: '{watcher.url('/uuid')}'"
        office = Office(tmp_path / "office", SOURCES, f"notify: {{{notify}}}")
        (office.root / "list.txt").unlink()
        for _ in range(2):
            assert office.run()["state"] == "failed"
        (one,) = mail.mails
        assert one["Subject"].startswith("trueup: office: backup of list failed (the command failed: ")
        text = one.get_content()
        assert "cat: list.txt: No such file or directory" in text
        assert "What was not tried\n  files: not backed up, because list" in text
        assert watcher.paths == ["/uuid/start", "/uuid/fail"] * 2

        (office.root / "list.txt").write_text("one\n")
        assert office.run()["state"] == "done"
        assert [one["Subject"] for one in mail.mails[1:]] == ["trueup: office: all is well again"]
        assert sorted(watcher.paths[4:]) == ["/good", "/uuid", "/uuid/start"]
        (good,) = [json.loads(one.body) for one in watcher.posted if one.path == "/good"]
        assert "list: stored, 4 bytes" in good["message"]

        with office.app() as app:
            assert app.backup_status(["office"])["messages"] == {"waiting": 0, "since": None, "channels": []}
        for file in (office.root).rglob("*"):
            assert not file.is_file() or b"s3cret-pass" not in file.read_bytes()


def test_a_broken_notifier_fails_no_backup_and_is_seen(tmp_path: Path) -> None:
    with Watcher(answer=500) as watcher:
        office = Office(tmp_path / "office", SOURCES, f"notify: {{success: '{watcher.url('/good', 'json')}'}}")
        assert office.run()["state"] == "done"
        with office.app() as app:
            waits = app.backup_status(["office"])["messages"]
        assert (waits["waiting"], waits["channels"][0]["label"]) == (1, "json")
        assert "error=500" in waits["channels"][0]["why"]
        watcher.answer = 200
        (ledger,) = office.root.rglob("ledger.db")
        with sqlite3.connect(ledger) as database:  # as if the pause were over
            database.execute("UPDATE message SET due = 0")
        database.close()
        assert office.run()["state"] == "done"
        assert [one.path for one in watcher.posted] == ["/good"] * 3
