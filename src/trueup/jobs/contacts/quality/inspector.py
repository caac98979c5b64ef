"""`ContactsInspector`: what the core asks about the quality of contacts. What it takes to answer is imported when it is first asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from trueup.model.quality import Inspected, ProfileLimits

if TYPE_CHECKING:
    from trueup.jobs.contacts.card import Card
    from trueup.jobs.contacts.quality.rule import Known, Rule

Lookup = Callable[[Mapping[str, Any]], "Known"]


class ContactsInspector:
    """Implements `model.ports.Inspector`.

    Args:
        options: a job's options: `quality`, a list of rules, and `profile`, limits (see `config.quality`).
        lookup: opens what a rule's `lookup` names; its content is read when it is first asked for.
        versions: what changes when the content of a lookup does.
    """

    def __init__(
        self, options: Mapping[str, object], lookup: Lookup | None = None, versions: Sequence[str] = ()
    ) -> None:
        rules = options.get("quality")
        self._options: list[Mapping[str, Any]] = list(rules) if isinstance(rules, list) else []
        self._lookup = lookup
        self._made: list[Rule] | None = None
        self._last: tuple[bytes, Card] | None = None
        said = json.dumps([self._options, list(versions)], sort_keys=True).encode()
        self.digest = blake2b(said, digest_size=8).hexdigest() if self._options else ""
        self.limits = _limits(options.get("profile"))

    @property
    def expects(self) -> Mapping[str, str]:
        """See `Inspector`."""
        from trueup.jobs.contacts.quality.fields import EXPECTS

        return EXPECTS

    @property
    def _rules(self) -> list[Rule]:
        """The rules, made when the first record is looked at: most runs look at none."""
        if self._made is None:
            from trueup.jobs.contacts.quality.rule import made

            self._made = [
                made(one, self._lookup(one["lookup"]) if one.get("lookup") and self._lookup is not None else None)
                for one in self._options
            ]
        return self._made

    def values(self, data: bytes) -> Mapping[str, Sequence[str]]:
        """See `Inspector.values`."""
        from trueup.jobs.contacts.quality.fields import record

        return record(self._card(data))

    def alone(self, collection: str) -> bool:
        """See `Inspector.alone`."""
        return any(rule.test == "unique" and rule.holds_for(collection) for rule in self._rules)

    def keys(self, collection: str, data: bytes) -> Iterable[tuple[str, str]]:
        """See `Inspector.keys`."""
        own = [rule for rule in self._rules if rule.holds_for(collection)]
        card, _ = self._mended(own, data)
        return [(rule.name, key) for rule in own for key in rule.keys(card)]

    def inspect(self, collection: str, data: bytes, rival: Callable[[str, str], str]) -> Inspected:
        """See `Inspector.inspect`: mends first, by all rules that do, and judges what came of it."""
        own = [rule for rule in self._rules if rule.holds_for(collection)]
        if not own:
            return Inspected()
        card, fixes = self._mended(own, data)
        breaches = [found for rule in own if (found := rule.breach(card, rival)) is not None]
        return Inspected(card.to_bytes() if fixes else None, tuple(fixes), tuple(breaches))

    def _mended(self, rules: Iterable[Rule], data: bytes) -> tuple[Card, list[str]]:
        """A copy of the card as the rules mend it, and what they did."""
        read = self._card(data)
        card = replace(read, lines=list(read.lines))
        return card, [said for rule in rules for said in rule.mend(card)]

    def _card(self, data: bytes) -> Card:
        """The card of a body; the last one is kept, for a body is asked about several times in a row."""
        if self._last is None or self._last[0] is not data:
            from trueup.jobs.contacts.card import read_card
            from trueup.jobs.contacts.write import modern

            self._last = (data, modern(read_card(data)))
        return self._last[1]


def _limits(given: object) -> ProfileLimits | None:
    """The limits of a job's options; None where nothing is compared."""
    if not isinstance(given, Mapping):
        return ProfileLimits()
    limits = ProfileLimits(str(given["action"]), int(given["floor"]), dict(given["actions"]), dict(given["shares"]))
    return None if limits.off else limits
