"""One glance at a body: key, title and start, and the refusal of what is no item."""

from __future__ import annotations

from trueup.jobs.calendar.item import read_item, title_of
from trueup.jobs.calendar.times import parse_moment
from trueup.jobs.calendar.zones import Zones
from trueup.model.items import Glance


def glance(data: bytes) -> Glance:
    """The item's UID, its title, and when it starts in its own zone ("Mon 16 Nov 2026 09:00 Europe/Berlin").

    Raises:
        ItemRefused: see `item.read_item`; also where a DTSTART, DUE or RECURRENCE-ID is no time (code "time").
    """
    item = read_item(data)
    zones = Zones(item.calendar)
    main = item.main
    title = title_of(main) or next((title_of(one) for one in item.components if title_of(one)), "")
    starts = due = ""
    for component in item.components:
        for line in component.lines("DTSTART", "DUE", "RECURRENCE-ID"):
            moment = parse_moment(line.value, line.param("TZID"), zones)
            if component is main and line.name == "DTSTART":
                starts = starts or moment.shown()
            elif component is main and line.name == "DUE":
                due = due or f"due {moment.shown()}"
    return Glance(item.uid, title, starts or due)
