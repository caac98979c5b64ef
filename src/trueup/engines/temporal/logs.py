"""What a worker logs, where Temporal's users look: the standard logging, each line with the workflow and activity it is about."""

from __future__ import annotations

import logging

from temporalio import activity

LOGGER = logging.getLogger("trueup.temporal")


class Named(logging.Filter):
    """Adds to what a step's function emits which workflow and activity it came from, as `activity.logger` does."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every record pass."""
        if activity.in_activity() and not hasattr(record, "temporal_activity"):
            info = activity.info()
            names = {"workflow_id": info.workflow_id, "activity_id": info.activity_id, "attempt": info.attempt}
            record.temporal_activity = {**names, "activity_type": info.activity_type}
            record.msg = f"{record.msg} ({names})"
        return True


def set_up() -> None:
    """Logs to stderr, unless the program that the worker is part of logs already."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for handler in logging.getLogger().handlers:
        if not any(isinstance(one, Named) for one in handler.filters):
            handler.addFilter(Named())
