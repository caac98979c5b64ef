"""What an orchestrator has, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trueup.ui.cli.render.terminal import safe, style

Json = Mapping[str, Any]

_STYLES = {"ok": "dim", "same": "dim", "created": "green", "updated": "yellow", "deleted": "red"}
_WORDS = {
    "missing": "is not there",
    "extra": "is there, and not in trueup.yaml",
    "changed": "was changed there",
    "paused": "is paused there",
}


def status_lines(state: Json, *, quiet: bool = False) -> Iterator[str]:
    """One engine: what differs, what is as it should be, the last runs."""
    where = f"  {safe(state['url'])}" if state.get("url") else ""
    if not state["reachable"]:
        yield f"{state['engine']}: {style('does not answer', 'red')}{where}"
        return
    differs = [one for one in state["units"] if one["state"] != "ok"]
    verdict = (
        style(f"{len(differs)} differ from trueup.yaml", "yellow") if differs else style("as in trueup.yaml", "green")
    )
    yield f"{state['engine']}: {verdict}{where}"
    for one in state["units"]:
        if one["state"] != "ok" or not quiet:
            yield from _unit(one)
    for change in state.get("fixed", {}).get("changed", ()):
        yield from _change(change)
    if differs:
        yield f"  To repair it: trueup engine status {state['engine']} --fix"
    for run in state.get("runs", ()) if not quiet else ():
        yield "  " + "  ".join(safe(str(run[key])) for key in ("started", "name", "state", "url") if run.get(key))


def _unit(one: Json) -> Iterator[str]:
    word = _WORDS.get(one["state"], str(one["state"]))
    yield f"  {style(word, _STYLES.get(one['state'], 'yellow'))}  {safe(one['kind'])} {safe(one['name'])}"
    for key in ("wanted", "found") if one["state"] == "changed" else ():
        if one.get(key) not in (None, ""):
            yield f"      {key}: {safe(str(one[key]))}"


def deploy_lines(result: Json, *, quiet: bool = False) -> Iterator[str]:
    """What a deployment changed."""
    changed = [one for one in result.get("changed", ()) if one["state"] != "same"]
    for one in changed if quiet else result.get("changed", ()):
        yield from _change(one)
    where = f"  {safe(result['url'])}" if result.get("url") else ""
    if not quiet or changed:
        yield f"{result['engine']}: {len(changed)} changed{where}"


def _change(one: Json) -> Iterator[str]:
    yield f"  {style(one['state'], _STYLES.get(one['state'], 'yellow'))}  {safe(one['kind'])} {safe(one['name'])}"


def none_lines(names: Iterable[str]) -> Iterator[str]:
    """No engine is installed."""
    yield "No orchestrator is installed here; the embedded engine needs none (trueup run)."
    for name in names:
        yield f'  pip install "trueup[{name}]"'
