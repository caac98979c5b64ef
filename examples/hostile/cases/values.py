"""Files with wrong or extreme values, and legal ones that a common server refuses."""

from __future__ import annotations

from datetime import datetime, timedelta

from .build import BERLIN, Case, calendar, event, raw, single

START = "DTSTART:20261117T090000Z"


def dates() -> list[Case]:
    return [
        single("end-before-start", "DTEND lies before DTSTART", times=(START, "DTEND:20261117T080000Z")),
        single("end-and-duration", "DTEND and DURATION together", "DURATION:PT3H"),
        single("negative-duration", "a negative DURATION", times=(START, "DURATION:-PT1H")),
        single("no-start", "no DTSTART", times=()),
        single("start-is-text", "DTSTART is no date", times=("DTSTART:morgen um neun",)),
        single("date-with-time", "VALUE=DATE, but the value has a time", times=("DTSTART;VALUE=DATE:20261117T090000",)),
        single(
            "start-and-end-differ",
            "DTSTART is a date, DTEND a time",
            times=("DTSTART;VALUE=DATE:20261117", "DTEND:20261117T100000Z"),
        ),
        single("february-30", "30 February", times=("DTSTART;VALUE=DATE:20260230",)),
        single("hour-25", "25:61 o'clock", times=("DTSTART:20261117T256100Z",)),
        single(
            "year-1",
            "year 0001, earlier than UTC conversion can go",
            times=("DTSTART:00010101T000000Z", "DTEND:00010101T010000Z"),
        ),
        single(
            "year-9999",
            "ends on the last second of year 9999",
            times=("DTSTART:99991231T230000Z", "DTEND:99991231T235959Z"),
        ),
        single(
            "year-1601",
            "1 January 1601, the zero of another clock",
            times=("DTSTART;VALUE=DATE:16010101", "DTEND;VALUE=DATE:16010102"),
        ),
        single("duration-of-999-years", "a DURATION of 365,000 days", times=(START, "DURATION:P365000D")),
        single("unknown-zone", "a TZID that nothing defines", times=("DTSTART;TZID=Mond/Krater:20261117T090000",)),
        single("zone-and-z", "a TZID and a Z", times=("DTSTART;TZID=Europe/Berlin:20261117T090000Z",)),
        single(
            "zone-on-date", "a TZID on a date without time", times=("DTSTART;VALUE=DATE;TZID=Europe/Berlin:20261117",)
        ),
        Case(
            "zone-lies",
            raw(
                calendar(
                    [line.replace("+0200", "+0900") for line in BERLIN],
                    event(
                        "lie@example.org",
                        "SUMMARY:9 Uhr, aber wo?",
                        times=("DTSTART;TZID=Europe/Berlin:20261117T090000",),
                    ),
                )
            ),
            "its VTIMEZONE calls itself Europe/Berlin and has the summer offset of Tokyo",
        ),
        Case(
            "zone-without-rules",
            raw(
                calendar(
                    ["BEGIN:VTIMEZONE", "TZID:Leer", "END:VTIMEZONE"],
                    event("leer@example.org", times=("DTSTART;TZID=Leer:20261117T090000",)),
                )
            ),
            "a VTIMEZONE without STANDARD and DAYLIGHT",
        ),
    ]


def rules() -> list[Case]:
    first = datetime(2026, 11, 17, 9)
    gone = [(first + timedelta(days=day)).strftime("%Y%m%dT%H%M%SZ") for day in range(1, 2001)]
    return [
        single("rule-garbage", "an RRULE that is none", "RRULE:jeden zweiten Dienstag"),
        single("rule-unknown-part", "an RRULE with an unknown part", "RRULE:FREQ=DAILY;BYMOON=FULL;COUNT=3"),
        single(
            "rule-until-before-start",
            "RRULE UNTIL lies before DTSTART: no occurrence",
            "RRULE:FREQ=DAILY;UNTIL=20261001T000000Z",
        ),
        single("rule-count-and-until", "COUNT and UNTIL together", "RRULE:FREQ=DAILY;COUNT=3;UNTIL=20261201T000000Z"),
        single("rule-count-zero", "COUNT=0", "RRULE:FREQ=DAILY;COUNT=0"),
        single("rule-interval-zero", "INTERVAL=0: some expanders never end", "RRULE:FREQ=DAILY;INTERVAL=0;COUNT=3"),
        single("rule-secondly", "every second, for ever", "RRULE:FREQ=SECONDLY"),
        single("rule-never", "a rule that never matches: 30 February", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"),
        single("rule-huge-count", "COUNT=2147483647", "RRULE:FREQ=DAILY;COUNT=2147483647"),
        single("rule-twice", "two RRULE lines", "RRULE:FREQ=DAILY;COUNT=3", "RRULE:FREQ=WEEKLY;COUNT=3"),
        single("rule-until-is-date", "UNTIL is a date, DTSTART has a time", "RRULE:FREQ=DAILY;UNTIL=20261120"),
        single(
            "start-not-in-rule", "DTSTART is a Tuesday, the rule wants Mondays", "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3"
        ),
        single(
            "exdates-10000",
            "10,000 EXDATE values on one line of 90 kB",
            "RRULE:FREQ=DAILY",
            "EXDATE;VALUE=DATE:"
            + ",".join((first + timedelta(days=day)).strftime("%Y%m%d") for day in range(1, 10001)),
            times=("DTSTART;VALUE=DATE:20261117",),
        ),
        single("exdate-lines-2000", "2,000 EXDATE lines", "RRULE:FREQ=DAILY", *(f"EXDATE:{value}" for value in gone)),
        single(
            "exdate-everything",
            "every occurrence is taken out",
            "RRULE:FREQ=DAILY;COUNT=2",
            "EXDATE:20261117T090000Z,20261118T090000Z",
        ),
        single(
            "exdate-of-other-type",
            "EXDATE is a date, the series has times",
            "RRULE:FREQ=DAILY;COUNT=5",
            "EXDATE;VALUE=DATE:20261118",
        ),
        single(
            "rdate-period",
            "legal: RDATE with VALUE=PERIOD, a library crashes on it",
            "RDATE;VALUE=PERIOD:20261118T090000Z/20261118T110000Z,20261119T130000Z/PT3H",
        ),
        single("rdate-2000", "2,000 RDATE values", "RDATE:" + ",".join(gone)),
    ]


def contents() -> list[Case]:
    journal = [
        "BEGIN:VJOURNAL",
        "UID:journal@example.org",
        "DTSTAMP:20261101T080000Z",
        "DTSTART;VALUE=DATE:20261111",
        "SUMMARY:Zwei Beschreibungen",
        "DESCRIPTION:Eins",
        "DESCRIPTION:Zwei",
        "END:VJOURNAL",
    ]
    return [
        Case(
            "journal-two-descriptions", raw(calendar(journal)), "legal: a VJOURNAL may have several DESCRIPTION lines"
        ),
        single("summary-twice", "two SUMMARY lines", "SUMMARY:Noch ein Titel"),
        single("alarm-without-trigger", "a VALARM without TRIGGER and ACTION", "BEGIN:VALARM", "END:VALARM"),
        single(
            "base64-broken",
            "an inline attachment that is no base64",
            "ATTACH;ENCODING=BASE64;VALUE=BINARY:%%%kein base64%%%",
        ),
        single("geo-broken", "GEO out of range and with a comma", "GEO:953,5436"),
        single(
            "priority-text",
            "PRIORITY, SEQUENCE and STATUS with values that are not allowed",
            "PRIORITY:hoch",
            "SEQUENCE:-1",
            "STATUS:VIELLEICHT",
        ),
        single(
            "attendee-no-uri", "ORGANIZER and ATTENDEE without an address", "ORGANIZER:Erika Muster", "ATTENDEE;CN=Max:"
        ),
        single(
            "attendees-500",
            "500 attendees, whom a scheduling server would write to",
            "ORGANIZER:mailto:boss@example.org",
            *(f"ATTENDEE:mailto:guest{number}@example.org" for number in range(500)),
        ),
        single(
            "script-in-text",
            "markup and control sequences that must not reach a screen as they are",
            "DESCRIPTION:<script>alert(1)</script> \x1b[31mrot\x1b[0m \u202egespiegelt",
            "URL:javascript:alert(1)",
            "LOCATION:../../../../etc/motd",
        ),
        single(
            "formula-in-title",
            "a title that a spreadsheet would run",
            'LOCATION:=HYPERLINK("https://example.org"\\,"x")',
        ),
    ]
