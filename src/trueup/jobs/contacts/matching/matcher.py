"""`ContactsMatcher`: what the core asks about likeness of contacts and about making one of several."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.jobs.contacts.matching.index import CardIndex
    from trueup.jobs.contacts.merging import CardMerger
    from trueup.model.fields import FieldKey

LINK, REVIEW = 0.92, 0.75
"""The thresholds where the configuration names none; docs/explanation/likeness.md says how they were chosen."""


@dataclass(frozen=True)
class ContactsMatcher:
    """Implements `model.ports.Matcher`.

    Attributes:
        link, review: thresholds of the score, 0 to 1: taken for one person from `link` on, asked about from `review` on.
        region: the country of phone numbers without a country code, or "".
        across: whether contacts of different books are compared.
        duplicates: "", "report", "propose" or "merge".
        survivor: by field: whose value stays; see `merging`.
    """

    link: float = LINK
    review: float = REVIEW
    region: str = ""
    across: bool = True
    duplicates: str = ""
    survivor: Mapping[str, str] | None = None
    digest: str = ""

    @classmethod
    def from_options(cls, options: Mapping[str, object]) -> ContactsMatcher:
        """The matcher of a job's `match:` (None: off), `duplicates:` and `survivor:`."""
        given, survivor = options.get("match"), options.get("survivor")
        match = given if isinstance(given, Mapping) else {}
        said = {"match": dict(match), "duplicates": options.get("duplicates"), "survivor": survivor}
        return cls(
            link=float(match.get("link", LINK)),
            review=float(match.get("review", REVIEW)),
            region=str(match.get("region") or ""),
            across=isinstance(given, Mapping),
            duplicates=str(options.get("duplicates") or ""),
            survivor=survivor if isinstance(survivor, Mapping) else None,
            digest=blake2b(json.dumps(said, sort_keys=True, default=str).encode(), digest_size=8).hexdigest(),
        )

    def index(self) -> CardIndex:
        """See `Matcher.index`."""
        from trueup.jobs.contacts.matching.index import CardIndex

        return CardIndex(self.region, self.link, self.review)

    def merger(self, bodies: Sequence[tuple[str, bytes]]) -> CardMerger:
        """See `Matcher.merger`."""
        from trueup.jobs.contacts.merging import CardMerger

        return CardMerger(bodies, self.survivor or {}, self.region)

    def plain(self, key: FieldKey) -> str:
        """See `Matcher.plain`."""
        from trueup.jobs.contacts.merging import plain

        return plain(key, self.region)

    def renamed(self, data: bytes, uids: Mapping[str, str]) -> bytes:
        """See `Matcher.renamed`."""
        from trueup.jobs.contacts.merging import renamed

        return renamed(data, uids)
