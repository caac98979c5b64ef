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

# What a backup's stage that failed is called in a title, the worst first; "" is an item of another kind of job.
_STAGES = {
    "take": "backup of {title} failed",
    "drill": "{title} is not proven to restore",
    "check": "the check of {title} failed",
    "archive": "the copy of {title} to {collection} failed",
    "retention": "old backups could not be removed",
    "": "is incomplete",
}
# Why nothing is removed any more; what stands before the slash says what kind of trouble that is.
_FREEZES = {
    "damage": "{about} is damaged",
    "differs": "{about} does not restore to what it was",
    "anomaly": "{about} looks odd",
}
_HINTS = {
    "damage": "nothing is removed until it is repaired, and a check of everything finds no damage: trueup verify {job}",
    "differs": "nothing is removed until a restore goes well: trueup verify {job}",
    "anomaly": "nothing is removed until you have looked; where it is right: trueup accept {job} {about}",
}
_WRONG = ("failed", "stale", "refused")
BACKUP = "backup"
_CONFLICT = "conflict"
# What a step of a pipeline that did not end well is called, the worst first.
_STEPS = {
    "failed": "step {step} failed",
    "waiting": "step {step} waits for your word",
    "partial": "step {step} is incomplete",
}
_FOLLOWS = "after"  # the code of what was not begun, since what it comes after had failed

_LOGIN = re.compile(r"""://[^\s"'<>]{0,2000}@""")  # bounded: a reason may be the last 64 KiB of what a program said
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong.

    Attributes:
        about: the source or item, or "".
        code: a stable word; with `about` it tells whether it is the same trouble as before.
        why: a sentence.
        hint: what to do; "" for nothing. `{job}` stands for the job's name.
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
        state: how it ended; a run that waited for a person's word ends once more.
        troubles: what is wrong, the worst first; empty: it ended well.
        done, undone: what was done, and what was not tried; sentences.
        notes: further sentences.
        kind: of the job ("backup", "calendar" …), or "pipeline".
    """

    run: str
    state: str
    troubles: tuple[Trouble, ...]
    done: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    kind: str = BACKUP

    @property
    def causes(self) -> list[str]:
        """The same for two runs that fail in the same way, whatever the times and numbers in the sentences."""
        return sorted({f"{one.about}={one.code}" for one in self.troubles})

    def look(self, job: str) -> str:
        """The command that shows more of it."""
        return f"trueup status {job}" if self.kind == BACKUP else f"trueup history {self.run}"


def read(run: Mapping[str, Any]) -> Ending | None:
    """What a run came to; None: it has not ended, or came to nothing that anybody should hear of (superseded).

    Args:
        run: {"id", "state", "report", "plan"}, as a `RunRecord`, and "kind" of its job, where that is no backup; whatever is missing in its
            report is not told.
    """
    state = str(run.get("state", ""))
    if state not in _FAILING and state != _GOOD:
        return None
    report = _mapping(run.get("report"))
    troubles = list(_troubles(report))
    if state in _FAILING and not troubles:
        troubles = [_of_run(run, state, report)]
    notes = tuple(_sentence(one) for one in _list(report.get("notes")))
    done, undone = tuple(_done(report)), tuple(_undone(report))
    return Ending(str(run.get("id", "")), state, tuple(troubles), done, undone, notes, str(run.get("kind") or BACKUP))


def plain(text: object) -> str:
    """One line of text without a login in an address."""
    return _LOGIN.sub("://***@", _SPACE.sub(" ", str(text)).strip())


def _troubles(report: Mapping[str, Any]) -> Iterator[Trouble]:
    backup = _mapping(report.get("backup"))
    yield from _freezes(backup)
    left = [_mapping(one) for one in _list(report.get("left"))]
    wrong = [one for one in left if one.get("state") in _WRONG and one.get("code") != _FOLLOWS]
    untaken = {str(one.get("title")) for one in left if one.get("stage") == "take"}
    for stage in _STAGES:
        for one in wrong:
            follows = stage == "drill" and str(one.get("title")) in untaken
            if (one.get("stage") or "") == stage and not follows:
                yield _of_left(one, stage)
    yield from _conflicts(left)
    yield from _steps(_mapping(report.get("steps")))
    for one in map(_mapping, _list(report.get("readings"))):
        if one.get("read") is False:
            yield Trouble(
                plain(one.get("collection")), "unread", _error(_mapping(one.get("error"))), headline="is incomplete"
            )
    if error := _mapping(report.get("error")):
        hint = plain(error.get("hint") or "")
        yield Trouble("", str(error.get("type") or "error"), _error(error), hint, "failed")


def _conflicts(left: Sequence[Mapping[str, Any]]) -> Iterator[Trouble]:
    """Items that a person has to decide on."""
    found = [one for one in left if one.get("action") == _CONFLICT]
    headline = "a conflict waits for you" if len(found) == 1 else f"{len(found)} conflicts wait for you"
    for one in found:
        title = plain(one.get("title") or "")
        yield Trouble(title, _CONFLICT, _why(one), "decide them: trueup resolve {job}", headline)


def _steps(steps: Mapping[str, Any]) -> Iterator[Trouble]:
    """Steps of a pipeline that did not end well."""
    for outcome, headline in _STEPS.items():
        for name, one in steps.items():
            if _mapping(one).get("outcome") == outcome:
                hint = "look at the plan of its job, and apply that: trueup history" if outcome == "waiting" else ""
                why = plain(str(_mapping(one).get("error") or "").partition("\n")[0])  # without the traceback
                yield Trouble(str(name), f"step {outcome}", why, hint, headline.format(step=name))


def _freezes(backup: Mapping[str, Any]) -> Iterator[Trouble]:
    frozen = _mapping(backup.get("frozen"))
    order = {kind: number for number, kind in enumerate(_FREEZES)}
    for cause in sorted(frozen, key=lambda one: (order.get(_kind(one), len(order)), one)):
        kind, about = _kind(cause), plain(str(cause).partition("/")[2])
        headline = _FREEZES.get(kind, "retention is frozen").format(about=about)
        yield Trouble(about, kind, _sentence(frozen[cause]), _HINTS.get(kind, "").replace("{about}", about), headline)
    if not frozen:
        for one in _list(backup.get("damage")):
            yield Trouble("", "damage", _sentence(one), _HINTS["damage"], "the repository is damaged")


def _kind(cause: object) -> str:
    return str(cause).partition("/")[0]


def _of_left(one: Mapping[str, Any], stage: str) -> Trouble:
    title, place = plain(one.get("title") or ""), plain(one.get("collection") or "")
    why = _why(one).removeprefix(f"{title}: ")
    if not stage and place:
        why = f"{why} [{place}]"
    code = f"{stage} {one.get('code') or one['state']}".strip()
    headline = _STAGES[stage].format(title=title, collection=place.partition("/")[0])
    return Trouble(title, code, why, plain(one.get("hint") or ""), headline)


def _of_run(run: Mapping[str, Any], state: str, report: Mapping[str, Any]) -> Trouble:
    """Where the report names nothing: the state itself, with what a guard or a note says."""
    guards = map(_mapping, _list(_mapping(run.get("plan")).get("guards")))
    said = [_sentence(one.get("message")) for one in guards if one.get("message") and not one.get("allowed")]
    said = said or [_sentence(one) for one in _list(report.get("notes")) or _list(report.get("asks"))]
    hint = f"look at its plan, then: trueup apply {run.get('id', '')}" if state == "awaiting_approval" else ""
    return Trouble("", state, "; ".join(said[:3]), hint, _FAILING[state])


def _done(report: Mapping[str, Any]) -> Iterator[str]:
    """What went well, a line each."""
    backup = _mapping(report.get("backup"))
    stages = [_mapping(one) for one in _list(backup.get("stages"))]
    done = [(plain(one.get("stage")), plain(one.get("title")), one) for one in stages if one.get("state") == "verified"]
    for stage, title, one in done:
        if stage == "take":
            yield f"{title}: stored{_size(one)}"
        elif stage == "drill":
            yield f"{title}: restored and compared, nothing differs"
        elif stage == "check":
            yield f"{title}: checked, no damage found"
        elif stage == "archive":
            yield f"{title}: copied to {plain(one.get('collection')).partition('/')[0]}"
    if removed := sum(stage == "retention" for stage, _, _ in done):
        yield f"{removed} old backup{'s' * (removed != 1)} removed"
    for name, one in _mapping(report.get("steps")).items():
        if _mapping(one).get("outcome") == "done":
            yield f"{name}: done"
    counts = {str(name): count for name, count in _mapping(report.get("counts")).items() if count}
    if counts and not stages:
        yield ", ".join(f"{count} {name}" for name, count in counts.items())


def _undone(report: Mapping[str, Any]) -> Iterator[str]:
    """What was not tried, a line for each reason."""
    found: dict[str, list[str]] = {}
    for one in map(_mapping, _list(report.get("left"))):
        put_off = one.get("state") == "put-off" and one.get("action") != _CONFLICT
        if put_off or one.get("code") == _FOLLOWS:
            found.setdefault(_why(one), []).append(plain(one.get("title") or ""))
    for name, one in _mapping(report.get("steps")).items():
        if _mapping(one).get("outcome") == "skipped" and _mapping(one).get("error"):
            found.setdefault(plain(one["error"]), []).append(str(name))
    for why, titles in found.items():
        more = f" and {len(titles) - 3} more" if len(titles) > 3 else ""
        yield f"{', '.join(titles[:3])}{more}: {why}"


def _size(one: Mapping[str, Any]) -> str:
    from trueup.notify.text import amount

    size = one.get("bytes")
    return f", {amount(size)}" if isinstance(size, int | float) else ""


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
