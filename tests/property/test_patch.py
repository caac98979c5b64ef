"""Fields and patches of calendar items: writing style is not meaning, a patch does what its edits say and touches nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.calendar.bodies import office
from trueup.core.contentlines import escape, fold, parse
from trueup.core.merge import SideState, applied, diff, edits_of, merge
from trueup.jobs.calendar.item import read_item
from trueup.jobs.calendar.kind import CalendarKind
from trueup.jobs.calendar.normal import collect, fields
from trueup.jobs.calendar.zones import Zones
from trueup.model.fields import Edit, FieldKey, FieldMap

KIND = CalendarKind()
HOUSEKEEPING = ("SEQUENCE", "LAST-MODIFIED", "DTSTAMP")

BERLIN_NAMES = [
    "Europe/Berlin",
    "W. Europe Standard Time",
    "/freeassociation.sourceforge.net/Europe/Berlin",
    "Our Zone",
]
BERLIN = """BEGIN:VTIMEZONE
TZID:{}
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
DTSTART:19810329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE"""

words = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp"), include_characters=" \n;,\\:\"'äß🪔"),
    min_size=1,
    max_size=60,
)
texts = words.filter(lambda word: word == word.strip())


@dataclass(frozen=True)
class Part:
    """What a part of an item says, apart from how it is written."""

    day: int = 16
    hour: int = 9
    minutes: int = 30
    rule: str = ""
    title: str = ""
    place: str = ""
    status: str = ""
    categories: frozenset[str] = frozenset()
    left_out: frozenset[int] = frozenset()
    people: tuple[tuple[str, str], ...] = ()  # address, state
    alarms: frozenset[int] = frozenset()  # minutes before
    vendor: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Item:
    """An item, apart from how it is written: a master, and exceptions by the day of their instance."""

    master: Part
    exceptions: tuple[tuple[int, Part], ...] = ()


@st.composite
def parts(draw: st.DrawFn, *, master: bool = True) -> Part:
    return Part(
        day=draw(st.integers(1, 28)),
        hour=draw(st.integers(0, 20)),
        minutes=draw(st.sampled_from([15, 30, 60, 90])),
        rule=draw(st.sampled_from(["", "FREQ=DAILY;COUNT=30", "FREQ=WEEKLY;BYDAY=MO,WE"])) if master else "",
        title=draw(texts | st.just("")),
        place=draw(texts | st.just("")),
        status=draw(st.sampled_from(["", "CONFIRMED", "TENTATIVE"])),
        categories=draw(st.frozensets(st.sampled_from(["Work", "a,b", "Ä;ö", "work"]) | texts, max_size=4)),
        left_out=draw(st.frozensets(st.integers(1, 28), max_size=4)) if master else frozenset(),
        people=tuple(
            draw(
                st.dictionaries(
                    st.sampled_from(["ana@example.com", "ben@example.com", "cem@example.com"]),
                    st.sampled_from(["NEEDS-ACTION", "ACCEPTED", "DECLINED"]),
                    max_size=3,
                )
            ).items()
        ),
        alarms=draw(st.frozensets(st.sampled_from([5, 15, 60, 1440]), max_size=3)),
        vendor=tuple(draw(st.dictionaries(st.sampled_from(["X-FOO", "X-BAR", "FOO-NEW"]), texts, max_size=2)).items()),
    )


@st.composite
def items(draw: st.DrawFn) -> Item:
    days = draw(st.sets(st.integers(1, 28), max_size=2))
    return Item(draw(parts()), tuple((day, draw(parts(master=False))) for day in sorted(days)))


@st.composite
def edited(draw: st.DrawFn, item: Item) -> Item:
    """The item after a person changed some of it."""
    other = draw(items())
    names = draw(st.sets(st.sampled_from(list(Part.__dataclass_fields__)), max_size=3))
    master = replace(item.master, **{name: getattr(other.master, name) for name in names})
    exceptions = dict(item.exceptions)
    if draw(st.booleans()):
        exceptions.update(dict(other.exceptions[:1]))
    if exceptions and draw(st.booleans()):
        exceptions.pop(min(exceptions))
    return Item(master, tuple(sorted(exceptions.items())))


@dataclass(frozen=True)
class Style:
    """How a program writes."""

    seed: int
    end: str = "\r\n"
    zone: str = "Europe/Berlin"
    one_list: bool = True
    duration: bool = False
    defaults: bool = False
    width: int = 75

    def write(self, item: Item) -> bytes:
        dice = random.Random(self.seed)
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//program {self.seed}//EN"]
        lines += BERLIN.format(self.zone).split("\n")
        lines += self._part(item.master, None, dice)
        for day, part in item.exceptions:
            lines += self._part(part, day, dice)
        lines.append("END:VCALENDAR")
        return b"".join(self._folded(line) for line in lines)

    def _folded(self, line: str) -> bytes:
        if self.width == 75:
            return fold(line.encode(), self.end.encode())
        data, end = line.encode(), self.end.encode()
        return (end + b"\t").join(data[i : i + self.width] for i in range(0, len(data), self.width)) + end

    def _time(self, name: str, day: int, hour: int, minute: int = 0) -> str:
        return f"{name};TZID={self.zone}:202611{day:02}T{hour:02}{minute:02}00"

    def _part(self, part: Part, instance: int | None, dice: random.Random) -> list[str]:
        lines = [self._time("DTSTART", part.day, part.hour)]
        if self.duration:
            lines.append(f"DURATION:PT{part.minutes}M")
        else:
            lines.append(self._time("DTEND", part.day, part.hour + part.minutes // 60, part.minutes % 60))
        if part.rule:
            lines.append(
                "RRULE:" + ";".join(dice.sample(part.rule.split(";"), 2)) if part.rule.count(";") == 1 else part.rule
            )
        lines += [
            f"{name}:{escape(text)}" for name, text in (("SUMMARY", part.title), ("LOCATION", part.place)) if text
        ]
        lines += [f"STATUS:{part.status}"] if part.status else []
        lines += self._list("CATEGORIES:", [escape(one) for one in sorted(part.categories)])
        lines += self._list(f"EXDATE;TZID={self.zone}:", [f"202611{day:02}T080000" for day in sorted(part.left_out)])
        for address, state in part.people:
            params = [
                f"PARTSTAT={state}",
                f'CN="{address.upper()}"',
                *(["ROLE=REQ-PARTICIPANT"] if self.defaults else []),
            ]
            lines.append(f"ATTENDEE;{';'.join(dice.sample(params, len(params)))}:mailto:{address}")
        lines += [f"{name}:{escape(text)}" for name, text in part.vendor]
        if self.defaults:
            lines += ["TRANSP:OPAQUE", "CLASS:PUBLIC", "PRIORITY:0", "X-MOZ-GENERATION:7", "SEQUENCE:3"]
        dice.shuffle(lines)
        lines += ["UID:one@example.com", f"DTSTAMP:202610{1 + self.seed % 28:02}T000000Z"]
        if instance is not None:
            lines.insert(0, self._time("RECURRENCE-ID", instance, 9))
        for minutes in sorted(part.alarms):
            trigger = f"TRIGGER:-PT{minutes}M" if not self.defaults else f"TRIGGER;RELATED=START:-PT{minutes * 60}S"
            lines += ["BEGIN:VALARM", *dice.sample([trigger, "ACTION:DISPLAY", "DESCRIPTION:Now"], 3), "END:VALARM"]
        return ["BEGIN:VEVENT", *lines, "END:VEVENT"]

    def _list(self, head: str, values: list[str]) -> list[str]:
        if not values:
            return []
        return [head + ",".join(values)] if self.one_list else [head + value for value in values]


styles = st.builds(
    Style,
    seed=st.integers(0, 999),
    end=st.sampled_from(["\r\n", "\n"]),
    zone=st.sampled_from(BERLIN_NAMES),
    one_list=st.booleans(),
    duration=st.booleans(),
    defaults=st.booleans(),
    width=st.sampled_from([75, 30]),
)


def normals(found: FieldMap) -> dict[FieldKey, str]:
    return {key: field.normal for key, field in found.items()}


@given(items(), styles, styles)
def test_what_servers_rewrite_is_no_difference(item: Item, one: Style, other: Style) -> None:
    assert normals(fields(one.write(item))) == normals(fields(other.write(item)))
    assert KIND.same(one.write(item), other.write(item))


@given(items(), items(), styles, styles)
def test_a_patch_makes_one_item_another(a: Item, b: Item, one: Style, other: Style) -> None:
    target, donor = one.write(a), other.write(b)
    result = KIND.patch(target, diff(fields(target), fields(donor)), donor=donor)
    assert normals(fields(result)) == normals(fields(donor))


@given(st.data(), items(), styles, styles)
def test_a_patch_makes_exactly_its_edits(data: st.DataObject, a: Item, one: Style, other: Style) -> None:
    target, donor = one.write(a), other.write(data.draw(edited(a)))
    every = diff(fields(target), fields(donor))
    parts_changed = {key.part for key in every if not key.name}
    # A part comes and goes as a whole; of a part that is on both sides, any edits may be chosen.
    some = {key: edit for key, edit in every.items() if key.part in parts_changed or data.draw(st.booleans())}
    result = KIND.patch(target, some, donor=donor)
    assert normals(fields(result)) == normals(applied(some, fields(target)))


def untouched_lines(data: bytes, edits: dict[FieldKey, Edit]) -> list[bytes]:
    """The raw lines of the item's parts that none of the edits is about."""
    item = read_item(data)
    zones = Zones(item.calendar)
    gone: set[int] = set()
    for part, component in item.parts(zones).items():
        presence = edits.get(FieldKey(part, ""))
        if presence is not None and presence.after is None:
            gone |= {id(line) for line in component.all_lines()}
            continue
        slots = collect(part, component, zones)
        for key in edits:
            for slot in slots.get(key, []):
                lines = slot.holder.all_lines() if hasattr(slot.holder, "all_lines") else [slot.holder]
                gone |= {id(line) for line in lines}
        lists = {key.name for key in edits if key.part == part}  # a value may be added to a list that is there
        gone |= {id(line) for line in component.lines("CATEGORIES", "EXDATE") if line.name in lists}
        gone |= {id(line) for line in component.lines(*HOUSEKEEPING)}
    return [line.raw for line in item.root.all_lines() if id(line) not in gone]


@given(st.data(), items(), styles, styles)
def test_lines_that_no_edit_is_about_keep_their_bytes_and_their_order(
    data: st.DataObject, a: Item, one: Style, other: Style
) -> None:
    target, donor = one.write(a), other.write(data.draw(edited(a)))
    edits = diff(fields(target), fields(donor))
    result = [line.raw for line in parse(KIND.patch(target, edits, donor=donor)).all_lines()]
    rest = iter(result)
    for raw in untouched_lines(target, edits):
        assert raw in rest, raw  # in this order
    if not edits:
        assert b"".join(result) == target


@given(st.data(), items(), styles, styles, st.sampled_from([lambda sides: sides[0], lambda sides: sides[-1]]))
@settings(max_examples=60)
def test_two_sides_edited_apart_come_together(
    data: st.DataObject, base: Item, one: Style, other: Style, choose: Callable[[list[str]], str]
) -> None:
    mine, theirs = data.draw(edited(base)), data.draw(edited(base))
    bodies = {"a": one.write(mine), "b": other.write(theirs)}
    sides = {
        "a": SideState(fields(one.write(base)), fields(bodies["a"])),
        "b": SideState(fields(other.write(base)), fields(bodies["b"])),
    }
    merged = merge(edits_of(sides), choose, KIND.coupled)
    result = {}
    for name, body in bodies.items():
        donor = bodies["b" if name == "a" else "a"]
        result[name] = normals(fields(KIND.patch(body, merged.edits, donor=donor)))
    assert result["a"] == result["b"]


PATHS = office()


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_example_can_be_made_of_another_and_back(path: Path) -> None:
    data = path.read_bytes()
    other = PATHS[(PATHS.index(path) * 7 + 11) % len(PATHS)].read_bytes()
    there = KIND.patch(data, diff(fields(data), fields(other)), donor=other)
    assert normals(fields(there)) == normals(fields(other))
    back = KIND.patch(there, diff(fields(there), fields(data)), donor=data)
    assert normals(fields(back)) == normals(fields(data))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_example_with_one_field_changed_differs_in_that_line_only(path: Path) -> None:
    data = path.read_bytes()
    part = next(iter(fields(data))).part
    renamed = KIND.retitled(data, ", once more")
    key = FieldKey(part, "SUMMARY")
    edit = diff(fields(data), fields(renamed))[key]
    result = KIND.patch(data, {key: edit}, donor=data)
    old, new = list(parse(data).all_lines()), list(parse(result).all_lines())
    changed = [line.name for line in new if line.raw not in {one.raw for one in old}]
    assert changed == ["SUMMARY"]
    back = parse(KIND.patch(result, {key: Edit(key, edit.after, edit.before)}))
    # An empty title is none: it is not written again.
    assert [line.text for line in back.all_lines()] == [line.text for line in old if line.text != "SUMMARY:"]
