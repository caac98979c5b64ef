"""A small backup job for engines: a database, a folder and a command, to a repository and from there to a second one."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from trueup.app import App
from trueup.backups import restore

SOURCES = ["cache", "files", "said"]

TITLES = [
    ["back up cache, files", "back up said"],  # what waits for each other is one batch
    ["check vault"],
    ["drill cache", "drill files", "drill said"],
    ["archive to far"],
]
"""What the batches of a first run are called, wave by wave."""

ONCE_HANGING = "test -e again || { touch again; sleep 600; }; echo said"
"""A command that is killed in the middle the first time, and ends well the second time."""


def config(command: str = "echo said", **more: Any) -> dict[str, Any]:
    """The stores and the job `office`, as trueup.yaml has them; `more`: keys of the job."""
    job = {
        "kind": "backup",
        "repository": {"store": "vault"},
        "retry": {"attempts": 2, "base": "0.1s"},
        "archive": {"store": "far"},
        "sources": {
            "cache": {"sqlite": "app.db"},
            "files": {"path": "share", "after": "cache"},
            "said": {"command": command},
        },
    }
    places = {name: {"connector": "archive", "path": name, "encrypt": "off"} for name in ("vault", "far")}
    return {"version": 1, "stores": places, "jobs": {"office": {**job, **more}}}


def fill(root: Path) -> None:
    """What is backed up."""
    with sqlite3.connect(root / "app.db") as database:
        database.execute("CREATE TABLE orders (number INTEGER PRIMARY KEY, text TEXT)")
        database.executemany("INSERT INTO orders (text) VALUES (?)", [("x" * one,) for one in range(50)])
    database.close()
    (root / "share").mkdir()
    (root / "share" / "letter.txt").write_text("Dear Ana,\n" * 20)


def office(root: Path, *, ledger: str = "", command: str = "echo said", **more: Any) -> Path:
    """All of it in a folder; returns the configuration.

    Args:
        root: the folder; ledger: the address of a database, "" for a file.
        command: of the third source.
        more: keys of trueup.yaml ("pipelines"), and `job`: keys of the job.
    """
    fill(root)
    text = {**config(command, **more.pop("job", {})), **({"ledger": ledger} if ledger else {}), **more}
    (root / "trueup.yaml").write_text(json.dumps(text, indent=1))
    return root / "trueup.yaml"


def check(config: Path) -> None:
    """There was one run, and it is done; each source has one snapshot in each place, and all are proven."""
    with App.load(config, checked=True) as app:
        assert [one["state"] for one in app.history("office")] == ["done"]
        found = app.backup_status(["office"])["jobs"]["office"]
        assert {one["state"] for one in found["sources"].values()} == {"good"}
        assert not found["frozen"]
        restoring = restore(app, "office")
        for store in ("vault", "far"):
            assert sorted(one.source for one in restoring.snapshots(store)) == SOURCES


def closed() -> dict[str, str]:
    """A window that is not open now."""
    start = datetime.now(UTC) + timedelta(hours=2)
    return {"start": f"{start:%H:%M}", "start_by": f"{start + timedelta(hours=1):%H:%M}", "zone": "UTC"}


def sleeping(root: Path) -> bool:
    """Whether the command that hangs, begun in this folder, is at it: `sleep` itself, before which the shell has left its mark."""
    for one in Path("/proc").glob("[0-9]*"):
        try:
            if (one / "cmdline").read_bytes() == b"sleep\000600\0" and (one / "cwd").readlink() == root:
                return True
        except OSError:
            continue
    return False
