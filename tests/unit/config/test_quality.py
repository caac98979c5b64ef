"""`quality` and the guard `profile`: what they may say, and what is wrong with the rest, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.config.conftest import Load, Wrong

STORES = """version: 1
stores:
  crm: {connector: vcf, path: crm}
  phone: {connector: vcf, path: phone.vcf}
jobs:
  people:
    kind: contacts
    collections: [{store: crm, name: all}, {store: phone}]
"""
"""Lines 1 to 8."""


def rules(*lines: str) -> str:
    return STORES + "    quality:\n" + "".join(f"      - {line}\n" for line in lines)


def test_rules_are_named_and_have_an_action(load: Load) -> None:
    given = rules(
        "{field: Email, required: on, action: reject}",
        "{field: email, email: on}",
        "{field: email, email: on}",
        "{field: phone, fix: e164, region: DE}",
        "{field: email, email: on, action: fix}",
        '{name: reachable, check: "item.email or item.phone", action: review, in: crm}',
        "{field: X-CRM-ID, pattern: 'K-[0-9]+'}",
    )
    made = load(given).job("people").options["quality"]
    assert made == [
        {"field": "email", "required": True, "name": "email required", "action": "reject"},
        {"field": "email", "email": True, "name": "email email", "action": "warn"},
        {"field": "email", "email": True, "name": "email email #2", "action": "warn"},
        {"field": "phone", "fix": ["e164"], "region": "DE", "name": "phone written right", "action": "fix"},
        {"field": "email", "email": True, "fix": ["trim", "lower"], "name": "email written right", "action": "fix"},
        {"check": "item.email or item.phone", "in": ["crm"], "name": "reachable", "action": "review"},
        {"field": "X-CRM-ID", "pattern": "K-[0-9]+", "name": "X-CRM-ID pattern", "action": "warn"},
    ]


def test_limits_of_profiles(load: Load) -> None:
    assert load(STORES).job("people").options["profile"] == {"action": "warn", "floor": 20, "actions": {}, "shares": {}}
    blocked = load(STORES + "    guards: {profile: block, max_delete: 10%}\n").job("people")
    assert blocked.options["profile"] == {"action": "block", "floor": 20, "actions": {}, "shares": {}}
    assert blocked.guards.max_delete_share == 0.1
    said = "{action: off, floor: 5, volume: block, empty: {share: 10%}, value: {action: warn, share: 0.2}}"
    assert load(STORES + f"    guards: {{profile: {said}}}\n").job("people").options["profile"] == {
        "action": "off",
        "floor": 5,
        "actions": {"volume": "block", "value": "warn"},
        "shares": {"empty": 0.1, "value": 0.2},
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{field: email}", "10:9 the rule demands nothing |  | one of required, pattern, email"),
        ("{required: on}", "10:9 the rule does not say about which field |  | field: email"),
        ("{field: mail, required: on}", "10:17 `mail` is no field of a contact |  | did you mean `email`?; a property's own name"),
        ("{field: email, required: on, unique: on}", "10:38 a rule demands one thing, not `required` and `unique` |  | write two rules"),
        ("{field: email, required: on, action: fix}", "10:46 it is not said how `required` is mended |  | say it with `fix`"),
        ("{field: email, fix: trim, action: reject}", "10:43 `fix` mends, and `action: reject` does something else"),
        ("{field: address, fix: trim}", "10:17 `address` cannot be mended as a whole |  | street, city, postcode, country"),
        ("{field: phone, fix: e146}", "10:29 `fix` must be `trim`, `lower`, `title`, `e164`, `country` or `date` | it is “e146”"),
        ("{field: phone, phone: on, region: de}", "10:43 `region` must be a country's code of two capitals: DE, US | it is “de”"),
        ("{field: email, pattern: '('}", "10:33 `pattern` must be a regular expression: missing ), unterminated subpattern"),
        ("{check: 'item.mail'}", "10:17 `mail` is no field of a contact |  | did you mean `email`?"),
        ("{check: 'email'}", "10:17 `email` is not an expression | nothing is called 'email'"),
        ("{check: '${item.email}'}", "10:17 `check` is an expression by itself |  | leave out the `${` and the `}`"),
        ("{check: 'params.x'}", "10:17 `params` is not there in a rule |  | a contact is `item`: item.email"),
        ("{field: city, lookup: {file: none.csv}}", "10:38 there is no file none.csv | it was looked for at"),
        ("{field: email, required: on, in: cmr}", "10:42 `cmr` is no store or collection of this job |  | did you mean `crm`?"),
        ("{field: email, required: on, actoin: warn}", "10:38 unknown key `actoin` |  | did you mean `action`?"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_rule_is_told_at_its_place(wrong: Wrong, line: str, expected: str) -> None:
    (found,) = wrong(rules(line))
    assert found.startswith(expected), found


def test_two_rules_of_one_name(wrong: Wrong) -> None:
    (found,) = wrong(rules("{name: a, field: email, required: on}", "{name: a, field: phone, required: on}"))
    assert found.startswith("11:16 two rules are called “a” |  | answers belong to a rule's name")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("blok", "9:23 `profile` must be `warn`, `block` or `off` | it is “blok” | did you mean `block`?"),
        ("{volumes: off}", "9:24 unknown key `volumes` |  | did you mean `volume`?"),
        ("{volume: {share: 150%}}", "9:40 `share` must be a percentage from 0% to 100%"),
        ("{floor: 0}", "9:31 `floor` must be at least 1"),
    ],
)
def test_what_is_wrong_with_limits(wrong: Wrong, said: str, expected: str) -> None:
    (found,) = wrong(STORES + f"    guards: {{profile: {said}}}\n")
    assert found.startswith(expected), found


def test_a_lookup_is_looked_for_beside_the_file(load: Load, tmp_path: Path) -> None:
    (tmp_path / "cities.csv").write_text("city\nUlm\n")
    spec = load(rules("{field: city, lookup: {file: cities.csv, column: city}, action: reject}")).job("people")
    rule = {
        "field": "city",
        "lookup": {"file": "cities.csv", "column": "city"},
        "name": "city lookup",
        "action": "reject",
    }
    assert spec.options["quality"] == [rule]
