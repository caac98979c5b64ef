"""What a calendar job's options ask for: its transform and its filter."""

from __future__ import annotations

from collections.abc import Mapping

from trueup.jobs.calendar.filter import CalendarFilter
from trueup.jobs.calendar.transform import CalendarTransform


def transform_of(options: Mapping[str, object]) -> CalendarTransform | None:
    """The transform of a job, or None where it has none.

    Args:
        options: `JobSpec.options`.

    Raises:
        ConfigError: a setting nobody knows.
    """
    own = options.get("transform")
    return CalendarTransform.from_options(own) if isinstance(own, Mapping) else None


def filter_of(options: Mapping[str, object]) -> CalendarFilter | None:
    """The filter of a job, or None where every item belongs.

    A transform with `only: busy` asks for busy items by itself: a copy of a free or cancelled one would block time that is free.

    Raises:
        ConfigError: a setting nobody knows.
    """
    own = options.get("filter")
    settings: dict[str, object] = dict(own) if isinstance(own, Mapping) else {}
    transform = options.get("transform")
    if isinstance(transform, Mapping) and transform.get("only") == "busy":
        settings["only_busy"] = True
    return CalendarFilter.from_options(settings) if settings else None
