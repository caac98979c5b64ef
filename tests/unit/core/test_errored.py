"""Our own mistake in one item stops that item and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.office import InFolder, Office, event, wrote
from trueup.jobs.calendar import CalendarKind


def test_an_item_that_planning_stumbles_over_is_named_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, right, office = (
        InFolder("left", tmp_path / "l"),
        InFolder("right", tmp_path / "r"),
        Office(tmp_path / "office"),
    )
    left.put("good.ics", event("good", "Good"))
    left.put("bad.ics", event("bad", "Stumbling block"))
    office.configure([left, right])
    storable = CalendarKind.storable

    def stumbles(self: CalendarKind, data: bytes, *args: object, **more: object) -> bytes:
        if b"Stumbling" in data:
            raise ZeroDivisionError("a mistake of ours")
        return storable(self, data, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(CalendarKind, "storable", stumbles)
    header, changes = office.plan()
    assert header["errored"]
    assert [one["title"] for one in changes if one.get("code") == "bug"] == ["Stumbling block"]
    report = office.run()
    assert wrote(report) == {"create": 1}
    assert report["state"] == "partial"
    monkeypatch.undo()
    assert wrote(office.run()) == {"create": 1}
