"""The error tree: every error can be handed to another process."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Iterator

import pytest

from trueup.core.functions import StepFailed
from trueup.engines.calls.errors import LastAttempt
from trueup.model import errors
from trueup.model.errors import ItemRefused, LedgerError, TrueupError

EVERY = [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, TrueupError)]


def made() -> Iterator[TrueupError]:
    for kind in EVERY:
        more = {"code": "no-uid"} if issubclass(kind, ItemRefused) else {}
        yield kind("it went wrong", where="here", why="so", hint="do", **more)
    yield LedgerError("away", temporary=True)
    yield StepFailed("no", trace="Traceback", why="so")
    yield LastAttempt("no", trace="Traceback")


@pytest.mark.parametrize("error", list(made()), ids=lambda one: type(one).__name__)
def test_an_error_is_whole_in_another_process(error: TrueupError) -> None:
    found = pickle.loads(pickle.dumps(error))
    assert type(found) is type(error)
    assert vars(found) == vars(error)
    assert (str(found), found.args, found.to_json()) == (str(error), error.args, error.to_json())
