"""`trueup serve`: schedules and triggers in one process.

One of any number leads, by a lease in the ledger; the others stand by and take over when it ends or dies. Every start is an occurrence in
the ledger, with a key, before anything is started; a run is a process of its own that finds itself again by that key. So a kill at any
moment, of this process or of a run, loses no start and repeats none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from trueup.engines.embedded.lease import hold
from trueup.engines.embedded.serving.children import Children
from trueup.engines.embedded.serving.hooks import Hooks
from trueup.engines.embedded.serving.leader import Leader
from trueup.engines.embedded.serving.setup import RESUME, Json, OnEvent, Settings, Setup
from trueup.engines.embedded.stop import Stop
from trueup.model.errors import ConfigError, LedgerError, Locked, SecretMissing, TrueupError, UsageError

__all__ = ["RESUME", "Children", "Server", "Settings", "Setup"]

LEASE = "serve/schedules"


class Server:
    """Serves until it is asked to stop.

    Args:
        setup: the configuration.
        reload: the configuration anew, where trueup.yaml was changed; None: it was not. Raises ConfigError where it is wrong now.
        on_event: told what happens, a JSON object each:
            {"event": "serve", "state": "leading" | "standby" | "stopping" | "stopped" | "reloaded" | "trouble", …},
            {"event": "occurrence", "subject", "key", "at", "title", "state": "wanted" | "moved" | "changed" | "withdrawn" | "refused" |
            "skipped" | "missed" | "asked" | "queued" | "cancelled", "note"},
            {"event": "run", "subject", "key", "at", "title", "state": "started" | "ended" | "stopped" | "crashed", "outcome", "run",
            "seconds", "note"}, {"event": "calendar", "subject", "problem"}.
        settings: times, and where to listen.
    """

    def __init__(
        self,
        setup: Setup,
        reload: Callable[[], Setup | None],
        on_event: OnEvent,
        settings: Settings | None = None,
    ) -> None:
        self._setup = setup
        self._reload = reload
        self._settings = settings or Settings()
        self._voice = threading.Lock()
        self._on_event = on_event
        self._wake = threading.Event()
        self._news = False
        self._accepting = threading.Lock()
        self._hooks: Hooks | None = None
        self._troubles: dict[str, str] = {}
        self.children = Children(self._wake.set)

    def calendars_changed(self) -> None:
        """A calendar was read anew: what is wanted is compared at once. From any thread."""
        self._news = True
        self._wake.set()

    def run(self, stop: Stop) -> None:
        """Leads when nobody else does, until asked to stop; then waits for the runs under way, which were asked, too."""
        told = False
        with stop.listening(self._wake.set):
            while not stop.asked():
                try:
                    with (
                        hold(self._setup.ledger, LEASE, stop, self._settings.lease) as held,
                        held.listening(self._wake.set),
                    ):
                        told = False
                        self._lead(held, stop)
                except Locked as error:
                    if not told:
                        self.say({"event": "serve", "state": "standby", "note": error.why})
                    told = True
                    self._wait(self._settings.standby)
                except LedgerError as error:
                    self._troubled("ledger", error)
                    self._wait(self._settings.standby)
            self._end_children()
            self._setup.closed()
            self.say({"event": "serve", "state": "stopped"})

    def _end_children(self) -> None:
        """Runs that are still under way here though another leads by now; it keeps how they ended."""
        self.children.stop()
        while len(self.children):
            for child in self.children.reap():
                child.log.close()
            self._wait(0.5 if len(self.children) else 0.0)

    def say(self, event: Json) -> None:
        """Tells an event; from any thread."""
        with self._voice:
            self._on_event(event)

    def _lead(self, held: Stop, stop: Stop) -> None:
        leader = Leader(self._setup, self.children, self._settings, self.say)
        self.say({"event": "serve", "state": "leading", "subjects": list(self._setup.subjects)})
        try:
            while not held.asked():
                self._open_hooks(leader)
                self._wait(self._round(leader))
        finally:
            self._close_hooks()
            if stop.asked():
                self.say({"event": "serve", "state": "stopping", "runs": len(self.children)})
                self.children.stop()
                leader.wait_for_end(self._wait)

    def _round(self, leader: Leader) -> float:
        try:
            setup = self._reload()
            if setup is not None:
                old, self._setup = self._setup, setup
                leader.use(setup)
                old.closed()
                self._close_hooks()
                self._open_hooks(leader)
                self.say({"event": "serve", "state": "reloaded", "subjects": list(setup.subjects)})
            self._troubles.pop("configuration", None)
        except (ConfigError, SecretMissing) as error:
            self._troubled("configuration", error)
        if self._news:
            self._news = False
            leader.check_soon()
        try:
            pause = leader.look()
        except LedgerError as error:
            self._troubled("ledger", error)
            return self._settings.standby
        self._troubles.pop("ledger", None)
        return pause

    def _troubled(self, about: str, error: TrueupError) -> None:
        """Tells a trouble once, until it is another or over."""
        if self._troubles.get(about) != str(error):
            self._troubles[about] = str(error)
            self.say({"event": "serve", "state": "trouble", "error": error.to_json()})

    def _wait(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()

    # --- HTTP triggers

    def _open_hooks(self, leader: Leader) -> None:
        if self._hooks is not None or not leader.triggers.paths:
            return

        def accept(path: str, key: str, body: Json) -> bool:
            with self._accepting:
                found = leader.triggers.accept(path, key, body, leader.now())
            if found is not None:
                subject, one = found
                told = {"subject": subject.name, "key": one.key, "at": one.at, "title": one.title}
                self.say({"event": "occurrence", **told, "state": "wanted", "note": one.title})
                self._wake.set()
            return found is not None

        def status(path: str, key: str) -> Json | None:
            return leader.triggers.status(path, key)

        try:
            self._hooks = Hooks(lambda: leader.setup.tokens, accept, status, self._settings.listen)
        except OSError as error:
            host, port = self._settings.listen
            what = f"HTTP triggers cannot listen on {host}:{port}"
            self._troubled("listen", UsageError(what, why=error.strerror or str(error), hint="--listen HOST:PORT"))
            return
        self.say(
            {"event": "serve", "state": "listening", "address": self._hooks.address, "paths": leader.triggers.paths}
        )

    def _close_hooks(self) -> None:
        if self._hooks is not None:
            self._hooks.close()
            self._hooks = None
