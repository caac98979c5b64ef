"""What people see of a run: state and subject as search attributes, the current details as markdown, answers to queries. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

from trueup.engines.temporal.settings import Settings

SUBJECT = SearchAttributeKey.for_keyword("TrueupJob")
"""The job's or pipeline's name."""
STATE = SearchAttributeKey.for_keyword("TrueupState")
"""running, queued, paused, awaiting_approval, done, partial, conflict, failed, superseded, cancelled."""
RUN = SearchAttributeKey.for_keyword("TrueupRun")
"""trueup's own id of the run, as in `trueup history`."""
ATTRIBUTES = (SUBJECT, STATE, RUN)

_MARKS = {"done": "✓", "failed": "✗", "partial": "◐", "skipped": "–", "running": "▶", "awaiting_approval": "✋"}


class Screen:
    """The run as its workflow's page shows it.

    Args:
        shown: the page is this run's; False: it is a workflow of a person's own, whose page is theirs.

    Attributes:
        kind: "job" or "pipeline"; name: of it; run: trueup's id of it.
        state: see `STATE`.
        units: what there is to do, in order: name -> {"state", "done", "of", "note"}.
        text: what stands above the table: why it waits, how it ended.
    """

    def __init__(self, kind: str, name: str, settings: Settings, *, shown: bool = True) -> None:
        self.kind, self.name, self._settings, self._shown = kind, name, settings, shown
        self._told = False
        self.run = ""
        self.state = "running"
        self.text = ""
        self.units: dict[str, dict[str, Any]] = {}

    def enter(self, state: str, text: str = "", run: str = "") -> None:
        """The run is in another state from now on."""
        before = self.state, self.run
        self.state, self.text, self.run = state, text, run or self.run
        if self._shown and (not self._told or (self.state, self.run) != before):
            self._tell()
        self.draw()

    def _tell(self) -> None:
        """Puts state and names where they can be searched for; where the namespace does not know the attributes, where they
        can be seen. An event of the history each time."""
        self._told = True
        if not self._settings.attributes:
            workflow.upsert_memo({STATE.name: self.state, **({RUN.name: self.run} if self.run else {})})
            return
        updates: list[SearchAttributeUpdate[str]] = [SUBJECT.value_set(self.name), STATE.value_set(self.state)]
        workflow.upsert_search_attributes([*updates, RUN.value_set(self.run)] if self.run else updates)

    def unit(self, name: str, state: str, *, done: int | None = None, of: int | None = None, note: str = "") -> None:
        """A part of the run is in another state from now on."""
        values = {"state": state, "done": done, "of": of, "note": note}
        known = self.units.setdefault(name, {})
        known.update({key: value for key, value in values.items() if value not in (None, "")})
        self.draw()

    def step(self, name: str, number: int = 1) -> None:
        """One more of a part's items has ended."""
        known = self.units[name]
        known["done"] = known.get("done", 0) + number
        self.draw()

    def draw(self) -> None:
        """Makes the details anew; costs no history."""
        if self._shown:
            workflow.set_current_details(self.markdown())

    def markdown(self) -> str:
        """State, text and a table of the parts."""
        title = f"**{self.name}**: {self.state.replace('_', ' ')}" + (f" (run `{self.run}`)" if self.run else "")
        rows = [_row(name, one) for name, one in self.units.items()]
        table = "\n".join(["| | | |", "|---|---|---|", *rows]) if rows else ""
        return "\n\n".join(part for part in (title, self.text, table) if part)

    def progress(self) -> dict[str, Any]:
        """The answer to the query `progress`."""
        return {"kind": self.kind, "name": self.name, "run": self.run, "state": self.state, "units": self.units}


def _row(name: str, one: Mapping[str, Any]) -> str:
    state = one["state"]
    count = f"{one.get('done', 0)} of {one['of']}" if one.get("of") is not None else ""
    words = ", ".join(part for part in (state.replace("_", " "), count, one.get("note", "")) if part)
    return f"| {_MARKS.get(state, '·')} | {name} | {_cell(words)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def approval_text(guards: Iterable[Mapping[str, Any]], run: str) -> str:
    """What a person has to decide, and how."""
    fired = [one for one in guards if not one.get("allowed")]
    names = [str(one["guard"]) for one in fired]
    lines = [f"- **{one['guard']}** {one.get('collection', '')}: {_cell(str(one['message']))}" for one in fired]
    allow = ", ".join(f'"{name}"' for name in dict.fromkeys(names))
    return "\n".join(
        [
            "Awaiting approval. Nothing was changed yet.",
            "",
            *lines,
            "",
            f'To allow it, send the signal `approve` with `{{"allow": [{allow}], "who": "your name"}}`, or:',
            f"`trueup apply {run}" + "".join(f" --allow {name}" for name in dict.fromkeys(names)) + "`",
            "",
            'To refuse it, send the signal `reject` with `{"who": "your name"}`.',
        ]
    )


def start_text(note: str, run: str) -> str:
    """What a person has to decide before a run begins, and how."""
    return "\n".join(
        [
            f"Nothing was begun yet: {_cell(note)}.",
            "",
            f'To let it begin, send the signal `approve` with `{{"who": "your name"}}`, or: `trueup apply {run}`',
            "",
            'To leave it out, send the signal `reject` with `{"who": "your name"}`.',
        ]
    )
