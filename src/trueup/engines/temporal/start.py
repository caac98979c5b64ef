"""Before a run that a schedule starts begins: it waits for what is under way, is left out, or asks a person (`collide`). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from trueup.engines.temporal.desk import Desk
from trueup.engines.temporal.job import ContinueSoon, is_long
from trueup.engines.temporal.screen import Screen, start_text
from trueup.engines.temporal.settings import Settings
from trueup.engines.temporal.units import Json, call, note

LOOK_AGAIN = 15.0
"""Seconds between two looks at what is in the way."""


class Start:
    """One run before its beginning.

    Args:
        settings, desk, screen: of the run.
        given: what `calls.due` is asked: [name, at, key, params, occurrence].
    """

    def __init__(self, settings: Settings, desk: Desk, screen: Screen, given: list[Any]) -> None:
        self.settings, self.desk, self.screen, self.given = settings, desk, screen, given

    async def until(self, standing: Mapping[str, Any]) -> Json | None:
        """Waits until the run may begin; returns how it ends where it does not.

        Args:
            standing: the last answer of `calls.due`.

        Raises:
            ContinueSoon: the history is long.
            ApplicationError: somebody let it begin elsewhere, and it failed.
        """
        pause = self.settings.poll
        while (verdict := standing["verdict"]) != "run":
            if verdict == "skip":
                return {"state": "superseded", "error": standing["note"]}
            if verdict == "failed":
                raise ApplicationError(standing["note"], type="PipelineFailed", non_retryable=True)
            if is_long(self.settings):
                raise ContinueSoon
            if verdict == "wait":
                self.screen.enter("queued", standing["note"])
                await workflow.sleep(_until(standing), summary=standing["note"])
            else:
                await self._ask(standing["run"], standing["note"], pause)
                pause = min(pause * 2, self.settings.poll_cap)
            standing = await note(self.settings, "look", "due", *self.given)
        return None

    async def _ask(self, run: str, why: str, seconds: float) -> None:
        """Waits a while for a person's word, and carries it out; it may be said elsewhere meanwhile."""
        self.screen.enter("awaiting_approval", start_text(why, run), run=run)
        word = await self.desk.word_within(seconds)
        if word is not None:
            function = "allow_start" if word.approved else "refuse_start"
            await call(self.settings, "approve" if word.approved else "reject", function, run, word.who)


def _until(standing: Mapping[str, Any]) -> timedelta:
    left = standing["until"] - workflow.now().timestamp() if standing["until"] else LOOK_AGAIN
    return timedelta(seconds=max(LOOK_AGAIN if standing["until"] is None else 0.1, left))
