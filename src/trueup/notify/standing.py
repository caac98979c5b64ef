"""How the notifiers are: a broken one must be seen by somebody who looks elsewhere, since it cannot say so itself."""

from __future__ import annotations

from typing import Any

from trueup.core.ledger import Ledger
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.notify.text import moment

BROKEN = 3
"""So many attempts in vain make a finding."""


def status(ledger: Ledger) -> dict[str, Any]:
    """What waits.

    Returns:
        {"waiting": messages, "since": the oldest (None: none), "channels": [{"job", "channel", "label", "messages", "since", "attempts",
        "next", "why", "broken"}]}; times in seconds since 1970.
    """
    found = ledger.outbox.waiting()
    channels = [
        {
            "job": one.subject,
            "channel": one.channel,
            "label": one.label,
            "messages": one.messages,
            "since": one.since,
            "attempts": one.attempts,
            "next": one.due,
            "why": one.error,
            "broken": one.attempts >= BROKEN,
        }
        for one in found
    ]
    since = min((one.since for one in found), default=None)
    return {"waiting": sum(one.messages for one in found), "since": since, "channels": channels}


def findings(ledger: Ledger) -> list[Diagnostic]:
    """What `doctor` has to say: channels that messages do not get through."""
    return [
        Diagnostic(
            Severity.WARNING,
            f"messages do not get through: {one.messages} wait{'s' * (one.messages == 1)} since {moment(one.since)}",
            where=f"{one.subject}: notify.{one.channel.partition('/')[0]} ({one.label})",
            why=one.error,
            hint="correct its address or the service; they are sent then",
        )
        for one in ledger.outbox.waiting()
        if one.attempts >= BROKEN
    ]
