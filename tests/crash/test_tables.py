"""kill -9 while a table is written: before and after everything that reaches the disk, and at the commit of a database. Then run again: the right
rows, none lost, none doubled, and the file never in part."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crash.test_kill import FULL, points
from tests.crash.world import FORK, child
from tests.e2e.office import InFolder, Office, card, wrote
from tests.e2e.tables import Table

pytestmark = pytest.mark.slow

SUFFIX = {"csv": ".csv", "sql": ".db"}
WANTED = {
    "1": {"first": "Anna", "last": "Berg", "mail": "new@example.org"},
    "2": {"first": "Bert", "last": "Cohn", "note": "from the phone"},
    "4": {"first": "Dora", "last": "Ernst"},
    "5": {"first": "Emil", "last": "Frank"},
}


def die_while_writing(app: Any, kind: str, number: int, log: str) -> None:
    """Kills this very process at the n-th step of writing the table; 0: only writes down the steps."""
    count = 0

    def step(label: str) -> None:
        nonlocal count
        count += 1
        if number == 0:
            with open(log, "a", encoding="utf-8") as file:
                file.write(label + "\n")
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    if kind == "csv":
        from trueup.connectors.folder import replacing

        for name in ("stamp", "same_rights", "flush_folder"):
            setattr(replacing, name, _stepped(getattr(replacing, name), name, step))
        for name in ("rename", "fsync"):
            setattr(replacing.os, name, _stepped(getattr(os, name), name, step))
    else:
        from trueup.connectors.sql.sqlite import Sqlite

        for name in ("execute", "transaction"):
            setattr(Sqlite, name, _stepped(getattr(Sqlite, name), name, step))


def _stepped(call: Callable[..., Any], name: str, step: Callable[[str], None]) -> Callable[..., Any]:
    if name == "transaction":
        from contextlib import contextmanager

        @contextmanager
        def within(*args: Any) -> Any:
            with call(*args):
                yield
                step("before the commit")
            step("after the commit")

        return within

    def stepped(*args: Any, **more: Any) -> Any:
        step(f"before {name}")
        result = call(*args, **more)
        step(f"after {name}")
        return result

    return stepped


def build(folder: Path, kind: str) -> tuple[Table, Office]:
    """Three agreed contacts, then edits that a run has to carry over to the table: new, changed and deleted."""
    table, book = Table("crm", kind, folder / f"people{SUFFIX[kind]}"), InFolder("phone", folder / "phone", ".vcf")
    table.put(id="1", first="Anna", last="Berg", mail="a@example.org")
    table.put(id="2", first="Bert", last="Cohn")
    table.put(id="3", first="Carla", last="Dorn")
    team = Office(folder)
    team.configure([table, book], {"collections": [table.ref(), Office.ref(book)]}, kind="contacts")  # type: ignore[list-item]
    assert wrote(team.run()) == {"create": 3}
    book.edit("1", "a@example.org", "new@example.org")
    book.edit("2", "END:VCARD", "NOTE:from the phone\r\nEND:VCARD")
    book.delete("3")
    for uid, name in (("4", "Ernst;Dora"), ("5", "Frank;Emil")):
        full = " ".join(reversed(name.split(";")))
        book.put(f"{uid}.vcf", card(uid, full).replace(f"N:{full};;;;", f"N:{name};;;"))
    return table, team


def start(folder: Path, kind: str, number: int, log: Path) -> int | None:
    process = FORK.Process(target=child, args=(str(folder), die_while_writing, (kind, number, str(log))))
    process.start()
    process.join(120)
    return process.exitcode


@pytest.mark.parametrize("kind", ["csv", "sql"])
def test_killed_while_a_table_is_written(tmp_path: Path, kind: str) -> None:
    build(tmp_path / "reference", kind)
    assert start(tmp_path / "reference", kind, 0, tmp_path / "log") == 0
    labels = (tmp_path / "log").read_text().splitlines()
    assert len(labels) > 8
    tried = points(len(labels), 1 if FULL else 6)
    assert tried
    for number in tried:
        folder = tmp_path / str(number)
        table, team = build(folder, kind)
        before = set(table.rows())
        where = f"{number}: {labels[number - 1]}"
        assert start(folder, kind, number, tmp_path / "log") == -9, where
        assert set(table.rows()) in (before, {"1", "2", "3", "4", "5"}, set(WANTED)), f"{where}: half a table"
        assert team.run()["state"] == "done", where
        shown = {
            uid: {name: value for name, value in row.items() if value and name != "id"}
            for uid, row in table.rows().items()
        }
        assert shown == WANTED, where
        assert wrote(team.run()) == {}, where
