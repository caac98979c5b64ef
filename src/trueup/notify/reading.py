"""What a run's report means to the person who is told of it: is it bad, what is it about, and is it the same as last night."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_FAILING = {
    "failed": "failed",
    "partial": "is incomplete",
    "awaiting_approval": "waits for your word",
    "conflict": "has conflicts that wait for you",
    "missed": "was missed",
}
_GOOD = "done"

_LOGIN = re.compile(r"([A-Za-z][\w+.-]*://)[^\s/?#]*@")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong.

    Attributes:
        about: the source or item, or "".
        code: a stable word; with `about` it tells whether it is the same trouble as before.
        why: a sentence.
        hint: what to do; "" for nothing.
        headline: for the title: "backup of crm failed".
    """

    about: str
    code: str
    why: str
    hint: str = ""
    headline: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """A run that ended.

    Attributes:
        run: its id.
        troubles: what is wrong, the worst first; empty: it ended well.
        done: what was done, sentences.
        notes: further sentences.
    """

    run: str
    troubles: tuple[Trouble, ...]
    done: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def cause(self) -> str:
        """The same for two runs that fail in the same way, whatever the times and numbers in the sentences."""
        return "; ".join(sorted({f"{one.about}={one.code}" for one in self.troubles}))


def read(run: Mapping[str, Any]) -> Ending | None:
    """What a run came to; None: it has not ended, or came to nothing that anybody should hear of (superseded).

    Args:
        run: {"id", "state", "report", "plan"}, as a `RunRecord`; whatever is missing in its report is not told.
    """
    state = str(run.get("state", ""))
    if state not in _FAILING and state != _GOOD:
        return None
    report = _mapping(run.get("report"))
    troubles = list(_troubles(report))
    if state in _FAILING and not troubles:
        troubles = [_of_run(run, state, report)]
    notes = tuple(_sentence(one) for one in _list(report.get("notes")))
    return Ending(str(run.get("id", "")), tuple(troubles), tuple(_done(report)), notes)


def plain(text: object) -> str:
    """One line of text without a login in an address."""
    return _LOGIN.sub(r"\1***@", _SPACE.sub(" ", str(text)).strip())


def _troubles(report: Mapping[str, Any]) -> Iterator[Trouble]:
    backup = _mapping(report.get("backup"))
    for one in _list(backup.get("damage")):
        yield Trouble(
            "", "damage", _sentence(one), "nothing is removed until it is repaired", "the repository is damaged"
        )
    left = {str(one.get("title")): one for one in map(_mapping, _list(report.get("left")))}
    sources = {str(name): _mapping(one) for name, one in _mapping(backup.get("sources")).items()}
    for name, one in sources.items():
        both = {**left.get(name, {}), **one}
        if one.get("state") == "failed":
            code = str(both.get("code") or "failed")
            yield Trouble(name, code, _why(both), plain(both.get("hint") or ""), f"backup of {name} failed")
    for name, one in sources.items():
        for each in _list(one.get("anomalies")):
            code = str(_mapping(each).get("code") or "anomaly")
            yield Trouble(
                name,
                f"anomaly {code}",
                _sentence(each),
                "look at it, and accept it if it is right",
                f"{name} looks odd",
            )
    if error := _mapping(report.get("error")):
        yield Trouble("", str(error.get("type") or "error"), _error(error), plain(error.get("hint") or ""), "failed")
    if frozen := backup.get("frozen"):
        why = "retention is frozen" if frozen is True else f"retention is frozen: {_sentence(frozen)}"
        yield Trouble("", "frozen", why, headline="retention is frozen")
    for title, one in left.items():
        if title not in sources and one.get("state") in ("failed", "refused", "stale"):
            place = f" [{plain(one['collection'])}]" if one.get("collection") else ""
            yield Trouble(
                plain(title), str(one.get("code") or one["state"]), f"{_why(one)}{place}", headline="is incomplete"
            )


def _of_run(run: Mapping[str, Any], state: str, report: Mapping[str, Any]) -> Trouble:
    """Where the report names nothing: the state itself, with what a guard or a note says."""
    guards = map(_mapping, _list(_mapping(run.get("plan")).get("guards")))
    said = [_sentence(one.get("message")) for one in guards if one.get("message") and not one.get("allowed")]
    said = said or [_sentence(one) for one in _list(report.get("notes"))]
    hint = f"look at its plan, then: trueup apply {run.get('id', '')}" if state == "awaiting_approval" else ""
    return Trouble("", state, "; ".join(said[:3]), hint, _FAILING[state])


def _done(report: Mapping[str, Any]) -> Iterator[str]:
    for name, one in _mapping(_mapping(report.get("backup")).get("sources")).items():
        one = _mapping(one)
        state = str(one.get("state") or "")
        if state == "stored":
            yield f"{name}: stored, {_verified(one.get('verified'))}"
        elif state and state != "failed":
            yield f"{name}: {state}{f': {_why(one)}' if _why(one) else ''}"
    counts = {name: count for name, count in _mapping(report.get("counts")).items() if count}
    if counts:
        yield ", ".join(f"{count} {name}" for name, count in counts.items())


def _verified(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 1:
        from trueup.notify.text import moment

        return f"last verified {moment(float(value))}"
    return "verified" if value else "not verified"


def _why(one: Mapping[str, Any]) -> str:
    return plain(one.get("why") or one.get("reason") or "")


def _error(error: Mapping[str, Any]) -> str:
    return plain(": ".join(str(error[key]) for key in ("where", "what", "why") if error.get(key)))


def _sentence(value: Any) -> str:
    """A sentence, or the one in an object."""
    if isinstance(value, Mapping):
        return plain(next((value[key] for key in ("sentence", "what", "message", "why") if value.get(key)), ""))
    return plain(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    if isinstance(value, str):
        return [value] if value else []
    return value if isinstance(value, Sequence) else []
