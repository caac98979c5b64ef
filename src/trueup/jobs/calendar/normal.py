"""The fields of an item in normal form, each with the lines it stands in.

`collect` finds for every field its holders (lines, values of comma lists, components); `fields` compares and shows them,
`patch` writes to them, so that both can never disagree about what a field is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from hashlib import blake2b
from typing import NamedTuple

from trueup.core.contentlines import Component, Line, Params, split_list, unescape
from trueup.jobs.calendar import properties as p
from trueup.jobs.calendar.item import CalendarItem, read_item, title_of
from trueup.jobs.calendar.times import Moment, parse_duration, parse_moment, show_duration, write_duration
from trueup.jobs.calendar.when import when_field
from trueup.jobs.calendar.zones import Zones
from trueup.model.errors import ItemRefused
from trueup.model.fields import Field, FieldKey, FieldMap

_LONG = 2000  # a normal form longer than this is kept as its digest
_SHOWN = 200


class Slot(NamedTuple):
    """One place a field stands in.

    Attributes:
        holder: the line or component.
        place: which value of a comma list; -1: the whole holder.
        normal: its meaning; None where it says what would hold without it (an empty title, a default).
        native: its lines as written, to be carried over.
        shown: for people.
    """

    holder: Line | Component
    place: int
    normal: str | None
    native: tuple[str, ...]
    shown: str


Slots = dict[FieldKey, list[Slot]]


def fields(data: bytes) -> FieldMap:
    """Every field of a body that counts; see `model.fields` and `properties`.

    Raises:
        ItemRefused: the body is no item; see `item.read_item`.
    """
    item = read_item(data)
    return fields_of(item, Zones(item.calendar))


def fields_of(item: CalendarItem, zones: Zones) -> FieldMap:
    """The fields of an item that was read."""
    result: dict[FieldKey, Field] = {}
    for part, component in item.parts(zones).items():
        result[FieldKey(part, "")] = Field(component.name, component.texts(), title_of(component) or "without a title")
        _add_fields(result, collect(part, component, zones), component, zones)
    _add_fields(result, collect_calendar(item.calendar, zones), item.calendar, zones)
    return result


def _add_fields(result: dict[FieldKey, Field], slots: Slots, component: Component, zones: Zones) -> None:
    for key, places in slots.items():
        field = when_field(component, zones) if key.name == p.WHEN else _field(places)
        if field is not None:
            result[key] = field


def _field(places: list[Slot]) -> Field | None:
    said = [place for place in places if place.normal is not None]
    if not said:
        return None
    if len(said) == 1:
        _, _, normal, native, shown = said[0]
        return Field(_short(normal or ""), native, shown)
    normal = "\n".join(dict.fromkeys(place.normal or "" for place in said))
    return Field(
        _short(normal),
        tuple(text for place in said for text in place.native),
        " / ".join(dict.fromkeys(place.shown for place in said)),
    )


def _short(normal: str) -> str:
    return (
        normal
        if len(normal) <= _LONG
        else f"digest:{blake2b(normal.encode('utf-8', 'replace'), digest_size=16).hexdigest()}"
    )


def collect(part: str, component: Component, zones: Zones) -> Slots:
    """Every field of one part, with all its holders (also those that say nothing, so that a patch replaces them)."""
    slots: Slots = {}
    unknown: dict[str, list[Line]] = {}
    for child in component.children:
        if isinstance(child, Component):
            _collect_component(slots, part, child, zones)
            continue
        name = child.name
        if name in p.IGNORED or not name:
            continue
        if name in p.WHEN_NAMES:
            _put(slots, FieldKey(part, p.WHEN), Slot(child, -1, "", (child.text,), ""))
        elif name in p.SINGLES:
            _put(slots, FieldKey(part, name), line_slot(child, zones))
        elif name in p.COMMA_LISTS:
            for member, slot in _values(child, zones):
                _put(slots, FieldKey(part, name, member), slot)
        elif name in p.LINE_LISTS:
            slot = line_slot(child, zones)
            _put(slots, FieldKey(part, name, _member(child, slot)), slot)
        else:
            unknown.setdefault(name, []).append(child)
    _collect_unknown(slots, part, "", unknown, zones)
    return slots


def collect_calendar(calendar: Component, zones: Zones) -> Slots:
    """The fields that stand in the calendar around the item: what we do not know is kept as the item's own."""
    slots: Slots = {}
    unknown: dict[str, list[Line]] = {}
    for line in calendar.lines():
        if line.name == "CALSCALE" and line.value.strip().upper() != "GREGORIAN":
            _put(slots, FieldKey("", p.CALENDAR_PREFIX + line.name), line_slot(line, zones))
        elif line.name not in p.CALENDAR_IGNORED and not line.name.startswith(p.CALENDAR_IGNORED_PREFIXES):
            unknown.setdefault(line.name, []).append(line)
    _collect_unknown(slots, "", p.CALENDAR_PREFIX, unknown, zones)
    return slots


def _collect_unknown(slots: Slots, part: str, prefix: str, unknown: dict[str, list[Line]], zones: Zones) -> None:
    """A property nobody defined is a single value if it stands there once, else a list."""
    for name, lines in unknown.items():
        for line in lines:
            slot = line_slot(line, zones)
            member = "" if len(lines) == 1 else _digest(slot.normal or "")
            _put(slots, FieldKey(part, prefix + name, member), slot)


def _put(slots: Slots, key: FieldKey, slot: Slot) -> None:
    slots.setdefault(key, []).append(slot)


def _digest(normal: str) -> str:
    return blake2b(normal.encode("utf-8", "replace"), digest_size=8).hexdigest()


def line_slot(line: Line, zones: Zones) -> Slot:
    """A whole line as one value."""
    params, value = line.split()
    normal, shown = normal_value(line.name, params, value, zones)
    if (not value.strip() and line.name in p.TEXTS) or p.DEFAULTS.get(line.name) == normal:
        return Slot(line, -1, None, (line.text,), "")
    extra = normal_params(line.name, params) if params else ""
    return Slot(line, -1, f"{extra}:{normal}" if extra else normal, (line.text,), shown)


def normal_value(name: str, params: Params, value: str, zones: Zones) -> tuple[str, str]:
    """A value in normal form, and for people."""
    if name in p.ADDRESSES:
        address = value.strip().lower()
        return address, _show_person(address, params)
    if name in p.WORDS:
        word = value.strip().upper()
        return word, word.lower()
    if name in p.NUMBERS:
        number = value.strip()
        number = str(int(number)) if number.isascii() and number.isdecimal() and len(number) < 10 else number
        return number, number
    if name in ("COMPLETED", "ACKNOWLEDGED"):
        return _normal_moment(params, value, zones)
    if name == "TRIGGER":
        return normal_trigger(params, value, zones)
    if name == "DURATION":
        duration = parse_duration(value)
        return (value, value) if duration is None else (write_duration(duration.total), show_duration(duration.total))
    if name == "GEO":
        normal = ";".join(_normal_float(number) for number in value.replace("\\", "").replace(",", ";").split(";"))
        return normal, normal
    if any(key == "VALUE" and values and values[0].upper() == "BINARY" for key, values in params):
        return _digest(value), f"a file of about {len(value) * 3 // 4:,} bytes"
    if name in p.URIS or any(key == "VALUE" and values and values[0].upper() == "URI" for key, values in params):
        return value.strip(), _shorten(value)
    text = unescape(value)
    if name in p.TEXTS:
        text = text.strip()  # servers cut blanks at the ends, programs add an empty line
    elif name == "REQUEST-STATUS":
        code, _, rest = text.partition(";")  # its words are each server's own, its data may be empty
        return f"{code};{rest.partition(';')[2]}", _shorten(text)
    return text, _shorten(text)


def normal_params(name: str, params: Params) -> str:
    """Parameters in normal form: sorted, without those that say what holds without them."""
    kept = []
    for key, values in params:
        if key in p.PARAMS_IGNORED or key.startswith(p.PARAMS_IGNORED_PREFIXES):
            continue
        said = sorted(value.upper() for value in values) if key in p.PARAM_WORDS else sorted(values)
        if key == "VALUE" and ((said[:1] == ["URI"] and name in p.URIS) or (said[:1] and said[0] in p.VALUE_DEFAULTS)):
            continue
        if said == [p.PARAM_DEFAULTS.get(key)]:
            continue
        kept.append(f"{key}={','.join(said)}")
    return ";".join(sorted(kept))


def normal_trigger(params: Params, value: str, zones: Zones) -> tuple[str, str]:
    """An alarm's TRIGGER (RFC 5545 section 3.8.6.3): "-PT15M", or an instant; and for people "15 minutes before"."""
    duration = parse_duration(value)
    if duration is None:
        return _normal_moment(params, value, zones)
    length = duration.total
    before = "before" if length < timedelta() else "after"
    ends = any(key == "RELATED" and values and values[0].upper() == "END" for key, values in params)
    if not length:
        return write_duration(length), "at the end" if ends else "at the start"
    return write_duration(length), f"{show_duration(length)} {before}{' the end' if ends else ''}"


def _normal_moment(params: Params, value: str, zones: Zones) -> tuple[str, str]:
    try:
        moment = parse_moment(value, _tzid(params), zones)
    except ItemRefused:
        return value, value
    return moment.instant, moment.shown()


def _tzid(params: Params) -> str:
    return next((values[0] for key, values in params if key == "TZID" and values), "")


def _normal_float(number: str) -> str:
    try:
        return f"{float(number):.6f}"
    except ValueError:
        return number


def _show_person(address: str, params: Params) -> str:
    of = {key: values[0] for key, values in params if values}
    shown = of.get("CN") or address.removeprefix("mailto:")
    state = of.get("PARTSTAT", "NEEDS-ACTION").lower()
    return shown if state == "needs-action" else f"{shown} ({state})"


def _shorten(text: str) -> str:
    text = " ".join(text.split()) if len(text) < 4 * _SHOWN else " ".join(text[: 4 * _SHOWN].split())
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _member(line: Line, slot: Slot) -> str:
    """What names a member of a list of whole lines: an attendee's address, else the digest of all it says."""
    if line.name == "ATTENDEE":
        return line.value.strip().lower().removeprefix("mailto:")
    return _digest(slot.normal or "")


def _values(line: Line, zones: Zones) -> Iterable[tuple[str, Slot]]:
    """The values of a comma list, each with what names it."""
    params, value = line.split()
    head = line.head
    for index, raw in enumerate(split_list(value)):
        if line.name in p.TIME_LISTS:
            normal, shown = _normal_period(raw, params, zones)
        else:
            normal = unescape(raw).strip()
            shown = normal
        yield normal, Slot(line, index, normal or None, (head + raw,), shown)


def _normal_period(raw: str, params: Params, zones: Zones) -> tuple[str, str]:
    """A date, a time or a period: instants, so that another name for the same zone makes no difference."""
    first, slash, last = raw.strip().partition("/")
    try:
        start = parse_moment(first, _tzid(params), zones)
        if not slash:
            return start.instant, start.shown()
        duration = parse_duration(last)
        end: Moment = parse_moment(last, _tzid(params), zones) if duration is None else start.plus(duration)
    except ItemRefused:
        return raw.strip(), raw.strip()
    return f"{start.instant}/{end.instant}", f"{start.shown()}–{end.shown()}"


def _collect_component(slots: Slots, part: str, component: Component, zones: Zones) -> None:
    """A component inside a part: an alarm by its own identity, anything else by all it says."""
    lines = [(line, line_slot(line, zones)) for line in component.lines() if line.name not in p.ALARM_IGNORED]
    said = sorted(f"{line.name};{slot.normal}" for line, slot in lines if slot.normal is not None)
    said += sorted(text for inner in component.components() for text in inner.texts())
    normal = "\n".join(said)
    if component.name == "VALARM":
        member, shown = _alarm(component, {line.name: slot for line, slot in lines})
        key = FieldKey(part, "ALARM", member)
        count = 2
        while key in slots:
            key = FieldKey(part, "ALARM", f"{member} #{count}")
            count += 1
    else:
        key, shown = (
            FieldKey(part, component.name, _digest(normal)),
            _shorten(component.value("NAME") or component.value("SUMMARY")),
        )
    _put(slots, key, Slot(component, -1, normal, component.texts(), shown))


def _alarm(component: Component, slots: dict[str, Slot]) -> tuple[str, str]:
    """What names an alarm, and what people call it. Without a name of its own it is what it does and when."""
    action, trigger = slots.get("ACTION"), slots.get("TRIGGER")
    does = (action.normal or "").upper() if action else "NONE"
    when = trigger.normal or "" if trigger else "never"
    shown = f"{trigger.shown if trigger else 'without a time'}{'' if does == 'DISPLAY' else f' ({does.lower()})'}"
    own = next((value for name in p.ALARM_NAMES if (value := component.value(name).strip())), "")
    return f"uid:{own}" if own else f"{does} {when}", shown
