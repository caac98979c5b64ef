"""Nobody gets mailed: what may be stored on a server that mails attendees by itself (RFC 6638), and what must not be changed there."""

from __future__ import annotations

import re
from collections.abc import Mapping

from trueup.core.contentlines import Component
from trueup.jobs.calendar.item import CalendarItem, read_item, refused
from trueup.model.capabilities import Capabilities
from trueup.model.errors import ItemRefused
from trueup.model.fields import Edit, FieldKey

_PEOPLE = ("ATTENDEE", "ORGANIZER")
_BEGIN = re.compile(rb"^BEGIN:(VEVENT|VTODO|VJOURNAL)\r?$", re.MULTILINE)


def storable(data: bytes, into: Capabilities, *, invite: bool) -> bytes:
    """What may be created in a collection.

    Attendees and organizer are left out on a server that schedules unless `invite`, and with them alarms that send mail. METHOD is left
    out, for a stored item must not have one (RFC 4791 section 4.1).

    Raises:
        ItemRefused: the collection does not take such a component (code "component") or not of that size (code "too-large").
    """
    if _plainly_storable(data, into, invite=invite):
        return data
    item = read_item(data)
    if into.components is not None and item.kind not in into.components:
        takes = ", ".join(sorted(into.components)) or "nothing"
        raise refused(
            item.calendar,
            "component",
            f"it is a {item.kind}, and the collection takes only {takes}",
            "sync it with a collection that takes it, or leave it out with a filter",
        )
    changed = _drop(item.calendar, "METHOD")
    if into.schedules and not invite:
        for component in item.components:
            changed |= _without_people(component)
    result = item.root.to_bytes() if changed else data
    if into.max_size is not None and len(result) > into.max_size:
        raise refused(
            item.calendar,
            "too-large",
            f"it has {len(result):,} bytes, and the collection takes {into.max_size:,} at most",
            "it is often an attachment inside the event: replace it with a link",
        )
    return result


def _plainly_storable(data: bytes, into: Capabilities, *, invite: bool) -> bool:
    """Whether a look at the bytes is enough: nothing has to be left out, and every kind in it is taken. Spares most first copies a parse."""
    if (into.schedules and not invite) or (into.max_size is not None and len(data) > into.max_size):
        return False
    kinds = {kind.decode() for kind in _BEGIN.findall(data)}
    return bool(kinds) and (into.components is None or kinds <= into.components) and b"METHOD" not in data.upper()


def may_change(before: bytes, after: bytes | None, into: Capabilities, *, invite: bool) -> None:
    """Refuses what would make a server mail people.

    Any change of a meeting with attendees may do so, however small: RFC 6638 section 3.2 lets a server send an update for what it
    likes, and Xandikos sends one when only a category was added (Cyrus does not).

    Args:
        before: what the server holds.
        after: what it shall hold; None: it shall be deleted.
        into: the collection.
        invite: people may be mailed; then everything goes.

    Raises:
        ItemRefused: code "invitations".
    """
    if invite or not into.schedules:
        return
    item = read_item(before)
    people = attendees(item) or (attendees(read_item(after)) if after is not None else [])
    if people:
        raise _invitations(item, "deleting it" if after is None else "changing it", people)


def withhold(edits: Mapping[FieldKey, Edit], into: Capabilities, *, invite: bool) -> dict[FieldKey, Edit]:
    """The edits that may reach a collection: none of attendees and organizer on a server that schedules, unless `invite`."""
    if invite or not into.schedules:
        return dict(edits)
    return {key: edit for key, edit in edits.items() if key.name not in _PEOPLE and not _mails(edit)}


def attendees(item: CalendarItem) -> list[str]:
    """The people a server would mail: the attendees of an item that also has an organizer (RFC 6638 section 3.1)."""
    if not any(component.first("ORGANIZER") for component in item.components):
        return []
    lines = [line for component in item.components for line in component.lines("ATTENDEE")]
    return list(dict.fromkeys(line.param("CN") or line.value.strip().lower().removeprefix("mailto:") for line in lines))


def _invitations(item: CalendarItem, doing: str, people: list[str]) -> ItemRefused:
    some = ", ".join(people[:3]) + (f" and {len(people) - 3} more" if len(people) > 3 else "")
    return refused(
        item.calendar,
        "invitations",
        f"{doing} here would make the server mail its attendees ({some})",
        "change it in a calendar program, or allow it for this job with `invitations: allow`",
    )


def _mails(edit: Edit) -> bool:
    """Whether an edit brings an alarm that sends mail."""
    return edit.after is not None and edit.key.name == "ALARM" and any(_is_email(text) for text in edit.after.native)


def _is_email(text: str) -> bool:
    return text.upper().replace(" ", "") == "ACTION:EMAIL"


def _without_people(component: Component) -> bool:
    mailing = [
        one for one in component.components("VALARM") if any(_is_email(line.text) for line in one.lines("ACTION"))
    ]
    if mailing:
        component.children = [child for child in component.children if child not in mailing]
    return _drop(component, *_PEOPLE) or bool(mailing)


def _drop(component: Component, *names: str) -> bool:
    kept = [child for child in component.children if isinstance(child, Component) or child.name not in names]
    changed = len(kept) < len(component.children)
    component.children = kept
    return changed
