"""Rules of quality, and limits of profiles: from the schema to a job's options, and what the schema cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trueup.config.findings import meant
from trueup.config.quality_models import ProfileGuardModel, RuleModel
from trueup.config.source import Source, Where
from trueup.core.expressions import ExpressionError, references
from trueup.model.diagnostics import Diagnostic
from trueup.model.quality import ANOMALIES, FIX, WARN

TESTS = ("required", "pattern", "email", "phone", "country", "unique", "one_of", "lookup", "check")
"""What a rule may demand; kept the same as `jobs.contacts.quality.rule.TESTS` by a test."""

FIXED_BY: Mapping[str, tuple[str, ...]] = {"email": ("trim", "lower"), "phone": ("e164",), "country": ("country",)}
"""What `action: fix` does where the demand says it by itself."""

WORDS = (
    *("name", "family", "given", "middle", "prefix", "suffix", "nickname", "email", "phone", "address", "street", "city", "district", "postcode"),
    *("country", "organisation", "unit", "job_title", "role", "birthday", "anniversary", "notes", "categories", "url", "messaging", "photo", "kind"),
    *("members", "uid"),
)  # fmt: skip
"""What people call the fields in rules; kept the same as `jobs.contacts.quality.fields.PLACES` by a test."""

_WHOLE = {"address": "street, city, postcode, country", "photo": "", "members": ""}


def rules(given: list[RuleModel]) -> list[dict[str, object]]:
    """The rules as a job's options: plain JSON, each with a name of its own and its action."""
    made: list[dict[str, object]] = []
    for one in given:
        said = one.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        test = next((key for key in TESTS if said.get(key)), "")
        action = one.action or (FIX if one.fix else WARN)
        if action == FIX and not one.fix:
            said["fix"] = list(FIXED_BY.get(test, ()))
        name = one.name or " ".join(part for part in (one.field, "written right" if action == FIX else test) if part)
        taken = sum(1 for other in made if str(other["name"]).partition(" #")[0] == name)
        made.append({**said, "name": f"{name} #{taken + 1}" if taken else name, "action": action})
    return made


def limits(given: ProfileGuardModel) -> dict[str, object]:
    """The limits of the guard `profile` as a job's options."""
    named = {kind: getattr(given, kind) for kind in ANOMALIES if getattr(given, kind) is not None}
    return {
        "action": given.action,
        "floor": given.floor,
        "actions": {kind: one.action for kind, one in named.items() if one.action is not None},
        "shares": {kind: one.share for kind, one in named.items() if one.share is not None},
    }


def quality_findings(source: Source, where: Where, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """What is wrong with the rules of a job beside their single values."""
    listed = given.get("quality")
    names: set[str] = set()
    for index, one in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(one, Mapping):
            place = (*where, "quality", index)
            yield from _rule(source, place, one)
            yield from _places(source, place, one, given)
            name = one.get("name")
            if isinstance(name, str) and name in names:
                yield source.finding(
                    (*place, "name"), f"two rules are called “{name}”", hint="answers belong to a rule's name"
                )
            names.add(str(name))


def _rule(source: Source, place: Where, one: Mapping[str, Any]) -> Iterator[Diagnostic]:
    tests = [key for key in TESTS if one.get(key) not in (None, False, "off", "no")]
    action, word, fix = one.get("action"), one.get("field"), one.get("fix")
    known = f"one of {', '.join(TESTS)}"
    if len(tests) > 1:
        yield source.finding(
            (*place, tests[1]),
            f"a rule demands one thing, not `{tests[0]}` and `{tests[1]}`",
            hint="write two rules",
            key=True,
        )
    elif not tests and not fix:
        yield source.finding(place, "the rule demands nothing", hint=f"{known}; or `fix`")
    if fix and action not in (None, FIX):
        what = f"`fix` mends, and `action: {action}` does something else"
        yield source.finding((*place, "action"), what, hint="write a second rule for what cannot be mended")
    elif action == FIX and not fix and tests and tests[0] not in FIXED_BY:
        hint = "say it with `fix`: trim, lower, title, e164, country, date"
        yield source.finding((*place, "action"), f"it is not said how `{tests[0]}` is mended", hint=hint)
    if word is None and "check" not in tests:
        yield source.finding(place, "the rule does not say about which field", hint="field: email")
    elif isinstance(word, str) and word.lower() not in WORDS and not word.isupper():
        hint = f"{meant(word.lower(), WORDS)}; a property's own name is written in capitals (X-SKYPE)"
        yield source.finding((*place, "field"), f"`{word}` is no field of a contact", hint=hint)
    elif isinstance(word, str) and (fix or action == FIX) and word.lower() in _WHOLE:
        yield source.finding((*place, "field"), f"`{word}` cannot be mended as a whole", hint=_WHOLE[word.lower()])
    yield from _lookup(source, place, one.get("lookup"))
    yield from _check(source, place, one.get("check"))


def _lookup(source: Source, place: Where, lookup: object) -> Iterator[Diagnostic]:
    if isinstance(lookup, Mapping) and isinstance(lookup.get("file"), str):
        path = source.path.parent / Path(lookup["file"]).expanduser()
        if not path.is_file():
            yield source.finding(
                (*place, "lookup", "file"), f"there is no file {lookup['file']}", why=f"it was looked for at {path}"
            )


def _check(source: Source, place: Where, check: object) -> Iterator[Diagnostic]:
    if not isinstance(check, str):
        return
    if "${" in check:
        yield source.finding(
            (*place, "check"), "`check` is an expression by itself", hint="leave out the `${` and the `}`"
        )
        return
    try:
        named = list(references(f"${{{check}}}"))
    except ExpressionError as error:
        yield source.finding((*place, "check"), error.what, why=error.why, hint=error.hint)
        return
    for path in named:
        word = next((str(one) for one in path[1:] if one != "all"), "")
        if path[0] != "item":
            yield source.finding(
                (*place, "check"), f"`{path[0]}` is not there in a rule", hint="a contact is `item`: item.email"
            )
        elif word and word not in WORDS and not word.isupper():
            yield source.finding((*place, "check"), f"`{word}` is no field of a contact", hint=meant(word, WORDS))


def _places(source: Source, place: Where, one: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    said = one.get("in")
    known = set()
    for key in ("collections", "from", "to"):
        listed = given.get(key)
        for ref in [listed] if isinstance(listed, Mapping) else listed if isinstance(listed, list) else ():
            if isinstance(ref, Mapping):
                known |= {
                    str(ref.get("store")),
                    f"{ref.get('store')}/{ref.get('name')}" if ref.get("name") else str(ref.get("store")),
                }
    for name in [said] if isinstance(said, str) else said if isinstance(said, list) else ():
        if isinstance(name, str) and name not in known and known:
            yield source.finding(
                (*place, "in"), f"`{name}` is no store or collection of this job", hint=meant(name, sorted(known))
            )
