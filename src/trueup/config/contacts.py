"""What is to be checked of a job of kind `contacts` beside its single values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trueup.config import checks
from trueup.config.findings import meant
from trueup.config.mappings import mapping_findings
from trueup.config.quality import quality_findings
from trueup.config.source import Source, Where
from trueup.config.spec import StoreSpec
from trueup.model.diagnostics import Diagnostic

NEWEST = "newest"
FIELDS = (
    "name",
    "email",
    "phone",
    "address",
    "photo",
    "organisation",
    "categories",
    "notes",
    "birthday",
    "anniversary",
    "url",
    "messaging",
    "members",
)
"""What people call the fields of a contact; kept the same as `jobs.contacts.properties.GROUPS` by a test."""


def contacts_findings(source: Source, name: str, stores: Mapping[str, StoreSpec | None]) -> Iterator[Diagnostic]:
    """What is wrong with the job `name`: collections as with calendars, and the fields and stores that `truth` and `blanks` name."""
    given = source.value["jobs"][name]
    yield from checks.job(source, name, stores)
    where: Where = ("jobs", name)
    truth = given.get("truth")
    for key in truth if isinstance(truth, dict) else ():
        yield from _field(source, (*where, "truth"), key)
        yield from _winner(source, (*where, "truth", key), truth[key], given)
    if truth:
        yield from _fits(source, where, given)
    yield from _matching(source, where, given)
    yield from mapping_findings(source, where, given, stores)
    yield from quality_findings(source, where, given)
    blanks = given.get("blanks")
    for key in blanks if isinstance(blanks, dict) else ():
        yield from _field(source, (*where, "blanks"), key)


def _matching(source: Source, where: Where, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Thresholds that stand in order, and survivors that are stores of the job."""
    match, survivor = given.get("match"), given.get("survivor")
    if isinstance(match, dict):
        link, review = match.get("link", 0.92), match.get("review", 0.75)
        if isinstance(link, int | float) and isinstance(review, int | float) and review > link:
            why = "who is taken for one person without asking is surely worth a question"
            yield source.finding(
                (*where, "match"), "`review` is above `link`", why=why, hint="review: 0.75, link: 0.92"
            )
    rules = survivor if isinstance(survivor, dict) else {}
    for key, value in rules.items():
        yield from _field(source, (*where, "survivor"), key)
        if value != "longest":
            yield from _winner(source, (*where, "survivor", key), value, given)
    if rules and given.get("duplicates") not in ("propose", "merge"):
        hint = "write `duplicates: merge` or `duplicates: propose`"
        yield source.finding(
            (*where, "survivor"),
            "`survivor` says what becomes of duplicates, and nothing is done about them",
            hint=hint,
            key=True,
        )
    if given.get("duplicates") == "merge" and given.get("conflicts") == "keep-both":
        why = "what the one keeps beside, the other makes one again"
        hint = "`duplicates: propose`, or another policy for conflicts"
        what = "`conflicts: keep-both` does not go with `duplicates: merge`"
        yield source.finding((*where, "duplicates"), what, why=why, hint=hint)
    if given.get("duplicates") and (given.get("from") is not None or given.get("to") is not None):
        hint = "make a job of its own for the book: `collections: [...]`"
        yield source.finding(
            (*where, "duplicates"), "`duplicates` is for jobs that work both ways", hint=hint, key=True
        )


def _field(source: Source, where: Where, key: Any) -> Iterator[Diagnostic]:
    """A field is one of those that people have a word for, or a property by its own name in capitals."""
    name = str(key)
    if name != "*" and name.lower() not in FIELDS and not name.isupper():
        hint = meant(name.lower(), FIELDS)
        more = "a property's own name is written in capitals (X-SKYPE)"
        yield source.finding((*where, key), f"`{name}` is no field of a contact", hint=f"{hint}; {more}", key=True)


def _winner(source: Source, where: Where, value: Any, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    listed = given.get("collections")
    stores = (
        sorted({str(one.get("store")) for one in listed if isinstance(one, dict)}) if isinstance(listed, list) else []
    )
    if isinstance(value, str) and value != NEWEST and value not in stores and stores:
        yield source.finding(where, f"`{value}` is no store of this job", hint=meant(value, [*stores, NEWEST]))


def _fits(source: Source, where: Where, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    if given.get("from") is not None or given.get("to") is not None:
        why = "one way, the source is always right"
        yield source.finding(
            (*where, "truth"), "`truth` is for jobs that work both ways", why=why, hint="leave it out", key=True
        )
    policy = given.get("conflicts")
    if policy in ("newest", "keep-both"):
        why = f"`truth` decides field by field, `conflicts: {policy}` whole contacts"
        yield source.finding(
            (*where, "conflicts"),
            f"`conflicts: {policy}` does not go with `truth`",
            why=why,
            hint="use merge, ask or prefer",
        )
