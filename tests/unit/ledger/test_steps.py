"""Steps of a pipeline run, and bodies."""

from __future__ import annotations

import pytest

from trueup.core.ledger import Ledger
from trueup.model.errors import LedgerError
from trueup.model.items import digest


def test_a_step_from_start_to_end(ledger: Ledger) -> None:
    run = ledger.journal.start("pipeline", "nightly").id
    assert ledger.steps.get(run, "read[2]") is None
    ledger.steps.start(run, "read[2]", {"path": ["a", None, 1.5]})
    step = ledger.steps.get(run, "read[2]")
    assert (step.state, step.attempts, step.input, step.output, step.ended) == (
        *("running", 1, {"path": ["a", None, 1.5]}),
        *(None, None),
    )
    ledger.steps.finish(run, "read[2]", "failed", error="it broke")
    assert ledger.steps.get(run, "read[2]").error == "it broke"
    ledger.steps.start(run, "read[2]", [])
    step = ledger.steps.get(run, "read[2]")
    assert (step.state, step.attempts, step.input, step.error, step.ended) == ("running", 2, [], "", None)
    ledger.steps.finish(run, "read[2]", "done", {"items": 3})
    step = ledger.steps.get(run, "read[2]")
    assert (step.state, step.output) == ("done", {"items": 3})
    assert step.ended >= step.started


def test_steps_come_in_the_order_in_which_they_began(ledger: Ledger) -> None:
    run, other = ledger.journal.start("pipeline", "nightly").id, ledger.journal.start("pipeline", "x").id
    moments = iter(range(100))
    ledger._database.now = lambda: float(next(moments))
    for key in ("b", "a", "c"):
        ledger.steps.start(run, key, None)
    ledger.steps.finish(run, "never", "skipped")
    ledger.steps.start(other, "z", None)
    assert [(step.key, step.attempts) for step in ledger.steps.all(run)] == [("b", 1), ("a", 1), ("c", 1), ("never", 0)]


def test_bodies_are_kept_by_their_digest(ledger: Ledger) -> None:
    bodies = [b"", b"\0\xff", b"BEGIN:VEVENT\r\n" * 1000, b"", bytes(range(256)) * 7]
    names = ledger.blobs.put_many(bodies)
    assert names == [digest(body) for body in bodies]
    assert ledger.blobs.get_many(names) == dict(zip(names, bodies, strict=True))
    assert ledger.blobs.put(bodies[2]) == names[2]
    assert ledger.blobs.get(names[2]) == bodies[2]
    assert ledger.blobs.put_many([]) == []
    assert ledger.blobs.get_many([]) == {}


def test_many_bodies_at_once(ledger: Ledger) -> None:
    bodies = [f"body {number}".encode() for number in range(1234)]
    names = ledger.blobs.put_many(bodies)
    assert set(ledger.blobs.get_many(names).values()) == set(bodies)


def test_a_missing_body_is_damage_and_not_a_crash(ledger: Ledger) -> None:
    known = ledger.blobs.put(b"known")
    for ask in (lambda: ledger.blobs.get("0" * 32), lambda: ledger.blobs.get_many([known, "0" * 32])):
        with pytest.raises(LedgerError, match="damaged") as caught:
            ask()
        assert "0" * 32 in caught.value.why
        assert "doctor" in caught.value.hint


def test_a_body_that_rotted_is_never_handed_out(ledger: Ledger) -> None:
    name = ledger.blobs.put(b"body")
    for rotten in (b"\x00bodx", b"\x01not zlib", b"\x07?", b""):
        with ledger.transaction():
            ledger._database.write("UPDATE blob SET data = ? WHERE digest = ?", (rotten, name))
        with pytest.raises(LedgerError, match="damaged"):
            ledger.blobs.get(name)
        [found] = [one for one in ledger.check() if one.severity == "error"]
        assert "1 bodies are not what they were" in found.why
