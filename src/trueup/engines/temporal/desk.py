"""What people and programs tell a run while it goes on: approve, reject, pause, cancel. Pure."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow

SOMEBODY = "somebody, by a signal"


@dataclass(frozen=True, slots=True)
class Word:
    """A person's decision on a plan that a guard has blocked."""

    approved: bool
    allow: tuple[str, ...]
    who: str


class Desk:
    """Where signals arrive and the run looks before every call.

    Attributes:
        word: the decision that has arrived and was not yet carried out.
        paused: nothing new is begun while it is.
        stopped: the run was asked to stop.
    """

    def __init__(self) -> None:
        self.word: Word | None = None
        self.paused = False
        self.stopped = False

    def hear(self, approved: bool, given: object, who: str) -> None:
        """A decision, as a signal brings it: `(["deletions"], "ana")` or, from the web screen, one object
        `{"allow": ["deletions"], "who": "ana"}`; no names at all: every guard."""
        allow = given
        if isinstance(given, Mapping):
            allow, who = given.get("allow"), str(given.get("who") or who)
        elif not approved and isinstance(given, str):
            allow, who = None, given or who
        names = [allow] if isinstance(allow, str) else allow if isinstance(allow, list) else []
        self.word = Word(approved, tuple(str(one) for one in names) or ("all",), who or SOMEBODY)

    def take_word(self) -> Word | None:
        """The decision, once."""
        word, self.word = self.word, None
        return word

    async def word_within(self, seconds: float) -> Word | None:
        """The decision, once it arrives; None: it has not, for so long."""
        try:
            await workflow.wait_condition(
                lambda: self.word is not None, timeout=timedelta(seconds=seconds), timeout_summary="awaiting approval"
            )
        except asyncio.TimeoutError:  # noqa: UP041  (the same class only from Python 3.11 on; the SDK raises this one)
            return None
        return self.take_word()

    async def gate(self) -> None:
        """Waits while the run is paused."""
        if self.paused:
            await workflow.wait_condition(lambda: not self.paused)

    def to_json(self) -> dict[str, Any]:
        """What goes with a run that continues as new."""
        return {
            "paused": self.paused,
            "word": [self.word.approved, [*self.word.allow], self.word.who] if self.word else None,
        }

    def restore(self, value: Mapping[str, Any]) -> None:
        """The counterpart of `to_json`."""
        self.paused = bool(value.get("paused"))
        if value.get("word"):
            approved, allow, who = value["word"]
            self.word = Word(bool(approved), tuple(allow), str(who))
