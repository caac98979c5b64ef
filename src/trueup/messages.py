"""Messages put together: which jobs tell whom, and sending what waits in the ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from trueup.config.secrets import SecretRef, resolve
from trueup.model.errors import TrueupError
from trueup.model.job import JobSpec

if TYPE_CHECKING:
    from trueup.app import App
    from trueup.notify import NotifySpec

Json: TypeAlias = dict[str, Any]

NOTIFY = "notify"
PATIENCE = 5.0
"""Seconds that the beginning of a run waits for a watcher to answer."""

EVERY = 60.0
"""Seconds between two looks of `trueup serve` at what waits."""


def spec_of(spec: JobSpec) -> NotifySpec | None:
    """Whom a job tells; None: nobody."""
    given = spec.options.get(NOTIFY)
    if not isinstance(given, Mapping):
        return None
    from trueup.notify import NotifySpec

    return NotifySpec.from_options(given, f"jobs.{spec.name}.{NOTIFY}", spec.schedule.zone if spec.schedule else "UTC")


def teller(app: App, spec: JobSpec) -> Callable[[str, Json], None]:
    """Told that a run of a job "began" or "ended", with its report, or that a window was "missed"; puts the messages into the outbox."""
    whom = spec_of(spec)

    def tell(event: str, report: Json) -> None:
        if whom is None:
            return
        from trueup import notify

        if event == "began":
            notify.began(app.ledger, spec.name, whom, {"id": report["run"]})
            with suppress(TrueupError, OSError):  # at once: at the end it would be overtaken by how the run ended
                notify.deliver(app.ledger, {spec.name: whom}, _addresses(app), only="heartbeat", patience=PATIENCE)
        elif event == "missed":
            run = {"id": report["run"], "state": "missed", "report": {"notes": report["notes"]}}
            notify.ended(app.ledger, spec.name, whom, run)
        else:
            record = app.ledger.journal.get(report["run"])
            run = {"id": record.id, "state": record.state.value, "report": {**record.report, **report}}
            notify.ended(app.ledger, spec.name, whom, {**run, "plan": record.plan})

    return tell


def tell_of_last(app: App, spec: JobSpec) -> None:
    """A run that ended with an error has had no chance to tell of it; what was told already is not told again."""
    last = app.ledger.journal.latest(spec.name)
    if last is not None and last.ended is not None:
        teller(app, spec)("ended", {"run": last.id})


def deliver(app: App) -> None:
    """Sends what waits, as far as it can; what cannot be sent stays, and `status` and `doctor` say so."""
    specs = {name: found for name, one in app.config.jobs.items() if (found := spec_of(one)) is not None}
    if not specs:
        return
    from trueup import notify

    notify.deliver(app.ledger, specs, _addresses(app))


def _addresses(app: App) -> Callable[[object, str], str]:
    def look_up(address: object, what: str) -> str:
        if isinstance(address, Mapping):
            return resolve(SecretRef(**address), app.config.root, what)
        return str(address)

    return look_up


@contextmanager
def told(app: App, name: str) -> Iterator[None]:
    """After what is done inside, whatever comes of it: its messages are put and sent. Never fails by itself."""
    try:
        yield
    finally:
        spec = app.config.jobs.get(name)
        if spec is not None and NOTIFY in spec.options:
            with suppress(TrueupError, OSError):
                tell_of_last(app, spec)
                deliver(app)


@contextmanager
def delivering(app: App) -> Iterator[None]:
    """Sends what waits once a minute, in a thread of its own, while what is inside goes on."""
    if not any(NOTIFY in one.options for one in app.config.jobs.values()):
        yield
        return
    over = threading.Event()

    def work() -> None:
        while True:
            with suppress(TrueupError, OSError):
                deliver(app)
            if over.wait(EVERY):
                return

    thread = threading.Thread(target=work, name="messages", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5.0)
