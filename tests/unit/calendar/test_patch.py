"""Patches, line by line: what is written, where, and what travels with it."""

from __future__ import annotations

import pytest

from tests.unit.calendar.bodies import BERLIN, body, event, item
from trueup.core.contentlines import parse
from trueup.core.merge import diff
from trueup.jobs.calendar.kind import CalendarKind
from trueup.model.errors import ItemRefused
from trueup.model.fields import Edit, Field, FieldKey

KIND = CalendarKind()
B = "DTSTART;TZID=Europe/Berlin:20261116T090000"


def carried(target: bytes, before: bytes, after: bytes) -> list[str]:
    """The target's lines after the edit from `before` to `after` was carried over."""
    result = KIND.patch(target, diff(KIND.fields(before), KIND.fields(after)), donor=after)
    return [line.text for line in parse(result).all_lines()]


def inside(lines: list[str]) -> list[str]:
    """The lines behind UID, DTSTAMP and DTSTART of the only event."""
    return lines[lines.index("BEGIN:VEVENT") + 4 : lines.index("END:VEVENT")]


def test_a_changed_title_is_written_in_its_place_and_the_rest_is_untouched() -> None:
    target = item("X-ODD;P=1:keep", "SUMMARY;LANGUAGE=de:Tee", "DESCRIPTION:" + "lang " * 40).replace(
        b"lang lang", b"lang \r\n\tlang", 3
    )
    after = item("SUMMARY:Kaffee")
    result = KIND.patch(target, diff(KIND.fields(item("SUMMARY;LANGUAGE=de:Tee")), KIND.fields(after)), donor=after)
    assert result == target.replace(b"SUMMARY;LANGUAGE=de:Tee", b"SUMMARY:Kaffee")


def test_no_edits_change_no_byte() -> None:
    assert KIND.patch(b"whatever", {}) == b"whatever"


def test_what_is_already_so_is_not_written_again() -> None:
    target = item("SUM\n MARY:Tee", "TRANSP:OPAQUE")
    edit = {FieldKey("", "SUMMARY"): Edit(FieldKey("", "SUMMARY"), None, Field("Tee", ("SUMMARY:Tee",)))}
    assert KIND.patch(target, edit) == target


def test_a_default_that_is_written_out_is_replaced() -> None:
    lines = carried(item("TRANSP:OPAQUE"), item(), item("TRANSP:TRANSPARENT"))
    assert inside(lines) == ["TRANSP:TRANSPARENT"]


def test_one_value_of_a_list_goes_and_another_comes() -> None:
    target = item("CATEGORIES:A,b\\,c,D", "LOCATION:x")
    assert inside(carried(target, item("CATEGORIES:A"), item("CATEGORIES:E"))) == ["CATEGORIES:b\\,c,D,E", "LOCATION:x"]
    assert inside(carried(target, item("CATEGORIES:b\\,c"), item())) == ["CATEGORIES:A,D", "LOCATION:x"]
    assert inside(carried(item("CATEGORIES:A"), item("CATEGORIES:A"), item())) == []


def test_a_list_grows_only_where_its_parameters_are_the_same() -> None:
    target = item("EXDATE;TZID=Europe/Berlin:20261117T090000", start=B)
    with_utc = item("EXDATE:20261118T080000Z", "EXDATE:20261119T080000Z", start=B)
    assert inside(carried(target, item(start=B), with_utc)) == [
        "EXDATE;TZID=Europe/Berlin:20261117T090000",
        "EXDATE:20261118T080000Z,20261119T080000Z",
    ]


def test_a_long_list_is_folded() -> None:
    target = item("CATEGORIES:" + ",".join(f"Category{n}" for n in range(6)))
    result = KIND.patch(target, diff(KIND.fields(item()), KIND.fields(item("CATEGORIES:Ärger,Übermut"))))
    assert all(len(line) <= 75 for line in result.split(b"\r\n"))
    assert "Category5,Ärger,Übermut" in parse(result).to_bytes().replace(b"\r\n ", b"").decode()


def test_new_lines_stand_before_the_alarms_and_have_the_bodys_line_end() -> None:
    target = body(event("SUMMARY:x", "BEGIN:VALARM", "TRIGGER:-PT5M", "END:VALARM"), end="\n")
    after = item("SUMMARY:x", "LOCATION:y")
    result = KIND.patch(target, diff(KIND.fields(item("SUMMARY:x")), KIND.fields(after)), donor=after)
    assert b"SUMMARY:x\nLOCATION:y\nBEGIN:VALARM\n" in result
    assert b"\r" not in result


def test_an_alarm_is_changed_in_place_and_keeps_its_other_lines() -> None:
    def alarm(minutes: int, folded: str = "") -> tuple[str, ...]:
        return (
            "BEGIN:VALARM",
            "UID:a",
            f"TRIGGER:-PT{minutes}M",
            f"DESCRIPTION:Leave{folded} now",
            "ACTION:DISPLAY",
            "END:VALARM",
        )

    target = item(*alarm(5, "\n "), "LOCATION:behind")
    result = KIND.patch(target, diff(KIND.fields(item(*alarm(5))), KIND.fields(item(*alarm(9)))))
    assert result == target.replace(b"-PT5M", b"-PT9M")


def test_an_exception_is_added_with_all_its_lines_and_removed_whole() -> None:
    series = event("RRULE:FREQ=DAILY", "SUMMARY:x", start=B)
    exception = event(
        "RECURRENCE-ID;TZID=Europe/Berlin:20261118T090000",
        "SUMMARY:y",
        "X-MOZ-GENERATION:2",
        "BEGIN:VALARM",
        "TRIGGER:-PT5M",
        "END:VALARM",
        start=B.replace("1116T09", "1118T11"),
    )
    one, both = body(series), body(series, exception)
    edits = diff(KIND.fields(one), KIND.fields(both))
    assert KIND.patch(one, edits, donor=both) == both
    assert KIND.patch(both, diff(KIND.fields(both), KIND.fields(one)), donor=one) == one


def test_an_exception_comes_without_what_was_not_asked_for() -> None:
    exception = event("RECURRENCE-ID:20261118T090000Z", "SUMMARY:y", "ATTENDEE:mailto:a@example.com", "CATEGORIES:A,B")
    one, both = body(event("RRULE:FREQ=DAILY")), body(event("RRULE:FREQ=DAILY"), exception)
    edits = diff(KIND.fields(one), KIND.fields(both))
    edits = {key: edit for key, edit in edits.items() if key.name != "ATTENDEE" and key.member != "B"}
    result = KIND.patch(one, edits, donor=both)
    assert b"ATTENDEE" not in result
    assert b"CATEGORIES:A\r\n" in result
    assert set(KIND.fields(result)) == set(KIND.fields(one)) | set(edits)


def test_an_exception_gets_the_uid_of_the_item_it_comes_to() -> None:
    one = body(event("RRULE:FREQ=DAILY", uid="here"))
    both = body(event("RRULE:FREQ=DAILY", uid="there"), event("RECURRENCE-ID:20261118T090000Z", uid="there"))
    result = KIND.patch(one, diff(KIND.fields(one), KIND.fields(both)), donor=both)
    assert KIND.glance(result).uid == "here"


def test_the_last_part_cannot_be_taken_away() -> None:
    key = FieldKey("", "")
    with pytest.raises(ItemRefused, match="nothing would be left"):
        KIND.patch(item(), {key: Edit(key, Field("VEVENT"), None)})


def test_a_missing_zone_is_brought_along() -> None:
    after = body(event(start=B.replace("Europe/Berlin", "Ours")), zone=BERLIN.format(name="Ours"))
    result = KIND.patch(item(), diff(KIND.fields(item()), KIND.fields(after)), donor=after)
    assert KIND.same(result, after)
    assert result.count(b"BEGIN:VTIMEZONE") == 1
    assert result.index(b"BEGIN:VTIMEZONE") < result.index(b"BEGIN:VEVENT")
    again = KIND.patch(result, diff(KIND.fields(item()), KIND.fields(after)), donor=after)
    assert again == result


def test_another_zone_of_the_same_name_gets_a_new_one() -> None:
    def odd(offset: str, *lines: str) -> bytes:
        return body(
            event(*lines, start=B.replace("Europe/Berlin", "Ours")),
            zone=BERLIN.format(name="Ours").replace("0100", offset),
        )

    target, after = odd("0107", "LOCATION:x"), odd("0109")
    result = KIND.patch(target, diff(KIND.fields(odd("0107")), KIND.fields(after)), donor=after)
    assert b"DTSTART;TZID=Ours (2):" in result
    assert b"TZID:Ours (2)\r\n" in result
    when = FieldKey("", "WHEN")
    assert KIND.fields(result)[when].normal == KIND.fields(after)[when].normal
    assert b"LOCATION:x" in result


def test_the_newer_stamps_come_along() -> None:
    target = item("SUMMARY:a", "SEQUENCE:2", "LAST-MODIFIED:20261102T000000Z")
    before, after = item("SUMMARY:a"), item("SUMMARY:b", "SEQUENCE:5", "LAST-MODIFIED:20261103T000000Z")
    result = KIND.patch(target, diff(KIND.fields(before), KIND.fields(after)), donor=after)
    assert b"SEQUENCE:5\r\nLAST-MODIFIED:20261103T000000Z" in result
    older = item("SUMMARY:b", "SEQUENCE:1", "LAST-MODIFIED:20261101T000000Z")
    result = KIND.patch(target, diff(KIND.fields(before), KIND.fields(older)), donor=older)
    assert result == target.replace(b"SUMMARY:a", b"SUMMARY:b")


def test_a_property_of_the_calendar_is_carried() -> None:
    after = body(event(), around="X-DEPARTMENT:7\n")
    result = KIND.patch(item(), diff(KIND.fields(item()), KIND.fields(after)), donor=after)
    assert KIND.same(result, after)
    assert result.index(b"X-DEPARTMENT:7") < result.index(b"BEGIN:VEVENT")


def test_many_edits_take_time_in_proportion() -> None:
    days = [f"20{y:02}{m:02}{d:02}" for y in range(10, 20) for m in range(1, 13) for d in range(1, 29)]
    target = item("EXDATE;VALUE=DATE:" + ",".join(days), start="DTSTART;VALUE=DATE:20100101")
    empty = item(start="DTSTART;VALUE=DATE:20100101")
    assert KIND.same(KIND.patch(empty, diff(KIND.fields(empty), KIND.fields(target))), target)
    assert KIND.same(KIND.patch(target, diff(KIND.fields(target), KIND.fields(empty))), empty)


def test_an_exception_whose_time_another_side_decides_is_added_all_the_same() -> None:
    def with_exception(hour: int) -> bytes:
        return body(
            event("RRULE:FREQ=DAILY"), event("RECURRENCE-ID:20261118T090000Z", start=f"DTSTART:20261118T{hour}0000Z")
        )

    one, ana, ben = body(event("RRULE:FREQ=DAILY")), with_exception(11), with_exception(12)
    when = FieldKey("20261118T090000Z", "WHEN")
    of_ana = {key: edit for key, edit in diff(KIND.fields(one), KIND.fields(ana)).items() if key != when}
    result = KIND.patch(one, of_ana, donor=ana)
    result = KIND.patch(result, {when: diff(KIND.fields(one), KIND.fields(ben))[when]}, donor=ben)
    assert KIND.same(result, ben)
