"""The servers start, work, keep their data over a restart, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.support.servers import Dav, DavServer, FeedServer, MakeCalendar, PostgreSQL, Radicale, Server, ServerDied
from tests.support_tests.samples import event

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["radicale", "xandikos", "xandikos_office", pytest.param("cyrus", marks=pytest.mark.cyrus)])
def server(request: pytest.FixtureRequest) -> DavServer:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, DavServer)
    return found


def test_a_fresh_calendar_is_empty_and_takes_events(server: DavServer, calendar_url: MakeCalendar) -> None:
    calendar, dav = calendar_url(server), server.dav()
    assert dav.list(calendar) == {}
    made = dav.put(calendar + "a b.ics", event("a"), if_none_match="*").expect(201)
    assert dav.put(calendar + "a%20b.ics", event("a"), if_none_match="*").status == 412
    (href,) = dav.list(calendar)
    assert href.endswith("/a b.ics")
    assert made.etag == dav.list(calendar)[href]
    assert "UID:a" in dav.items(calendar)[href]
    assert calendar_url(server) != calendar


def test_sync_lists_what_changed(server: DavServer, calendar_url: MakeCalendar) -> None:
    calendar, dav = calendar_url(server), server.dav()
    dav.put(calendar + "a.ics", event("a")).expect(201)
    token, first = dav.sync(calendar)
    assert [member.status for member in first] == [200]
    dav.delete(calendar + "a.ics").expect(200, 204)
    dav.put(calendar + "b.ics", event("b")).expect(201)
    _, changes = dav.sync(calendar, token)
    assert {member.href.rsplit("/", 1)[1]: member.status for member in changes} == {"a.ics": 404, "b.ics": 200}


def test_a_wrong_password_is_refused(radicale_with_login: Radicale) -> None:
    calendar = radicale_with_login.make_calendar(user="ben")
    assert radicale_with_login.dav("ben").propfind(calendar, "getetag").status == 207
    assert radicale_with_login.dav("ben", "wrong").propfind(calendar, "getetag").status == 401
    assert radicale_with_login.dav("anna").propfind(calendar, "getetag").status == 403


def test_data_survives_a_restart_on_the_same_port() -> None:
    with Radicale() as radicale:
        calendar, directory = radicale.make_calendar(), radicale.directory
        radicale.dav().put(calendar + "a.ics", event("a")).expect(201)
        radicale.stop()
        with pytest.raises(ConnectionRefusedError):
            radicale.dav().list(calendar)
        radicale.start()
        assert len(radicale.dav().list(calendar)) == 1
    assert not directory.exists()


def test_postgresql_is_durable_and_gives_separate_databases(postgresql: PostgreSQL) -> None:
    first, second = postgresql.make_database(), postgresql.make_database()
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE seen (n int)")
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
    with psycopg.connect(second) as connection:
        assert connection.execute("SELECT to_regclass('seen')").fetchone() == (None,)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(first.replace(postgresql.password, "wrong"))


def test_a_server_that_dies_shows_the_end_of_its_log() -> None:
    with pytest.raises(ServerDied, match="unrecognized arguments: --no-such-option"):
        Radicale(options=["--no-such-option"]).start()


def test_nothing_outlives_a_killed_owner(tmp_path: Path) -> None:
    """The owner gets SIGKILL; the server, its child in another session, and the directory must go."""
    note = tmp_path / "pids"
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(note)], cwd=PROJECT, stdout=subprocess.PIPE)
    assert owner.stdout
    directory = Path(owner.stdout.readline().decode().strip())
    pids = [int(pid) for pid in note.read_text().split()]
    assert len(pids) == 2
    assert all(alive(pid) for pid in pids)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    wait_for(lambda: not any(alive(pid) for pid in pids) and not directory.exists())


OWNER = """
import sys, time
from pathlib import Path
from tests.support.process import Server

class Stubborn(Server):
    name = "stubborn"
    grace = 0.2
    def command(self):
        child = "import time; time.sleep(600)"
        return [sys.executable, "-c", f'''
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
open({str(sys.argv[1])!r}, "w").write(str(os.getpid()) + " " + str(child.pid))
time.sleep(600)
''']
    def ready(self):
        return len(Path(sys.argv[1]).read_text().split()) == 2

print(Stubborn().start().directory, flush=True)
time.sleep(600)
"""


def test_stopping_also_ends_what_the_server_started(tmp_path: Path) -> None:
    note = tmp_path / "pid"

    class Forking(Server):
        name = "forking"

        def command(self) -> list[str]:
            return ["sh", "-c", f"setsid sleep 600 & echo $! > {note}; wait"]

        def ready(self) -> bool:
            return bool(note.read_text().strip())

    with Forking():
        pid = int(note.read_text())
        assert alive(pid)
    assert not alive(pid)


def test_the_feed_says_304_to_who_has_it() -> None:
    with FeedServer(event("a")) as feed:
        dav = Dav(feed.url)
        first = dav.get("").expect(200)
        assert "UID:a" in first.text
        etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
        assert dav.request("GET", headers={"If-None-Match": etag}).status == 304
        assert dav.request("GET", headers={"If-Modified-Since": modified}).status == 304
        assert dav.request("HEAD").body == b""
        feed.publish(event("b"))
        assert dav.request("GET", headers={"If-None-Match": etag}).status == 200
        feed.status = 503
        assert dav.get("").status == 503
        assert (feed.count(), feed.count(304)) == (6, 2)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # A dead child of a container's init may stay as a zombie; it runs nothing any more.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
