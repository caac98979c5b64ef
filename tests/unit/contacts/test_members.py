"""Members of groups: compared by the contact, written by the UID that a book knows it by."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from tests.unit.contacts.cards import GROUP, VENDORS, card
from trueup.core.merge import diff
from trueup.jobs.contacts import ContactsKind
from trueup.jobs.contacts.members import renamed
from trueup.model.fields import FieldKey


class Names:
    """The job knows 7 as 1, and calls it Anna."""

    def keys(self, uids: Collection[str]) -> Mapping[str, str]:
        return {uid: {"7": "1"}.get(uid, uid) for uid in uids if uid in ("1", "2", "7")}

    def title(self, key: str) -> str:
        return "Anna" if key == "1" else ""


KIND = ContactsKind(Names())
THREE = card(
    "FN:Board",
    "X-ADDRESSBOOKSERVER-KIND:group",
    "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:7",
    "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:2",
)
FOUR = card("FN:Board", "KIND:group", "MEMBER:urn:uuid:1", "MEMBER:urn:uuid:2", version="4.0")


def test_groups_with_the_same_contacts_are_the_same() -> None:
    assert KIND.same(THREE, FOUR)
    assert not ContactsKind().same(THREE, FOUR), "nobody knows that without the job"
    assert KIND.label(FieldKey("", "MEMBER", "1")) == "member Anna"
    assert KIND.label(FieldKey("", "MEMBER", "2")) == "member 2"


def test_a_member_is_taken_out_under_the_uid_that_it_has_there() -> None:
    fewer = FOUR.replace(b"MEMBER:urn:uuid:1\r\n", b"")
    made = KIND.patch(THREE, diff(KIND.fields(FOUR), KIND.fields(fewer)), donor=fewer)
    assert made == THREE.replace(b"X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:7\r\n", b"")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("MEMBER:urn:uuid:1", "MEMBER:urn:uuid:9\\,a"),
        ("MEMBER:1", "MEMBER:9\\,a"),
        ("RELATED;TYPE=spouse:urn:uuid:1", "RELATED;TYPE=spouse:urn:uuid:9\\,a"),
        ("item1.MEMBER:URN:UUID:1", "item1.MEMBER:urn:uuid:9\\,a"),
        ("member:urn:uuid:1", "member:urn:uuid:9\\,a"),
        ("RELATED;VALUE=text:1", "RELATED;VALUE=text:1"),  # a name
        ("NOTE:MEMBER urn:uuid:1", "NOTE:MEMBER urn:uuid:1"),
        ("MEMBER:urn:uuid:3", "MEMBER:urn:uuid:3"),
    ],
)
def test_a_line_gets_another_uid_and_the_others_keep_their_bytes(before: str, after: str) -> None:
    data = card("FN:Board", before, "note:x", version="4.0")
    assert renamed(data, lambda uids: {"1": "9,a"}) == data.replace(
        f"\r\n{before}\r\n".encode(), f"\r\n{after}\r\n".encode()
    )


@pytest.mark.parametrize("data", [*VENDORS.values(), GROUP.encode()])
def test_what_keeps_its_uids_keeps_its_bytes(data: bytes) -> None:
    assert renamed(data, lambda uids: {uid: uid for uid in uids}) is data
