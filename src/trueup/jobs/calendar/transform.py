"""What a copy shows: `transform` of a one-way job."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from trueup.core.contentlines import Component, Line, escape
from trueup.jobs.calendar import properties as p
from trueup.jobs.calendar.expand import cancelled
from trueup.jobs.calendar.item import CalendarItem, part_id, read_item
from trueup.jobs.calendar.rewrite import add_line, replace_lines
from trueup.jobs.calendar.words import properties_of
from trueup.jobs.calendar.zones import Zones
from trueup.model.errors import ConfigError

_TIMES = p.WHEN_NAMES | p.TIME_LISTS | {
    "UID", "DTSTAMP", "RECURRENCE-ID", "TRANSP", "STATUS", "SEQUENCE", "LAST-MODIFIED", "CREATED",
}  # fmt: skip
_AROUND = frozenset({"VERSION", "PRODID", "CALSCALE"})


@dataclass(frozen=True)
class CalendarTransform:
    """Turns a source's item into what the target shows; implements `model.ports.Transform`.

    With `only: busy` a copy has times, rule, status and transparency, and nothing else: neither words nor people nor vendor properties. Exceptions of
    a series that are cancelled or free become left-out dates, for a copy of them would block time that is free. (Whole items that are cancelled or
    free are left out by the filter, see `filter.CalendarFilter`. An invitation its owner declined cannot be told, for the item does not say who
    the owner is; most servers mark it as free.)

    Attributes:
        title: of every copy and every exception; None: as in the source.
        kept: only these properties and components; None: all but `dropped`.
        dropped: never these.
        vendor: whether X- properties are kept (with `kept`) or dropped (without).
        categories: of every copy; None: as in the source.
        private: every copy is marked `CLASS:PRIVATE`.
    """

    digest: str
    identity: bool
    title: str | None = None
    kept: frozenset[str] | None = None
    dropped: frozenset[str] = frozenset()
    vendor: bool = False
    categories: tuple[str, ...] | None = None
    private: bool = False

    @classmethod
    def from_options(cls, options: Mapping[str, object]) -> CalendarTransform:
        """The transform of a job's `transform:` (see `config.models.TransformModel`).

        Raises:
            ConfigError: a word or setting nobody knows.
        """
        unknown = set(options) - {"only", "title", "drop", "keep", "categories", "private"}
        if unknown:
            raise ConfigError(f"`{sorted(unknown)[0]}` is no setting of a transform", where="transform")
        only, title, categories = options.get("only"), options.get("title"), options.get("categories")
        if only not in (None, "busy"):
            raise ConfigError(f"`only: {only}` is not known", where="transform", hint="`only: busy` copies times alone")
        dropped, drop_vendor = properties_of(_words(options.get("drop")), "transform.drop")
        kept, keep_vendor = properties_of(_words(options.get("keep")), "transform.keep")
        busy = only == "busy"
        said = {name: value for name, value in options.items() if value or (name == "categories" and value is not None)}
        return cls(
            digest=blake2b(json.dumps(said, sort_keys=True, default=str).encode(), digest_size=8).hexdigest(),
            identity=not said,
            title=str(title) if title is not None else "Busy" if busy and "SUMMARY" not in kept else None,
            kept=_TIMES | kept if busy else None,
            dropped=dropped - kept,
            vendor=keep_vendor if busy else drop_vendor,
            categories=None if categories is None else tuple(_words(categories)),
            private=bool(options.get("private")),
        )

    def apply(self, data: bytes) -> bytes:
        """The body for the target, its UID untouched.

        Raises:
            ItemRefused: the body is no item.
        """
        if self.identity:
            return data
        item = read_item(data)
        if self.kept is not None:
            self._leave_out_free(item)
            item.calendar.children = [
                c for c in item.calendar.children if isinstance(c, Component) or c.name in _AROUND
            ]
        for component in item.calendar.components("VEVENT", "VTODO", "VJOURNAL"):
            component.children = [child for child in component.children if self._keeps(child)]
            self._write(component, item)
        return item.root.to_bytes()

    def _keeps(self, child: Line | Component) -> bool:
        name = child.name
        if name in self.dropped:
            return False
        if self.kept is None:
            return not (self.vendor and name.startswith("X-"))
        return name in self.kept or (self.vendor and name.startswith("X-"))

    def _write(self, component: Component, item: CalendarItem) -> None:
        if self.title is not None:
            replace_lines(component, "SUMMARY", f"SUMMARY:{escape(self.title)}", item)
        if self.categories is not None:
            component.children = [child for child in component.children if child.name != "CATEGORIES"]
            if self.categories:
                add_line(component, "CATEGORIES:" + ",".join(escape(one) for one in self.categories), item)
        if self.private:
            replace_lines(component, "CLASS", "CLASS:PRIVATE", item)

    def _leave_out_free(self, item: CalendarItem) -> None:
        """Turns cancelled and free exceptions of a busy series into left-out dates."""
        zones = Zones(item.calendar)
        main = item.parts(zones).get("")
        if main is None or main.name != "VEVENT" or _free(main):
            return
        for component in item.components:
            line = component.first("RECURRENCE-ID")
            if line is not None and _free(component) and not part_id(component, zones).endswith("FUTURE"):
                text = line.text
                add_line(main, "EXDATE" + text[len(line.name) :], item)
                item.calendar.children.remove(component)


def _free(component: Component) -> bool:
    return cancelled(component) or component.value("TRANSP").strip().upper() == "TRANSPARENT"


def _words(value: object) -> list[str]:
    """A list of words, also where one stands alone."""
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    return [str(one) for one in value] if isinstance(value, Sequence) else []
