"""The outbox: messages that are to reach people and watchers outside, kept until they did.

A message is put in the same transaction as what it tells, so that neither is there without the other. It is sent later, by whoever comes by
(`trueup.notify`), at least once: a process that is killed between sending it and saying so sends it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from trueup.core.ledger.database import Database, storable

FIRST_PAUSE = 60.0
LONGEST_PAUSE = 3600.0
"""Seconds between two attempts: doubled from the first to the longest."""

_ROW = "id, subject, channel, key, kind, label, title, body, put, attempts, error"


@dataclass(frozen=True, slots=True)
class Message:
    """One message that waits.

    Attributes:
        id: its number, in the order in which they were put.
        subject: the job it is about.
        channel: where to, as a name within the job's configuration ("failure/1"): addresses hold passwords and are not kept.
        key: names the message; the same one is put once for a channel.
        kind: "failure", "recovery", "digest" …
        label: what the channel is, for people ("mailto").
        title, body: the text.
        put: when; seconds since 1970.
        attempts: how often it was tried in vain.
        error: why the last attempt failed.
    """

    id: int
    subject: str
    channel: str
    key: str
    kind: str
    label: str
    title: str
    body: str
    put: float
    attempts: int = 0
    error: str = ""


class Waiting(NamedTuple):
    """What waits in one channel: how many messages, since when, the most attempts of one, when the next is due, and the newest error."""

    subject: str
    channel: str
    label: str
    messages: int
    since: float
    attempts: int
    due: float
    error: str


class Outbox:
    """See the module's text. Times are the caller's, in seconds since 1970."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(self, message: Message) -> bool:
        """Adds a message that is due at once; its `id` is given here. False: one with its key is known in its channel."""
        one = message
        with self._db.transaction("outbox.put"):
            added = self._db.write(
                "INSERT INTO message (subject, channel, key, kind, label, title, body, put, due, state)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting') ON CONFLICT (subject, channel, key) DO NOTHING",
                (
                    *(one.subject, one.channel, one.key, one.kind, storable(one.label)),
                    *(storable(one.title), storable(one.body), one.put, one.put),
                ),
            )
        return added > 0

    def due_channels(self, now: float) -> list[tuple[str, str]]:
        """(subject, channel) of those that have something to send now, the longest waiting first."""
        rows = self._db.rows(
            f"SELECT subject, channel FROM message WHERE state = 'waiting' AND {_DUE} GROUP BY subject, channel ORDER BY min(id)",
            _moments(now),
        )
        return [(subject, channel) for subject, channel in rows]

    def due(self, subject: str, channel: str, now: float) -> list[Message]:
        """What a channel has to send now, in order."""
        return self._of(subject, channel, f" AND {_DUE}", _moments(now))

    def all_of(self, subject: str, channel: str) -> list[Message]:
        """Everything that waits in a channel, in order, due or not."""
        return self._of(subject, channel)

    def sent(self, number: int, now: float) -> None:
        """Records that a message was sent."""
        self._end(number, "sent", "", now)

    def drop(self, number: int, why: str, now: float) -> None:
        """Records that a message is not to be sent any more."""
        self._end(number, "dropped", why, now)

    def failed(self, one: Message, error: str, now: float) -> None:
        """Records an attempt in vain; the next one is due after a pause that grows."""
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(one.attempts, 20))
        with self._db.transaction("outbox.failed"):
            self._db.write(
                "UPDATE message SET attempts = ?, error = ?, due = ? WHERE id = ? AND state = 'waiting'",
                (one.attempts + 1, storable(error), now + pause, one.id),
            )

    def waiting(self) -> list[Waiting]:
        """What waits, by channel."""
        rows = self._db.rows(
            "SELECT subject, channel, max(label), count(*), min(put), max(attempts), min(due) FROM message"
            " WHERE state = 'waiting' GROUP BY subject, channel ORDER BY subject, channel"
        )
        errors = {
            (subject, channel): error
            for subject, channel, error in self._db.rows(
                "SELECT subject, channel, error FROM message WHERE state = 'waiting' AND error <> '' ORDER BY id"
            )
        }
        return [Waiting._make((*row, errors.get((row[0], row[1]), ""))) for row in rows]

    def _of(self, subject: str, channel: str, more: str = "", values: tuple[float, ...] = ()) -> list[Message]:
        rows = self._db.rows(
            f"SELECT {_ROW} FROM message WHERE state = 'waiting' AND subject = ? AND channel = ?{more} ORDER BY id",
            (subject, channel, *values),
        )
        return [Message(*row) for row in rows]

    def _end(self, number: int, state: str, why: str, now: float) -> None:
        with self._db.transaction(f"outbox.{state}"):
            self._db.write(
                "UPDATE message SET state = ?, error = ?, ended = ? WHERE id = ? AND state = 'waiting'",
                (state, storable(why), now, number),
            )


# A moment further away than the longest pause was written by a clock that was ahead.
_DUE = "(due <= ? OR due > ?)"


def _moments(now: float) -> tuple[float, float]:
    return now, now + LONGEST_PAUSE + 60
