"""Jobs of kind `contacts`: what they may say, and what is wrong with the rest."""

from __future__ import annotations

import pytest

from tests.unit.config.conftest import Load, Wrong
from trueup.config.contacts import FIELDS
from trueup.config.sample import CONTACTS

STORES = """stores:
  crm: {connector: vcf, path: crm}
  phone: {connector: vcf, path: phone.vcf}
  dav: {connector: carddav, url: "https://dav.example.org/", username: ana, password: {env: P}}
  home: {connector: vdir, path: home}
"""
BOTH = "collections: [{store: crm, name: all}, {store: phone}]"


def job(more: str, collections: str = BOTH) -> str:
    return f"version: 1\n{STORES}jobs:\n  people: {{kind: contacts, {collections}{more}}}\n"


def test_what_a_job_says_is_what_it_does(load: Load) -> None:
    more = ', truth: {Phone: crm, X-SKYPE: phone, "*": newest}, blanks: {Notes: wipe}, filter: {categories: a, title: "^A"}'
    spec = load(job(more)).job("people")
    assert spec.kind == "contacts"
    assert spec.options["truth"] == {"phone": "crm", "X-SKYPE": "phone", "*": "newest"}
    assert spec.options["blanks"] == {"notes": "wipe"}
    assert spec.options["filter"] == {"categories": ["a"], "not_categories": None, "title": "^A"}
    assert [str(one) for one in spec.collections] == ["crm/all", "phone"]


def test_without_a_word_blanks_are_kept_and_nobody_is_right(load: Load) -> None:
    plain = load(job("")).job("people")
    assert (plain.options["truth"], plain.options["blanks"]) == ({}, {"*": "keep"})
    assert plain.options["match"] == {"link": 0.92, "review": 0.75, "region": ""}
    assert (plain.options["duplicates"], plain.options["survivor"]) == ("", {})
    assert load(job(", match: off")).job("people").options["match"] is None
    assert load(job(", blanks: wipe")).job("people").options["blanks"] == {"*": "wipe"}
    assert load(job(", truth: {phone: crm}")).job("people").digest != plain.digest


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_has_its_word(load: Load, field: str) -> None:
    assert load(job(f", truth: {{{field}: newest}}")).job("people").options["truth"] == {field: "newest"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (job(", truth: {fone: crm}"), "8:92 `fone` is no field of a contact |  | did you mean `phone`?; a property's own name is"),
        (job(", truth: {phone: krm}"), "8:99 `krm` is no store of this job |  | did you mean `crm`?"),
        (job(", truth: {phone: 5}"), "8:99 `phone` must be a text | it is 5"),
        (job(", blanks: wype"), "8:92 `blanks` must be `keep` or `wipe` | it is “wype” | did you mean `wipe`?"),
        (job(", blanks: {fone: wipe}"), "8:93 `fone` is no field of a contact"),
        (job(", truth: {phone: crm}, conflicts: newest"), "8:116 `conflicts: newest` does not go with `truth` | `truth` decides"),
        (job(", truth: {phone: crm}, conflicts: keep-both"), "8:116 `conflicts: keep-both` does not go with `truth`"),
        (
            job(", truth: {phone: newest}", "from: {store: crm, name: all}, to: {store: dav, name: all}"),
            "8:88 `truth` is for jobs that work both ways | one way, the source is always right | leave it out",
        ),
        (job(", filter: {window: {past: 1d}}"), "8:93 unknown key `window`"),
        (job(", transform: {only: busy}"), "8:84 unknown key `transform`"),
        (job("", "collections: [{store: crm, name: all}, {store: home, name: a}]"), "8:75 store `home` holds calendars, and the job is about"),
        (job("", "collections: [{store: crm, name: all}, {store: dav}]"), "8:67 `name` of the address book is missing"),
        (job("", "collections: [{store: crm, name: a}, {store: crm, name: a}]"), "8:65 `crm/a` is named twice in this job |  | name each address"),
        (job("", "truth: {}"), "8:3 the job does not say which address books"),
        (job(", match: {link: 0.7, review: 0.8}"), "8:91 `review` is above `link` | who is taken for one person without asking"),
        (job(", match: {link: 2}"), "8:98 `link` must be at most 1"),
        (job(", match: {region: Germany}"), "8:100 `region`"),
        (job(", duplicates: mrege"), "8:96 `duplicates` must be"),
        (job(", survivor: {phone: newest}"), "8:84 `survivor` says what becomes of duplicates, and nothing is done about them"),
        (job(", duplicates: merge, survivor: {fone: newest}"), "8:114 `fone` is no field of a contact"),
        (job(", duplicates: merge, survivor: {phone: krm}"), "8:121 `krm` is no store of this job"),
        (job(", duplicates: merge, conflicts: keep-both"), "8:96 `conflicts: keep-both` does not go with `duplicates: merge`"),
        (job(", duplicates: merge", "from: {store: crm, name: all}, to: {store: dav, name: all}"), "8:88 `duplicates` is for jobs that work both"),
        (job("", "collections: [{store: crm, name: all}]"), "8:28 `collections` needs two or more |  | one is enough where the job looks for"),
        (job("", BOTH).replace("contacts,", "calendar,"), "8:50 store `crm` holds contacts, and the job is about events"),
    ],
)  # fmt: skip
def test_one_mistake_is_found_where_it_is(wrong: Wrong, text: str, expected: str) -> None:
    found = wrong(text)
    assert found[0].startswith(expected)


def test_one_book_is_enough_for_duplicates(load: Load) -> None:
    spec = load(job(", duplicates: merge, survivor: {Phone: longest}", "collections: [{store: crm, name: all}]")).job(
        "people"
    )
    assert [str(one) for one in spec.collections] == ["crm/all"]
    assert (spec.options["duplicates"], spec.options["survivor"]) == ("merge", {"phone": "longest"})


def test_the_sample_is_right(load: Load) -> None:
    lines = [one.removeprefix("# ") for one in CONTACTS.splitlines()[1:]]
    spec = load("version: 1\n" + "\n".join(lines)).job("people")
    assert [str(one) for one in spec.collections] == ["server/people", "phone", "crm"]
    assert spec.options["truth"] == {"phone": "crm", "*": "newest"}
