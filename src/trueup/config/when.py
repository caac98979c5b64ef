"""`when` of a step, from the words of the file."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from trueup.model.pipeline import ANY_OUTCOME, StepOutcome, When


def when(given: Any) -> When:
    """`when: {outcome: failed}`, `when: {outcome: [done, partial], data: "${…}"}`, or just a condition on data.

    Raises:
        ValueError: with what is right.
    """
    if given is None:
        return When()
    if not isinstance(given, dict):
        return When(data=given)
    for key in given:
        if key not in ("outcome", "data"):
            raise ValueError(f"takes `outcome` and `data`, and has `{key}`")
    outcome = given.get("outcome", "done")
    words = outcome if isinstance(outcome, list) else [outcome]
    if "always" in words:
        return When(ANY_OUTCOME, given.get("data"))
    known = [one.value for one in StepOutcome]
    for word in words:
        if word not in known:
            close = get_close_matches(str(word), [*known, "always"], n=1)
            meant = f"; did you mean `{close[0]}`?" if close else ""
            raise ValueError(f"has the outcome `{word}`; there are {', '.join(known)} and always{meant}")
    return When(tuple(StepOutcome(word) for word in words), given.get("data"))
