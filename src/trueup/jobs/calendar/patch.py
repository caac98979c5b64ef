"""Edits made in a body, in place: the lines an edit is about are replaced, every other line keeps its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from trueup.core.contentlines import Component, Line, make_component, make_line, split_list
from trueup.jobs.calendar import properties as p
from trueup.jobs.calendar.item import KINDS, CalendarItem, read_item
from trueup.jobs.calendar.normal import Slot, Slots, collect, collect_calendar
from trueup.jobs.calendar.zonecopy import ZoneCopy
from trueup.jobs.calendar.zones import Zones
from trueup.model.errors import ItemRefused
from trueup.model.fields import Edit, FieldKey

Child: TypeAlias = Line | Component

_STAMPS = ("LAST-MODIFIED", "DTSTAMP")


def patch(data: bytes, edits: Mapping[FieldKey, Edit], *, donor: bytes | None = None) -> bytes:
    """`data` with exactly these edits made.

    Args:
        data: the body to change.
        edits: by field; the native lines of `Edit.after` are what is written.
        donor: the body the edits came from; time zones that its lines need, SEQUENCE, LAST-MODIFIED and DTSTAMP are taken from there.

    Raises:
        ItemRefused: `data` or `donor` is no item, or nothing would be left (code "no-component").
    """
    if not edits:
        return data
    return _Patch(read_item(data), None if donor is None else read_item(donor)).run(edits)


class _Patch:
    """One patch under way: the item it changes and the item the changes come from."""

    def __init__(self, item: CalendarItem, donor: CalendarItem | None) -> None:
        self._item = item
        self._calendar = item.calendar
        self._zones = Zones(item.calendar)
        self._parts = item.parts(self._zones)
        self._donor_parts = {} if donor is None else donor.parts(Zones(donor.calendar))
        self._zone_copy = ZoneCopy(item.calendar, None if donor is None else donor.calendar)
        self._end = item.calendar.begin.end

    def run(self, edits: Mapping[FieldKey, Edit]) -> bytes:
        by_part: dict[str, dict[FieldKey, Edit]] = {}
        around: dict[FieldKey, Edit] = {}
        for key, edit in edits.items():
            (around if key.name.startswith(p.CALENDAR_PREFIX) else by_part.setdefault(key.part, {}))[key] = edit
        for part, own in by_part.items():
            self._change_part(part, own)
        if around:
            self._change(self._calendar, collect_calendar(self._calendar, self._zones), around)
        if not any(True for _ in self._calendar.components(*KINDS)):
            raise ItemRefused(
                "nothing would be left of the item",
                code="no-component",
                why="its last part is removed; delete it instead",
            )
        self._zone_copy.add_missing(self._end)
        return self._item.root.to_bytes()

    def _change_part(self, part: str, edits: dict[FieldKey, Edit]) -> None:
        presence = edits.pop(FieldKey(part, ""), None)
        component = self._parts.get(part)
        kept: Slots = {}
        if presence is not None and presence.after is None:
            if component is not None:
                self._calendar.children.remove(component)
            return
        if (
            component is not None
            and presence is not None
            and presence.after is not None
            and presence.after.normal != component.name
        ):
            kept = collect(part, component, self._zones)  # an event that became a task; what is not edited stays
            self._calendar.children.remove(component)
            component = None
        if component is None:
            if presence is None or presence.after is None:
                return  # an edit of a part that is not there: whoever removed it has won
            component = self._add_part(part, presence.after.native)
            self._withhold(part, component, {*edits, *kept, FieldKey(part, p.WHEN)})
        self._change(component, collect(part, component, self._zones), edits)
        if part in self._donor_parts and edits:
            stamp(component, self._donor_parts[part], self._end)

    def _add_part(self, part: str, native: Sequence[str]) -> Component:
        component = make_component(self._zone_copy.adapt(native), self._end)
        uid = component.first("UID")
        own = self._item.components[0].first("UID")
        if uid is not None and own is not None and uid.value != own.value:
            component.children[component.children.index(uid)] = make_line(own.text, self._end)
        children = self._calendar.children
        places = [index for index, child in enumerate(children) if isinstance(child, Component) and child.name in KINDS]
        places = places or [len(children)]
        children.insert(places[0] if part == "" else places[-1] + 1, component)
        return component

    def _withhold(self, part: str, component: Component, wanted: set[FieldKey]) -> None:
        """A part is added with all its lines; the fields that nobody asked for are taken out again (its time stays: without one it is none)."""
        slots = collect(part, component, self._zones)
        unwanted = {
            key: Edit(key, None, None)
            for key in slots
            if key not in wanted and any(s.normal is not None for s in slots[key])
        }
        self._change(component, slots, unwanted)

    def _change(self, component: Component, slots: Slots, edits: Mapping[FieldKey, Edit]) -> None:
        surgery = _Surgery(component, self._end)
        for key, edit in edits.items():
            places = slots.get(key, [])
            if edit.after is None:
                surgery.remove(places)
            else:
                surgery.put(key.name.removeprefix(p.CALENDAR_PREFIX), places, self._zone_copy.adapt(edit.after.native))
        surgery.finish()


@dataclass(slots=True)
class _Values:
    """A comma list while it changes. `values` has None for what was taken out."""

    line: Line
    values: list[str | None]
    changed: bool = False

    def written(self, end: bytes) -> list[Child]:
        kept = [value for value in self.values if value is not None]
        return [make_line(self.line.head + ",".join(kept), end)] if kept else []


@dataclass(slots=True)
class _Surgery:
    """Changes to one component's children, gathered first and made at once, so that a thousand of them cost no more than one walk."""

    component: Component
    end: bytes
    instead: dict[int, list[Child]] = field(default_factory=dict)
    lists: dict[int, _Values] = field(default_factory=dict)
    added: dict[str, list[Child]] = field(default_factory=dict)
    _by_head: dict[str, Line] | None = None

    def remove(self, places: Iterable[Slot]) -> None:
        """Takes what stands at these places out."""
        for slot in places:
            if slot.place >= 0:
                values = self._values(slot.holder)
                values.values[slot.place] = None
                values.changed = True
            else:
                self.instead[id(slot.holder)] = []

    def put(self, name: str, places: Sequence[Slot], native: Sequence[str]) -> None:
        """Writes these lines where the field stood; a line that says the same already keeps its bytes."""
        if name in p.COMMA_LISTS:
            self.remove(places)
            for text in native:
                self._add_value(name, text)
            return
        new = self._made(native, [place.holder for place in places])
        if not places:
            self.added.setdefault(name, []).extend(new)
            return
        self.remove(places)
        self.instead[id(places[0].holder)] = new

    def finish(self) -> None:
        """Makes the changes."""
        for values in self.lists.values():
            if values.changed:
                self.instead[id(values.line)] = values.written(self.end)
        children: list[Child] = []
        behind: dict[int, list[Child]] = {}
        for name, new in self.added.items():
            anchor = self._anchor(name)
            (children if anchor is None else behind.setdefault(id(anchor), [])).extend(new)
        for child in self.component.children:
            children.append(child)
            children.extend(behind.get(id(child), ()))
        self.component.children = [new for child in children for new in self.instead.get(id(child), (child,))]

    def _made(self, native: Sequence[str], old: Sequence[Child]) -> list[Child]:
        """Lines or a component from their texts; old lines of the same text are used again."""
        if native and native[0].upper().startswith("BEGIN:"):
            made = make_component(native, self.end)
            _keep_old_lines(made, [one for one in old if isinstance(one, Component)])
            return [made]
        same: dict[str, Line] = {one.text: one for one in old if isinstance(one, Line)}
        return [same.pop(text) if text in same else make_line(text, self.end) for text in native]

    def _values(self, holder: Child) -> _Values:
        assert isinstance(holder, Line)
        values = self.lists.get(id(holder))
        if values is None:
            values = self.lists[id(holder)] = _Values(holder, list(split_list(holder.value)))
        return values

    def _add_value(self, name: str, text: str) -> None:
        """Adds a value to the list that is written with the same parameters, or on a line of its own."""
        line = make_line(text, self.end)
        if self._by_head is None:
            self._by_head = {one.head: one for one in self.component.lines(*p.COMMA_LISTS)}
        same = self._by_head.get(line.head)
        if same is None:
            self._by_head[line.head] = line
            self.added.setdefault(name, []).append(line)
            return
        values = self._values(same)
        values.values.append(line.value)
        values.changed = True

    def _anchor(self, name: str) -> Child | None:
        """Behind what a new line or component goes: the last of its name, else the last line before the components inside."""
        found: Child | None = None
        for child in self.component.children:
            if child.name == name or (name == "ALARM" and child.name == "VALARM"):
                found = child
        if found is not None:
            return found
        if name == "ALARM":
            return self.component.children[-1] if self.component.children else None
        for child in self.component.children:
            if isinstance(child, Component):
                break
            found = child if child.name else found
        return found


def _keep_old_lines(made: Component, old: Sequence[Component]) -> None:
    """In a component written anew, the lines that stood there already keep their bytes."""
    for one in old[:1]:
        same = {line.text: line for line in one.lines()}
        made.children = [same.pop(child.text, child) if isinstance(child, Line) else child for child in made.children]
        if one.begin.text == made.begin.text and one.close.text == made.close.text:
            made.begin, made.close = one.begin, one.close


def stamp(component: Component, donor: Component, end: bytes) -> None:
    """Takes the donor's SEQUENCE, LAST-MODIFIED and DTSTAMP where they are later: other programs tell the newer version by them."""
    for name in _STAMPS:
        own, other = component.first(name), donor.first(name)
        if other is not None and (own is None or other.value.strip() > own.value.strip()):
            _set(component, own, other.text, end)
    own, other = component.first("SEQUENCE"), donor.first("SEQUENCE")
    if other is not None and _number(other.value) > (0 if own is None else _number(own.value)):
        _set(component, own, other.text, end)


def _set(component: Component, old: Line | None, text: str, end: bytes) -> None:
    line = make_line(text, end)
    if old is None:
        uid = component.first("UID")
        component.children.insert(0 if uid is None else component.children.index(uid) + 1, line)
    else:
        component.children[component.children.index(old)] = line


def _number(value: str) -> int:
    value = value.strip()
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else 0
