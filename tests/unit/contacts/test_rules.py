"""`truth`, `blanks` and `filter`: whose value wins, what an emptied field does, which contacts belong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.contacts.cards import GOOGLE, card
from trueup.app import App
from trueup.config.contacts import FIELDS
from trueup.core.merge import diff
from trueup.jobs.contacts import ContactsFilter, ContactsKind, ContactsRules
from trueup.jobs.contacts.properties import GROUPS
from trueup.model.errors import ConfigError
from trueup.model.fields import FieldKey

KIND = ContactsKind()


class Books:
    """A job between two folders of cards, `crm/all` and `phone/all`."""

    def __init__(self, folder: Path, more: str) -> None:
        self.folder = folder
        (folder / "trueup.yaml").write_text(
            "version: 1\nstores:\n  crm: {connector: vcf, path: crm}\n  phone: {connector: vcf, path: phone}\njobs:\n  people:\n"
            f"    kind: contacts\n{more}\n"
        )
        for side in ("crm", "phone"):
            (folder / side / "all").mkdir(parents=True)

    def put(self, side: str, *lines: str, version: str = "3.0") -> None:
        (self.folder / side / "all" / "1.vcf").write_bytes(card(*lines, version=version))

    def get(self, side: str) -> list[str]:
        """The lines beside the frame of a card."""
        lines = (self.folder / side / "all" / "1.vcf").read_bytes().decode().splitlines()
        return [line for line in lines if not line.startswith(("BEGIN", "VERSION", "UID", "N:", "END"))]

    def run(self) -> str:
        with App.load(self.folder / "trueup.yaml") as app:
            return str(app.run("people")["state"])


BOTH = "    collections: [{store: crm, name: all}, {store: phone, name: all}]"


@pytest.fixture
def books(tmp_path: Path, request: pytest.FixtureRequest) -> Books:
    """`@pytest.mark.parametrize("books", [more], indirect=True)` adds lines to the job."""
    return Books(tmp_path, f"{BOTH}\n{getattr(request, 'param', '')}")


@pytest.mark.parametrize("books", ["    truth: {Phone: crm, notes: phone, '*': newest}"], indirect=True)
def test_at_first_contact_the_named_store_is_right(books: Books) -> None:
    books.put("crm", "FN:Anna", "TEL;TYPE=WORK:1", "NOTE:from crm", "TITLE:Head", "REV:20200101T000000Z")
    books.put("phone", "FN:Anna", "TEL;TYPE=HOME:1", "NOTE:from phone", "TITLE:Chief", "TEL:2", "REV:20210101T000000Z")
    assert books.run() == "done"
    for side in ("crm", "phone"):
        assert {"TEL;TYPE=WORK:1", "TEL:2", "NOTE:from phone", "TITLE:Chief"} <= set(books.get(side))


@pytest.mark.parametrize(
    "books", ["    truth: {X-CRM-ID: crm, phone: phone}\n    conflicts: {prefer: crm}"], indirect=True
)
def test_in_a_conflict_the_named_store_is_right_and_else_the_jobs_policy(books: Books) -> None:
    for side in ("crm", "phone"):
        books.put(side, "FN:Anna", "TEL:1", "NOTE:a", "X-CRM-ID:1")
    books.run()
    books.put("crm", "FN:Anna", "TEL;TYPE=WORK:1", "NOTE:crm", "X-CRM-ID:2")
    books.put("phone", "FN:Anna", "TEL;TYPE=HOME:1", "NOTE:phone", "X-CRM-ID:3")
    books.run()
    for side in ("crm", "phone"):
        assert books.get(side) == ["FN:Anna", "TEL;TYPE=HOME:1", "NOTE:crm", "X-CRM-ID:2"]


@pytest.mark.parametrize("books", ["    truth: {phone: crm}"], indirect=True)
def test_truth_takes_nothing_from_an_edit_that_nobody_contradicts(books: Books) -> None:
    for side in ("crm", "phone"):
        books.put(side, "FN:Anna", "TEL:1")
    books.run()
    books.put("phone", "FN:Anna", "TEL;TYPE=HOME:1")
    books.run()
    assert books.get("crm") == ["FN:Anna", "TEL;TYPE=HOME:1"]


@pytest.mark.parametrize("books", ["    truth: {phone: crm}\n    conflicts: ask"], indirect=True)
def test_what_truth_decides_nobody_is_asked(books: Books) -> None:
    for side in ("crm", "phone"):
        books.put(side, "FN:Anna", "TEL:1", "NOTE:a")
    books.run()
    books.put("crm", "FN:Anna", "TEL;TYPE=WORK:1", "NOTE:a")
    books.put("phone", "FN:Anna", "TEL;TYPE=HOME:1", "NOTE:a")
    assert books.run() == "done"
    books.put("crm", "FN:Anna", "TEL;TYPE=WORK:1", "NOTE:b")
    books.put("phone", "FN:Anna", "TEL;TYPE=WORK:1", "NOTE:c")
    assert books.run() == "conflict"


EMPTIED = ["FN:Anna", "TEL;TYPE=HOME:", "TEL;TYPE=WORK:2", "NOTE:", "TITLE:Chief", "PHOTO:"]
FULL = ["FN:Anna", "TEL;TYPE=HOME:1", "TEL;TYPE=WORK:2", "NOTE:a", "TITLE:Head", "PHOTO;ENCODING=b:/9j/4AAQ"]


@pytest.mark.parametrize(
    ("books", "left"),
    [
        ("", {"TEL;TYPE=HOME:1", "TEL;TYPE=WORK:2", "NOTE:a", "PHOTO;ENCODING=b:/9j/4AAQ"}),
        ("    blanks: wipe", {"TEL;TYPE=WORK:2"}),
        ("    blanks: {phone: wipe}", {"TEL;TYPE=WORK:2", "NOTE:a", "PHOTO;ENCODING=b:/9j/4AAQ"}),
        ("    blanks: {notes: keep, '*': wipe}", {"TEL;TYPE=WORK:2", "NOTE:a"}),
        ("    blanks: {NOTE: wipe}", {"TEL;TYPE=HOME:1", "TEL;TYPE=WORK:2", "PHOTO;ENCODING=b:/9j/4AAQ"}),
    ],
    indirect=["books"],
)
def test_what_an_emptied_field_does(books: Books, left: set[str]) -> None:
    for side in ("crm", "phone"):
        books.put(side, *FULL)
    books.run()
    books.put("phone", *EMPTIED)
    assert books.run() == "done"
    assert set(books.get("crm")) == {"FN:Anna", "TITLE:Chief", *left}
    assert books.get("phone") == EMPTIED, (
        "what was emptied is not filled again: a program that cannot hold it would empty it for ever"
    )
    assert books.run() == "done"
    books.put(
        "crm",
        *[line.replace("NOTE:a", "NOTE:b") for line in books.get("crm")],
        *([] if "NOTE:a" in left else ["NOTE:b"]),
    )
    books.run()
    assert "NOTE:b" in books.get("phone"), "a new value reaches it"


@pytest.mark.parametrize("books", ["", "    blanks: wipe"], indirect=True)
def test_what_is_removed_is_removed(books: Books) -> None:
    for side in ("crm", "phone"):
        books.put(side, *FULL)
    books.run()
    books.put("phone", "FN:Anna", "TEL;TYPE=WORK:2")
    books.run()
    assert books.get("crm") == ["FN:Anna", "TEL;TYPE=WORK:2"]


@pytest.mark.parametrize(
    ("books", "left"), [("", ["X-CRM-ID:7"]), ("    blanks: {X-CRM-ID: wipe}", [])], indirect=["books"]
)
def test_what_a_program_dropped_that_does_not_know_it_stays(books: Books, left: list[str]) -> None:
    for side in ("crm", "phone"):
        books.put(side, "FN:Anna", "X-CRM-ID:7", "X-SKYPE:anna", "X-LIST:1", "X-LIST:2")
    books.run()
    books.put("phone", "FN:Anna", "X-LIST:2", "NOTE:new")
    books.run()
    assert sorted(books.get("crm")) == sorted(["FN:Anna", *left, "X-LIST:2", "NOTE:new"]), (
        "a person sees X-SKYPE, and one of two X-LIST is a choice"
    )


def test_one_way_an_emptied_field_wipes_nothing_either(tmp_path: Path) -> None:
    books = Books(tmp_path, "    from: {store: crm, name: all}\n    to: {store: phone, name: all}")
    books.put("crm", "FN:Anna", "NOTE:a", "TITLE:b")
    books.run()
    assert books.get("phone") == ["FN:Anna", "NOTE:a", "TITLE:b"]
    books.put("crm", "FN:Anna", "NOTE:", "ROLE:c")
    books.run()
    assert books.get("phone") == ["FN:Anna", "NOTE:a", "ROLE:c"]
    assert books.run() == "done"


def test_a_filter_leaves_contacts_out(tmp_path: Path) -> None:
    books = Books(tmp_path, f"{BOTH}\n    filter: {{categories: Friends}}")
    books.put("crm", "FN:Anna", "CATEGORIES:work")
    books.run()
    assert not list((tmp_path / "phone" / "all").iterdir())
    books.put("crm", "FN:Anna", "CATEGORIES:work,friends")
    books.run()
    assert books.get("phone") == ["FN:Anna", "CATEGORIES:work,friends"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, ""),
        ({"categories": ["STARRED"]}, ""),
        ({"categories": ["x"]}, "it has none of the categories x"),
        ({"not_categories": ["Starred"]}, "it has the category starred"),
        ({"title": "^Anna"}, ""),
        ({"title": "^Ben"}, "its name does not match ^Ben"),
    ],
)
def test_why_a_contact_is_left_out(options: dict[str, object], reason: str) -> None:
    verdict = ContactsFilter.from_options(options).verdict(GOOGLE.encode(), 0.0)
    assert (verdict.keep, verdict.reason) == (not reason, reason)


def test_a_filter_has_a_digest_of_what_it_says() -> None:
    one, other = (
        ContactsFilter.from_options({"title": "a", "categories": None}),
        ContactsFilter.from_options({"title": "a"}),
    )
    assert one.digest == other.digest != ContactsFilter.from_options({"title": "b"}).digest
    with pytest.raises(ConfigError, match="`window` is no setting"):
        ContactsFilter.from_options({"window": 1})


def test_a_propertys_own_name_beats_its_groups_and_both_the_rest() -> None:
    rules = ContactsRules.from_options(
        {"truth": {"*": "newest", "name": "crm", "NICKNAME": "phone"}, "blanks": {"*": "keep"}}
    )
    found = [rules.prefers(FieldKey("", name)) for name in ("FN", "N", "NICKNAME", "TEL")]
    assert found == ["crm", "crm", "phone", "newest"]
    assert ContactsRules.from_options({}).prefers(FieldKey("", "TEL", "1")) == ""


def test_edits_that_are_no_removals_all_count() -> None:
    a, b = card("FN:A", "NOTE:a"), card("FN:B", "TEL:1", "NOTE:a")
    edits = diff(KIND.fields(a), KIND.fields(b))
    assert ContactsRules.from_options({}).admitted(edits, b) == edits


def test_the_configuration_knows_the_same_fields() -> None:
    assert set(FIELDS) == set(GROUPS)
