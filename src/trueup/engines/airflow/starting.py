"""Where a schedule says `collide: ask`: the task before a run's beginning. It asks a person where the run would meet another one, as `approve`
asks about a plan, under "Required actions"; where it would meet none it is over at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trueup.engines.airflow.approval import Approve
from trueup.engines.airflow.calling import call
from trueup.engines.airflow.following import key_for, occurrence
from trueup.engines.airflow.meeting import meet, params_of
from trueup.engines.airflow.overlaps import heed
from trueup.engines.base import Json

if TYPE_CHECKING:
    from airflow.sdk import Context


class Start(Approve):
    """Asks whether a run that a schedule starts is to begin.

    Args:
        config, job: as `Approve`; the job may be a pipeline.
        begin: the task that begins it.
        names: the pipeline's parameters.
        overlap: as `BeginJob`.
        follows: a calendar says when it starts.
    """

    template_fields: Sequence[str] = ("subject", "body", "config")

    def __init__(
        self, *, job: str, begin: str, names: Sequence[str] = (), overlap: str = "", follows: bool = False, **more: Any
    ) -> None:
        super().__init__(run="", job=job, **{"subject": f"{job}: it would meet another run", **more})
        self.job, self.begin, self.names = job, begin, tuple(names)
        self.overlap, self.follows = overlap, follows
        self.why = ""

    def execute(self, context: Context) -> Any:
        """See `calls.due`."""
        heed(context, self.overlap)
        if self.look(context)["verdict"] == "ask":
            raise self.put(context)
        return None

    def execute_again(self, context: Context, event: Any = None) -> Any:
        """After a while in which something else was under way."""
        return self.execute(context)

    def look(self, context: Context) -> Json:
        """What is in the way; keeps which run waits for a word about it."""
        found = occurrence(context, self.config, self.job) if self.follows else None
        params = params_of(context, self.names, found)
        met = meet(context, self.config, self.job, key_for(context, self.begin, found), params, found)
        self.run, self.why = met.get("run", ""), met.get("note", "")
        return met

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """See `calls.allow_start`, `calls.refuse_start`."""
        if self.look(context)["verdict"] == "run":  # somebody said so elsewhere
            return None
        return super().execute_complete(context, event)

    def question(self) -> str:
        """What it would meet."""
        return f"**{self.job}** has not begun: {self.why}.\n\nElsewhere: `{self.elsewhere()}`"

    def elsewhere(self) -> str:
        """What says yes on the command line."""
        return f"trueup apply {self.run}"

    def allowed(self, who: str) -> None:
        """See `calls.allow_start`."""
        call("allow_start", self.config, self.run, who)

    def refused(self, who: str) -> None:
        """See `calls.refuse_start`."""
        call("refuse_start", self.config, self.run, who)
