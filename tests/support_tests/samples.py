"""Calendar objects for the tests of the harness."""


def event(uid: str, summary: str = "Meeting", *lines: str) -> str:
    return "\r\n".join(
        [
            *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//trueup//tests//EN", "BEGIN:VEVENT"),
            *(f"UID:{uid}", "DTSTAMP:20260101T000000Z", "DTSTART:20260105T100000Z", "DTEND:20260105T110000Z"),
            *(f"SUMMARY:{summary}", *lines, "END:VEVENT", "END:VCALENDAR", ""),
        ]
    )
