"""Messages put together: which jobs and pipelines tell whom, and sending what waits in the ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from trueup.config.secrets import SecretRef, resolve
from trueup.model.errors import TrueupError

if TYPE_CHECKING:
    from trueup.app import App
    from trueup.config import Config
    from trueup.notify import NotifySpec

Json: TypeAlias = dict[str, Any]

NOTIFY = "notify"
PATIENCE = 5.0
"""Seconds that the beginning of a run waits for a watcher to answer."""

EVERY = 60.0
"""Seconds between two looks of `trueup serve` at what waits."""

UNDO = "undo"


def spec_of(config: Config, name: str) -> NotifySpec | None:
    """Whom a job or pipeline tells; None: nobody.

    Raises:
        ConfigError: an address or digest is none.
    """
    given = config.notify.get(name)
    if given is None:
        return None
    from trueup.notify import NotifySpec

    return NotifySpec.from_options(given, f"{'jobs' if name in config.jobs else 'pipelines'}.{name}.{NOTIFY}")


def teller(app: App, name: str) -> Callable[[str, Json], None]:
    """Told that a run of a job or pipeline "began" or "ended", with its report, or that a window was "missed"; puts the messages into the outbox."""
    whom = spec_of(app.config, name)

    def tell(event: str, report: Json) -> None:
        if whom is None:
            return
        from trueup import notify

        if event == "began":
            if app.ledger.journal.get(report["run"]).kind == UNDO:  # a person sits before it
                return
            notify.began(app.ledger, name, whom, {"id": report["run"]})
            with suppress(TrueupError, OSError):  # at once: at the end it would be overtaken by how the run ended
                notify.deliver(app.ledger, {name: whom}, _addresses(app), only="heartbeat", patience=PATIENCE)
        elif event == "missed":
            run = {"id": report["run"], "state": "missed", "report": {"notes": report["notes"]}}
            notify.ended(app.ledger, name, whom, run)
        else:
            record = app.ledger.journal.get(report["run"])
            if record.kind != UNDO:
                run = {"id": record.id, "state": record.state.value, "report": {**record.report, **report}}
                kind = app.config.jobs[name].kind if name in app.config.jobs else record.kind
                notify.ended(app.ledger, name, whom, {**run, "plan": record.plan, "kind": kind})

    return tell


def tell_of_last(app: App, name: str) -> None:
    """A run that was not followed by another round in spite of what it said has not told of itself; what was told already is not told again."""
    last = app.ledger.journal.latest(name)
    if last is not None and last.ended is not None:
        teller(app, name)("ended", {"run": last.id})


def deliver(app: App) -> None:
    """Sends what waits, as far as it can; what cannot be sent stays, and `status` and `doctor` say so."""
    specs = {name: found for name in app.config.notify if (found := spec_of(app.config, name)) is not None}
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
        if name in app.config.notify:
            with suppress(TrueupError, OSError):
                tell_of_last(app, name)
                deliver(app)


@contextmanager
def delivering(app: App) -> Iterator[None]:
    """Sends what waits once a minute, in a thread of its own, while what is inside goes on."""
    if not app.config.notify:
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
