"""A mapping: which columns hold which properties of a contact (RFC 6350), as a job says it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Mapping as Given
from dataclasses import dataclass, field, replace
from hashlib import blake2b

NAME_PARTS = {"last": 0, "first": 1, "middle": 2, "prefix": 3, "suffix": 4}
"""Places in N (RFC 6350 section 6.2.2)."""
ORGANISATION_PARTS = {"organisation": 0, "department": 1}
"""Places in ORG (section 6.6.4)."""
ADDRESS_PARTS = {"box": 0, "extended": 1, "street": 2, "city": 3, "region": 4, "code": 5, "country": 6}
"""Places in ADR (section 6.3.1)."""
TEXTS = {
    "name": "FN",
    "nickname": "NICKNAME",
    "title": "TITLE",
    "role": "ROLE",
    "note": "NOTE",
    "categories": "CATEGORIES",
    "birthday": "BDAY",
    "anniversary": "ANNIVERSARY",
    "photo": "PHOTO",
    "gender": "GENDER",
}
LISTS = {"email": "EMAIL", "phone": "TEL", "url": "URL", "messaging": "IMPP"}
COMMA_LISTS = ("CATEGORIES", "NICKNAME")
ALL_BLANKS = frozenset({"blank", "null", "absent"})
_PLACEHOLDER = re.compile(r"\{(last|first|middle|prefix|suffix)\}")


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a value stands.

    Attributes:
        columns: one, or several that are joined by `separator`.
        separator: between several values in one column, or several columns of one value.
        form: how a date is written (strptime); "" for 1980-03-09.
        wipes: what of "blank", "null" and "absent" says that there is no value any more; without it, it says nothing.
        link: a photo is a link, and not base64.
    """

    columns: tuple[str, ...]
    separator: str = ""
    form: str = ""
    wipes: frozenset[str] = frozenset()
    link: bool = False


@dataclass(frozen=True, slots=True)
class Slot:
    """One line of a card: an e-mail, a number, an address.

    Attributes:
        name: the property.
        types: its TYPE words.
        cells: by the place of a component; -1: the whole value.
        type_column: the column that says the type; "" where `types` does.
    """

    name: str
    types: frozenset[str]
    cells: Given[int, Cell]
    type_column: str = ""


@dataclass(frozen=True)
class Mapping:
    """What a table holds of a contact.

    Attributes:
        uid: the column with the key that is the same on all sides; "": it is worked out from the row's own key.
        updated: the column that says when the row was last changed; it is never written.
        texts: properties with one value, by name; comma lists as well.
        pattern: how FN is put together from the parts of a name ("{last}, {first}"); "" where it is not.
        parts: of N and ORG, by place.
        lists: lines of EMAIL, TEL, URL, IMPP and ADR, in the order of the mapping.
        constants: what every contact of the table has.
        digest: changes with the mapping.
        optional: columns that a preset names; a table need not have them.
    """

    uid: str = ""
    updated: str = ""
    texts: Given[str, Cell] = field(default_factory=dict)
    pattern: str = ""
    parts: Given[str, Given[int, Cell]] = field(default_factory=dict)
    lists: Given[str, tuple[Slot, ...]] = field(default_factory=dict)
    constants: Given[str, str] = field(default_factory=dict)
    digest: str = ""
    optional: frozenset[str] = frozenset()

    @classmethod
    def from_options(cls, options: Given[str, object], blanks: Given[str, str] | None = None) -> Mapping:
        """The mapping of a job's `mapping:`, as plain JSON values; what is said beside a preset takes its place, key by key.

        Args:
            options: the mapping.
            blanks: the job's `blanks:` by property: where they wipe, a cell without a value says that there is none.
        """
        from trueup.jobs.contacts.mapping.presets import PRESETS

        preset = PRESETS.get(str(options.get("preset") or ""), {})
        given = {key: value for key, value in {**preset, **options}.items() if value not in (None, [], {})}
        name = given.get("name")
        pattern = str(name.get("parts") or "") if isinstance(name, dict) else ""
        own = given.get("properties")
        constants = given.get("constants")
        made = cls(
            uid=str(given.get("uid") or ""),
            updated=str(given.get("updated") or ""),
            texts={
                **{TEXTS[key]: _cell(key, given[key]) for key in TEXTS if key in given},
                **{str(key): _cell("", one) for key, one in (own.items() if isinstance(own, dict) else ())},
            },
            pattern=pattern,
            parts={
                **_parts("N", NAME_PARTS, given),
                **_parts("ORG", ORGANISATION_PARTS, given),
            },
            lists={
                **{LISTS[key]: tuple(_slots(LISTS[key], given[key])) for key in LISTS if key in given},
                **({"ADR": tuple(_addresses(given["address"]))} if "address" in given else {}),
            },
            constants={str(key): str(one) for key, one in (constants.items() if isinstance(constants, dict) else ())},
            digest=blake2b(json.dumps(given, sort_keys=True).encode(), digest_size=6).hexdigest(),
        )
        if preset:
            own = {column for column, _ in cls.from_options({**options, "preset": None}).columns()}
            made = replace(made, optional=frozenset(column for column, _ in made.columns()) - own)
        return made if not blanks else _wiping(made, blanks)

    def restricted(self, columns: Collection[str]) -> Mapping:
        """The mapping for a table with these columns: without what a preset names and the table has not.

        Raises:
            KeyError: it has not a column that the mapping itself names; has its name.
        """
        missing = [column for column, _ in self.columns() if column not in columns]
        if not missing:
            return self
        wrong = next((one for one in missing if one not in self.optional), None)
        if wrong is not None:
            raise KeyError(wrong)

        def there(cell: Cell) -> bool:
            return not set(cell.columns) & set(missing)

        lists = {
            name: tuple(
                replace(
                    slot,
                    cells={at: cell for at, cell in slot.cells.items() if there(cell)},
                    type_column="" if slot.type_column in missing else slot.type_column,
                )
                for slot in slots
                if any(there(cell) for cell in slot.cells.values())
            )
            for name, slots in self.lists.items()
        }
        parts = {name: {at: cell for at, cell in cells.items() if there(cell)} for name, cells in self.parts.items()}
        return replace(
            self,
            uid="" if self.uid in missing else self.uid,
            updated="" if self.updated in missing else self.updated,
            texts={name: cell for name, cell in self.texts.items() if there(cell)},
            parts={name: cells for name, cells in parts.items() if cells},
            lists={name: slots for name, slots in lists.items() if slots},
        )

    def columns(self) -> Iterator[tuple[str, str]]:
        """Every column that is named, with the property that it holds."""
        for column, name in ((self.uid, "UID"), (self.updated, "REV")):
            if column:
                yield column, name
        for name, cell in self.texts.items():
            yield from ((column, name) for column in cell.columns)
        for name, cells in self.parts.items():
            yield from ((column, name) for cell in cells.values() for column in cell.columns)
        for name, slots in self.lists.items():
            for slot in slots:
                yield from ((column, name) for cell in slot.cells.values() for column in cell.columns)
                if slot.type_column:
                    yield slot.type_column, name


def pattern_parts(pattern: str) -> list[str]:
    """A name's pattern as literal texts and, at odd places, the words of parts: "{last}, {first}" is ["", "last", ", ", "first", ""]."""
    return _PLACEHOLDER.split(pattern)


def _cell(key: str, given: object) -> Cell:
    said = given if isinstance(given, dict) else {"column": given}
    columns = tuple(_listed(said.get("column")))
    default = "," if key in ("categories", "nickname") else " " if len(columns) > 1 else ""
    return Cell(
        columns,
        str(said.get("separator") or default),
        str(said.get("format") or ""),
        frozenset(_listed(said.get("wipes"))),
        said.get("as") == "url",
    )


def _parts(name: str, places: Given[str, int], given: Given[str, object]) -> dict[str, dict[int, Cell]]:
    found = {place: _cell("", given[key]) for key, place in places.items() if key in given}
    return {name: found} if found else {}


def _slots(name: str, given: object) -> Iterator[Slot]:
    for one in given if isinstance(given, list) else [given]:
        said = one if isinstance(one, dict) else {}
        types = frozenset(word.lower() for word in _listed(said.get("type")))
        yield Slot(name, types, {-1: _cell("", one)}, str(said.get("type_column") or ""))


def _addresses(given: object) -> Iterator[Slot]:
    for one in given if isinstance(given, list) else [given]:
        said = one if isinstance(one, dict) else {"street": one}
        cells = {place: _cell("", said[key]) for key, place in ADDRESS_PARTS.items() if said.get(key)}
        types = frozenset(word.lower() for word in _listed(said.get("type")))
        yield Slot("ADR", types, cells, str(said.get("type_column") or ""))


def _wiping(mapping: Mapping, blanks: Given[str, str]) -> Mapping:
    """The mapping with the job's word on blanks in every cell that has none of its own."""

    def cell(name: str, one: Cell) -> Cell:
        wipes = (blanks.get(name) or blanks.get("*", "")) == "wipe"
        return replace(one, wipes=ALL_BLANKS) if wipes and not one.wipes else one

    return replace(
        mapping,
        texts={name: cell(name, one) for name, one in mapping.texts.items()},
        parts={name: {at: cell(name, one) for at, one in cells.items()} for name, cells in mapping.parts.items()},
        lists={
            name: tuple(replace(one, cells={at: cell(name, c) for at, c in one.cells.items()}) for one in slots)
            for name, slots in mapping.lists.items()
        },
    )


def _listed(given: object) -> Iterable[str]:
    if given is None:
        return ()
    return [str(one) for one in given] if isinstance(given, list | tuple) else [str(given)]
