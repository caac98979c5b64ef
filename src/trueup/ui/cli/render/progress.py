"""What happens, as one line that is written over."""

from __future__ import annotations

from typing import Any

from trueup.ui.cli.render.terminal import safe

VERBS = {
    "read": "reading",
    "plan": "planning",
    "guard": "checking the guards",
    "apply": "applying",
    "verify": "reading back",
    "report": "reporting",
}


def line(event: dict[str, Any]) -> str:
    """The line for an event; "" for one that is not shown."""
    kind = event.get("event")
    if kind == "phase" and event.get("state") == "running":
        return safe(f"{VERBS.get(event['phase'], event['phase'])} {event.get('collection', '')}").strip()
    if kind == "item" and "fetched" in event:
        return safe(f"reading {event['collection']}: {event['fetched']:,} fetched")
    if kind == "batch":
        return safe(f"applying to {event['collection']}: batch {event['batch']}, {event['done']:,} done")
    if kind == "step":
        return safe(f"{event.get('pipeline', '')}: {event.get('step', '')} {event.get('state', '')}")
    return ""
