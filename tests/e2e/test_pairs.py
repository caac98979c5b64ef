"""Every pair of systems: agreement in one run, nothing to do in the second, and edits of both sides merged.

The items are the curious half of the example office: zones, series with exceptions, alarms, attendees, vendor properties, odd UIDs; and contacts
with photos, labels, groups, and both versions of vCard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest

from tests.contract.cards import BODIES
from tests.e2e.office import OFFICE, InFile, InFolder, Office, OnServer, Place, card, event, wrote
from tests.support.servers import DavError

pytestmark = pytest.mark.slow

LEFT_OUT = {
    "journal-in-the-calendar",  # not every server takes journal entries (tests/unit and the demo have them)
    "same-title-again",  # means the same as another one, and would be taken for it across sides, as it should
}
CURIOUS = [
    path
    for path in sorted((OFFICE / "team").glob("*.ics"))
    if not path.name.startswith(("20", "birthday", "absence")) and path.stem not in LEFT_OUT
]
NAMES = ("radicale", "xandikos", "vdir", "cyrus", "cyrus-ben")
PAIRS = [pytest.param(a, b, marks=pytest.mark.cyrus if "cyrus" in a + b else ()) for a, b in combinations(NAMES, 2)]
# Each server with a folder or a file, and two servers with each other; what else there is, calendars try.
BOOKS = [
    pytest.param(*pair, marks=pytest.mark.cyrus if "cyrus" in pair else ())
    for pair in (
        ("radicale", "file"),
        ("xandikos", "folder"),
        ("radicale", "xandikos"),
        ("folder", "file"),
        ("cyrus", "file"),
    )
]


@dataclass(frozen=True)
class Matter:
    """What is kept in step: the job's kind, its items, a small one, what its title's line begins with, how it ends, and a line to add."""

    kind: str
    items: tuple[str, ...]
    small: Callable[[str, str], str]
    title: str
    end: str
    more: str


EVENTS = Matter(
    "calendar", tuple(one.read_bytes().decode() for one in CURIOUS), event, "SUMMARY:", "END:VEVENT", "LOCATION:Room 7"
)
CARDS = Matter("contacts", tuple(data.decode() for _, data in BODIES.values()), card, "FN:", "END:VCARD", "NOTE:Room 7")


def place(name: str, role: str, folder: Path, request: pytest.FixtureRequest, kind: str = "calendar") -> Place:
    """A fresh calendar or address book there. Cyrus holds the UID of an event once for a user: two users."""
    if name == "file":
        return InFile(role, folder / f"{role}.vcf")
    if name in ("vdir", "folder"):
        return InFolder(role, folder / role, ".ics" if name == "vdir" else ".vcf")
    server = request.getfixturevalue(name.split("-")[0])
    connector = "caldav" if kind == "calendar" else "carddav"
    made = OnServer.make(role, server, "ben" if name == "cyrus-ben" else None, connector)
    request.addfinalizer(lambda: made.dav.delete(made.calendar))
    return made


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_pair(one: str, other: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    converge(EVENTS, place(one, "left", tmp_path, request), place(other, "right", tmp_path, request), tmp_path)


@pytest.mark.parametrize(("one", "other"), BOOKS)
def test_pair_of_address_books(one: str, other: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    left = place(one, "left", tmp_path, request, "contacts")
    converge(CARDS, left, place(other, "right", tmp_path, request, "contacts"), tmp_path)


def converge(matter: Matter, left: Place, right: Place, folder: Path) -> None:
    """Runs a job over two places and looks at both after every run."""
    for number, text in enumerate(matter.items):
        fill(text, number, [left, right] if number % 2 else [right, left])
    office = Office(folder / "office")
    office.configure([left, right], kind=matter.kind)

    first = office.run()
    assert first["state"] == ("partial" if first["left"] else "done"), first["left"]
    assert {entry["code"] for entry in first["left"]} <= {"refused"}
    assert all(entry["title"] and entry["reason"] for entry in first["left"])
    assert len(first["left"]) <= 3
    assert wrote(first).keys() == {"create"}
    assert agree(left, right, first) == []
    again = office.run()
    assert wrote(again) == {}
    assert len(again["left"]) == len(first["left"])

    left.put("merge.vcf" if matter is CARDS else "merge.ics", matter.small("merge-me", "Before"))
    office.run()
    left.edit("merge-me", f"{matter.title}Before", f"{matter.title}After")
    right.edit("merge-me", matter.end, f"{matter.more}\r\n{matter.end}")
    merged = office.run()
    assert wrote(merged) == {"update": 2}
    for side in (left, right):
        text = side.side().raw["merge-me"]
        assert "After" in text
        assert "Room 7" in text
    right.delete("merge-me")
    assert wrote(office.run()) == {"delete": 1}
    assert "merge-me" not in left.side().raw
    assert wrote(office.run()) == {}


def fill(text: str, number: int, places: list[Place]) -> None:
    """Puts an item where it is taken; meetings not on a server that would send their invitations because of this test."""
    meeting = "ATTENDEE" in text
    for target in places:
        if meeting and isinstance(target, OnServer) and target.server.name == "cyrus":
            continue
        try:
            target.put(f"{number}.vcf" if text.startswith("BEGIN:VCARD") else f"{number}.ics", text)
        except DavError:
            continue
        return


def agree(left: Place, right: Place, report: dict[str, object]) -> list[str]:
    """What differs between two sides, other than what was left alone with a reason; an item that stands twice differs."""
    one, other = left.side(), right.side()
    mine, theirs = one.shown(), other.shown()
    left_alone = len(report["left"])  # type: ignore[arg-type]
    missing = set(mine) ^ set(theirs)
    differing = [uid for uid in set(mine) & set(theirs) if mine[uid] != theirs[uid]]
    return [*one.doubled, *other.doubled, *(sorted(missing) if len(missing) > left_alone else []), *differing]
