"""What triggers bring, put into the ledger as wanted at once: a file, a call, the end of a run. Each has a key, and so starts one run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from trueup.core.agenda import Subject
from trueup.core.ledger import Ledger
from trueup.core.params import bind
from trueup.engines.embedded.serving.files import FileWatch
from trueup.engines.embedded.serving.setup import Json, Setup
from trueup.model.errors import UsageError
from trueup.model.occurrence import Occurrence
from trueup.model.run import RunRecord
from trueup.model.schedule import AfterTrigger, FileTrigger, HttpTrigger, Trigger, trigger_id

_LATEST = 50
_BACK = 3600.0
"""Seconds: so long after the end of a run it is still looked for; what was found before has a key in the ledger."""


class Triggers:
    """The triggers of one configuration.

    Args:
        setup: the configuration.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._ledger: Ledger = setup.ledger
        self._files: list[tuple[Subject, FileTrigger, FileWatch]] = []
        self._after: list[tuple[Subject, AfterTrigger]] = []
        self._hooks: dict[str, tuple[Subject, HttpTrigger]] = {}
        self._told_files: set[tuple[str, str]] = set()
        self._told_ends: dict[tuple[str, str], set[str]] = {}
        for subject in setup.subjects.values():
            for one in subject.triggers:
                if isinstance(one, FileTrigger):
                    self._files.append((subject, one, FileWatch(setup.root, one.pattern, one.settle)))
                elif isinstance(one, AfterTrigger):
                    self._after.append((subject, one))
                else:
                    self._hooks[one.path] = (subject, one)

    @property
    def polls(self) -> bool:
        """Whether anything has to be looked for."""
        return bool(self._files or self._after)

    @property
    def paths(self) -> list[str]:
        """Where HTTP triggers are called."""
        return list(self._hooks)

    def sources(self) -> Iterator[tuple[str, str]]:
        """(subject, source) of every trigger."""
        for subject in self._setup.subjects.values():
            for one in subject.triggers:
                yield subject.name, trigger_id(one)

    def look(self, now: float) -> list[tuple[Subject, Occurrence]]:
        """Looks for files and for the ends of runs; returns what is wanted now and was not before.

        Args:
            now: seconds since 1970.
        """
        return [*self._look_for_files(now), *self._look_for_ends(now)]

    def present(self) -> set[tuple[str, str]]:
        """(subject, key) of the files that are there: what is known of them must not be forgotten."""
        return {(subject.name, key) for subject, _, watch in self._files for key in watch.present()}

    # --- files

    def _look_for_files(self, now: float) -> Iterator[tuple[Subject, Occurrence]]:
        for subject, trigger, watch in self._files:
            for file in watch.arrived(time.monotonic()):
                known = (subject.name, file.key)
                if known in self._told_files:
                    continue
                given = {"file": file.path} if _takes(subject, "file") else {}
                one = self._want(subject, trigger, file.key, given, now, file.path)
                self._told_files.add(known)
                if one is not None:
                    yield subject, one
        self._told_files &= self.present()

    # --- the ends of runs

    def _look_for_ends(self, now: float) -> Iterator[tuple[Subject, Occurrence]]:
        for subject, trigger in self._after:
            source = trigger_id(trigger)
            seen = self._ledger.occurrences.seen(subject.name, source)
            if seen is None:  # what ended before anybody asked for it starts nothing
                self._ledger.occurrences.see({(subject.name, source): now})
                continue
            runs = [
                one for one in self._ledger.journal.history(trigger.subject, _LATEST) if _counts(one, trigger, seen)
            ]
            told = self._told_ends.get((subject.name, source), set())
            self._told_ends[subject.name, source] = {f"after:{one.id}" for one in runs}
            for run in reversed(runs):
                key = f"after:{run.id}"
                if key in told:
                    continue
                one = self._want(subject, trigger, key, {}, now, f"after {trigger.subject}: {run.state.value}")
                if one is not None:
                    yield subject, one
            self._ledger.occurrences.see({(subject.name, source): now - _BACK})

    # --- calls

    def accept(self, path: str, key: str, body: Mapping[str, Any], now: float) -> tuple[Subject, Occurrence] | None:
        """A call: what is wanted now; None: a call with this key came before.

        Raises:
            UsageError: the parameters do not fit.
        """
        subject, trigger = self._hooks[path]
        one = self._want(subject, trigger, key, body, now, f"call of {path}")
        return None if one is None else (subject, one)

    def status(self, path: str, key: str) -> Json | None:
        """What became of a call."""
        subject, _ = self._hooks[path]
        found = self._ledger.occurrences.get(subject.name, key)
        if found is None:
            return None
        run = found.run
        if not run:
            record = self._ledger.journal.latest(subject.name, parent=found.parent)
            run = record.id if record else ""
        return {
            subject.kind: subject.name,
            "state": found.state.value,
            "run": run,
            "outcome": found.outcome,
            "note": found.note,
        }

    def _want(
        self, subject: Subject, trigger: Trigger, key: str, given: Mapping[str, Any], now: float, title: str
    ) -> Occurrence | None:
        params = {**trigger.params, **given}
        if subject.pipeline is not None:
            params = bind(subject.pipeline, params)
        elif params:
            raise UsageError(f"`{subject.name}` is a job", why="only pipelines take parameters")
        one = Occurrence(key, now, params, now, now, title)
        return one if self._ledger.occurrences.want(subject.name, trigger_id(trigger), one) else None


def _takes(subject: Subject, name: str) -> bool:
    return subject.pipeline is not None and any(one.name == name for one in subject.pipeline.params)


def _counts(run: RunRecord, trigger: AfterTrigger, seen: float) -> bool:
    """Whether the end of a run is one that is waited for: not of a round that another followed, and not of an undo."""
    ended = run.ended is not None and run.ended > seen and run.kind in ("run", "pipeline")
    return ended and run.state in trigger.outcomes and not run.report.get("again")
