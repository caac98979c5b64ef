"""What reaches people and watchers outside: failures, recoveries, digests, heartbeats. Anything may call it, for any job.

began, ended      put messages into the ledger's outbox, in the same transaction as what they tell
deliver           sends what is due: through apprise, and heartbeats by plain HTTP
status, findings  what waits, since when and why: a broken notifier must not be silent
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trueup.notify.delivery import Delivered, deliver
    from trueup.notify.endings import began, ended
    from trueup.notify.spec import Digest, NotifySpec
    from trueup.notify.standing import findings, status

__all__ = ["Delivered", "Digest", "NotifySpec", "began", "deliver", "ended", "findings", "status"]

_HOMES = {
    "Delivered": "delivery",
    "Digest": "spec",
    "NotifySpec": "spec",
    "began": "endings",
    "deliver": "delivery",
    "ended": "endings",
    "findings": "standing",
    "status": "standing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
