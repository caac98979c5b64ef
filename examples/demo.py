"""`make demo`: one calendar in three places, made to agree and kept so, with everything that may go wrong on the way; then contacts, then backups.

Two real CalDAV servers (Radicale, Xandikos), a folder and a feed on loopback; the calendars of `examples/office`; and the
`trueup` command, called as a person or a timer calls it. At the end the collections are compared by this script itself, without trueup.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.servers import Dav, FeedServer, Radicale, Xandikos  # noqa: E402

from examples.demo_backup import backup  # noqa: E402
from examples.demo_checks import Checks, Side, folder_side, server_side  # noqa: E402
from examples.demo_contacts import contacts  # noqa: E402
from examples.demo_stage import TRUEUP, chapter, environment, run, say  # noqa: E402

OFFICE = ROOT / "examples" / "office"


class Demo:
    """The stage: a folder to work in, three places that hold the team's calendar, and the command."""

    def __init__(self, folder: Path, work: Dav, work_team: str, home: Dav, home_team: str) -> None:
        self.folder = folder
        self.work, self.work_team = work, work_team
        self.home, self.home_team = home, home_team
        self.laptop = folder / "calendars" / "team"
        self.checks = Checks()

    def trueup(self, *args: str, expect: int = 0, show: int = 12) -> str:
        """Runs the command, shows what it says, and checks its exit code."""
        return run(self.folder, *args, expect=expect, show=show)

    def edit_server(self, dav: Dav, calendar: str, uid: str, old: str, new: str) -> None:
        """Does what a calendar program does: fetches an event, changes it, and stores it under its etag."""
        href, text = find(dav, calendar, uid)
        assert old in text, f"{old!r} is not in {href}"
        dav.put(href, touched(text.replace(old, new, 1)), if_match=dav.get(href).etag).expect(201, 204)

    def edit_file(self, uid: str, old: str, new: str) -> None:
        """Does what somebody with an editor does."""
        path = next(one for one in self.laptop.glob("*.ics") if f"UID:{uid}" in one.read_bytes().decode())
        text = path.read_bytes().decode()
        assert old in text, f"{old!r} is not in {path.name}"
        path.write_bytes(touched(text.replace(old, new, 1)).encode())

    def sides(self) -> list[Side]:
        """The three places, read without trueup."""
        return [
            server_side("work/team", self.work, self.work_team),
            server_side("home/team", self.home, self.home_team),
            folder_side("laptop/team", self.laptop),
        ]


def main() -> None:
    """The demo, from an empty folder to the closing comparison."""
    started = time.monotonic()
    folder = ROOT / ".work" / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with stage(folder) as demo:
        first_contact(demo)
        three_edits(demo)
        conflict(demo)
        mass_deletion(demo)
        killed(demo)
        undone(demo)
        closing(demo)
    contacts(folder.with_name("demo-contacts"))
    backup(folder.with_name("demo-backup"))
    say(
        f"\nThat took {time.monotonic() - started:.0f} seconds. The folders are still there to look at: {folder.relative_to(ROOT)}*"
    )


@contextmanager
def stage(folder: Path) -> Iterator[Demo]:
    """Starts the servers and fills them: everything at work, a few of the same events at home, nothing on the laptop."""
    chapter(
        "The stage",
        "A CalDAV server at work (Radicale, with a password), another at home (Xandikos), a folder, and a feed.",
    )
    with (
        Radicale({"ana": "correct horse"}) as radicale,
        Xandikos() as xandikos,
        FeedServer((OFFICE / "holidays.ics").read_bytes().decode()) as feed,
    ):
        work_team = radicale.make_calendar("team", title="Team")
        home_team = xandikos.make_calendar("team", title="Team")
        work, home = radicale.dav(), xandikos.dav()
        files = sorted((OFFICE / "team").glob("*.ics"))
        for number, path in enumerate(files):
            work.put(f"{work_team}{path.name}", path.read_bytes().decode(), if_none_match="*").expect(201, 204)
            if number % 12 == 0:
                home.put(f"{home_team}{path.name}", path.read_bytes().decode(), if_none_match="*").expect(201, 204)
        home.put(
            f"{home_team}dentist.ics", event("dentist@home", "Zahnarzt", "20261124T081500"), if_none_match="*"
        ).expect(201)
        print(f"    {len(files)} items at work, {len(files[::12]) + 1} at home, none on the laptop.\n")
        (folder / "trueup.yaml").write_text(configuration(radicale.url, xandikos.url, feed.url))
        (folder / "work.secret").write_text("correct horse\n")
        (folder / "work.secret").chmod(0o600)
        (folder / "calendars").mkdir()
        print(textwrap.indent((folder / "trueup.yaml").read_text(), "    "))
        yield Demo(folder, work, work_team, home, home_team)


def first_contact(demo: Demo) -> None:
    """Plan, run, and a second run with nothing to do."""
    chapter(
        "See what will happen before it happens",
        "Nothing is written by a plan. `=` is an item that is the same on two sides already.",
    )
    demo.trueup("validate")
    demo.trueup("doctor")
    demo.trueup("plan", "team", show=16)
    demo.checks.that("a plan writes nothing", not demo.laptop.exists())
    chapter("Do it", "Plan, guards, apply, read back. Then the same again: there is nothing to do.")
    first = demo.trueup("run", "team")
    demo.checks.that("the journal entry that a server does not take is named, with the reason", "VJOURNAL" in first)
    again = demo.trueup("run", "team")
    demo.checks.that("a second run has nothing to do", "nothing to do" in again.lower())
    demo.checks.agree("after the first run", demo.sides())
    chapter(
        "One way, only what others may see",
        "The public holidays of a read-only feed, copied into another folder as “Busy”.",
    )
    demo.trueup("run", "mirror")
    copies = list((demo.folder / "calendars" / "holidays").glob("*.ics"))
    demo.checks.that("the feed's public holidays were copied", bool(copies))
    demo.checks.that("a copy says no more than busy", all("SUMMARY:Busy" in one.read_text() for one in copies))


def three_edits(demo: Demo) -> None:
    """One event, edited on three sides at once, in three different ways."""
    chapter("Three people edit the same event", "A new title at work, a new place at home, a category on the laptop.")
    put_everywhere(demo, event("merge@demo", "Quartalsplanung", "20261130T100000", "LOCATION:Raum Elbe"))
    demo.edit_server(demo.work, demo.work_team, "merge@demo", "SUMMARY:Quartalsplanung", "SUMMARY:Quartalsplanung 2027")
    demo.edit_server(demo.home, demo.home_team, "merge@demo", "LOCATION:Raum Elbe", "LOCATION:Raum Alster")
    demo.edit_file("merge@demo", "END:VEVENT", "CATEGORIES:Planung\r\nEND:VEVENT")
    demo.trueup("plan", "team")
    demo.trueup("run", "team")
    for side in demo.sides():
        text = side.raw["merge@demo"]
        kept = all(word in text for word in ("Quartalsplanung 2027", "Raum Alster", "Planung"))
        demo.checks.that(f"all three edits are in {side.name}", kept)


def conflict(demo: Demo) -> None:
    """The same field, changed differently on two sides."""
    chapter(
        "A true conflict",
        "The same title, changed differently at work and at home. The newest wins, the other one is kept.",
    )
    put_everywhere(demo, event("conflict@demo", "Messe", "20261201T090000"))
    demo.edit_server(demo.work, demo.work_team, "conflict@demo", "SUMMARY:Messe", "SUMMARY:Messe Hannover")
    time.sleep(1.1)
    demo.edit_server(demo.home, demo.home_team, "conflict@demo", "SUMMARY:Messe", "SUMMARY:Messe Nürnberg")
    demo.trueup("run", "team")
    listed = demo.trueup("resolve", "team", "--list")
    demo.checks.that(
        "the newest title is everywhere", all("Messe Nürnberg" in side.raw["conflict@demo"] for side in demo.sides())
    )
    demo.checks.that("the loser is kept", "Messe Hannover" in listed)


def mass_deletion(demo: Demo) -> None:
    """Most of a folder vanishes."""
    chapter(
        "Somebody empties a folder", "200 files are gone. That is not carried to the servers: the run stops and asks."
    )
    files = sorted(demo.laptop.glob("*.ics"))
    for path in files[:200]:
        path.unlink()
    said = demo.trueup("run", "team", expect=4)
    demo.checks.that("a mass deletion is stopped", "max_delete" in said)
    demo.checks.that(
        "nothing was deleted at work", len(server_side("work/team", demo.work, demo.work_team).raw) >= len(files)
    )
    print("    It was a mistake: bring them back from the other sides.\n")
    demo.trueup("resolve", "team", "--restore", "laptop/team")
    demo.trueup("run", "team")
    demo.checks.that("the files are back", len(list(demo.laptop.glob("*.ics"))) == len(files))


def killed(demo: Demo) -> None:
    """kill -9 in the middle of a run."""
    chapter("Killed half-way", "60 new events at work, and kill -9 while they are being stored at home.")
    for number in range(60):
        text = event(f"kill-{number}@demo", f"Schulung {number + 1}", f"202612{1 + number % 28:02}T130000")
        demo.work.put(f"{demo.work_team}kill-{number}.ics", text, if_none_match="*").expect(201)
    before = len(demo.home.list(demo.home_team))
    process = subprocess.Popen(
        [str(TRUEUP), "run", "team"],
        cwd=demo.folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and len(demo.home.list(demo.home_team)) < before + 15:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    there = len(demo.home.list(demo.home_team)) - before
    print(f"    kill -9: {there} of 60 are at home by now.\n")
    demo.checks.that("the kill came in the middle", 0 < there < 60)
    demo.trueup("run", "team")
    demo.checks.agree("after kill -9 and another run", demo.sides())
    for side in demo.sides():
        found = sum(uid.startswith("kill-") for uid in side.raw)
        demo.checks.that(f"{side.name} has each of the 60 once", found == 60 and not side.doubled)


def undone(demo: Demo) -> None:
    """A run that should not have been."""
    chapter(
        "Take it back",
        "An edit from the laptop went everywhere, and was wrong. The undone event then waits for a word on who is right.",
    )
    put_everywhere(demo, event("undo@demo", "Betriebsausflug", "20261202T090000"))
    demo.edit_file("undo@demo", "SUMMARY:Betriebsausflug", "SUMMARY:Betriebsausflug fällt aus")
    demo.trueup("run", "team")
    run = last_run(demo)
    demo.trueup("undo", run, "--yes")
    demo.checks.that(
        "the undo is at work", "fällt aus" not in server_side("work", demo.work, demo.work_team).raw["undo@demo"]
    )
    demo.trueup("run", "team", expect=5)
    demo.trueup("resolve", "team", "--all", "--prefer", "work/team")
    demo.trueup("run", "team")
    demo.checks.that("the laptop follows", "fällt aus" not in folder_side("laptop", demo.laptop).raw["undo@demo"])


def closing(demo: Demo) -> None:
    """The comparison that does not rely on trueup."""
    chapter("What holds", "Read from the servers and the folder by this script, without trueup.")
    demo.trueup("verify", "team")
    demo.trueup("history")
    demo.checks.agree("at the end", demo.sides())
    demo.checks.print()
    if not demo.checks.good:
        raise SystemExit(1)


def put_everywhere(demo: Demo, text: str) -> None:
    """A new event at work, carried to the other sides."""
    uid = re.search(r"UID:(\S+)", text).group(1)  # type: ignore[union-attr]
    demo.work.put(f"{demo.work_team}{uid}.ics", text, if_none_match="*").expect(201)
    subprocess.run([str(TRUEUP), "run", "team"], cwd=demo.folder, env=environment(), check=True, capture_output=True)


def find(dav: Dav, calendar: str, uid: str) -> tuple[str, str]:
    """The href and text of an event on a server."""
    return next((href, text) for href, text in dav.items(calendar).items() if f"UID:{uid}" in text)


def touched(text: str) -> str:
    """The text with the time of this edit, as every calendar program notes it."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    text = re.sub(r"LAST-MODIFIED:\S+", f"LAST-MODIFIED:{stamp}", text)
    return re.sub(r"DTSTAMP:\S+", f"DTSTAMP:{stamp}", text)


def event(uid: str, title: str, start: str, *lines: str) -> str:
    """A small event of one hour, in UTC."""
    end = f"{start[:9]}{int(start[9:11]) + 1:02}{start[11:]}"
    body = [
        f"UID:{uid}",
        "DTSTAMP:20261101T080000Z",
        "LAST-MODIFIED:20261101T080000Z",
        f"DTSTART:{start}Z",
        f"DTEND:{end}Z",
        f"SUMMARY:{title}",
    ]
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example.org//Demo//EN", "BEGIN:VEVENT"]
    return "\r\n".join([*head, *body, *lines, "END:VEVENT", "END:VCALENDAR", ""])


def last_run(demo: Demo) -> str:
    """The id of the job's last run, as a program gets it."""
    import json

    said = subprocess.run(
        [str(TRUEUP), "history", "--json"],
        cwd=demo.folder,
        env=environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    return str(json.loads(said.stdout)["runs"][0]["id"])


def configuration(work: str, home: str, feed: str) -> str:
    """The demo's trueup.yaml."""
    return textwrap.dedent(f"""\
        version: 1
        stores:
          work:   {{connector: caldav, url: "{work}", username: ana, password: {{file: work.secret}}}}
          home:   {{connector: caldav, url: "{home}", username: user}}
          laptop: {{connector: vdir, path: calendars}}
          feed:   {{connector: ics, url: "{feed}"}}
        jobs:
          team:
            kind: calendar
            collections: [{{store: work, name: team}}, {{store: home, name: team}}, {{store: laptop, name: team}}]
            conflicts: merge
          mirror:
            kind: calendar
            from: {{store: feed}}
            to: [{{store: laptop, name: holidays}}]
            transform: {{only: busy, title: "Busy", drop: [attendees, alarms]}}
            filter: {{window: {{past: 365d, future: 2y}}, categories: [public]}}
        """)


if __name__ == "__main__":
    main()
