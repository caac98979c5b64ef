"""What is told of which run, how often, and in which words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trueup.core.ledger import Ledger, open_ledger
from trueup.core.ledger.outbox import Message
from trueup.notify import NotifySpec, began, ended
from trueup.notify.endings import digest

NIGHT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC).timestamp()
DAY, HOUR = 86_400.0, 3600.0
SPEC = NotifySpec.from_options(
    {"failure": "json://a", "success": "json://b", "heartbeat": "http://c/uuid"}, "jobs.office.notify"
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(str(tmp_path / "ledger.db")) as opened:
        yield opened


def left(title: str, stage: str = "take", state: str = "failed", **more: str) -> dict[str, str]:
    """Something a backup could not do, as its report has it."""
    return {"title": title, "collection": f"vault/{title}", "state": state, "stage": stage, "code": "Transient", **more}


def failed(why: str = "pg_dump: connection refused", source: str = "crm", code: str = "Transient") -> dict[str, Any]:
    stages = [
        {"stage": "take", "title": "files", "collection": "vault/files", "state": "verified", "bytes": 5_210_000_000},
        {"stage": "drill", "title": "files", "collection": "vault/files", "state": "verified"},
        {"stage": "check", "title": "vault", "collection": "vault", "state": "verified"},
        {"stage": "archive", "title": "files", "collection": "far/files", "state": "verified"},
        {"stage": "retention", "title": "files of 2026-10-01", "collection": "vault/files", "state": "verified"},
    ]
    wrong = left(source, code=code, reason=f"{source}: {why}", hint="start it")
    undone = left("letters", code="after", reason=f"not backed up, because {source}, which it comes after, failed")
    unproven = left(source, "drill", code="drill-failed", reason=f"vault has no good snapshot of {source}")
    return {"state": "partial", "left": [wrong, undone, unproven], "backup": {"stages": stages, "frozen": {}}}


def frozen(**causes: str) -> dict[str, Any]:
    found = {name.replace("_", "/"): {"since": NIGHT, "why": why} for name, why in causes.items()}
    return {"state": "partial", "left": [], "backup": {"frozen": found, "damage": list(causes.values())}}


GOOD: dict[str, Any] = {"state": "done", "backup": {"stages": [], "frozen": {}}}


class Office:
    """Ends runs of the job `office`, and sees what is told."""

    def __init__(self, ledger: Ledger, spec: NotifySpec = SPEC) -> None:
        self.ledger, self.spec = ledger, spec
        self.runs = 0

    def end(self, report: dict[str, Any], now: float = NIGHT, **more: Any) -> list[Message]:
        self.runs += 1
        run = {"id": f"R{self.runs}", "state": report.get("state", "failed"), "report": report, **more}
        ended(self.ledger, "office", self.spec, run, now)
        return self.told(now)

    def told(self, now: float = NIGHT) -> list[Message]:
        """What was put since the last look."""
        found = [one for name in self.spec.channels() for one in self.ledger.outbox.due("office", name, now)]
        for one in found:
            self.ledger.outbox.sent(one.id, now)
        return found


def kinds(found: list[Message]) -> list[str]:
    return [f"{one.channel} {one.kind}" for one in found]


# How often ------------------------------------------------------------------------------------------------------------


def test_a_run_that_ends_well_tells_only_who_asked_for_it(ledger: Ledger) -> None:
    assert kinds(Office(ledger).end(GOOD)) == ["success/1 success", "heartbeat success"]


def test_a_failure_is_told_once_and_then_daily(ledger: Ledger) -> None:
    office = Office(ledger)
    assert kinds(office.end(failed(), NIGHT)) == ["failure/1 failure", "heartbeat fail"]
    assert kinds(office.end(failed("pg_dump: refused on port 5433"), NIGHT + HOUR)) == ["heartbeat fail"]
    second = office.end(failed(), NIGHT + DAY - 600)
    assert kinds(second) == ["failure/1 reminder", "heartbeat fail"]
    third = office.end(failed(), NIGHT + 2 * DAY)
    assert third[0].title == (
        "trueup: office: still failing since 2026-11-24: backup of crm failed (pg_dump: connection refused)"
    )
    assert third[0].body.startswith(
        "Still failing since 2026-11-24 02:00 UTC, 3rd night, 4 runs.\n\nWhat failed\n  crm: "
    )


def test_another_cause_is_told_at_once(ledger: Ledger) -> None:
    office = Office(ledger)
    office.end(failed())
    assert kinds(office.end(failed("disk full", code="Permanent"), NIGHT + 60))[0] == "failure/1 failure"
    assert kinds(office.end(failed("disk full", "shop"), NIGHT + 120))[0] == "failure/1 failure"


def test_the_recovery_is_told_once(ledger: Ledger) -> None:
    office = Office(ledger)
    office.end(failed(), NIGHT)
    office.end(failed(), NIGHT + DAY)
    found = office.end(GOOD, NIGHT + 2 * DAY)
    assert kinds(found) == ["failure/1 recovery", "success/1 success", "heartbeat success"]
    assert found[0].title == "trueup: office: all is well again"
    assert "Since 2026-11-24 02:00 UTC 2 runs had failed." in found[0].body
    assert kinds(office.end(GOOD, NIGHT + 3 * DAY)) == ["success/1 success", "heartbeat success"]
    assert kinds(office.end(failed(), NIGHT + 4 * DAY))[0] == "failure/1 failure"


def test_no_word_of_a_recovery_where_none_is_wanted(ledger: Ledger) -> None:
    office = Office(ledger, NotifySpec.from_options({"failure": "json://a", "recovery": False}))
    office.end(failed())
    assert office.end(GOOD) == []
    assert kinds(office.end(failed(), NIGHT + 60)) == ["failure/1 failure"]


def test_a_call_that_comes_twice_puts_nothing_twice(ledger: Ledger) -> None:
    bad, good = ({"id": name, "state": one["state"], "report": one} for name, one in (("A", failed()), ("B", GOOD)))
    office = Office(ledger)
    for run in (bad, bad, good, bad, good):
        ended(ledger, "office", SPEC, run, NIGHT)
    assert kinds(office.told()) == [
        *("failure/1 failure", "failure/1 recovery", "success/1 success"),
        *("heartbeat fail", "heartbeat success"),
    ]


def test_a_run_that_waited_for_a_word_ends_again(ledger: Ledger) -> None:
    office = Office(ledger)
    assert kinds(office.end({"state": "awaiting_approval"}, id="A"))[0] == "failure/1 failure"
    assert kinds(office.end(failed(), id="A"))[0] == "failure/1 failure"
    assert kinds(office.end(GOOD, id="A"))[0] == "failure/1 recovery"
    assert office.end(GOOD, id="A") == []


def test_a_start_is_pinged_once(ledger: Ledger) -> None:
    for _ in range(2):
        began(ledger, "office", SPEC, {"id": "A"}, NIGHT)
    assert kinds(Office(ledger).told()) == ["heartbeat start"]
    began(ledger, "shop", NotifySpec(), {"id": "A"}, NIGHT)
    assert ledger.outbox.waiting() == []


@pytest.mark.parametrize("state", ["running", "planned", "superseded", ""])
def test_of_what_has_not_ended_nothing_is_told(ledger: Ledger, state: str) -> None:
    assert Office(ledger).end({"state": state}) == []


def test_a_clock_that_goes_back_silences_nothing(ledger: Ledger) -> None:
    office = Office(ledger)
    office.end(failed(), NIGHT + 1000 * DAY)
    assert kinds(office.end(failed(), NIGHT))[0] == "failure/1 reminder"


def test_messages_are_there_with_the_report_or_not_at_all(ledger: Ledger) -> None:
    def fail() -> None:
        with ledger.transaction():
            Office(ledger).end(failed())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert kinds(Office(ledger).end(failed()))[0] == "failure/1 failure"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["good", "crm", "shop"]), st.sampled_from([60.0, HOUR, DAY, -HOUR])), max_size=12
    )
)
def test_whoever_reads_the_messages_knows_how_it_stands(
    tmp_path_factory: pytest.TempPathFactory, nights: list[tuple[str, float]]
) -> None:
    """The last message to `failure` says how the last run ended, and no failure lasts a day without a word."""
    now, last, told_at, pings = NIGHT, "recovery", 0.0, 0
    with open_ledger(str(tmp_path_factory.mktemp("ledger") / "ledger.db")) as ledger:
        office = Office(ledger)
        for what, pause in nights:
            now += pause
            found = office.end(GOOD if what == "good" else failed(source=what), now)
            pings += sum(one.channel == "heartbeat" for one in found)
            told = [one for one in found if one.channel == "failure/1"]
            assert len(told) <= 1
            if told:
                last, told_at = told[0].kind, now
            assert (last == "recovery") == (what == "good")
            assert what == "good" or now - told_at < DAY
    assert pings == len(nights)


# In which words -------------------------------------------------------------------------------------------------------


def words(ledger: Ledger, report: dict[str, Any], **more: Any) -> tuple[str, str]:
    found = Office(ledger).end(report, **more)
    (one,) = [one for one in found if one.channel == "failure/1"]
    return one.title.removeprefix("trueup: office: "), one.body


def test_what_failed_why_what_was_done_and_what_to_do(ledger: Ledger) -> None:
    title, body = words(ledger, failed())
    assert title == "backup of crm failed (pg_dump: connection refused)"
    assert body == "\n".join(
        (
            *("What failed", "  crm: pg_dump: connection refused", ""),
            "What was not tried",
            *("  letters: not backed up, because crm, which it comes after, failed", ""),
            *("What was done", "  files: stored, 5.21 GB", "  files: restored and compared, nothing differs"),
            *("  vault: checked, no damage found", "  files: copied to far", "  1 old backup removed", ""),
            *("What to do", "  start it", ""),
            "Run R1; more: trueup status office",
        )
    )


def test_several_sources(ledger: Ledger) -> None:
    both = [left("crm", reason="refused", hint="start it"), left("shop", reason="no login", hint="start it")]
    title, body = words(ledger, {"state": "failed", "left": both})
    assert title == "backup of crm and 1 other failed (refused)"
    assert "  crm: refused\n  shop: no login\n" in body
    assert body.count("start it") == 1


def test_a_backup_that_failed_is_worse_than_a_copy_that_did(ledger: Ledger) -> None:
    copy = {**left("shop", "archive", reason="bucket full"), "collection": "far/shop"}
    alone, _ = words(ledger, {"state": "partial", "left": [copy]})
    assert alone == "the copy of shop to far failed (bucket full)"
    both = [copy, left("crm", "drill", reason="3 rows differ")]
    title, body = words(ledger, {"state": "partial", "left": both}, now=NIGHT + 60, id="R2")
    assert title == "crm is not proven to restore (3 rows differ)"
    assert "shop: bucket full" in body


def test_less_of_the_same_is_no_news(ledger: Ledger) -> None:
    office = Office(ledger)
    both = [left("shop", reason="refused"), left("crm", reason="refused")]
    assert kinds(office.end({"state": "partial", "left": both}))[0] == "failure/1 failure"
    assert kinds(office.end({"state": "partial", "left": both[:1]}, NIGHT + 60)) == ["heartbeat fail"]
    assert kinds(office.end({"state": "partial", "left": both}, NIGHT + 120))[0] == "failure/1 failure"


def test_damage_comes_first(ledger: Ledger) -> None:
    report = frozen(anomaly_crm="fewer rows", damage_vault="pack 1f3a does not match", other="who knows")
    report["left"] = [left("crm", "retention", "put-off", reason="not removed: damage") for _ in range(9)]
    title, body = words(ledger, report)
    assert title == "vault is damaged (pack 1f3a does not match)"
    assert "  vault: pack 1f3a does not match\n  crm: fewer rows\n  who knows\n" in body
    assert "  crm, crm, crm and 6 more: not removed: damage\n" in body
    assert "trueup verify office" in body
    assert "trueup accept office crm" in body


def test_anomalies_and_differences(ledger: Ledger) -> None:
    assert words(ledger, frozen(anomaly_crm="fewer rows: 3"))[0] == "crm looks odd (fewer rows: 3)"
    title = words(ledger, frozen(differs_crm="orders: 3 rows are missing"), now=NIGHT + 60, id="R2")[0]
    assert title == "crm does not restore to what it was (orders: 3 rows are missing)"


def test_a_missed_window(ledger: Ledger) -> None:
    title, _ = words(ledger, {"state": "missed", "notes": ["the window of 01:00 passed without a start"]})
    assert title == "was missed (the window of 01:00 passed without a start)"


def test_a_run_that_waits_for_a_word(ledger: Ledger) -> None:
    guards = [{"guard": "shrink", "message": "half of crm is gone", "allowed": ""}]
    title, body = words(ledger, {"state": "awaiting_approval"}, plan={"guards": guards})
    assert title == "waits for your word (half of crm is gone)"
    assert "trueup apply R1" in body


def test_an_error_of_the_run_itself(ledger: Ledger) -> None:
    error = {
        "type": "LoginRefused",
        "what": "could not open vault",
        "where": "",
        "why": "403",
        "hint": "see to the key",
    }
    title, body = words(ledger, {"state": "failed", "error": error})
    assert title == "failed (could not open vault: 403)"
    assert "What to do\n  see to the key\n" in body


def test_an_item_of_another_kind_of_job(ledger: Ledger) -> None:
    left = [
        {"title": "Summer party", "collection": "work/team", "state": "refused", "code": "no-uid", "reason": "no UID"}
    ]
    title, body = words(ledger, {"state": "partial", "left": left})
    assert title == "is incomplete (no UID [work/team])"
    assert "Summer party: no UID [work/team]" in body


def test_a_collection_that_could_not_be_read(ledger: Ledger) -> None:
    error = {"what": "work is away", "why": "timed out", "where": "", "hint": ""}
    readings = [{"collection": "work/team", "read": False, "error": error}, {"collection": "home/team", "read": True}]
    title, body = words(ledger, {"state": "partial", "readings": readings, "left": []})
    assert title == "is incomplete (work is away: timed out)"
    assert "What failed\n  work/team: work is away: timed out\n" in body


def test_titles_are_short_and_one_line(ledger: Ledger) -> None:
    title, body = words(ledger, failed("first\nsecond " + "x" * 300))
    assert len(f"trueup: office: {title}") <= 110
    assert "\n" not in title
    assert "x" * 300 in body
    _, body = words(ledger, failed("x" * 100_000, code="Other"), id="R2")
    assert len(body) < 2000


def test_a_login_in_a_reason_is_left_out(ledger: Ledger) -> None:
    title, body = words(ledger, failed("cannot reach postgresql://anna:s3cret@db/crm and https://u:p%40ss/x@host/x"))
    assert "s3cret" not in title + body
    assert "p%40ss" not in title + body
    assert "postgresql://***@db/crm" in body


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
odd_objects = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("title", "collection", "reason", "code", "bytes", "hint"), json_values),
        "state": st.sampled_from(["failed", "verified", "put-off"]) | json_values,
        "stage": st.sampled_from(["take", "drill", "archive"]) | json_values,
    },
)
odd_lists = st.lists(odd_objects | json_values, max_size=4) | json_values
odd_backups = st.fixed_dictionaries({}, optional={"stages": odd_lists, "damage": json_values, "frozen": json_values})
odd_reports = st.fixed_dictionaries(
    {},
    optional={
        "left": json_values,
        "notes": json_values,
        "counts": json_values,
        "error": json_values,
        "backup": odd_backups,
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(odd_reports, st.sampled_from(["done", "failed", "partial"]))
def test_no_report_is_too_odd(ledger: Ledger, report: dict[str, Any], state: str) -> None:
    from trueup.notify import reading, text

    ending = reading.read({"id": "R", "state": state, "report": report})
    assert ending is not None
    if state != "done":
        assert ending.troubles
    told = [text.success("office", ending), text.recovery("office", ending, NIGHT, 3)]
    if ending.troubles:
        told += [text.failure("office", ending), text.reminder("office", ending, NIGHT, NIGHT + DAY, 2)]
    for title, body in told:
        assert "\n" not in title
        assert "Run R; more: trueup status office" in body


# Digests --------------------------------------------------------------------------------------------------------------


def test_a_digest_comes_daily_at_its_time(ledger: Ledger) -> None:
    office = Office(
        ledger, NotifySpec.from_options({"failure": "json://a", "digest": {"every": "daily", "at": "07:00"}})
    )
    office.end(GOOD, NIGHT)
    office.end(failed(), NIGHT + HOUR)
    digest(ledger, "office", office.spec, NIGHT + 4.9 * HOUR)
    assert office.told(NIGHT + 5 * HOUR) == []
    for _ in range(2):
        digest(ledger, "office", office.spec, NIGHT + 5.1 * HOUR)
    (found,) = office.told(NIGHT + 6 * HOUR)
    assert found.kind == "digest"
    assert found.title == "trueup: office: 2 runs, 1 failed"
    assert "2026-11-24 03:00 UTC  backup of crm failed (pg_dump: connection refused)" in found.body


def test_a_digest_says_where_nothing_ran(ledger: Ledger) -> None:
    spec = NotifySpec.from_options({"success": "json://a", "digest": "weekly"}, zone="Europe/Berlin")
    office = Office(ledger, spec)
    digest(ledger, "office", spec, NIGHT)  # a Tuesday
    digest(ledger, "office", spec, NIGHT + 5 * DAY)
    assert office.told(NIGHT + 5 * DAY) == []
    digest(ledger, "office", spec, NIGHT + 7 * DAY)
    (found,) = office.told(NIGHT + 7 * DAY)
    assert (found.channel, found.title) == ("success/1", "trueup: office: nothing ran")


def test_a_digest_after_a_clock_that_went_back(ledger: Ledger) -> None:
    office = Office(ledger, NotifySpec.from_options({"failure": "json://a", "digest": "daily"}))
    digest(ledger, "office", office.spec, NIGHT + 900 * DAY)
    digest(ledger, "office", office.spec, NIGHT)
    digest(ledger, "office", office.spec, NIGHT + DAY)
    assert [one.kind for one in office.told(NIGHT + DAY)] == ["digest"]
