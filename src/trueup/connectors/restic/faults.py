"""What restic's exit codes and messages mean: the error to raise."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from trueup.model.errors import Damaged, LoginRefused, Permanent, StoreError, Transient

# Its manual, "Scripting", "Exit codes".
UNREAD = 3
NO_REPOSITORY = 10
LOCKED = 11
WRONG_PASSWORD = 12
CANCELLED = 130

NOTHING_THERE = "there is no repository"
REPAIR = "docs/how-to/backup-restic.md says how to repair it"

_FULL = re.compile(
    r"no space left on device|disk quota exceeded|QuotaExceeded|StorageFull|507 Insufficient", re.IGNORECASE
)
_REFUSED = re.compile(
    r"wrong password or no key|access ?denied|InvalidAccessKeyId|SignatureDoesNotMatch|does not exist in our records|signature we calculated"
    r"|authentication failed|permission denied \(publickey|host key verification failed"
    r"|unexpected HTTP response \(40[13]\)|40[13] (Forbidden|Unauthorized)",
    re.IGNORECASE,
)
_DAMAGED = re.compile(
    r"is damaged|ciphertext verification failed|invalid data returned|zero size, invalid|not found in (repository|index)|file is too short"
    r"|unexpected (pack|file) (id|size)|invalid header|already contains (keys|snapshots)|wrong data returned|repository contains errors"
    r"|unable to load tree|<(data|index|snapshot|key|config)/[0-9a-f]+>.*(no such file|does not exist)",
    re.IGNORECASE,
)
_PASSING = re.compile(
    r"connection (refused|reset|timed out)|i/o timeout|timeout|deadline exceeded|no such host|network is unreachable|no route to host"
    r"|server misbehaving|\bEOF\b|broken pipe|\b(429|500|502|503|504)\b|SlowDown|too many (requests|open files)|connection (was )?lost"
    r"|ssh command exited: exit status 255|server is not available|host is down|temporary failure|stale (NFS )?file handle|input/output error",
    re.IGNORECASE,
)
_READ_ONLY = re.compile(r"unable to create lock in backend", re.IGNORECASE)


_SSH = "subprocess ssh: "
"""What stands before the words of the ssh that restic starts: they say more than that it ended."""


def message(lines: Iterable[str]) -> str:
    """Why it failed, out of all it said: ssh's last words, and its own."""
    lines = list(lines)
    ssh = [one.strip().removeprefix(_SSH) for one in lines if one.strip().startswith(_SSH)]
    own = _own([one for one in lines if not one.strip().startswith(_SSH)])
    return f"ssh: {ssh[-1]} ({own})" if ssh else own


def _own(lines: Iterable[str]) -> str:
    """The message of its "exit_error", the sentence that says so in words, else its last line."""
    words = last = ""
    for line in lines:
        text = line.strip()
        if text.startswith("{"):
            try:
                said = json.loads(text)
            except ValueError:
                continue
            if isinstance(said, dict) and said.get("message_type") == "exit_error":
                return _plain(str(said.get("message", "")))
        elif text.startswith("Fatal:") or "already locked" in text:
            words = text
        last = text or last
    return _plain(words or last)


def _plain(text: str) -> str:
    """The sentence itself: no "Fatal:", and no list of Go's functions below it."""
    said = [one.strip() for one in text.splitlines() if one.strip()]
    return re.sub(r"^((Fatal|Warning|error): )+", "", said[0]) if said else ""


def cannot_lock(why: str) -> bool:
    """Whether it was only its lock that it could not write: a repository that may be read and not written."""
    return _READ_ONLY.search(why) is not None


def refused(why: str) -> bool:
    """Whether the server knows who asks, and does not want that."""
    return _REFUSED.search(why) is not None


def passes(why: str) -> bool:
    """Whether it may go through later: the way to the repository, and not what is in it."""
    return _PASSING.search(why) is not None


def failure(what: str, where: str, code: int, why: str) -> StoreError:
    """The error for a restic that failed.

    Args:
        what: what was to be done ("could not store source crm").
        where: the repository, for people.
        code: its exit code; negative: the signal that ended it.
        why: what it said, without secrets.
    """
    if code == NO_REPOSITORY:
        hint = "is the disk mounted, the address right? Nothing was made in its place"
        return Permanent(what, where=where, why=NOTHING_THERE, hint=hint)
    if code == WRONG_PASSWORD or "wrong password or no key" in why:
        hint = "check `password`; nothing was changed. Without the right one nobody can read this repository"
        return LoginRefused(what, where=where, why="the repository's password is wrong, or its key is gone", hint=hint)
    if code == LOCKED:
        return Transient(
            what, where=where, why=why, hint="wait until it is done; `restic unlock` where nothing works on it any more"
        )
    if code < 0 or code == CANCELLED:
        return Transient(
            what, where=where, why=f"restic was ended from outside{f' by signal {-code}' if code < 0 else ''}"
        )
    if _FULL.search(why):
        return Permanent(
            what, where=where, why=f"the disk is full ({why})", hint="make room there; what was stored before is safe"
        )
    if refused(why):
        return LoginRefused(what, where=where, why=why, hint="check the user and password, or the keys, of this store")
    if _DAMAGED.search(why):
        return Damaged(what, where=where, why=f"the repository is damaged: {why}", hint=REPAIR)
    if passes(why):
        return Transient(what, where=where, why=why)
    return Permanent(what, where=where, why=why or f"restic ended with exit code {code}")
