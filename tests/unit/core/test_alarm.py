"""What is due later, and mostly is cancelled before."""

from __future__ import annotations

import os
import queue
import threading

from trueup.core.alarm import ALARM, Alarm


def test_what_is_due_is_called_in_its_order_and_what_was_cancelled_is_not() -> None:
    alarm, told = Alarm(), queue.SimpleQueue[str]()
    alarm.set("late", 0.3, lambda: told.put("late"))
    alarm.set("never", 0.2, lambda: told.put("never"))
    alarm.set("early", 0.1, lambda: told.put("early"))
    alarm.cancel("never")
    alarm.cancel("unknown")
    assert [told.get(timeout=10) for _ in range(2)] == ["early", "late"]
    alarm.set("again", 0.0, lambda: told.put("again"))
    assert told.get(timeout=10) == "again"
    assert told.empty()


def test_the_last_one_under_a_key_counts() -> None:
    alarm, told = Alarm(), queue.SimpleQueue[str]()
    alarm.set("key", 60, lambda: told.put("first"))
    alarm.set("key", 0.05, lambda: told.put("second"))
    assert told.get(timeout=10) == "second"
    assert told.empty()


def test_one_thread_waits_for_all() -> None:
    alarm, before = Alarm(), threading.active_count()
    for number in range(100):
        alarm.set(number, 60 - number / 10, lambda: None)
    assert threading.active_count() == before + 1
    for number in range(100):
        alarm.cancel(number)


def test_a_forked_child_has_an_alarm_of_its_own() -> None:
    ALARM.set("parent's", 60, lambda: None)
    pid = os.fork()
    if not pid:
        told = threading.Event()
        ALARM.set("child's", 0.05, told.set)
        os._exit(0 if told.wait(10) else 1)
    ALARM.cancel("parent's")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
