"""Events to measure with: any number, the same bytes every time, about 1.1 kB each.

They are made of what the example office is made of (examples/office/recipes): the same people, programs, zones and
vendor properties. One in seven is a series, one in fifty a series with an exception, one in ten lasts whole days, nearly half
have an alarm, three in ten attendees.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from examples.office.recipes.clients import APPLE, EVOLUTION, GOOGLE, IPHONE, MOZILLA, OUTLOOK, Client, Item, item
from examples.office.recipes.lines import Dice, days, override, span, text, zoned
from examples.office.recipes.meetings import AGENDA, PLACES, STATES, TITLES, vendor_lines
from examples.office.recipes.people import CUSTOMERS, STAFF, attendee, organizer
from examples.office.recipes.zones import FREE, WINDOWS

CLIENTS = (GOOGLE, GOOGLE, OUTLOOK, OUTLOOK, APPLE, MOZILLA, EVOLUTION, IPHONE)
FIRST = date(2022, 1, 3)  # a Monday; the events spread over five years from here
WORKDAYS = 5 * 260
MINUTES = (30, 45, 60, 60, 90, 120)
RULES = ("FREQ=WEEKLY", "FREQ=WEEKLY;INTERVAL=2", "FREQ=DAILY", "FREQ=MONTHLY")


def events(count: int, seed: str = "bench", *, attendees: bool = True) -> Iterator[Item]:
    """`count` events; another seed gives others, with other UIDs. The first n of more events are the same as of n events."""
    for number in range(count):
        yield _event(f"{seed}-{number:06d}", attendees)


def edited(body: bytes, mark: str) -> bytes:
    """The same event with another title, as a person's edit leaves it."""
    at = body.index(b"SUMMARY:") + len(b"SUMMARY:")
    return body[:at] + f"({mark}) ".encode() + body[at:]


def _event(slug: str, with_attendees: bool) -> Item:
    dice = Dice(slug)
    client = dice.pick(CLIENTS)
    day = FIRST + _workdays(dice.number(WORKDAYS))
    shape = dice.number(100)
    if shape < 10:
        return item("bench", slug, client, [*days(day, 1 + dice.number(4)), *_about(dice, client)])
    zone = {OUTLOOK.name: WINDOWS, EVOLUTION.name: FREE}.get(client.name, "Europe/Berlin")
    begin = datetime(day.year, day.month, day.day, 8 + dice.number(9), dice.pick((0, 0, 15, 30)))
    minutes = dice.pick(MINUTES)
    lines = [*span(begin, minutes, zone), *_about(dice, client)]
    if with_attendees and shape >= 70:
        lines += _people(dice)
    if shape % 2:
        lines += _alarm(dice)
    if shape >= 24:
        return item("bench", slug, client, lines)
    step = timedelta(weeks=4)
    rule = [f"RRULE:{dice.pick(RULES[:3])};COUNT={10 + dice.number(60)}", zoned("EXDATE", begin + step, zone)]
    if shape >= 12:
        return item("bench", slug, client, [*lines, *rule])
    moved = [override(_stamp(begin + 2 * step), zone), *span(begin + 2 * step + timedelta(hours=1), minutes, zone)]
    return item("bench", slug, client, [*lines, *rule], [*moved, *_about(dice, client)])


def _about(dice: Dice, client: Client) -> list[str]:
    pattern, category = dice.pick(TITLES)
    title = pattern.format(customer=dice.pick(CUSTOMERS), person=dice.pick(STAFF).name)
    points = dice.sample(AGENDA, 2 + dice.number(4))
    return [
        f"SUMMARY:{text(title)}",
        f"LOCATION:{text(dice.pick(PLACES))}",
        "DESCRIPTION:" + text("Agenda:\n" + "\n".join(f"- {point}" for point in points)),
        f"CATEGORIES:{category}",
        *vendor_lines(client, dice),
    ]


def _people(dice: Dice) -> list[str]:
    crowd = dice.sample(STAFF, 2 + dice.number(4))
    return [
        organizer(crowd[0].local),
        attendee(crowd[0], "ACCEPTED", "CHAIR"),
        *(attendee(one, dice.pick(STATES)) for one in crowd[1:]),
    ]


def _alarm(dice: Dice) -> list[str]:
    return [
        "BEGIN:VALARM",
        f"TRIGGER:-PT{dice.pick((5, 10, 15, 30, 60))}M",
        "ACTION:DISPLAY",
        "DESCRIPTION:Erinnerung",
        "END:VALARM",
    ]


def _workdays(number: int) -> timedelta:
    return timedelta(weeks=number // 5, days=number % 5)


def _stamp(value: datetime) -> str:
    return value.strftime("%Y-%m-%d %H:%M")
