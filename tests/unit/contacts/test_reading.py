"""What phones and programs really send: what is read of it, and why the rest is refused."""

from __future__ import annotations

import base64
import os

import pytest

from tests.unit.contacts.cards import ANDROID, APPLE, GROUP, NOKIA, VENDORS, card
from trueup.core.merge import diff
from trueup.jobs.contacts import ContactsKind
from trueup.jobs.contacts.card import read_card
from trueup.model.capabilities import Capabilities
from trueup.model.errors import ItemRefused
from trueup.model.fields import FieldKey

KIND = ContactsKind()


def shown(data: bytes) -> dict[str, str]:
    """What people see of a card, by label."""
    return {KIND.label(key): field.shown for key, field in KIND.fields(data).items()}


def refusal(data: bytes) -> ItemRefused:
    with pytest.raises(ItemRefused) as caught:
        KIND.glance(data)
    return caught.value


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("apple", "Dr. Anna Maria Berg"), ("google", "Anna Berg"), ("outlook", "Björn Müller"), ("android", "Björn Müller"),
        ("nextcloud", "Anna Berg"), ("thunderbird", "Anna Berg"), ("nokia", "Anna Berg"), ("group", "Board"),
        ("evolution", "Frau Eva Olsen"), ("kaddressbook", "Karin Dahl"), ("exchange", "Xaver Exner"), ("sony-ericsson", "Søren Sørensen"),
        ("samsung", "김이름"),
    ],
)  # fmt: skip
def test_a_glance_at_every_vendors_card(name: str, title: str) -> None:
    glance = KIND.glance(VENDORS[name])
    assert glance.title == title
    assert glance.uid
    assert glance.starts == ""


def test_quoted_printable_goes_on_behind_soft_line_breaks() -> None:
    assert shown(VENDORS["outlook"])["address Hauptstr. 1 Hof, Berlin, 10115, Deutschland"] == (
        "Hauptstr. 1 Hof, Berlin, 10115, Deutschland (work, preferred)"
    )
    assert shown(VENDORS["android"])["name"] == "Björn Müller"
    spaced = card("NOTE;ENCODING=QUOTED-PRINTABLE:one=", " two=3D=", "three", version="2.1")
    assert shown(spaced)["note"] == "one two=three"
    unended = card("FN:A", "NOTE;ENCODING=QUOTED-PRINTABLE:one=", version="2.1")
    assert shown(unended)["note"] == "one", "the card's end is not swallowed"


def test_base64_without_folds_and_behind_an_empty_line() -> None:
    assert shown(VENDORS["android"])["photo"].endswith("JPEG")
    assert shown(VENDORS["outlook"])["photo"].endswith("JPEG")
    loose = card("PHOTO;BASE64;JPEG:/9j/4AAQ", "SkZJRg==", "", "TEL:1", version="2.1")
    assert shown(loose)["photo"] == "photo, 10 bytes JPEG"
    assert "phone 1" in shown(loose)


def test_a_huge_photo_is_read_and_compared_by_its_bytes() -> None:
    picture = b"\xff\xd8\xff" + os.urandom(10_000_000)
    written = base64.b64encode(picture).decode()
    folded = "\r\n ".join(written[at : at + 74] for at in range(0, len(written), 74))
    three = card("FN:A", f"PHOTO;ENCODING=b;TYPE=JPEG:{folded}")
    four = card("FN:A", f"PHOTO:data:image/jpeg;base64,{written}", version="4.0")
    assert shown(three)["photo"] == "photo, 10.0 MB JPEG"
    assert KIND.same(three, four)
    assert not KIND.same(three, card("FN:A", "PHOTO;ENCODING=b;TYPE=JPEG:/9j/AAAA"))


def test_a_huge_photo_without_folds_is_read_as_the_folded_one() -> None:
    written = base64.b64encode(b"\xff\xd8\xff" + os.urandom(2_000_000)).decode()
    lines = [written[at : at + 74] for at in range(0, len(written), 74)]
    loose = card(f"PHOTO;BASE64;JPEG:{lines[0]}", *lines[1:], "", version="2.1")
    assert read_card(loose).to_bytes() == loose
    assert KIND.same(loose, card("PHOTO;BASE64;JPEG:" + "\r\n ".join(lines), version="2.1"))


def test_a_card_within_a_card_is_one_field() -> None:
    assert [key.name for key in KIND.fields(VENDORS["nokia"])] == ["N", "TEL", "TEL", "AGENT"]
    stored = KIND.storable(VENDORS["nokia"], Capabilities(formats=frozenset({"3.0"})), invite=False)
    assert b"AGENT:BEGIN:VCARD\\nVERSION:2.1\\nN:Ben\\nTEL:1\\nEND:VCARD" in stored
    assert (
        KIND.fields(stored)[FieldKey("", "AGENT")].normal == KIND.fields(VENDORS["nokia"])[FieldKey("", "AGENT")].normal
    )


@pytest.mark.parametrize("version", [b"2.1", b"3.0", b"4.0"])
def test_a_card_within_a_card_is_carried_on_one_line(version: bytes) -> None:
    source = VENDORS["nokia"].replace(b"VERSION:2.1", b"VERSION:" + version, 1)
    fields = KIND.fields(source)
    for target in ("3.0", "4.0"):
        made = KIND.patch(card(version=target), diff({}, fields), donor=source)
        assert KIND.same(made, source)
        assert made.count(b"\r\nEND:VCARD") == 1


@pytest.mark.parametrize("charset", ["ISO-8859-1", "windows-1252", "iso-8859-15"])
def test_a_charset_that_is_named_is_used(charset: str) -> None:
    data = card(f"FN;CHARSET={charset}:Björn", version="2.1").decode().encode("latin-1")
    assert KIND.glance(data).title == "Björn"
    assert KIND.same(data, card("FN:Björn", version="2.1"))


def test_a_charset_that_is_wrong_but_utf_8_is_read_as_what_it_is() -> None:
    assert KIND.glance(card("FN;CHARSET=US-ASCII:Björn")).title == "Björn"
    assert KIND.glance(card("FN;CHARSET=nonsense:Björn")).title == "Björn"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"FN:Bj\xf6rn", "FN holds the byte 0xf6, which is not UTF-8, and names no CHARSET"),
        (b"NOTE;CHARSET=UTF-8:Bj\xf6rn", "NOTE is not written in UTF-8, as it says"),
        (b"NOTE;CHARSET=KLINGON:Bj\xf6rn", "NOTE says that it is written in KLINGON, which nobody knows"),
        (b"NOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Bj=F6rn", "NOTE is not written in UTF-8, as it says"),
        (b"NOTE;CHARSET=unicode_escape:\\ud800\xf6", "NOTE is not written in UNICODE_ESCAPE, as it says"),
        (b"NOTE;X-A=\xf6:x", "the parameters of NOTE are not written in UTF-8"),
    ],
)
def test_letters_are_never_guessed(line: bytes, why: str) -> None:
    data = card("FN:Zoë", "TEL:1").replace(b"TEL:1", line)
    error = refusal(data)
    assert (error.code, error.where) == ("encoding", "line 5")
    assert error.why == why


def test_a_fold_within_a_letter() -> None:
    data = card("FN:A").replace(b"FN:A", b"FN:Bj\xc3\r\n \xb6rn")
    assert KIND.glance(data).title == "Björn"
    assert read_card(data).to_bytes() == data


@pytest.mark.parametrize(
    ("data", "code", "why"),
    [
        (b"", "empty", ""),
        (b"\r\n\r\n", "empty", ""),
        (b"<html>", "not-vcard", "it looks like a web page or XML: the address may lead to a login or an error page"),
        (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "not-vcard", "it is a calendar item, not a contact"),
        (b'{"name": 1}', "not-vcard", "it looks like JSON"),
        ("BEGIN:VCARD\r\nEND:VCARD\r\n".encode("utf-16"), "encoding", "it looks like UTF-16"),
        (card("FN:A\x00"), "nul", "it holds a NUL byte"),
        (card("FN:A")[:-12], "truncated", "BEGIN:VCARD is never closed"),
        (card("FN:A") + card("FN:B"), "two-cards", "it holds several vCards in one body"),
        (card("FN:A") + b"TEL:1\r\n", "structure", "a line outside of the card: 'TEL:1'"),
        (card("FN:A", "no line"), "syntax", "a line without a name and a colon: 'no line'"),
        (card("FN:A", version="5.0"), "version", "it is written in vCard 5.0; 2.1, 3.0 and 4.0 are read"),
        (card("FN:A", "BEGIN:VCARD", "BEGIN:VCARD"), "truncated", "a card within the card is never closed"),
    ],
)
def test_what_is_no_card_is_refused_with_a_reason(data: bytes, code: str, why: str) -> None:
    error = refusal(data)
    assert (error.code, error.why) == (code, why)


def test_odd_but_whole() -> None:
    data = b"\xef\xbb\xbf\r\nBEGIN:vCard\r\nversion:3.0\r\n\r\nitem1.f\r\n n:A\r\nTEL;TY\r\n PE=HOME:1\r\nnote:x\r\nEND:VCARD\r\n\r\n"
    assert read_card(data).to_bytes() == data
    assert shown(data) == {"name": "A", "phone 1": "1 (home)", "note": "x"}


def test_a_fold_of_2_1_keeps_its_blank() -> None:
    assert shown(card("NOTE:two", " words", version="2.1"))["note"] == "two words"
    assert shown(card("NOTE:two", " words"))["note"] == "twowords"


@pytest.mark.parametrize(
    ("lines", "title"),
    [
        (["N:Berg;Anna;Maria;Dr.;MD"], "Dr. Anna Maria Berg MD"),
        (["FN:", "N:;;;;", "ORG:Acme;Sales"], "Acme"),
        (["NICKNAME:Bibi,Bob"], "Bibi"),
        (["EMAIL:a@example.org"], "a@example.org"),
        (["TEL:030 1"], "030 1"),
        (["NOTE:x"], ""),
    ],
)
def test_the_title_of_a_card_without_a_full_name(lines: list[str], title: str) -> None:
    data = card(*lines)
    assert KIND.glance(data).title == title
    stored = read_card(KIND.storable(data, Capabilities(formats=frozenset({"3.0"})), invite=False))
    assert stored.value("FN") == title, "FN is demanded of every card"
    assert stored.first("N") is not None, "N is demanded of 3.0"


def test_without_a_uid_a_card_is_known_by_who_it_is() -> None:
    def nameless(*lines: str) -> bytes:
        return card(*lines).replace(b"UID:1\r\n", b"")

    anna = nameless("FN:Anna Berg", "EMAIL:anna@example.org", "NOTE:x")
    uid = KIND.glance(anna).uid
    assert uid == KIND.glance(nameless("FN:anna  berg", "EMAIL:anna@example.org")).uid
    assert uid != KIND.glance(nameless("FN:Anna Berg", "EMAIL:other@example.org")).uid
    assert KIND.glance(nameless("FN:Anna", "NOTE:x")).uid != KIND.glance(nameless("FN:Anna", "NOTE:y")).uid, (
        "never by a name alone"
    )
    household = [
        nameless("FN:J. Berg", "TEL:+49 30 1", *more) for more in ((), ("TEL:+49 171 2",), ("EMAIL:j@b.example",))
    ]
    assert len({KIND.glance(one).uid for one in household}) == 3, "nor by a name and a number of several"
    assert f"UID:{uid}".encode() in KIND.storable(anna, Capabilities(), invite=False)


def test_a_uid_is_the_same_with_and_without_its_prefix() -> None:
    assert KIND.glance(card(uid="urn:uuid:AB-1")).uid == KIND.glance(card(uid="AB-1")).uid == "AB-1"


def test_what_a_book_does_not_take_is_refused_by_name() -> None:
    with pytest.raises(ItemRefused, match="“Anna” cannot be handled") as caught:
        KIND.storable(card("FN:Anna"), Capabilities(formats=frozenset({"2.1"})), invite=False)
    assert caught.value.why == "it is written in vCard 3.0, and the address book takes 2.1"
    with pytest.raises(ItemRefused, match="“Anna” cannot be handled") as caught:
        KIND.storable(card("FN:Anna"), Capabilities(max_size=20), invite=False)
    assert caught.value.code == "too-large"
    whole = card("FN:Anna", "N:;Anna;;;")
    assert KIND.storable(whole, Capabilities(), invite=False) == whole


def test_the_same_person_is_known_by_name_and_all_ways_to_reach_him() -> None:
    anna = KIND.meaning(card("FN:Anna Berg", "EMAIL:anna@example.org", "TEL:+49 30 1", uid="1"))
    assert anna == KIND.meaning(
        card("FN:ANNA BERG", "TEL:+49-30-1", "EMAIL;TYPE=home:anna@EXAMPLE.org", "NOTE:x", uid="2", version="4.0")
    )
    assert anna != KIND.meaning(card("FN:Anna Berg", "EMAIL:anna@example.org", uid="3"))
    assert KIND.meaning(card("FN:Anna Berg", "NOTE:x")) == "", "never by a name alone"
    assert KIND.meaning(card("TEL:1")) != "", "a number stands for the name of who has none"
    assert KIND.meaning(GROUP.encode()) == ""


@pytest.mark.parametrize(
    ("rev", "seconds"),
    [("20240501T102030Z", 1714558830), ("2024-05-01T10:20:30Z", 1714558830), ("2024-05-01T12:20:30+02:00", 1714558830),
     ("2024-05-01T10:20:30.000Z", 1714558830), ("2024-05-01", 1714521600), ("yesterday", 0), ("", 0)],
)  # fmt: skip
def test_rev_says_when_a_card_was_edited(rev: str, seconds: int) -> None:
    assert KIND.modified(card(f"REV:{rev}")) == seconds


def test_a_copy_under_another_name() -> None:
    copy = KIND.retitled(KIND.with_uid(APPLE.encode(), "2"), " (phone)")
    assert KIND.glance(copy) == KIND.glance(copy).__class__("2", "Dr. Anna Maria Berg (phone)", "")
    assert b"\nN:Berg;Anna;Maria;Dr.;(phone)\n" in copy
    assert KIND.fields(copy).keys() == KIND.fields(APPLE.encode()).keys()
    old = KIND.retitled(ANDROID.encode(), " (phone)")
    assert KIND.glance(old).title == "Björn Müller (phone)"
    assert KIND.glance(KIND.retitled(NOKIA.encode(), " (b)")).title == "Anna Berg (b)"
