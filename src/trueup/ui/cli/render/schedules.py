"""What starts by itself, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from trueup.model.schedule import ScheduleSpec
from trueup.ui.cli.render.terminal import safe
from trueup.upcoming import said

_QUIET = ("missed", "asked", "refused", "crashed", "trouble")
_NOISE = ("wanted", "changed")


def upcoming_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """`trueup schedule`."""
    for name, one in found["schedules"].items():
        spec = None if one["schedule"] is None else ScheduleSpec.from_json(one["schedule"])
        words = [said(spec)] if spec is not None else []
        words += [_trigger(each) for each in one["triggers"]]
        yield safe(f"{name}: {'; '.join(words)}{' (paused)' if one['paused'] else ''}")
    if found["occurrences"]:
        yield ""
    for one in found["occurrences"]:
        yield safe(_occurrence(one))
    for name, why in found["problems"].items():
        yield safe(f"! {name}: {why}")


def event_line(event: Mapping[str, Any], *, quiet: bool = False, verbose: bool = False) -> str:
    """A line of `trueup serve`; "" for what is not told."""
    kind, state = event.get("event"), str(event.get("state", ""))
    if kind == "calendar":
        text = event["problem"] and f"{event['subject']}: {event['problem']}"
        return _stamped(text or f"{event['subject']}: the calendar is well again")
    if kind == "serve":
        return "" if quiet and state != "trouble" else _stamped(_serve(event, state))
    failed = state == "ended" and event.get("outcome") not in ("done", "cancelled")
    if (quiet and state not in _QUIET and not failed) or (state in _NOISE and not verbose):
        return ""
    outcome = str(event.get("outcome", "")).replace("_", " ")
    parts = [str(event["subject"]), state if state != "ended" else f"ended: {outcome}"]
    if state in ("wanted", "moved", "changed", "withdrawn", "refused", "skipped", "missed", "asked"):
        parts.append(f"the start of {_clock(event['at'])}")
    if event.get("seconds") is not None:
        parts.append(f"after {event['seconds']:.1f}s")
    if event.get("run"):
        parts.append(f"run {event['run']}")
    if event.get("title"):
        parts.append(f"“{event['title']}”")
    text = ", ".join(parts)
    return _stamped(f"{text}: {event['note']}" if event.get("note") and event["note"] != event.get("title") else text)


def _serve(event: Mapping[str, Any], state: str) -> str:
    if state == "trouble":
        error = event["error"]
        return ": ".join(one for one in (error["what"], error["why"]) if one) + (
            f" ({error['hint']})" if error["hint"] else ""
        )
    if state == "standby":
        return f"standing by: {event['note']}"
    if state == "listening":
        return f"listening on http://{event['address']} for {', '.join(event['paths'])}"
    if state == "stopping":
        return f"stopping; {event['runs']} under way" if event["runs"] else "stopping"
    if state in ("leading", "reloaded"):
        begun = "serving" if state == "leading" else "trueup.yaml was changed; serving"
        return f"{begun} {', '.join(event['subjects'])}"
    return state


def _occurrence(one: Mapping[str, Any]) -> str:
    sign = "." if one["skipped"] else "?" if one["asks"] else "+"
    text = f"{sign} {_clock(one['at'])}  {one['subject']}"
    if one["title"]:
        text += f"  “{one['title']}”"
    if one["params"] and not one["problem"]:
        text += "  " + " ".join(f"{name}={value}" for name, value in one["params"].items())
    notes = [
        one["skipped"] and f"left out: {one['skipped']}",
        one["asks"] and f"asks first: it would meet {one['asks']}",
        one["note"],
    ]
    told = "; ".join(note for note in notes if note)
    return f"{text}  ({told})" if told else text


def _trigger(one: Mapping[str, Any]) -> str:
    if "file" in one:
        return f"files {one['file']}"
    if "http" in one:
        return f"calls of {one['http']}"
    return f"after {one['after']} ({', '.join(one['outcome'])})"


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%a %Y-%m-%d %H:%M:%S %Z")


def _stamped(text: str) -> str:
    return safe(f"{datetime.now():%Y-%m-%d %H:%M:%S}  {text}")
