"""Messages that wait to be sent: put once, kept until they are, tried again with pauses; on both databases."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trueup.core.ledger import Ledger, open_ledger
from trueup.core.ledger.outbox import FIRST_PAUSE, LONGEST_PAUSE, Message

NOW = 1_790_000_000.0
ROOT = Path(__file__).parents[3]


def message(key: str = "run-1", channel: str = "failure/1", subject: str = "office", at: float = NOW) -> Message:
    return Message(0, subject, channel, key, "failure", "mailto", f"title of {key}", "body", at)


def keys(ledger: Ledger, now: float = NOW, channel: str = "failure/1", subject: str = "office") -> list[str]:
    return [one.key for one in ledger.outbox.due(subject, channel, now)]


def test_a_message_comes_back_as_it_was_put(ledger: Ledger) -> None:
    odd = Message(0, "büro", "failure/1", "k", "failure", "mailto", "crm → ✗ \0 \ud800", "line\nline", NOW)
    assert ledger.outbox.put(odd)
    (found,) = ledger.outbox.due("büro", "failure/1", NOW)
    assert (found.title, found.body) == ("crm → ✗ \\x00 \\ud800", "line\nline")
    assert (found.put, found.attempts, found.error, found.label) == (NOW, 0, "", "mailto")


def test_the_same_message_is_put_once_for_a_channel(ledger: Ledger) -> None:
    assert ledger.outbox.put(message())
    assert not ledger.outbox.put(message())
    assert ledger.outbox.put(message(channel="failure/2"))
    assert ledger.outbox.put(message(subject="shop"))
    (one,) = ledger.outbox.due("office", "failure/1", NOW)
    ledger.outbox.sent(one.id, NOW)
    assert not ledger.outbox.put(message())
    assert ledger.outbox.due_channels(NOW) == [("office", "failure/2"), ("shop", "failure/1")]


def test_of_many_who_put_the_same_one_does(ledger: Ledger) -> None:
    with ThreadPoolExecutor(4) as pool:
        put = list(pool.map(lambda _: ledger.outbox.put(message()), range(8)))
    assert sorted(put) == [False] * 7 + [True]


def test_a_message_is_there_with_what_it_tells_or_not_at_all(ledger: Ledger) -> None:
    def fail() -> None:
        with ledger.transaction():
            ledger.facts.put("office", "notify", {"since": 1})
            ledger.outbox.put(message())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert keys(ledger) == []
    assert ledger.facts.get("office", "notify") is None


def test_channels_are_in_the_order_of_their_messages(ledger: Ledger) -> None:
    for key in ("a", "b", "c"):
        ledger.outbox.put(message(key))
    assert keys(ledger) == ["a", "b", "c"]
    assert keys(ledger, NOW - 1) == []


def test_pauses_grow_up_to_an_hour(ledger: Ledger) -> None:
    ledger.outbox.put(message())
    now, pauses = NOW, []
    for _ in range(10):
        (one,) = ledger.outbox.due("office", "failure/1", now)
        ledger.outbox.failed(one, "refused", now)
        (waits,) = ledger.outbox.waiting()
        assert keys(ledger, waits.due - 1) == []
        pauses.append(waits.due - now)
        now = waits.due
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    (found,) = ledger.outbox.due("office", "failure/1", now)
    assert (found.attempts, found.error) == (10, "refused")


def test_one_that_fails_does_not_hold_up_those_behind_it(ledger: Ledger) -> None:
    ledger.outbox.put(message("a"))
    ledger.outbox.put(message("b"))
    ledger.outbox.failed(ledger.outbox.due("office", "failure/1", NOW)[0], "too long", NOW)
    assert keys(ledger) == ["b"]
    assert [one.key for one in ledger.outbox.all_of("office", "failure/1")] == ["a", "b"]


def test_a_clock_that_was_far_ahead_delays_nothing(ledger: Ledger) -> None:
    ledger.outbox.put(message("a", at=NOW + 9e8))
    ledger.outbox.put(message("b"))
    ledger.outbox.failed(ledger.outbox.due("office", "failure/1", NOW)[1], "refused", NOW + 9e8)
    assert keys(ledger) == ["a", "b"]


def test_what_waits_is_told_by_channel(ledger: Ledger) -> None:
    ledger.outbox.put(message("a"))
    ledger.outbox.put(message("b", at=NOW + 5))
    ledger.outbox.put(message("c", "heartbeat"))
    ledger.outbox.put(message("d", "success/1"))
    ledger.outbox.failed(ledger.outbox.due("office", "failure/1", NOW)[0], "refused", NOW)
    ledger.outbox.sent(ledger.outbox.due("office", "heartbeat", NOW)[0].id, NOW)
    ledger.outbox.drop(ledger.outbox.due("office", "success/1", NOW)[0].id, "no such channel", NOW)
    (waits,) = ledger.outbox.waiting()
    assert waits == ("office", "failure/1", "mailto", 2, NOW, 1, NOW + 5, "refused")


def test_what_is_over_is_over(ledger: Ledger) -> None:
    ledger.outbox.put(message())
    (one,) = ledger.outbox.due("office", "failure/1", NOW)
    ledger.outbox.sent(one.id, NOW)
    ledger.outbox.failed(one, "a late answer", NOW)
    ledger.outbox.drop(one.id, "late", NOW)
    assert ledger.outbox.waiting() == []
    assert ledger.outbox.due_channels(NOW + 1e6) == []


def test_what_was_sent_is_forgotten_and_what_waits_is_not(ledger: Ledger) -> None:
    for key in ("a", "b", "c"):
        ledger.outbox.put(message(key, at=NOW - 1e7))
    first, second, _ = ledger.outbox.due("office", "failure/1", NOW)
    ledger.outbox.sent(first.id, NOW - 1e6)
    ledger.outbox.sent(second.id, NOW)
    ledger.journal.prune(NOW - 1)
    assert ledger.outbox.put(message("a"))
    assert not ledger.outbox.put(message("b"))
    assert keys(ledger) == ["c", "a"]


KILLED = """
import os, signal, sys
from trueup.core.ledger import open_ledger
from tests.unit.ledger.test_outbox import message
ledger = open_ledger(sys.argv[1])
moments = []
def hook(moment):
    moments.append(moment)
    if len(moments) > int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
ledger.on_write = hook
with ledger.transaction("report"):
    ledger.facts.put("office", "notify", {"since": 1})
    ledger.outbox.put(message())
ledger.outbox.failed(ledger.outbox.due('office', 'failure/1', 2e9)[0], "refused", 1.0)
"""


@pytest.mark.parametrize("calls", range(4))
def test_a_kill_leaves_all_or_nothing(url: str, calls: int) -> None:
    open_ledger(url).close()
    done = subprocess.run([sys.executable, "-c", KILLED, url, str(calls)], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    with open_ledger(url) as ledger:
        committed = calls > 0
        assert (ledger.facts.get("office", "notify") is not None) is committed
        assert [one.attempts for one in ledger.outbox.waiting()] == ([] if not committed else [int(calls == 3)])
