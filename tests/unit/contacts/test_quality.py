"""Rules of quality for contacts: what is read, what breaks a rule, what is mended; and what the job does about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.contacts.cards import card
from trueup.config import quality as config
from trueup.jobs.contacts import ContactsInspector
from trueup.jobs.contacts.card import read_card
from trueup.jobs.contacts.quality import fields, meanings, rule
from trueup.lookups import FileLookup
from trueup.model.errors import ConfigError
from trueup.model.quality import ProfileLimits


def nobody(rule: str, value: str) -> str:
    return ""


def inspected(line: str, *rules: dict[str, Any], rival: Any = nobody) -> tuple[list[str], list[str], str]:
    """Reasons, fixes, and the mended card's lines beside its frame, of a card with these lines (parted by "|")."""
    options = {"quality": [{"action": "reject", "name": f"rule {number}", **one} for number, one in enumerate(rules)]}
    said = ContactsInspector(options).inspect("crm/all", card(*line.split("|")), rival)
    mended = said.fixed.decode() if said.fixed else ""
    shown = [one for one in mended.splitlines() if not one.startswith(("BEGIN", "VERSION", "UID", "END"))]
    return [one.reason for one in said.breaches], list(said.fixes), "|".join(shown)


def test_config_and_job_know_the_same_words() -> None:
    assert set(config.WORDS) == set(fields.PLACES)
    assert config.TESTS == rule.TESTS


@pytest.mark.parametrize(
    ("lines", "given", "reason"),
    [
        ("FN:A|EMAIL:a@b.de", {"field": "email", "required": True}, ""),
        ("FN:A", {"field": "email", "required": True}, "email is missing"),
        ("FN:A|EMAIL: ", {"field": "email", "required": True}, "email is missing"),
        ("N:Berg;Anna;;;", {"field": "given", "required": True}, ""),
        ("N:Berg;;;;", {"field": "given", "required": True}, "given is missing"),
        ("FN:A|X-CRM-ID:K-1", {"field": "X-CRM-ID", "pattern": "K-\\d+"}, ""),
        ("FN:A|X-CRM-ID:K-1x", {"field": "X-CRM-ID", "pattern": "K-\\d+"}, "X-CRM-ID “K-1x” does not match K-\\d+"),
        ("FN:A|EMAIL:n/a|EMAIL:a@b.de|EMAIL:b", {"field": "email", "email": True}, "email “n/a”, “b” is no e-mail address"),
        ("FN:A|EMAIL:mailto:a@b.de", {"field": "email", "email": True}, ""),
        ("FN:A|TEL:030 1234567", {"field": "phone", "phone": True, "region": "DE"}, ""),
        ("FN:A|TEL:030 1234567", {"field": "phone", "phone": True}, "phone “030 1234567” has no country code, and the rule no `region`"),
        ("FN:A|TEL:+49 30 12", {"field": "phone", "phone": True}, "phone “+49 30 12” is no phone number"),
        ("FN:A|TEL;VALUE=uri:tel:+49301234567", {"field": "phone", "phone": True}, ""),
        ("FN:A|ADR:;;;;;;Deutschland", {"field": "country", "country": True}, ""),
        ("FN:A|ADR:;;;;;;Germanistan", {"field": "country", "country": True}, "country “Germanistan” is no country"),
        ("FN:A|CATEGORIES:a,b", {"field": "categories", "one_of": ["a", "b"]}, ""),
        ("FN:A|CATEGORIES:a,c", {"field": "categories", "one_of": ["a", "b"]}, "categories “c” is not in the list"),
        ("FN:A|TEL:1", {"check": "item.email or item.phone"}, ""),
        ("FN:A", {"check": "item.email or item.phone"}, "rule 0: is not so"),
        ("FN:A|EMAIL:a@b.de|EMAIL:b@b.de", {"check": "len(item.all.email) < 2"}, "rule 0: is not so"),
        ("FN:A", {"check": "item.email > 5"}, "rule 0: 'null' > '5' does not compare"),
        ("FN:A", {"field": "email", "email": True}, ""),  # what is not there breaks nothing but `required`
    ],
)  # fmt: skip
def test_a_rule_is_broken_or_not(lines: str, given: dict[str, Any], reason: str) -> None:
    assert inspected(lines, given)[0] == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("lines", "given", "mended", "said"),
    [
        ("EMAIL:Anna@B.de", {"field": "email", "fix": ["lower"]}, "EMAIL:anna@b.de", "email in lower case: anna@b.de"),
        ("FN:Anna   Berg", {"field": "name", "fix": ["trim"]}, "FN:Anna Berg", "name trimmed to Anna Berg"),
        ("FN:ANNA VON BERG-O'NEIL", {"field": "name", "fix": ["title"]}, "FN:Anna von Berg-O'Neil", "name written as Anna von Berg-O'Neil"),
        ("N:BERG;Anna;;;", {"field": "family", "fix": ["title"]}, "N:Berg;Anna;;;", "family written as Berg"),
        ("item1.TEL;TYPE=WORK:(030) 123 45 67", {"field": "phone", "fix": ["e164"], "region": "DE"}, "item1.TEL;TYPE=WORK:+49301234567",
         "phone written as +49301234567"),
        ("TEL;VALUE=uri:tel:+49-30-1234567", {"field": "phone", "fix": ["e164"]}, "TEL;VALUE=uri:tel:+49301234567", "phone written as +49301234567"),
        ("ADR;TYPE=home:;;Weg 1\\, links;Ulm;;;germany", {"field": "country", "fix": ["country"]}, "ADR;TYPE=home:;;Weg 1\\, links;Ulm;;;DE",
         "country written as DE"),
        ("BDAY:9.3.1980", {"field": "birthday", "fix": ["date"]}, "BDAY:1980-03-09", "birthday written as 1980-03-09"),
        ("BDAY;VALUE=text:13/3/1980", {"field": "birthday", "fix": ["date"]}, "BDAY:1980-03-13", "birthday written as 1980-03-13"),
        ("BDAY:3/4/1980", {"field": "birthday", "fix": ["date"], "order": "mdy"}, "BDAY:1980-03-04", "birthday written as 1980-03-04"),
        ("CATEGORIES:VIP,b", {"field": "categories", "fix": ["lower"]}, "CATEGORIES:vip,b", "categories in lower case: vip"),
    ],
)  # fmt: skip
def test_a_value_is_mended_and_nothing_beside_it(lines: str, given: dict[str, Any], mended: str, said: str) -> None:
    assert inspected(lines, {**given, "action": "fix"}) == ([], [said], mended)


@pytest.mark.parametrize(
    ("lines", "given"),
    [
        ("TEL:030 1234567", {"field": "phone", "fix": ["e164"]}),  # from where?
        ("TEL:ask", {"field": "phone", "fix": ["e164"], "region": "DE"}),
        ("BDAY:3/4/1980", {"field": "birthday", "fix": ["date"]}),  # could be two days
        ("BDAY:31.2.1980", {"field": "birthday", "fix": ["date"]}),
        ("ADR:;;;;;;Germanistan", {"field": "country", "fix": ["country"]}),
        ("FN:IBM", {"field": "name", "fix": ["title"]}),
        ("FN:McDonald", {"field": "name", "fix": ["title"]}),
        ("FN:Anna Berg", {"field": "name", "fix": ["trim", "title"]}),
        ("FN:", {"field": "name", "fix": ["trim"]}),
        ("FN:A|NOTE:A  B", {"field": "name", "fix": ["trim"]}),
    ],
)
def test_what_is_not_sure_is_left_as_it_is(lines: str, given: dict[str, Any]) -> None:
    assert inspected(lines, {**given, "action": "fix"}) == ([], [], "")


def test_a_date_is_written_as_its_version_has_it() -> None:
    inspector = ContactsInspector({"quality": [{"name": "r", "field": "birthday", "fix": ["date"], "action": "fix"}]})
    said = inspector.inspect("crm/all", card("FN:A", "BDAY;VALUE=text:9.3.1980", version="4.0"), nobody)
    assert b"\r\nBDAY:19800309\r\n" in (said.fixed or b"")


def test_what_is_mended_is_judged_as_mended() -> None:
    mend = {"field": "phone", "fix": ["e164"], "region": "DE", "action": "fix"}
    assert inspected("TEL:030 1234567", {"field": "phone", "phone": True}, mend)[0] == []


def test_what_stands_in_one_record_only_is_compared_as_it_is_meant() -> None:
    inspector = ContactsInspector({"quality": [{"name": "u", "field": "email", "unique": True, "action": "warn"}]})
    assert inspector.alone("crm/all")
    assert list(inspector.keys("crm/all", card("EMAIL:A@B.de", "EMAIL:mailto:a@b.DE"))) == [("u", "a@b.de")]
    said = inspector.inspect("crm/all", card("EMAIL:A@b.de"), lambda name, value: "Ben" if value == "a@b.de" else "")
    assert [one.reason for one in said.breaches] == ["email “a@b.de” also stands in “Ben”"]


def test_a_rule_may_be_about_one_store_or_collection() -> None:
    inspector = ContactsInspector(
        {"quality": [{"name": "r", "field": "email", "required": True, "action": "warn", "in": ["crm", "dav/b"]}]}
    )
    judged = {
        ref: len(inspector.inspect(ref, card("FN:A"), nobody).breaches) for ref in ("crm/x", "dav/a", "dav/b", "crm")
    }
    assert judged == {"crm/x": 1, "dav/a": 0, "dav/b": 1, "crm": 1}


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("anna.berg+x@mail.example.org", True), ("müller@bücher.de", True), ("a@b", False), ("a..b@c.de", False), ("a b@c.de", False),
        ("@c.de", False), ("a@-c.de", False), ("a@c.d" + "e" * 300, False), ("a@" + "b." * 5000 + "de", False),
    ],
)  # fmt: skip
def test_an_address_is_told_by_its_form(value: str, right: bool) -> None:
    assert meanings.is_email(value) == right


def test_a_record_has_peoples_words_and_no_bytes_of_photos() -> None:
    lines = (
        "N:Berg;Anna;;Dr.;",
        "ADR:;;Weg 1;;;;DE",
        "ORG:Firma;",
        "PHOTO;ENCODING=b;TYPE=JPEG:" + "A" * 40_000,
        "X-CRM-ID: 7 ",
        "NOTE:",
    )
    found = fields.record(read_card(card(*lines)))
    assert {key: value for key, value in found.items() if key not in ("uid", "name")} == {
        "family": ["Berg"], "given": ["Anna"], "prefix": ["Dr."], "street": ["Weg 1"], "city": [""], "postcode": [""], "country": ["DE"],
        "organisation": ["Firma"], "photo": ["up to 32 kB"], "X-CRM-ID": ["7"], "notes": [""],
    }  # fmt: skip


def test_a_lookup_reads_lines_or_a_column_and_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\ufeffx\n y \n\n")
    (tmp_path / "a.csv").write_text('id,name\n1,"x, y"\n2,z\n3\n')
    assert [one in FileLookup(tmp_path, {"file": "a.txt"}) for one in ("x", "y", "")] == [True, True, False]
    assert [one in FileLookup(tmp_path, {"file": "a.csv", "column": "name"}) for one in ("x, y", "z", "1")] == [
        True,
        True,
        False,
    ]
    assert "1" in FileLookup(tmp_path, {"file": "a.csv"})
    with pytest.raises(ConfigError, match="has no column town; it has id, name"):
        assert "x" in FileLookup(tmp_path, {"file": "a.csv", "column": "town"})
    with pytest.raises(ConfigError, match="No such file"):
        assert "x" in FileLookup(tmp_path, {"file": "b.csv"})


def test_limits_are_those_of_the_job() -> None:
    assert ContactsInspector({}).limits == ProfileLimits()
    said = {"action": "off", "floor": 3, "actions": {"volume": "block"}, "shares": {}}
    limits = ContactsInspector({"profile": said}).limits
    assert limits is not None
    assert (limits.action_of("volume"), limits.action_of("value")) == ("block", "off")
    assert ContactsInspector({"profile": {**said, "actions": {}}}).limits is None


def test_other_rules_have_another_digest_and_none_have_none() -> None:
    one = {"quality": [{"name": "r", "field": "email", "required": True, "action": "warn"}]}
    assert ContactsInspector({}).digest == ContactsInspector({"quality": []}).digest == ""
    assert ContactsInspector(one).digest == ContactsInspector(one).digest
    assert ContactsInspector(one).digest != ContactsInspector(one, versions=["2"]).digest
