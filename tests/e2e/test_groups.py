"""Groups and categories on real servers: members are named by the UIDs that each book knows them by."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.office import InFolder, Office, OnServer, Place, card, wrote
from tests.support.servers import Radicale, Xandikos

pytestmark = pytest.mark.slow


def group(uid: str, name: str, *members: str) -> str:
    """A group as 3.0 has it (Apple's address books, Radicale's and Nextcloud's users)."""
    lines = [f"X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:{one}" for one in members]
    return card(uid, name, "X-ADDRESSBOOKSERVER-KIND:group", *lines)


def members(place: Place, uid: str) -> list[str]:
    """The UIDs that a group lists there."""
    text = place.side().raw[uid]
    return sorted(re.findall(r"(?m)MEMBER:urn:uuid:([^\r\n]*)", text))


def test_members_that_have_other_uids_elsewhere(tmp_path: Path, radicale: Radicale, xandikos: Xandikos) -> None:
    """Anna has a UID of her own in the folder: she was typed in there, too."""
    work = OnServer.make("work", radicale, connector="carddav")
    phone = OnServer.make("phone", xandikos, connector="carddav")
    laptop = InFolder("laptop", tmp_path / "laptop", ".vcf")
    work.put("anna.vcf", card("anna-1", "Anna Berg", "EMAIL:anna@example.org"))
    work.put("ben.vcf", card("ben-1", "Ben Tal", "EMAIL:ben@example.org", "CATEGORIES:Friends,Board"))
    laptop.put("anna.vcf", card("anna-7", "Anna Berg", "EMAIL:anna@example.org").replace("VERSION:3.0", "VERSION:4.0"))
    work.put("board.vcf", group("board", "Board", "anna-1", "ben-1", "somebody-else"))
    office = Office(tmp_path)
    office.configure([work, phone, laptop], kind="contacts")
    assert office.run()["state"] == "done"
    assert members(laptop, "board") == ["anna-7", "ben-1", "somebody-else"], "whom nobody knows is kept as he is named"
    assert members(phone, "board") == members(work, "board") == ["anna-1", "ben-1", "somebody-else"]
    assert "Friends" in phone.side().raw["ben-1"]
    assert wrote(office.run()) == {}

    text = laptop.side().raw["board"]
    removed = "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:anna-7\r\n"
    assert removed in text
    laptop.edit("board", removed, "")
    phone.put("carl.vcf", card("carl-1", "Carl", "EMAIL:carl@example.org"))
    _, plan = office.plan()
    told = [field["label"] for change in plan for field in change.get("fields", ())]
    assert told == ["member Anna Berg", "member Anna Berg"]
    assert office.run()["state"] == "done"
    assert members(work, "board") == members(phone, "board") == ["ben-1", "somebody-else"]
    work.edit(
        "board", "MEMBER:urn:uuid:ben-1\r\n", "MEMBER:urn:uuid:ben-1\r\nX-ADDRESSBOOKSERVER-MEMBER:urn:uuid:anna-1\r\n"
    )
    work.edit("ben-1", "Friends", "Family")
    assert office.run()["state"] == "done"
    assert members(laptop, "board") == ["anna-7", "ben-1", "somebody-else"]
    assert members(phone, "board") == ["anna-1", "ben-1", "somebody-else"]
    assert "Family" in laptop.side().raw["ben-1"]
    assert wrote(office.run()) == {}


def test_members_of_copies_that_got_uids_of_their_own(tmp_path: Path, radicale: Radicale) -> None:
    """Two books are copied into one, where both might hold the same card."""
    sales, board = (InFolder(name, tmp_path / name, ".vcf") for name in ("sales", "board"))
    shared = OnServer.make("shared", radicale, connector="carddav")
    sales.put("anna.vcf", card("anna", "Anna Berg", "EMAIL:anna@example.org"))
    sales.put("team.vcf", group("team", "Team", "anna", "nobody"))
    board.put("ben.vcf", card("ben", "Ben Tal", "EMAIL:ben@example.org"))
    office = Office(tmp_path)
    job = {"from": [office.ref(sales), office.ref(board)], "to": [office.ref(shared)]}
    office.configure([sales, board, shared], job, kind="contacts")
    assert wrote(office.run()) == {"create": 3}
    by_name = {text.split("\nFN:")[1].split("\r")[0]: uid for uid, text in shared.side().raw.items()}
    assert by_name["Anna Berg"] != "anna"
    assert members(shared, by_name["Team"]) == sorted([by_name["Anna Berg"], "nobody"])
    assert wrote(office.run()) == {}
    sales.edit("team", "MEMBER:urn:uuid:nobody", "MEMBER:urn:uuid:ben")
    assert wrote(office.run()) == {"update": 1}
    assert members(shared, by_name["Team"]) == sorted([by_name["Anna Berg"], by_name["Ben Tal"]])
    assert wrote(office.run()) == {}
