"""What the calls tell appears in the log of Prefect's run, where its users look."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from prefect.exceptions import MissingContextError
from prefect.logging import get_logger, get_run_logger

from trueup.model.errors import TrueupError

Json: TypeAlias = dict[str, Any]

_BEYOND = ("run", "job", "created", "hash", "cursor")


def run_logger() -> Any:
    """The logger of the task or flow run, or Prefect's own outside of one."""
    try:
        return get_run_logger()
    except MissingContextError:
        return get_logger("trueup")


@contextmanager
def logged() -> Iterator[None]:
    """A failure of the calls inside is told with where, why and what to do before it is raised."""
    try:
        yield
    except TrueupError as error:
        run_logger().error(explained(error))
        raise


def told(answer: Json) -> Json:
    """What a call answered, in the run's log; a warning where something failed. Returns it."""
    bad = any(answer.get(one) for one in ("error", "errors", "failed", "stale", "blocked"))
    words = [
        f"{key}: {value}" for key, value in answer.items() if key not in _BEYOND and value not in (None, "", {}, [], 0)
    ]
    run_logger().log(logging.WARNING if bad else logging.INFO, "%s", ", ".join(words) or "nothing to do")
    return answer


def explained(error: TrueupError) -> str:
    """What, where, why and what to do, in lines."""
    return f"{error}\n{error.hint}" if error.hint else str(error)
