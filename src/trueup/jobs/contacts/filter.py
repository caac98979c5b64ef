"""Which contacts belong to a job: `filter`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from trueup.jobs.contacts import values as v
from trueup.jobs.contacts.card import Card, read_card
from trueup.jobs.contacts.write import display_name, modern
from trueup.model.errors import ConfigError
from trueup.model.ports import Verdict


@dataclass(frozen=True)
class ContactsFilter:
    """Implements `model.ports.Filter`.

    Attributes:
        categories: one of these must be there, whatever its case; None: any.
        not_categories: none of these may be.
        title: must be found in the name.
    """

    digest: str
    categories: frozenset[str] | None = None
    not_categories: frozenset[str] = frozenset()
    title: re.Pattern[str] | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, object]) -> ContactsFilter:
        """The filter of a job's `filter:` (see `config.contacts_models.ContactsFilterModel`).

        Raises:
            ConfigError: a setting nobody knows, or a title that is no regular expression.
        """
        unknown = set(options) - {"categories", "not_categories", "title"}
        if unknown:
            raise ConfigError(f"`{sorted(unknown)[0]}` is no setting of a filter of contacts", where="filter")
        said = {name: value for name, value in options.items() if value not in (None, [], ())}
        return cls(
            digest=blake2b(json.dumps(said, sort_keys=True, default=str).encode(), digest_size=8).hexdigest(),
            categories=_folded(options.get("categories")),
            not_categories=_folded(options.get("not_categories")) or frozenset(),
            title=_pattern(options.get("title")),
        )

    def verdict(self, data: bytes, now: float) -> Verdict:
        """Whether the contact belongs.

        Raises:
            ItemRefused: the body is no contact.
        """
        reason = self._unwanted(modern(read_card(data)))
        return Verdict(not reason, reason)

    def _unwanted(self, card: Card) -> str:
        """Why the contact does not belong, or ""."""
        has = _categories(card)
        if self.categories is not None and not has & self.categories:
            return f"it has none of the categories {', '.join(sorted(self.categories))}"
        if has & self.not_categories:
            return f"it has the category {sorted(has & self.not_categories)[0]}"
        if self.title is not None and not self.title.search(display_name(card)):
            return f"its name does not match {self.title.pattern}"
        return ""


def _categories(card: Card) -> frozenset[str]:
    lines = (line for line in card.lines if line.head.name == "CATEGORIES")
    return frozenset(v.text(raw).casefold() for line in lines for raw in v.items(line.value))


def _folded(value: object) -> frozenset[str] | None:
    if value is None:
        return None
    words = [value] if isinstance(value, str) else list(value) if isinstance(value, list | tuple) else []
    return frozenset(str(word).strip().casefold() for word in words)


def _pattern(value: object) -> re.Pattern[str] | None:
    if value is None:
        return None
    try:
        return re.compile(str(value))
    except re.error as error:
        raise ConfigError("the title is no regular expression", where="filter.title", why=str(error)) from None
