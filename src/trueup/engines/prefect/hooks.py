"""What Prefect calls when a flow run of ours fails, crashes or is cancelled: where a person's own alerts begin."""

from __future__ import annotations

from typing import Any

HOOKS: dict[str, Any] = {}
