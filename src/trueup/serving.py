"""`trueup serve`, put together: what the embedded engine's server is given of the configuration, the ledger and the calendars."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from trueup.app import App
from trueup.calendars import StoreCalendars, read_block
from trueup.config.secrets import resolve
from trueup.core.asked import ask_about_job, ask_about_pipeline
from trueup.core.pipeline_runs import PipelineRuns, definition_digest
from trueup.engines.embedded.serving import RESUME, Server, Settings, Setup
from trueup.engines.embedded.stop import Stop
from trueup.messages import delivering
from trueup.model.errors import ConfigError, UsageError
from trueup.model.occurrence import OccurrenceRecord
from trueup.upcoming import every_subject, subjects_of

Json: TypeAlias = dict[str, Any]
OnEvent: TypeAlias = Callable[[Json], None]


class Serving:
    """Schedules and triggers of one configuration.

    Args:
        app: the configuration, checked; it stays the caller's to close.
        on_event: told what happens; see `engines.embedded.serving.Server`.
        settings: times, and where to listen.

    Raises:
        UsageError: nothing starts by itself.
        SecretMissing: the token of an HTTP trigger is not where the configuration says.
    """

    def __init__(self, app: App, on_event: OnEvent, settings: Settings | None = None) -> None:
        if not subjects_of(app.config):
            hint = "give a job or pipeline a `schedule:` or `triggers:` in trueup.yaml"
            raise UsageError("there is nothing to serve", why="nothing starts by itself", hint=hint)
        self._first = app
        self._path = app.config.path
        self._looks = _look_of(self._path)
        self._server = Server(self._setup(app), self._reload, on_event, settings)

    def run(self, stop: Stop) -> None:
        """Serves until asked to stop; messages that wait are sent meanwhile."""
        with delivering(self._first):
            self._server.run(stop)

    def kill(self) -> None:
        """Ends the runs under way at once; what they did is in the ledger."""
        self._server.children.kill()

    def _setup(self, app: App, closed: Callable[[], None] = lambda: None) -> Setup:
        calendars = StoreCalendars(app.reading_store, self._first.ledger.now, lambda: self._server.calendars_changed())

        def over() -> None:
            calendars.close()
            closed()

        config = app.config
        return Setup(
            ledger=self._first.ledger,
            root=config.root,
            subjects={one.name: one for one in subjects_of(config)},
            everything={one.name: one for one in every_subject(config)},
            calendars=calendars,
            command=lambda one: _command(self._path, one),
            ask=lambda one, why: _asked(app, one, why, self._first),
            tokens={path: resolve(token, config.root, f"token of {path}") for path, token in config.hooks.items()},
            read_block=read_block,
            closed=over,
        )

    def _reload(self) -> Setup | None:
        """The configuration, where its file was changed; told once where it is wrong."""
        looks = _look_of(self._path)
        if looks == self._looks:
            return None
        self._looks = looks
        app = App.load(self._path, checked=True)
        try:
            app.validate()
            if app.config.ledger != self._first.config.ledger:
                raise ConfigError("the ledger was changed in trueup.yaml", hint="restart `trueup serve`")
            return self._setup(app, app.close)
        except BaseException:
            app.close()
            raise


def _look_of(path: Path) -> tuple[int, int, int] | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size, about.st_ino


def _command(path: Path, one: OccurrenceRecord) -> list[str]:
    """`-P`: as for the command itself, the current folder is not where modules come from."""
    given = [] if one.source == RESUME else ["--occurrence", one.key]
    return [
        sys.executable,
        "-P",
        "-m",
        "trueup",
        "run",
        one.subject,
        "--config",
        str(path),
        "--quiet",
        "--no-input",
        *given,
    ]


def _asked(app: App, one: OccurrenceRecord, why: str, first: App) -> str:
    """As `_ask`; who is to hear of it does."""
    run = _ask(app, one, why, first)
    app.tell(one.subject, "ended", run)
    return run


def _ask(app: App, one: OccurrenceRecord, why: str, first: App) -> str:
    """A run that waits for a person: `trueup apply RUN` starts it."""
    journal = first.ledger.journal
    known = journal.latest(one.subject, parent=one.parent)
    if known is not None:
        return known.id
    spec = app.config.pipelines.get(one.subject)
    if spec is None:
        return ask_about_job(first.ledger, one.subject, one.parent, why)
    runs = PipelineRuns(first.ledger, spec, definition_digest(spec, app.config.pipelines), one.parent)
    return ask_about_pipeline(runs, one.params, why)
