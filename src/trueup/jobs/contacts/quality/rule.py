"""One rule: what it looks at, what it demands, what it does about it. Made of a job's options; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from trueup.core.expressions import ValueMissing, evaluate, parse
from trueup.jobs.contacts import values as v
from trueup.jobs.contacts.card import Card
from trueup.jobs.contacts.quality import meanings
from trueup.jobs.contacts.quality.fields import PLACES, Place, place_of, read, rewrite
from trueup.jobs.contacts.quality.fixes import WORDS, Mend, mends
from trueup.model.quality import FIX, Breach

NOWHERE = Place("")
LONGEST = 10_000
"""Characters that a pattern is tried on; a longer value breaks it."""

Rival = Callable[[str, str], str]


class Known(Protocol):
    """The values of a lookup: a list, or a column of a file that is read when it is first asked."""

    def __contains__(self, value: object, /) -> bool: ...


@dataclass(frozen=True)
class Rule:
    """See the module's text.

    Attributes:
        name: for people, unique in the job.
        action: REJECT, REVIEW, WARN or FIX.
        test: "required", "pattern", "email", "phone", "country", "unique", "one_of", "lookup", "check" or "" (a fix alone).
        word: the field, as people call it; "" for a rule about several.
        place: where that is.
        where: the stores and collections it holds for; empty: all.
        argument: of the test: a pattern, the values there may be, an expression.
        region: where phone numbers without a country code are from.
        fixes: what it mends.
    """

    name: str
    action: str
    test: str = ""
    word: str = ""
    place: Place = NOWHERE
    where: frozenset[str] = frozenset()
    argument: Any = None
    region: str | None = None
    fixes: tuple[tuple[str, Mend], ...] = field(default=(), compare=False)

    def holds_for(self, collection: str) -> bool:
        """Whether it is about the records of that collection."""
        return not self.where or collection in self.where or collection.partition("/")[0] in self.where

    def mend(self, card: Card) -> Iterator[str]:
        """Mends the card; says what was done, for people."""
        for name, fix in self.fixes:
            for _, after in rewrite(card, self.place, fix):
                yield f"{self.word} {WORDS.get(name, 'written as')} {v.shorten(after)}"

    def keys(self, card: Card) -> list[str]:
        """The values that may stand in one record only, in normal form; nothing where that is not the rule."""
        if self.test != "unique":
            return []
        normal = {"EMAIL": lambda said: v.email(said).casefold(), "TEL": v.phone}.get(self.place.name, _folded)
        return sorted({normal(said) for said in read(card, self.place) if said})

    def breach(self, card: Card, rival: Rival) -> Breach | None:
        """How the card breaks it, or None."""
        if self.action == FIX or not self.test:
            return None
        if self.test == "check":
            return self._checked(card)
        said = [one for one in read(card, self.place) if one.strip()]
        if self.test == "required":
            return None if said else self._breach(f"{self.word} is missing", "")
        if self.test == "unique":
            return self._unique(card, rival)
        wrong = [one for one in said if not self._right(one)]
        if not wrong:
            return None
        shown = ", ".join(f"“{v.shorten(one)}”" for one in wrong[:3])
        return self._breach(f"{self.word} {shown} {self._wrong(wrong)}", "\n".join(wrong))

    def _breach(self, reason: str, value: str) -> Breach:
        return Breach(self.name, self.action, reason, value)

    def _right(self, said: str) -> bool:
        match self.test:
            case "pattern":
                return len(said) <= LONGEST and self.argument.fullmatch(said) is not None
            case "email":
                return meanings.is_email(said)
            case "phone":
                return meanings.phone(said, self.region) != ""
            case "country":
                return meanings.country(said) != ""
            case _:
                return said in self.argument

    def _wrong(self, wrong: Sequence[str]) -> str:
        """What is wrong, after the value."""
        match self.test:
            case "pattern":
                return f"does not match {self.argument.pattern}"
            case "email":
                return "is no e-mail address"
            case "phone":
                national = self.region is None and not any(one.lstrip().startswith("+") for one in wrong)
                return "has no country code, and the rule no `region`" if national else "is no phone number"
            case "country":
                return "is no country"
            case _:
                return "is not in the list"

    def _unique(self, card: Card, rival: Rival) -> Breach | None:
        for key in self.keys(card):
            if other := rival(self.name, key):
                return self._breach(f"{self.word} “{v.shorten(key)}” also stands in “{other}”", key)
        return None

    def _checked(self, card: Card) -> Breach | None:
        try:
            if evaluate(self.argument, {"item": _Record(card)}):
                return None
            why = "is not so"
        except ValueMissing as error:
            why = str(error)
        return self._breach(
            f"{self.name}: {why}", "\n".join(repr(line.text) for line in card.lines if line.head.key not in ("REV", ""))
        )


class _Record(Mapping[str, Any]):
    """A card as an expression sees it: `item.email` the first value or null, `item.all.email` all of them."""

    def __init__(self, card: Card) -> None:
        self._card = card

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> Any:
        if key == "all":
            return _All(self._card)
        return next(iter(_All(self._card)[key]), None)

    def __iter__(self) -> Iterator[str]:
        return iter(PLACES)

    def __len__(self) -> int:
        return len(PLACES)


class _All(_Record):
    def __getitem__(self, key: str) -> list[str]:
        return [said for said in read(self._card, place_of(key)) if said.strip()]


def made(options: Mapping[str, Any], known: Known | None = None) -> Rule:
    """A rule of a job's options (see `config.quality`).

    Args:
        options: its settings.
        known: the values of its `lookup`.
    """
    test = next((one for one in TESTS if options.get(one) not in (None, False)), "")
    word = str(options.get("field") or "")
    argument: Any = None
    if test == "pattern":
        argument = re.compile(str(options["pattern"]))
    elif test == "check":
        argument = parse(str(options["check"]))
    elif test == "one_of":
        argument = frozenset(options["one_of"])
    elif test == "lookup":
        argument = known
    region = options.get("region")
    fixes = mends(options.get("fix") or (), region, str(options.get("order") or ""))
    where = frozenset(options.get("in") or ())
    return Rule(
        str(options["name"]), str(options["action"]), test, word, place_of(word), where, argument, region, tuple(fixes)
    )


TESTS = ("required", "pattern", "email", "phone", "country", "unique", "one_of", "lookup", "check")
"""What a rule may demand, one each."""


def _folded(said: str) -> str:
    return " ".join(said.split()).casefold()
