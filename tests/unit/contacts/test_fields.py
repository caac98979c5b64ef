"""What counts as the same, what as a change, and what it is called."""

from __future__ import annotations

import pytest

from tests.unit.contacts.cards import APPLE, GROUP, VENDORS, card
from trueup.core.merge import diff
from trueup.jobs.contacts import ContactsKind
from trueup.jobs.contacts.values import phone
from trueup.model.capabilities import Capabilities
from trueup.model.fields import FieldKey

KIND = ContactsKind()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # other spellings of one version, as servers and programs rewrite them
        ("TEL;TYPE=HOME,VOICE:1", "tel;type=voice;type=home:1"),
        ("TEL;TYPE=CELL:+49 (0)30-12.3/4", "TEL;TYPE=CELL;TYPE=VOICE:+49301234"),
        ("EMAIL;TYPE=INTERNET:a@Example.ORG", "EMAIL:a@example.org"),
        ("EMAIL:mailto:a@example.org", "EMAIL:a@example.org"),
        ("URL:http\\://Example.org/", "URL:http://example.org"),
        ("N:Berg;Anna;;;", "N:Berg;Anna"),
        ("ORG:Acme;", "ORG:Acme"),
        ("NOTE:a\\nb ", "NOTE:a\\Nb"),
        ("BDAY:1980-01-02", "BDAY;VALUE=date:19800102"),
        ("BDAY:1980-01-02T00:00:00Z", "BDAY:1980-01-02"),
        ("CATEGORIES:A,B", "CATEGORIES:B,A"),
        ("ADR;TYPE=HOME,POSTAL:;;Street 1;Berlin;;;", "ADR;TYPE=home:;;Street 1;Berlin"),
        ("CLASS:PUBLIC", "X-ABUID:1"),
        ("GEO:52.5;13.25", "GEO:52.500000;13.250000"),
        ("TZ:-05:00", "TZ:-0500"),
        # properties that say nothing
        ("TEL:", "NOTE:"), ("N:;;;;", "ORG:;"), ("ADR;TYPE=home:;;;;;;", "PHOTO:"), ("X-FOO:", "CATEGORIES:"),
        # what is rewritten without anybody's wish
        ("PRODID:a", "REV:20200101T000000Z"),
    ],
)  # fmt: skip
def test_these_are_the_same(one: str, other: str) -> None:
    assert KIND.same(card("FN:A", one), card("FN:A", other))


@pytest.mark.parametrize(
    ("three", "four"),
    [
        ("TEL;TYPE=HOME,PREF:1", "TEL;TYPE=home;PREF=1:1"),
        ("TEL;TYPE=WORK:+49 30 1", "TEL;TYPE=work;VALUE=uri:tel:+49-30-1"),
        ("TEL:+49 30 1 ext. 7", "TEL;VALUE=uri:tel:+49-30-1;ext=7"),
        ("BDAY:1980-01-02", "BDAY:19800102"),
        ("BDAY;X-APPLE-OMIT-YEAR=1604:1604-01-02", "BDAY:--0102"),
        ("X-ANNIVERSARY:2010-06-12", "ANNIVERSARY:20100612"),
        ("PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRg==", "PHOTO:data:image/jpeg;base64,/9j/4AAQSkZJRg=="),
        ("PHOTO;VALUE=uri:https://example.org/a", "PHOTO:https://example.org/a"),
        ("GEO:52.5;13.25", "GEO:geo:52.5,13.25"),
        ("X-ADDRESSBOOKSERVER-KIND:group", "KIND:group"),
        ("X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:AB", "MEMBER:urn:uuid:ab"),
        ("NOTE:x", "KIND:individual\r\nNOTE:x"),
        ("KEY;ENCODING=b;TYPE=PGP:mQENBE", "KEY:data:application/pgp-keys;base64,mQENBE"),  # cut off
    ],
)
def test_these_are_the_same_in_both_versions_and_are_written_so(three: str, four: str) -> None:
    a, b, bare = card("FN:A", three), card("FN:A", four, version="4.0"), ("FN:A",)
    assert KIND.same(a, b)
    into_four = KIND.patch(card(*bare, version="4.0"), diff(KIND.fields(card(*bare)), KIND.fields(a)), donor=a)
    into_three = KIND.patch(card(*bare), diff(KIND.fields(card(*bare)), KIND.fields(b)), donor=b)
    assert KIND.same(into_four, a)
    assert KIND.same(into_three, b)
    assert b"PREF=" not in into_three
    assert b"TYPE=PREF" not in into_four
    for wrong in (b"X-ADDRESSBOOKSERVER", b"ENCODING", b"X-APPLE-OMIT-YEAR", b"X-ANNIVERSARY"):
        assert wrong not in into_four
    for wrong in (b"data:", b"geo:", b"tel:", b"\nKIND", b"\nMEMBER", b"BDAY:--", b"\nANNIVERSARY"):
        assert wrong not in into_three


ANNIVERSARY = "item1.X-ABDATE;type=pref:2010-06-12\r\nitem1.X-ABLabel:_$!<Anniversary>!$_"
SPOUSE = "item2.X-ABRELATEDNAMES:Ben\r\nitem2.X-ABLabel:_$!<Spouse>!$_"


@pytest.mark.parametrize(
    ("labelled", "four"),
    [(ANNIVERSARY, "ANNIVERSARY:20100612"), (SPOUSE, "RELATED;TYPE=spouse;VALUE=text:Ben")],
)
def test_what_apple_says_with_a_label_is_what_4_0_has_a_name_for(labelled: str, four: str) -> None:
    a, b = card("FN:A", labelled), card("FN:A", four, version="4.0")
    assert KIND.same(a, b)
    into_four = KIND.patch(card("FN:A", version="4.0"), diff(KIND.fields(card("FN:A")), KIND.fields(a)), donor=a)
    assert four.encode() in into_four
    assert b"X-AB" not in into_four
    assert KIND.same(b, KIND.storable(a, Capabilities(formats=frozenset({"4.0"})), invite=False))


@pytest.mark.parametrize(
    "labelled",
    [
        ANNIVERSARY.replace("Anniversary", "Other"),
        SPOUSE.replace("Spouse", "Mother"),
        SPOUSE.replace(":Ben", ";X-USER=ben:Ben"),
        "X-ABDATE:2010-06-12",
        "item1.X-ABLabel:Flat\r\n" + ANNIVERSARY,
    ],
)
def test_a_label_that_4_0_has_no_word_for_stays_as_it_is(labelled: str) -> None:
    a = card("FN:A", labelled)
    assert {key.name for key in KIND.fields(a)} & {"X-ABDATE", "X-ABRELATEDNAMES"}
    stored = KIND.storable(a, Capabilities(formats=frozenset({"4.0"})), invite=False)
    assert KIND.same(a, stored)
    assert b"\nANNIVERSARY" not in stored
    assert b"\nRELATED" not in stored


@pytest.mark.parametrize("own", [ANNIVERSARY, "X-EVOLUTION-ANNIVERSARY:2010-06-12", "X-ANNIVERSARY:2010-06-12"])
def test_an_anniversary_keeps_the_form_that_the_card_has_for_it(own: str) -> None:
    mine = card("FN:A", own)
    for theirs in (
        card("FN:A", "ANNIVERSARY:20110613", version="4.0"),
        card("FN:A", "X-ANNIVERSARY:2011-06-13"),
        card("FN:A", ANNIVERSARY.replace("2010-06-12", "2011-06-13")),
    ):
        made = KIND.patch(mine, diff(KIND.fields(mine), KIND.fields(theirs)), donor=theirs)
        assert made == mine.replace(b"2010-06-12", b"2011-06-13")


def test_another_preference_than_the_first_survives_3_0() -> None:
    four = card("FN:A", "TEL;PREF=2:1", version="4.0")
    three = KIND.patch(card("FN:A"), diff(KIND.fields(card("FN:A")), KIND.fields(four)), donor=four)
    assert KIND.same(three, four)


@pytest.mark.parametrize(
    ("one", "other", "label", "before", "after"),
    [
        ("TEL;TYPE=HOME:+49 30 1", "TEL;TYPE=WORK:+49 30 1", "phone +49301", "+49 30 1 (home)", "+49 30 1 (work)"),
        (
            "EMAIL:a@b.example",
            "EMAIL;TYPE=PREF:a@b.example",
            "e-mail a@b.example",
            "a@b.example",
            "a@b.example (preferred)",
        ),
        ("item1.TEL:1\r\nitem1.X-ABLabel:Flat", "item1.TEL:1\r\nitem1.X-ABLabel:Hut", "phone 1", "1", "1"),
        ("NOTE:a", "NOTE:b", "note", "a", "b"),
        ("N:Berg;Anna", "N:Tal;Anna", "parts of the name", "family: Berg, given: Anna", "family: Tal, given: Anna"),
        ("BDAY:1980-01-02", "BDAY:1980-01-03", "birthday", "2 January 1980", "3 January 1980"),
        ("X-FOO:1", "X-FOO:2", "property X-FOO", "1", "2"),
        ("ADR;TYPE=HOME:;;S 1;B;;;", "ADR;TYPE=WORK:;;S 1;B;;;", "address S 1, B", "S 1, B (home)", "S 1, B (work)"),
        ("ORG:Acme;Sales", "ORG:Acme", "organisation", "Acme, Sales", "Acme"),
    ],
)
def test_a_change_is_one_edit(one: str, other: str, label: str, before: str, after: str) -> None:
    (edit,) = diff(KIND.fields(card("FN:A", one)), KIND.fields(card("FN:A", other))).values()
    assert edit.before is not None
    assert edit.after is not None
    assert (KIND.label(edit.key), edit.before.shown, edit.after.shown) == (label, before, after)


def test_every_member_of_a_list_is_a_field_of_its_own() -> None:
    keys = {(key.name, key.member) for key in KIND.fields(VENDORS["apple"])}
    assert {
        ("TEL", "+491711234567"),
        ("TEL", "+491717654321"),
        ("EMAIL", "anna@example.org"),
        ("CATEGORIES", "Work"),
    } <= keys
    members = [key.member for key in KIND.fields(GROUP.encode()) if key.name == "MEMBER"]
    assert members == ["0a1b2c3d-4e5f-6789-abcd-ef0123456789", "11111111-4e5f-6789-abcd-ef0123456789"]


def test_a_group_is_carried_with_its_label_and_gets_a_free_name() -> None:
    target = card("FN:A", "item1.TEL:1", "item1.X-ABLabel:Hut")
    source = card("FN:A", "item1.EMAIL:a@b.example", "item1.X-ABLabel:Club", "item1.TEL:1", "item1.X-ABLabel:Hut")
    edits = diff(KIND.fields(target), KIND.fields(source))
    made = KIND.patch(target, {key: edit for key, edit in edits.items() if key.name == "EMAIL"}).decode()
    (line,) = [one for one in made.split("\r\n") if "EMAIL" in one]
    group = line.partition(".")[0]
    assert group != "item1"
    assert f"{group}.X-ABLabel:Club" in made
    assert "item1.TEL:1\r\nitem1.X-ABLabel:Hut\r\n" in made


def test_a_member_is_removed_with_its_label_and_nothing_else_is() -> None:
    data = APPLE.replace("\n", "\r\n").encode()
    key = FieldKey("", "EMAIL", "anna@example.org")
    fields = KIND.fields(data)
    made = KIND.patch(data, diff(fields, {k: f for k, f in fields.items() if k != key}))
    gone = set(data.splitlines()) - set(made.splitlines())
    assert gone == {b"item1.EMAIL;type=INTERNET;type=pref:anna@example.org", b"item1.X-ABLabel:_$!<Other>!$_"}
    assert set(made.splitlines()) <= set(data.splitlines())


def test_an_edit_takes_the_later_rev_of_its_card() -> None:
    old, new = card("NOTE:a", "REV:20200101T000000Z"), card("NOTE:b", "REV:2021-01-01T00:00:00Z")
    edits = diff(KIND.fields(old), KIND.fields(new))
    assert KIND.same(KIND.patch(old, edits, donor=new), new)
    assert KIND.modified(KIND.patch(old, edits, donor=new)) == KIND.modified(new)
    back = diff(KIND.fields(new), KIND.fields(old))
    assert KIND.modified(KIND.patch(new, back, donor=old)) == KIND.modified(new)


def test_the_name_and_its_parts_belong_together() -> None:
    full, parts, phone = FieldKey("", "FN"), FieldKey("", "N"), FieldKey("", "TEL", "1")
    assert KIND.coupled(full, parts)
    assert not KIND.coupled(full, full)
    assert not KIND.coupled(full, phone)


def test_what_a_vendor_made_of_several_parts_keeps_them_in_3_0() -> None:
    old = card(
        "X-ANDROID-CUSTOM:vnd.android.cursor.item/nickname;Bj\\;x, y;1;;",
        "FN;X-P=1;X-P=2:A",
        "TEL;HOME:1",
        version="2.1",
    )
    kept = KIND.storable(old, Capabilities(formats=frozenset({"3.0"})), invite=False)
    assert b"X-ANDROID-CUSTOM:vnd.android.cursor.item/nickname;Bj\\;x\\, y;1;;" in kept
    assert b"FN;X-P=1;X-P=2:A" in kept
    assert KIND.fields(old).keys() <= KIND.fields(kept).keys()


@pytest.mark.parametrize(
    ("number", "dialled"),
    [
        ("+49 (0)30 12-34", "+49301234"), ("(030) 1234", "0301234"), ("+1 555 0100 ext. 7", "+15550100;ext=7"), ("1-800-FLOWERS", "1800FLOWERS"),
        ("tel:+49-30-1;phone-context=x", "+49301"), ("*100#", "*100#"), ("call me", "call me"), ("\u200e+49 30\u00a01", "+49301"),
        ("+49 30 1 extension 22", "+49301;ext=22"), ("0049 30 1", "0049301"), ("", ""),
    ],
)  # fmt: skip
def test_a_number_in_normal_form(number: str, dialled: str) -> None:
    assert phone(number) == dialled


def test_a_line_of_another_charset_is_written_anew_in_utf_8() -> None:
    data = card(
        "FN;CHARSET=ISO-8859-1:Bj\u00f6rn",
        "N;CHARSET=ISO-8859-1:M\u00fcller;Bj\u00f6rn;;;",
        "CATEGORIES;CHARSET=ISO-8859-1:K\u00fcche,B",
    )
    data = data.decode().encode("latin-1")
    fields = KIND.fields(data)
    fewer = {key: field for key, field in fields.items() if key.member != "B"}
    made = KIND.patch(data, diff(fields, fewer))
    assert "\r\nCATEGORIES:K\u00fcche\r\n".encode() in made
    assert KIND.fields(made).keys() == fewer.keys()
    assert KIND.glance(KIND.retitled(data, " (b)")).title == "Bj\u00f6rn (b)"
    into_four = KIND.patch(card(version="4.0"), diff({}, fields), donor=data)
    assert KIND.same(into_four, data)


def test_dots_in_parameters_are_no_groups() -> None:
    source = card('item1.TEL;X-P="1.5":1', "item1.X-ABLabel:Hut", "EMAIL;X-Q=a.b:c@d.example")
    made = KIND.patch(card("item1.NOTE:x"), diff(KIND.fields(card("item1.NOTE:x")), KIND.fields(source)))
    assert KIND.same(made, source)
    target = card("item1.URL:x")
    made = KIND.patch(target, {k: e for k, e in diff(KIND.fields(target), KIND.fields(source)).items() if e.after})
    assert b'\r\nitem2.TEL;X-P="1.5":1\r\nitem2.X-ABLabel:Hut\r\n' in made.replace(b"item3", b"item2")
