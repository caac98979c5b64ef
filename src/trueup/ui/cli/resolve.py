"""`trueup resolve`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from trueup.model.errors import NotFound, UsageError
from trueup.ui.cli.common import Common, job_names, shared

if TYPE_CHECKING:
    from trueup.app import App

_NUMBER = re.compile(r"(q?)(\d+)")


@click.command
@click.argument("job", shell_complete=job_names, help="The job's name in trueup.yaml.")
@click.argument("number", required=False, help="The number of one conflict (12) or question (q12).")
@click.option("--list", "show", is_flag=True, help="Show what waits for you, and what was decided.")
@click.option("--prefer", metavar="STORE/NAME", help="The collection whose version is right.")
@click.option("--take", metavar="STORE/NAME", help="The collection whose losing version shall come back.")
@click.option(
    "--answer",
    metavar="WORD",
    help="Answer a question: same or different (contacts alike), accept or reject (quality).",
)
@click.option("--all", "every", is_flag=True, help="Decide every conflict, or answer every question, that waits.")
@click.option(
    "--restore", metavar="STORE/NAME", help="Bring back what vanished from this collection, from the other sides."
)
@shared
def resolve(
    common: Common,
    job: str,
    number: str | None,
    show: bool,
    prefer: str | None,
    take: str | None,
    answer: str | None,
    every: bool,
    restore: str | None,
) -> int:
    """Decide conflicts, answer questions; bring back a version that lost, or what vanished. The next run carries it out.

    Without options, what waits is gone through one after the other.
    """
    conflict, question = _meant(number)
    with common.load() as app:
        if restore is not None:
            return _restore(app, job, restore, common)
        if show or (common.for_programs and prefer is None and take is None and answer is None):
            return _list(app, job, conflict, question, common)
        if take is not None:
            if conflict is None:
                raise UsageError("--take needs a conflict's number", hint=f"trueup resolve {job} --list shows them")
            app.take(job, conflict, take)
            return _decided(job, 1, common)
        if answer is not None:
            return _answer(app, job, question, answer, every, common)
        if prefer is not None:
            return _prefer(app, job, conflict, prefer, every, common)
        return _ask(app, job, conflict, question, common)


def _meant(number: str | None) -> tuple[int | None, int | None]:
    """The conflict and the question that a number names: one of them, or neither."""
    if number is None:
        return None, None
    match = _NUMBER.fullmatch(number.lower())
    if match is None:
        raise UsageError(f"`{number}` is no number", hint="a conflict's is like 12, a question's like q12")
    return (None, int(match[2])) if match[1] else (int(match[2]), None)


def _prefer(app: App, job: str, conflict: int | None, ref: str, every: bool, common: Common) -> int:
    if conflict is None and not every:
        raise UsageError("--prefer needs a conflict's number, or --all", hint=f"trueup resolve {job} --list")
    waiting = _waiting(app, job, conflict)
    for one in waiting:
        app.prefer(job, one["id"], ref)
    return _decided(job, len(waiting), common)


def _answer(app: App, job: str, question: int | None, word: str, every: bool, common: Common) -> int:
    if question is not None:
        app.answer(job, question, word)
        return _decided(job, 1, common)
    if not every:
        raise UsageError("--answer needs a question's number (q12), or --all", hint=f"trueup resolve {job} --list")
    fitting = [one for one in app.questions(job) if word in one["answers"]]
    for one in fitting:
        app.answer(job, one["id"], word)
    return _decided(job, len(fitting), common)


def _waiting(app: App, job: str, conflict: int | None) -> list[dict[str, Any]]:
    found = app.conflicts(job, ("open", "decided"))
    if conflict is None:
        return found
    one = [each for each in found if each["id"] == conflict]
    if not one:
        raise NotFound(f"conflict {conflict} of job {job} does not wait", hint=f"trueup resolve {job} --list")
    return one


def _asked(app: App, job: str, question: int | None) -> list[dict[str, Any]]:
    found = app.questions(job, open_only=question is None)
    if question is None:
        return found
    one = [each for each in found if each["id"] == question]
    if not one:
        raise NotFound(f"job {job} has no question q{question}", hint=f"trueup resolve {job} --list")
    return one


def _restore(app: App, job: str, ref: str, common: Common) -> int:
    count = app.restore(job, ref)
    if common.for_programs:
        common.put({"restored": count})
    else:
        items = "1 item" if count == 1 else f"{count} items"
        print(f"{items} will come back to {ref}" if count else f"nothing vanished from {ref}")
        if count:
            print(f"  To do it: trueup run {job}")
    return 0


def _list(app: App, job: str, conflict: int | None, question: int | None, common: Common) -> int:
    conflicts = [] if question is not None else app.conflicts(job, ("open", "decided", "resolved"))
    conflicts = [one for one in conflicts if conflict is None or one["id"] == conflict]
    questions = [] if conflict is not None else app.questions(job, open_only=False)
    questions = [one for one in questions if question is None or one["id"] == question]
    if common.for_programs:
        common.put({"conflicts": conflicts, "questions": questions})
        return 0
    from trueup.ui.cli.render.text import conflict_lines, question_lines

    for one in conflicts:
        for line in conflict_lines(one):
            print(line)
    for one in questions:
        for line in question_lines(one):
            print(line)
    if not conflicts and not questions:
        print("no conflicts and no questions")
    return 0


def _ask(app: App, job: str, conflict: int | None, question: int | None, common: Common) -> int:
    """Goes through conflicts and questions with a person."""
    from trueup.ui.cli.render.text import conflict_lines, question_lines

    conflicts = [] if question is not None else _waiting(app, job, conflict)
    questions = [] if conflict is not None else _asked(app, job, question)
    if not conflicts and not questions:
        print("nothing waits for you")
        return 0
    if not common.may_ask:
        hint = "--prefer STORE/NAME (conflicts) or --answer WORD (questions), with a number or --all"
        raise UsageError(f"{len(conflicts) + len(questions)} waiting, and nobody to ask", hint=hint)
    refs = [str(ref) for ref in app.job(job).collections]
    decided = 0
    for one in conflicts:
        place = _chosen(conflict_lines(one), [f"{ref} is right" for ref in refs])
        if place is not None:
            app.prefer(job, one["id"], refs[place])
            decided += 1
    for one in questions:
        place = _chosen(question_lines(one), one["answers"])
        if place is not None:
            app.answer(job, one["id"], one["answers"][place])
            decided += 1
    return _decided(job, decided, common)


def _chosen(lines: Iterable[str], choices: list[str]) -> int | None:
    """Shows what is asked; returns the place of the answer, or None where a person leaves it."""
    for line in lines:
        print(line)
    for number, choice in enumerate(choices, 1):
        print(f"    {number}) {choice}")
    said = input("  number, or Enter to leave it: ").strip().lower()
    place = int(said) - 1 if said.isdigit() else choices.index(said) if said in choices else -1
    return place if 0 <= place < len(choices) else None


def _decided(job: str, count: int, common: Common) -> int:
    if common.for_programs:
        common.put({"decided": count})
    else:
        print(f"{count} decided" + (f"; the next run carries it out: trueup run {job}" if count else ""))
    return 0
