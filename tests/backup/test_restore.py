"""Bringing things back, on the command line: from a job, and from nothing but a repository and its key."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.backup.office import Office
from tests.crash.world import event
from tests.support.postgresql import PostgreSQL
from tests.support.sources import Trial
from trueup.connectors.archive.keys import new_identity
from trueup.jobs.backup import scratching
from trueup.jobs.backup.contents import Lists, wanted
from trueup.jobs.backup.scratching import PREFIX, beside, require_room, scratch_in
from trueup.jobs.backup.sources import kind_of
from trueup.model.backup import RestoreTarget, SourceSpec
from trueup.model.errors import NotFound, Permanent, TimedOut
from trueup.model.repository import Watch
from trueup.ui.cli import restore as command
from trueup.ui.cli.main import run

CONFIG = """\
version: 1
stores:
  vault: {{connector: archive, path: vault, recipients: {recipient}, identity: {{file: backup.key}}}}
  work: {{connector: vdir, path: calendars}}
jobs:
  shop:
    kind: backup
    repository: {{store: vault}}
    verify: {{drill: {{every: off}}}}
    anomalies: {{drop: off, grow: off, changed: off, entropy: off}}
    sources:
      letters: {{path: letters}}
      orders: {{sqlite: shop.db}}
      people: {{collections: {{store: work, name: "*"}}}}
      motd: {{command: {{run: "echo hello", restore: "cat >> $TRUEUP_TO"}}}}
"""

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A shop that was backed up once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    identity, recipient = new_identity()
    (tmp_path / "backup.key").write_text(f"{identity}\n")
    (tmp_path / "backup.key").chmod(0o600)
    (tmp_path / "letters" / "old").mkdir(parents=True)
    (tmp_path / "letters" / "one.txt").write_text("Dear Ana\n")
    (tmp_path / "letters" / "old" / "two.txt").write_text("Dear Bo\n")
    (tmp_path / "calendars" / "team").mkdir(parents=True)
    (tmp_path / "calendars" / "team" / "m1.ics").write_bytes(event("meeting-1", "Board meeting").encode())
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database, database:
        database.execute("CREATE TABLE orders (number INTEGER PRIMARY KEY)")
        database.executemany("INSERT INTO orders VALUES (?)", [(one,) for one in range(1234)])
    (tmp_path / "trueup.yaml").write_text(CONFIG.format(recipient=recipient))
    assert run(["run", "shop", "--quiet"]) == 0
    yield tmp_path
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    def called(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(arguments)
        told = capsys.readouterr()
        return code, told.out, told.err

    return called


# What is in it --------------------------------------------------------------------------------------------------------


def test_the_files_of_a_folder(shop: Path, call: Call) -> None:
    code, out, _ = call("restore", "shop", "letters", "--files")
    assert code == 0
    names = [line.split("  ")[-1] for line in out.splitlines()[1:]]
    assert {"one.txt", "old", "old/two.txt"} <= set(names)
    _, out, _ = call("restore", "shop", "letters", "--files", "--only", "old")
    assert "two.txt" in out
    assert "one.txt" not in out
    code, _, err = call("restore", "shop", "letters", "--files", "--only", "nothing")
    assert code != 0
    assert "nothing in this snapshot is called nothing" in err


def test_the_tables_of_a_database_and_the_titles_of_a_calendar(shop: Path, call: Call) -> None:
    _, out, _ = call("restore", "shop", "orders", "--files")
    assert "1,234 rows" in out
    assert out.splitlines()[1].endswith("orders")
    _, out, _ = call("restore", "shop", "people", "--files", "--only", "board", "--json")
    (found,) = json.loads(out)["contents"]
    assert (found["name"], found["type"]) == ("Board meeting", "event")
    assert "meeting-1" in found["also"]


def test_tables_of_servers_are_listed_by_names_that_a_restore_takes(tmp_path: Path, postgresql: PostgreSQL) -> None:
    url = postgresql.make_database()
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("CREATE SCHEMA sales; CREATE TABLE orders AS SELECT generate_series(1, 7) AS n")
        database.execute('CREATE TABLE sales.orders (n int); CREATE TABLE "odd [x] / name" (n int)')
    kind = kind_of("postgresql")
    taken = Trial(kind, SourceSpec("crm", "postgresql", {"url": url}), tmp_path).capture()
    assert isinstance(kind, Lists)
    found = {one.name: one for one in kind.contents(taken.about)}
    assert {name: one.rows for name, one in found.items()} == {
        "public.orders": 7,
        "sales.orders": 0,
        "public.odd [x] / name": 0,
    }
    for name in found:
        assert [one.name for one in wanted(found.values(), [name])] == [name]
        assert kind.wanted(taken.about, RestoreTarget(url, (name,)))
    assert len(list(wanted(found.values(), ["orders"]))) == 2


def test_what_is_in_a_bare_repository(shop: Path, call: Call) -> None:
    (shop / "trueup.yaml").unlink()
    code, out, _ = call("restore", "orders", "--repository", "vault", "--key", "backup.key", "--files")
    assert code == 0
    assert "1,234 rows" in out


# Which one ------------------------------------------------------------------------------------------------------------


def test_times_are_of_one_zone_and_say_so(shop: Path, call: Call) -> None:
    _, listed, _ = call("restore", "shop", "--list")
    when = listed.splitlines()[0].split("  ")[1]
    assert when.endswith((" CET", " CEST"))
    assert time.strftime("%Y-%m-%d %H:%M", time.localtime()) <= when or "CET" in when
    _, out, _ = call("restore", "shop", "letters", "--dry-run")
    assert f"letters of {when} would be restored" in out
    _, out, _ = call("restore", "letters", "--repository", "vault", "--key", "backup.key", "--dry-run")
    assert f"letters of {when} would be restored" in out
    text = (shop / "trueup.yaml").read_text()
    (shop / "trueup.yaml").write_text(
        text.replace("    sources:", '    window: {start: "01:00", zone: Asia/Tokyo}\n    sources:')
    )
    _, listed, _ = call("restore", "shop", "--list")
    assert " JST  " in listed


def test_a_day_means_its_last_backup_and_a_beginning_that_is_not_enough_is_told(shop: Path, call: Call) -> None:
    (shop / "letters" / "one.txt").write_text("Dear Cleo\n")
    assert run(["run", "shop", "--quiet"]) == 0
    today = time.strftime("%Y-%m-%d")
    code, _, _ = call("restore", "shop", "letters", "--at", today, "--to", "day", "--yes")
    assert code == 0
    assert (shop / "day" / "one.txt").read_text() == "Dear Cleo\n"
    code, _, err = call("restore", "shop", "letters", "--at", "20", "--to", "id", "--yes")
    assert code != 0
    assert "is the beginning of 2 snapshots of letters" in err


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "office", '      list: {command: "cat list.txt"}\n')


def change(office: Office, snapshot: str, **members: Any) -> None:
    path = office.root / "vault" / f"{snapshot}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | members))


def test_a_snapshot_of_the_future_is_taken_only_by_its_id(office: Office) -> None:
    from trueup.backups import restore

    office.run()
    office.run()
    first, second = office.snapshots()["list"]
    change(office, second, time=time.time() + 3 * 86_400)
    with office.app() as app:
        found = restore(app, "office")
        assert found.choose("list").id == first
        assert found.choose("list", "2999-01-01").id == first
        assert found.choose("list", second).id == second
        assert {one["id"]: one["future"] for one in found.listed()} == {first: False, second: True}


def test_what_nothing_is_known_of_is_no_default_unless_nothing_is_known_at_all(office: Office) -> None:
    from trueup.backups import restore

    office.run()
    office.run()
    first, second = office.snapshots()["list"]
    with office.app() as app:
        app.ledger.facts.remove("office", f"snapshot/vault/list/{second}")  # stored, and never judged
        assert restore(app, "office").choose("list").id == first
        assert [one["good"] for one in restore(app, "office").listed()] == [True, False]
    shutil.rmtree(office.root / ".trueup")
    with office.app() as app:
        assert restore(app, "office").choose("list").id == second
    change(office, second, complete=False)
    with office.app() as app:
        assert restore(app, "office").choose("list").id == first


def test_what_was_found_bad_is_never_the_default(office: Office) -> None:
    from trueup.backups import restore

    office.run()
    (only,) = office.snapshots()["list"]
    with office.app() as app:
        app.ledger.facts.merge("office", f"snapshot/vault/list/{only}", {"good": False})
        with pytest.raises(NotFound, match="no good snapshot"):
            restore(app, "office").choose("list")


# Words of errors ------------------------------------------------------------------------------------------------------


def test_a_missing_key_is_asked_for_by_its_option(shop: Path, call: Call) -> None:
    for connector in ("archive", "restic"):
        code, _, err = call("restore", "letters", "--repository", "vault", "--connector", connector, "--list")
        assert code != 0
        assert "--key FILE" in err
        assert "recipients" not in err


def test_accepting_what_does_not_wait(shop: Path, call: Call) -> None:
    code, _, err = call("accept", "shop", "nosuch")
    assert code != 0
    assert "nothing of nosuch waits" in err
    code, out, _ = call("accept", "shop")
    assert (code, out) == (0, "nothing was suspicious\n")


def test_accepting_by_the_name_of_the_cause(office: Office) -> None:
    office.run()
    with office.app() as app:
        from trueup.jobs.backup.memory import Memory

        memory = Memory(app.ledger, "office")
        memory.freeze("anomaly/list", "smaller", time.time())
        memory.freeze("damage/vault", "a pack is missing", time.time())
        memory.freeze("differs/gone", "a source that is not in the job any more", time.time())
        with pytest.raises(NotFound) as raised:
            app.accept("office", ["anomaly/list", "nosuch"])
        assert "anomaly/list" in raised.value.why
        assert "anomaly/list" in memory.freezes()  # all or nothing
        assert app.accept("office", ["anomaly/list"]) == ["anomaly/list"]
        assert app.accept("office", ["differs/gone"]) == ["differs/gone"]
        with pytest.raises(NotFound, match="cannot be accepted"):
            app.accept("office", ["damage/vault"])


def test_a_key_in_a_folder_that_is_not_there(shop: Path, call: Call) -> None:
    code, _, err = call("key", "nodir/x.key")
    assert code == 64
    assert "nodir/x.key cannot be made" in err
    assert "our mistake" not in err


def test_what_is_no_database_goes_to_no_address_and_no_password_is_shown(shop: Path, call: Call) -> None:
    place = "postgresql://u:se:cret@127.0.0.1:9/db?password=hidden"
    for source in ("letters", "orders", "people", "motd"):
        code, out, err = call("restore", "shop", source, "--to", place, "--yes")
        assert code != 0
        assert f"{source} does not go to the address of a database" in err
        assert "cret" not in out + err
        assert "hidden" not in out + err
    assert not (shop / "postgresql:").exists()


# Room -----------------------------------------------------------------------------------------------------------------


def test_a_bare_restore_has_its_room_beside_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert beside(str(tmp_path / "new")) == tmp_path
    assert beside(str(tmp_path / "not" / "yet" / "there")) == tmp_path
    assert beside("postgresql://localhost/crm") == Path(scratching.tempfile.gettempdir())


def test_room_is_given_back_and_what_a_killed_restore_left_is_swept(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from trueup.jobs.backup.scratching import scratch_in\n"
        "with scratch_in(Path(sys.argv[1])) as place:\n"
        "    (place / 'dump').write_text('secret'); (place / 'closed').mkdir(mode=0)\n"
        "    print(place, flush=True); sys.stdin.read() if sys.argv[2] == 'wait' else os._exit(9)\n"
    )
    dead = subprocess.run([sys.executable, "-c", script, tmp_path, "die"], capture_output=True, text=True)
    assert Path(dead.stdout.strip()).exists()
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        busy = Path(other.stdout.readline().strip())
        with scratch_in(tmp_path) as mine:
            assert {one.name for one in tmp_path.iterdir()} == {mine.name, busy.name}
            assert mine.stat().st_mode & 0o777 == 0o700
        assert (busy / "dump").exists()
        other.communicate()
    assert not list(tmp_path.iterdir())


def test_where_there_is_no_room_nothing_is_fetched(shop: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Permanent, match="no room") as raised:
        require_room(shop, 1 << 60)
    assert "--scratch" in raised.value.hint

    from trueup.jobs.backup.restoring import Restore

    listed = Restore.snapshots
    monkeypatch.setattr(Restore, "snapshots", lambda *given: [replace(one, bytes=1 << 60) for one in listed(*given)])
    code, _, err = call("restore", "shop", "letters", "--to", "new", "--yes")
    assert code != 0
    assert "there is no room for the restore" in err
    assert not (shop / "new").exists()


def test_a_repository_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.support.plain_repository import PlainRepository, PlainType
    from trueup.backups import bare_restore

    class Hanging(PlainRepository):
        def prepare(self, known: bool, watch: Watch) -> None:
            watch.ok()

    kind = PlainType()
    monkeypatch.setattr(kind, "open", lambda name, options: Hanging(name, tmp_path))
    monkeypatch.setattr("trueup.backups.QUIET", 0.0)
    with pytest.raises(TimedOut, match="opening the repository"):
        bare_restore({"plain": kind}, "plain", {}).snapshots()


def test_a_folder_with_room_can_be_named(shop: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop / "room").mkdir()
    seen: list[Path] = []

    from trueup.connectors.archive.repository import Archive

    real = Archive.restore

    def restore(self: Archive, snapshot: str, into: Path, *more: Any) -> None:
        seen.append(into)
        real(self, snapshot, into, *more)

    monkeypatch.setattr(Archive, "restore", restore)
    assert call("restore", "shop", "letters", "--to", "new", "--scratch", "room", "--yes")[0] == 0
    bare = ("--repository", "vault", "--key", "backup.key", "--yes")
    assert call("restore", "letters", *bare, "--to", "other")[0] == 0
    assert [one.parent.parent for one in seen] == [Path("room"), shop]
    assert (shop / "new" / "one.txt").read_text() == "Dear Ana\n"
    assert not list(shop.rglob(f"{PREFIX}*"))


# What is about to be done ---------------------------------------------------------------------------------------------


class _Terminal:
    """What `isatty` is asked of, in front of the stream that is captured."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def isatty(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def test_with_yes_the_plan_is_shown_first_where_somebody_may_look(
    shop: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("restore", "shop", "motd", "--to", "copy", "--overwrite", "--yes")
    _, out, _ = call(*given)
    assert out.count("run cat") == 1
    monkeypatch.setattr(command.sys, "stdout", _Terminal(sys.stdout))
    _, out, _ = call(*given)
    assert (
        out.index("is restored to copy") < out.index("run cat") < out.index(" restored to copy\n", out.index("run cat"))
    )
