"""Which errors of a call an engine's own retry may cure."""

from __future__ import annotations

from trueup.core.functions import StepFailed
from trueup.engines.calls.stopping import Stopped
from trueup.model.errors import (
    Blocked,
    Bug,
    Cancelled,
    LedgerError,
    Locked,
    LoginRefused,
    Permanent,
    TrueupError,
    UserError,
)


class LastAttempt(StepFailed):
    """A step failed, and has no attempts left; it is recorded as failed."""

    @classmethod
    def of(cls, error: Exception) -> LastAttempt:
        """The same error, said to be the last."""
        if not isinstance(error, TrueupError):
            return cls(f"{type(error).__name__}: {error}")
        return cls(error.what, trace=getattr(error, "trace", ""), where=error.where, why=error.why, hint=error.hint)


def retryable(error: BaseException) -> bool:
    """Whether repeating the call may help.

    Yes: the ledger or a store is away, another process works on the job, a worker was stopped, a step's function failed and has attempts
    left, the system refused something (OSError). No: configuration, usage, login, guard, a stale plan, our own mistakes, a step without
    attempts left.
    """
    if isinstance(error, Locked | Stopped):
        return True
    if isinstance(error, LedgerError):
        return error.temporary
    if isinstance(error, TrueupError):
        final = UserError | Blocked | LoginRefused | Permanent | Cancelled | Bug | LastAttempt
        return not isinstance(error, final)
    return isinstance(error, OSError)
