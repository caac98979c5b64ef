"""Delivery: what waits in the outbox is sent, each channel for itself, so that one that hangs or refuses holds up no other.

A channel is worked on by one process at a time (a lease, which ends with its process). A message counts as sent when the service has taken
it and the ledger knows; a kill between the two sends it once more.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue

from trueup.core.leasing import give_back, process_name
from trueup.core.ledger import Ledger
from trueup.core.ledger.outbox import Message
from trueup.model.errors import Locked, TrueupError
from trueup.notify.endings import digest
from trueup.notify.sending import NotSent, ping, send
from trueup.notify.spec import HEARTBEAT, NotifySpec

PATIENCE = 60.0
"""Seconds that the sending of one message may take in all."""

PARALLEL = 8
FORGET = 30 * 86_400.0
"""Seconds after which messages of a job that is in no configuration any more are dropped."""

ResolveSecret = Callable[[object, str], str]


@dataclass(frozen=True, slots=True)
class Delivered:
    """How many messages were sent, how many attempts failed, and how many messages wait still."""

    sent: int
    failed: int
    waiting: int


def deliver(
    ledger: Ledger,
    specs: Mapping[str, NotifySpec],
    resolve_secret: ResolveSecret,
    *,
    limit: int = 1000,
    patience: float = PATIENCE,
    only: str = "",
    now: float | None = None,
) -> Delivered:
    """Sends what is due; may be called at any time, by any number of processes.

    Args:
        ledger: where messages wait.
        specs: the jobs whose messages are to be sent, and where to; messages of other jobs are left alone.
        resolve_secret: looks up an address: `resolve_secret({"env": "MAIL_URL"}, "notify failure/1 of office")`.
        limit: so many attempts at most.
        patience: seconds that one message may take.
        only: "heartbeat": pings alone, which cost a fraction of a second where the watcher is well; "": everything.
        now: the time; None: the ledger's.

    Raises:
        LedgerError: the ledger is away. Nothing else: what does not go out waits, with the reason.
    """
    now = ledger.now() if now is None else now
    for job, spec in specs.items():
        digest(ledger, job, spec, now)
    work = _Delivery(ledger, specs, resolve_secret, limit, patience, now)
    try:
        work.run(only)
    finally:
        work.release()
    return Delivered(work.sent, work.failed, sum(one.messages for one in ledger.outbox.waiting()))


class _Channel:
    """A channel that is ours for now: its messages, and the one that is being sent."""

    def __init__(self, job: str, name: str, messages: list[Message]) -> None:
        self.job, self.name = job, name
        self.messages = deque(messages)
        self.until = 0.0  # by `time.monotonic`

    @property
    def lease(self) -> str:
        return f"notify/{self.job}/{self.name}"


class _Delivery:
    """One call of `deliver`. The ledger is used by the caller's thread alone; other threads only send."""

    def __init__(
        self,
        ledger: Ledger,
        specs: Mapping[str, NotifySpec],
        resolve: ResolveSecret,
        limit: int,
        patience: float,
        now: float,
    ) -> None:
        self.sent = self.failed = 0
        self._ledger, self._specs, self._resolve = ledger, specs, resolve
        self._left, self._patience, self._now = limit, patience, now
        self._owner = process_name()
        self._ours: list[_Channel] = []
        self._answers: SimpleQueue[tuple[_Channel, Message, str | None]] = SimpleQueue()

    def run(self, only: str) -> None:
        """Works through all channels that have something due."""
        pending = deque(one for one in self._ledger.outbox.due_channels(self._now) if only in ("", one[1]))
        while pending or self._ours:
            while pending and len(self._ours) < PARALLEL:
                self._open(*pending.popleft())
            if self._ours:
                self._settle()

    def release(self) -> None:
        """Gives all leases back."""
        for channel in self._ours:
            give_back(self._ledger, channel.lease, self._owner)

    def _open(self, job: str, name: str) -> None:
        """Takes a channel, and sends its first message; leaves it to whoever works on it already."""
        spec = self._specs.get(job)
        channel = _Channel(job, name, [])
        try:
            self._ledger.leases.acquire(channel.lease, self._owner, self._patience * 2)
        except Locked:
            return
        self._ours.append(channel)
        channel.messages.extend(self._wanted(spec, self._ledger.outbox.due(job, name, self._now)))
        self._next(channel)

    def _wanted(self, spec: NotifySpec | None, messages: list[Message]) -> list[Message]:
        """Drops what must not or need not go out any more; returns the others."""
        outbox = self._ledger.outbox
        if spec is None:
            for one in messages:
                if one.put < self._now - FORGET:
                    outbox.drop(one.id, "its job is not configured any more", self._now)
            return []
        if messages and messages[0].channel not in spec.channels():
            for one in messages:
                outbox.drop(one.id, "its address was taken out of the configuration", self._now)
            return []
        if messages and messages[0].channel == HEARTBEAT:
            return self._newest(messages)
        return messages

    def _newest(self, due: list[Message]) -> list[Message]:
        """Of pings the last one alone, if it is due: a watcher is to know what is, and not what was."""
        *older, last = self._ledger.outbox.all_of(due[0].subject, HEARTBEAT)
        for one in older:
            self._ledger.outbox.drop(one.id, "overtaken by a later ping", self._now)
        # A watcher that is away is seen by the number of attempts, which must not begin anew with every run.
        tried = max((one.attempts for one in older), default=0)
        return [replace(one, attempts=one.attempts + tried) for one in due if one.id == last.id]

    def _next(self, channel: _Channel) -> None:
        """Begins to send a channel's next message, or is done with it."""
        if not channel.messages or self._left <= 0:
            self._close(channel)
            return
        self._left -= 1
        self._ledger.leases.renew(channel.lease, self._owner, self._patience * 2)
        channel.until = time.monotonic() + self._patience
        message = channel.messages[0]
        address = self._specs[channel.job].channels()[channel.name]

        def work() -> None:
            self._answers.put((channel, message, _attempt(address, message, self._resolve)))

        threading.Thread(target=work, daemon=True, name=f"notify-{channel.job}-{channel.name}").start()

    def _settle(self) -> None:
        """Waits for the first answer, or for the first that takes too long, and records it."""
        first = min(self._ours, key=lambda one: one.until)
        try:
            channel, message, error = self._answers.get(timeout=max(0.0, first.until - time.monotonic()))
        except Empty:
            channel, message, error = first, first.messages[0], f"no answer within {self._patience:g} s"
        if channel not in self._ours or channel.messages[0] is not message:
            return  # it came too late
        if error is None:
            self._ledger.outbox.sent(message.id, self._now)
            self.sent += 1
            channel.messages.popleft()
            self._next(channel)
        else:
            self._ledger.outbox.failed(message, error, self._now)
            self.failed += 1
            self._close(channel)

    def _close(self, channel: _Channel) -> None:
        self._ours.remove(channel)
        give_back(self._ledger, channel.lease, self._owner)


def _attempt(address: object, message: Message, resolve: ResolveSecret) -> str | None:
    """Sends a message; returns why that failed, or None."""
    try:
        url = resolve(address, f"notify {message.channel} of {message.subject}")
        if message.channel == HEARTBEAT:
            ping(url, message.kind, f"{message.title}\n\n{message.body}".strip())
        else:
            send(url, message.title, message.body, message.kind)
    except (NotSent, TrueupError) as error:
        return str(error)
    except (
        Exception
    ) as error:  # in a thread of its own: nobody else would hear of it, and its text may hold the address
        return type(error).__name__
    return None
