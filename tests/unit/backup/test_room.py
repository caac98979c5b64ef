"""Room that is shared: together they wait for each other, and who does not fit alone is refused."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from trueup.core.supervision import Deadline
from trueup.jobs.backup import room
from trueup.model.errors import CannotDrill, TimedOut


def watch(**limits: float) -> Deadline:
    return Deadline("waiting for room", **{"timeout": 60, **limits})


def test_who_fits_only_alone_waits_for_the_others(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    order, entered = list[str](), threading.Event()

    def second() -> None:
        entered.set()
        with room.promised(tmp_path, int(free * 0.6), watch()):
            order.append("second")

    thread = threading.Thread(target=second)
    with room.promised(tmp_path, int(free * 0.6), watch()), room.promised(tmp_path, 1000, watch()):
        thread.start()
        entered.wait()
        with pytest.raises(TimedOut):  # as the second one does, until its time is over
            room.promised(tmp_path, int(free * 0.6), watch(timeout=0.5)).__enter__()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert not any(room._promised.values())


def test_who_does_not_fit_at_all_is_refused(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(CannotDrill, match="no room"), room.promised(tmp_path, free * 2, watch()):
        pass
    assert not any(room._promised.values())
