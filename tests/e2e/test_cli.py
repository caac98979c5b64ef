"""The whole life of a configuration through the installed command, with a real server: what it prints, and what the shell gets."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dav import Dav
from tests.support.process import free_port
from tests.support.proxy import Proxy
from tests.support.servers import DavServer, Radicale, Xandikos

pytestmark = pytest.mark.slow

TRUEUP = Path(sys.executable).with_name("trueup")
SECRET = "correct horse"


class World:
    """A folder with a configuration over a server (with a password), two folders, and a server that is not there."""

    def __init__(self, root: Path, server: DavServer, through: str | None = None) -> None:
        self.root = root
        self.dav: Dav = server.dav()
        self.team = server.make_calendar()
        self.name = self.team.rstrip("/").rsplit("/", 1)[1]
        (root / "work.secret").write_text(SECRET + "\n")
        (root / "work.secret").chmod(0o600)
        self.user = server.login
        self.configure(through or server.url)

    def configure(self, url: str, more: str = "") -> None:
        dead = f"http://127.0.0.1:{free_port()}/"
        team, user = f"{{store: work, name: {self.name}}}", self.user
        (self.root / "trueup.yaml").write_text(
            f"""\
version: 1
stores:
  work:   {{connector: caldav, url: "{url}", username: {user}, password: {{file: work.secret}}}}
  laptop: {{connector: vdir, path: laptop}}
  spare:  {{connector: vdir, path: spare}}
  dead:   {{connector: caldav, url: "{dead}", username: ana, password: {{env: WORK_PASSWORD}}, timeout: 1s}}
jobs:
  team:
    kind: calendar
    collections: [{team}, {{store: laptop, name: team}}]
{more}
  three:
    kind: calendar
    collections: [{{store: spare, name: three}}, {{store: laptop, name: three}}, {{store: dead, name: team}}]
  gone:
    kind: calendar
    collections: [{{store: laptop, name: gone}}, {{store: dead, name: team}}]
"""
        )

    def __call__(self, *arguments: str, expect: int = 0, **environment: str) -> str:
        """Runs the command; returns what it printed, after checking its exit code and that it left no traceback."""
        done = subprocess.run(
            [str(TRUEUP), *arguments],
            cwd=self.root,
            env={**os.environ, "WORK_PASSWORD": SECRET, "TZ": "UTC", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        printed = done.stdout + done.stderr
        assert done.returncode == expect, f"exit code {done.returncode}\n{printed}"
        assert "Traceback" not in printed
        assert SECRET not in printed
        return printed

    def put(self, uid: str, title: str, stamp: str = "20260101T000000Z") -> None:
        """Stores an event on the server as another program would."""
        self.dav.put(f"{self.team}{uid}.ics", event(uid, title, stamp)).expect(201, 204)

    def edit_file(self, uid: str, title: str, stamp: str = "20260101T000000Z") -> None:
        (self.root / "laptop" / "team" / f"{uid}.ics").write_text(event(uid, title, stamp))

    def on_server(self) -> list[str]:
        return sorted(titles(self.dav.items(self.team).values()))

    def in_folder(self) -> list[str]:
        return sorted(titles(one.read_text() for one in (self.root / "laptop" / "team").glob("*.ics")))


def event(uid: str, title: str, stamp: str) -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//e2e//EN", "BEGIN:VEVENT", f"UID:{uid}", f"DTSTAMP:{stamp}"]
    lines += [f"LAST-MODIFIED:{stamp}", "DTSTART:20300304T100000Z", "DURATION:PT1H", f"SUMMARY:{title}"]
    return "\r\n".join([*lines, "END:VEVENT", "END:VCALENDAR", ""])


def titles(texts: object) -> Iterator[str]:
    for text in texts:  # type: ignore[attr-defined]
        yield from (line.removeprefix("SUMMARY:").strip() for line in text.splitlines() if line.startswith("SUMMARY:"))


@pytest.fixture(scope="module")
def server() -> Iterator[Radicale]:
    with Radicale({"ana": SECRET}) as started:
        yield started


@pytest.fixture
def world(server: Radicale, tmp_path: Path) -> World:
    return World(tmp_path, server)


def test_a_life(world: World) -> None:
    for number in range(6):
        world.put(f"talk-{number}", f"Talk {number}")
    assert "is good" in world("validate")
    assert f"{world.name}" in world("doctor", "work")
    assert "6 to create" in world("plan", "team", "--exit-code", expect=2)
    assert not (world.root / "laptop").exists(), "a plan writes nothing"
    assert "6 created" in world("apply")
    assert world.in_folder() == world.on_server()
    assert "nothing to do" in world("run", "team")
    world("plan", "team", "--exit-code", expect=0)

    # A conflict: the newest wins, the loser comes back when asked for.
    world.put("talk-0", "Talk zero", "20270101T000000Z")
    world.edit_file("talk-0", "Talk nought", "20270102T000000Z")
    assert "1 conflict" in world("run", "team")
    assert "Talk nought" in world.on_server()
    (conflict,) = json.loads(world("resolve", "team", "--list", "--json"))["conflicts"]
    world("resolve", "team", str(conflict["id"]), "--take", f"work/{world.name}")
    world("run", "team")
    assert "Talk zero" in world.in_folder()

    # An accident, stopped and mended; then the same, meant.
    for path in (world.root / "laptop" / "team").glob("talk-[1-5].ics"):
        path.unlink()
    assert "BLOCKED by guard max_delete" in world("run", "team", expect=4)
    assert len(world.on_server()) == 6
    assert "5 items will come back" in world("resolve", "team", "--restore", "laptop/team")
    world("run", "team")
    assert len(world.in_folder()) == 6
    for path in (world.root / "laptop" / "team").glob("talk-[1-5].ics"):
        path.unlink()
    world("run", "team", expect=4)
    assert "5 deleted" in world("apply", "--allow", "max_delete")
    assert world.on_server() == ["Talk zero"]

    # Undone, and decided.
    assert "5 undone" in world("undo", "last", "--yes")
    assert len(world.on_server()) == 6
    assert "5 decided" in world("resolve", "team", "--all", "--prefer", f"work/{world.name}")
    world("run", "team")
    assert world.in_folder() == world.on_server()
    assert "all sides agree" in world("verify", "team")
    runs = json.loads(world("history", "--json"))["runs"]
    assert {"done", "superseded"} <= {one["state"] for one in runs}
    assert {"run", "undo"} == {one["kind"] for one in runs}


def test_a_conflict_that_waits(world: World, server: Radicale) -> None:
    world.configure(server.url, "    conflicts: ask")
    world.put("a", "Review")
    world("run", "team")
    world.put("a", "Review at work")
    world.edit_file("a", "Review on the laptop")
    assert "a conflict waits for you" in world("run", "team", expect=5)
    assert world.on_server() == ["Review at work"]
    world("resolve", "team", expect=64)  # nobody to ask
    assert "1 decided" in in_terminal(world, ["resolve", "team"], "1\n")
    world("run", "team")
    assert world.in_folder() == world.on_server() == ["Review at work"]


def in_terminal(world: World, arguments: list[str], typed: str) -> str:
    """The command at a terminal, with a person who types."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(TRUEUP), *arguments],
        cwd=world.root,
        env={**os.environ, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    text = b""
    try:
        while piece := os.read(ours, 65_536):
            text += piece
    except OSError:  # EIO: the other end is closed
        pass
    os.close(ours)
    assert process.wait(60) == 0, text
    return text.decode()


def test_a_stale_plan_is_refused_with_what_changed(world: World) -> None:
    world.put("a", "Review")
    world("plan", "team")
    world.put("b", "Board meeting")
    printed = world("apply", expect=4)
    assert "the plan is stale" in printed
    assert "Board meeting" in printed
    assert not (world.root / "laptop" / "team").exists()
    refused = json.loads(world("apply", "--json", expect=1))
    assert refused["exit_code"] == 1
    assert refused["error"]["what"] == "there is no plan to apply"


def test_two_at_once(server: Radicale, tmp_path: Path) -> None:
    with Proxy(server.url) as proxy:
        world = World(tmp_path, server, proxy.url)
        world.put("a", "Review")
        held = proxy.on(times=1).hang_before_forwarding()
        first: list[str] = []
        thread = threading.Thread(target=lambda: first.append(world("run", "team")))
        thread.start()
        deadline = time.monotonic() + 30
        while not held.hits and time.monotonic() < deadline:
            time.sleep(0.02)
        assert held.hits
        printed = world("run", "team", expect=11)
        held.release()
        thread.join(60)
    assert "is being worked on by another process" in printed
    assert "1 created" in first[0]


def test_a_wrong_password(world: World) -> None:
    world.put("a", "Review")
    (world.root / "work.secret").write_text("battery staple\n")
    for command in ("run", "plan"):
        assert "refuses the login" in world(command, "team", expect=12)
    assert "refuses the login" in world("doctor", "work", expect=1)
    (world.root / "work.secret").unlink()
    printed = world("run", "team", expect=12)
    assert "the password of store work cannot be read" in printed
    assert "the password of store work cannot be read" in world("doctor", "work", expect=1)
    world.put("b", "Board meeting")
    (world.root / "work.secret").write_text(SECRET)
    (world.root / "work.secret").chmod(0o644)
    assert "chmod 600" in world("doctor", expect=1)
    assert "2 created" in world("run", "team")
    world("run", "team")
    (world.root / "work.secret").write_text("battery staple\n")
    assert "refuses the login" in world("run", "team", expect=12), "also where the calendar is known"


def test_a_dead_server(world: World) -> None:
    (world.root / "spare" / "three").mkdir(parents=True)
    (world.root / "spare" / "three" / "a.ics").write_text(event("a", "Review", "20260101T000000Z"))
    printed = world("run", "three", expect=3)
    assert "1 created" in printed
    assert "dead/team could not be read" in printed
    assert (world.root / "laptop" / "three").is_dir(), "the others are kept in step"
    assert "could not be read" in world("run", "gone", expect=75)
    assert "could not be read" in world("plan", "gone", expect=75)
    assert "does not answer" in world("doctor", "dead", expect=1)


def test_a_damaged_ledger(world: World) -> None:
    world.put("a", "Review")
    world("run", "team")
    ledger = world.root / ".trueup" / "ledger.db"
    ledger.write_bytes(b"this is no database" * 500)
    printed = world("doctor", expect=1)
    assert "ledger" in printed
    assert "ledger" in world("run", "team", expect=1)
    for path in ledger.parent.iterdir():
        path.unlink()
    assert "1 in step already" in world("run", "team")
    assert world.on_server() == world.in_folder() == ["Review"]


def test_stopped_by_a_timer_and_taken_up(server: Radicale, tmp_path: Path) -> None:
    with Proxy(server.url) as proxy:
        world = World(tmp_path, server, proxy.url)
        (tmp_path / "laptop" / "team").mkdir(parents=True)
        for number in range(20):
            world.edit_file(f"e{number}", f"Talk {number}")
        held = proxy.on("PUT", nth=5).hang_before_forwarding()
        process = subprocess.Popen(
            [str(TRUEUP), "run", "team"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        deadline = time.monotonic() + 30
        while not held.hits and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        held.release()
        process.communicate(timeout=60)
        assert process.returncode in (0, 130)  # what was under way may have been all
        world("run", "team")
    assert world.on_server() == world.in_folder()
    assert len(world.on_server()) == 20


def test_the_completion_script_is_sourced_by_bash(world: World) -> None:
    script = world("completion", "bash")
    (world.root / "completion.bash").write_text(script)
    ask = (
        "source completion.bash; COMP_WORDS=(trueup plan t); COMP_CWORD=2; "
        "complete -p trueup >/dev/null || exit 3; f=$(complete -p trueup | sed 's/.*-F \\([^ ]*\\).*/\\1/'); "
        '$f trueup t plan; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    environment = {**os.environ, "PATH": f"{TRUEUP.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", ask], cwd=world.root, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["team", "three"]


@pytest.mark.parametrize("kind", [Radicale, Xandikos])
def test_what_somebody_undid_after_us_is_seen(kind: type[DavServer], tmp_path: Path) -> None:
    """The cursor of the listing before our write stands for a state; deleting what we made brings that state back (a tree's hash)."""
    with Radicale({"ana": SECRET}) if kind is Radicale else kind() as started:
        world = World(tmp_path, started)
        world.put("a", "Review")
        world("run", "team")
        world("run", "team")
        world.edit_file("b", "Board meeting")
        assert "1 created" in world("run", "team")
        (made,) = [href for href in world.dav.list(world.team) if href.rsplit("/", 1)[1].startswith("b")]
        world.dav.delete(made).expect(200, 204)
        assert "1 deleted" in world("run", "team")
        assert world.in_folder() == world.on_server() == ["Review"]
        world("verify", "team")
