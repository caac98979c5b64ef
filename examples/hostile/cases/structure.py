"""Files whose identity or nesting is wrong, or that are no calendars at all."""

from __future__ import annotations

from .build import BERLIN, TIMES, Case, calendar, event, raw, single

LOGIN = """<!DOCTYPE html>
<html><head><title>Anmelden</title></head>
<body><h1>Bitte anmelden</h1>
<form action="/login" method="post"><input name="user"><input name="password" type="password"></form>
</body></html>
"""
CARD = ["BEGIN:VCARD", "VERSION:3.0", "UID:card@example.org", "N:Muster;Erika", "FN:Erika Muster", "END:VCARD"]
DAILY = "RRULE:FREQ=DAILY;COUNT=5"


def identity() -> list[Case]:
    moved = ("DTSTART:20261119T110000Z", "DTEND:20261119T120000Z")
    return [
        Case("no-uid", raw(calendar(event("", "SUMMARY:Ohne UID"))), "an event without a UID"),
        Case("empty-uid", raw(calendar(event("", "UID:", "SUMMARY:Leere UID"))), "the UID is there, but empty"),
        Case(
            "uid-twice-in-event",
            raw(calendar(event("first@example.org", "UID:second@example.org", "SUMMARY:Zwei Namen"))),
            "one event with two UID lines",
        ),
        Case(
            "two-uids",
            raw(calendar(event("a@example.org", "SUMMARY:Eins"), event("b@example.org", "SUMMARY:Zwei"))),
            "two events with different UIDs in one file of a folder with one file an event",
        ),
        Case(
            "two-kinds",
            raw(
                calendar(
                    event("kinds@example.org", "SUMMARY:Ereignis"),
                    [
                        "BEGIN:VTODO",
                        "UID:kinds@example.org",
                        "DTSTAMP:20261101T080000Z",
                        "SUMMARY:Aufgabe",
                        "END:VTODO",
                    ],
                )
            ),
            "an event and a task share a UID and a file",
        ),
        Case(
            "duplicate-uid-1",
            raw(calendar(event("duplicate@example.org", "SUMMARY:Zweimal, erste Fassung"))),
            "has the same UID as `duplicate-uid-2.ics`, other content",
        ),
        Case(
            "duplicate-uid-2",
            raw(calendar(event("duplicate@example.org", "SUMMARY:Zweimal, zweite Fassung", "SEQUENCE:3"))),
            "has the same UID as `duplicate-uid-1.ics`, other content",
        ),
        Case(
            "case-of-uid",
            raw(calendar(event("DUPLICATE@EXAMPLE.ORG", "SUMMARY:Große UID"))),
            "differs from `duplicate-uid-1.ics` in the case of the UID only, so it is another event",
        ),
        Case(
            "two-masters",
            raw(calendar(event("m@example.org", DAILY, "SUMMARY:A"), event("m@example.org", DAILY, "SUMMARY:B"))),
            "two masters (no RECURRENCE-ID) with the same UID in one file",
        ),
        Case(
            "same-override-twice",
            raw(
                calendar(
                    event("o@example.org", DAILY, "SUMMARY:Reihe"),
                    event("o@example.org", "RECURRENCE-ID:20261119T090000Z", "SUMMARY:Erste Änderung", times=moved),
                    event("o@example.org", "RECURRENCE-ID:20261119T090000Z", "SUMMARY:Zweite Änderung"),
                )
            ),
            "two overrides of the same occurrence",
        ),
        Case(
            "override-without-master",
            raw(calendar(event("lost@example.org", "RECURRENCE-ID:20261119T090000Z", "SUMMARY:Allein", times=moved))),
            "an override, its master is missing (legal: that is how an invitation to one occurrence looks)",
        ),
        Case(
            "override-of-other-type",
            raw(
                calendar(
                    event("type@example.org", DAILY, "SUMMARY:Reihe mit Uhrzeit"),
                    event("type@example.org", "RECURRENCE-ID;VALUE=DATE:20261119", "SUMMARY:Geändert", times=moved),
                )
            ),
            "the series has times, the RECURRENCE-ID of the override is a date",
        ),
        Case(
            "override-of-nothing",
            raw(
                calendar(
                    event("nothing@example.org", DAILY, "SUMMARY:Fünf Tage"),
                    event("nothing@example.org", "RECURRENCE-ID:20301224T090000Z", "SUMMARY:Nie dran", times=moved),
                )
            ),
            "the override names an occurrence that the rule does not produce",
        ),
    ]


def nesting() -> list[Case]:
    whole = raw(calendar(event("cut@example.org", "SUMMARY:Abgeschnitten", "DESCRIPTION:" + "Text. " * 40)))
    deep = [f"BEGIN:X-LEVEL-{level}" for level in range(300)]
    deep += [f"END:X-LEVEL-{level}" for level in reversed(range(300))]
    return [
        Case("empty", b"", "no bytes at all"),
        Case("blank", b"\r\n \r\n\r\n", "blank lines only"),
        Case("truncated", whole[: len(whole) // 2], "ends in the middle of a line, as after a full disk"),
        Case("truncated-at-line", raw(calendar(event("cut2@example.org"))[:-2]), "both END lines are missing"),
        Case(
            "no-last-line-end",
            raw(calendar(event("eof@example.org", "SUMMARY:Fast")))[:-2],
            "no line end at the end (harmless)",
        ),
        Case(
            "end-mismatch",
            raw(calendar([*event("end@example.org")[:-1], "END:VTODO"])),
            "BEGIN:VEVENT is closed by END:VTODO",
        ),
        Case("no-vcalendar", raw(event("bare@example.org", "SUMMARY:Nackt")), "an event without a VCALENDAR around it"),
        Case(
            "two-calendars",
            raw(calendar(event("first-cal@example.org")) + calendar(event("second-cal@example.org"))),
            "two VCALENDAR objects one after the other",
        ),
        Case("no-components", raw(calendar()), "a calendar with nothing in it"),
        Case("timezone-only", raw(calendar(BERLIN)), "a VTIMEZONE and no event"),
        Case(
            "no-version",
            raw([x for x in calendar(event("nv@example.org")) if x[:4] not in ("VERS", "PROD")]),
            "no VERSION, no PRODID",
        ),
        Case(
            "version-1",
            raw(calendar(event("v1@example.org"))).replace(b"VERSION:2.0", b"VERSION:1.0"),
            "VERSION:1.0, which is vCalendar",
        ),
        Case(
            "deep-nesting",
            raw(calendar(event("deep@example.org", *deep))),
            "components nested 300 deep inside an event",
        ),
        Case(
            "event-in-event",
            raw(calendar(event("outer@example.org", *event("inner@example.org")))),
            "an event inside an event",
        ),
        Case("vcard", raw(CARD), "a vCard with the name of a calendar file"),
        Case("login-page", LOGIN.encode(), "the HTML login page of a server, saved as .ics"),
        Case(
            "json", b'{"error": {"code": 401, "message": "token expired"}}\n', "an error answer in JSON, saved as .ics"
        ),
        single(
            "method-request",
            "METHOD:REQUEST: an invitation, not a stored event",
            "ORGANIZER:mailto:a@example.org",
            "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:b@example.org",
            head=("METHOD:REQUEST",),
        ),
        single(
            "method-cancel",
            "METHOD:CANCEL: an order to delete",
            "STATUS:CANCELLED",
            "SEQUENCE:2",
            head=("METHOD:CANCEL",),
        ),
        Case(
            "freebusy",
            raw(
                calendar(
                    [
                        "BEGIN:VFREEBUSY",
                        "UID:fb@example.org",
                        "DTSTAMP:20261101T080000Z",
                        *TIMES,
                        "FREEBUSY:20261117T090000Z/PT1H",
                        "END:VFREEBUSY",
                    ]
                )
            ),
            "a VFREEBUSY, which calendars cannot hold",
        ),
    ]
