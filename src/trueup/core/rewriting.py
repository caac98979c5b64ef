"""Telling what a server made of a write from what somebody edited there since.

Servers rewrite what they are given: they drop properties, restamp, normalise. That must never look like a person's edit, or it would be carried
to the other sides; and a person's edit must never pass for it, or it would be lost.
"""

from __future__ import annotations

from trueup.core.merge import Edits, diff, needed
from trueup.model.ports import Kind


def is_ours(kind: Kind, before: bytes | None, sent: bytes, now: bytes) -> bool:
    """Whether `now` can be what a server made of `sent`, and nothing that a person did.

    A client that edits moves LAST-MODIFIED on, a server that rewrites leaves it. And a server rewrites what is new to it: what it gave out
    itself before (`before`) it keeps as it is, so a difference beyond what the write asked for is a person's.

    Args:
        kind: what the bodies mean.
        before: what the server held before the write, as it was read there; None: nothing, the write created the item.
        sent: what the write asked for.
        now: what the server holds.

    Raises:
        ItemRefused: one of them cannot be understood.
    """
    if kind.modified(now) > kind.modified(sent):
        return False
    if before is None:
        return kind.glance(now).uid == kind.glance(sent).uid
    asked = _asked(kind, before, sent)
    return all(key in asked for key in diff(kind.fields(sent), kind.fields(now)))


def took_effect(kind: Kind, before: bytes | None, sent: bytes, now: bytes) -> bool:
    """Whether a write without an answer has been carried out.

    A creation was, where the key stands at the place that was chosen for it (what somebody did to it since is found out when it is read
    back). An update was, where something of it shows and nobody has edited the item since.

    Raises:
        ItemRefused: one of the bodies cannot be understood.
    """
    if before is None:
        return kind.glance(now).uid == kind.glance(sent).uid
    asked = _asked(kind, before, sent)
    return is_ours(kind, before, sent, now) and len(needed(asked, kind.fields(now))) < len(asked)


def _asked(kind: Kind, before: bytes, sent: bytes) -> Edits:
    return diff(kind.fields(before), kind.fields(sent))
