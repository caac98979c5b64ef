"""The error tree, and the exit code each branch stands for.

    TrueupError
    ├── UserError               the person can mend it                         1
    │   ├── UsageError          the command line does not fit                 64
    │   ├── ConfigError         trueup.yaml is missing or wrong                1
    │   ├── NotInitialised      no trueup.yaml here or above                  10
    │   ├── SecretMissing       a password is named but not there             12
    │   └── NotFound            no such job, run, conflict, collection         1
    ├── Blocked                 stopped on purpose, nothing was changed        4
    │   ├── GuardBlocked        a guard wants a person's word                  4
    │   ├── StalePlan           the world moved on since the plan              4
    │   ├── ConflictOpen        a conflict needs a person                      5
    │   └── Locked              another process works on this job             11
    ├── Cancelled               asked to stop; what was under way is recorded 130
    ├── StoreError              a store did not do what it was asked
    │   ├── Transient           may go through later: retried                 75
    │   ├── LoginRefused        wrong user or password: not retried           12
    │   ├── TimedOut            it took too long, or did not move              75
    │   ├── CannotDrill         a restore cannot be tried here                  1
    │   └── Permanent           will not go through like this                  1
    │       └── Damaged         what is kept is not what was stored            1
    ├── ItemRefused             one item cannot be handled; the rest goes on   3
    ├── LedgerError             the ledger is damaged, full or from the future 1
    └── Bug                     our own mistake                               70

Every error says what, where, why and what to do, with titles and not ids.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum


class ExitCode(IntEnum):
    """What `trueup` answers to the shell."""

    DONE = 0
    FAILED = 1
    CHANGES = 2  # `plan --exit-code`: there is something to do
    PARTIAL = 3
    BLOCKED = 4
    CONFLICT = 5
    NOT_INITIALISED = 10
    LOCKED = 11
    LOGIN_REFUSED = 12
    USAGE = 64
    BUG = 70
    TEMPORARY = 75
    CANCELLED = 130


class TrueupError(Exception):
    """What went wrong, where, why, and what to do about it.

    Args:
        what: one line, in the user's words ("could not read calendar team of work").
        where: file, store or item it happened at; empty where `what` says it.
        why: the cause, as far as it is known.
        hint: what to do.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, what: str, *, where: str = "", why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}: {self.why}" if self.why else text

    def __reduce__(self) -> tuple[Callable[..., TrueupError], tuple[object, ...]]:
        """Whole in another process: Python would call the class with `what` alone."""
        return _restored, (type(self), self.args, dict(self.__dict__))

    def to_json(self) -> dict[str, str]:
        """The error as the object that `--json` prints."""
        return {
            "type": type(self).__name__,
            "what": self.what,
            "where": self.where,
            "why": self.why,
            "hint": self.hint,
        }


def _restored(kind: type[TrueupError], args: tuple[object, ...], state: dict[str, object]) -> TrueupError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class UserError(TrueupError):
    """The person can mend it."""


class UsageError(UserError):
    """The command line does not fit."""

    exit_code = ExitCode.USAGE


class ConfigError(UserError):
    """`trueup.yaml` is missing or wrong."""


class NotInitialised(UserError):
    """There is no `trueup.yaml` here or above."""

    exit_code = ExitCode.NOT_INITIALISED


class SecretMissing(UserError):
    """A password is named in the configuration but is not there."""

    exit_code = ExitCode.LOGIN_REFUSED


class NotFound(UserError):
    """No such job, run, conflict or collection."""


class Blocked(TrueupError):
    """Stopped on purpose; nothing was changed."""

    exit_code = ExitCode.BLOCKED


class GuardBlocked(Blocked):
    """A guard wants a person's word."""


class StalePlan(Blocked):
    """The world moved on since the plan was made."""


class ConflictOpen(Blocked):
    """A conflict needs a person."""

    exit_code = ExitCode.CONFLICT


class Locked(Blocked):
    """Another process works on this job."""

    exit_code = ExitCode.LOCKED


class Cancelled(TrueupError):
    """Asked to stop. What was under way was finished and recorded; the next run goes on from there."""

    exit_code = ExitCode.CANCELLED


class StoreError(TrueupError):
    """A store did not do what it was asked."""


class Transient(StoreError):
    """May go through later: time-outs, resets, 429, 5xx. Retried inside the connector; this is what is left."""

    exit_code = ExitCode.TEMPORARY


class LoginRefused(StoreError):
    """Wrong user name or password; never retried, so that no account gets locked."""

    exit_code = ExitCode.LOGIN_REFUSED


class TimedOut(StoreError):
    """It took longer than it may, or showed no sign of life for too long, and was ended."""

    exit_code = ExitCode.TEMPORARY


class CannotDrill(StoreError):
    """What a restore drill needs is not here (a program, a key, room): not verified, which is not the same as wrong."""


class Permanent(StoreError):
    """Will not go through like this."""


class Damaged(Permanent):
    """What a repository keeps is not what was stored in it: lost, changed, cut off."""


class ItemRefused(TrueupError):
    """One item cannot be handled; the rest goes on.

    Args:
        code: a short stable word for programs and filters, as "no-uid".
    """

    exit_code = ExitCode.PARTIAL

    def __init__(self, what: str, *, code: str, where: str = "", why: str = "", hint: str = "") -> None:
        super().__init__(what, where=where, why=why, hint=hint)
        self.code = code


class LedgerError(TrueupError):
    """The ledger is damaged, full, or written by a later version.

    Args:
        temporary: it is away or busy: the same may go through later.
    """

    def __init__(self, what: str, *, where: str = "", why: str = "", hint: str = "", temporary: bool = False) -> None:
        super().__init__(what, where=where, why=why, hint=hint)
        self.temporary = temporary


class Bug(TrueupError):
    """Our own mistake."""

    exit_code = ExitCode.BUG
