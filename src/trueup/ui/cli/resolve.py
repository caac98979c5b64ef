"""`trueup resolve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from trueup.model.errors import NotFound, UsageError
from trueup.ui.cli.common import Common, job_names, shared

if TYPE_CHECKING:
    from trueup.app import App


@click.command
@click.argument("job", shell_complete=job_names, help="The job's name in trueup.yaml.")
@click.argument("conflict", type=int, required=False, help="The number of one conflict.")
@click.option("--list", "show", is_flag=True, help="Show what waits for you, and what was decided by policy.")
@click.option("--prefer", metavar="STORE/NAME", help="The collection whose version is right.")
@click.option("--take", metavar="STORE/NAME", help="The collection whose losing version shall come back.")
@click.option("--all", "every", is_flag=True, help="Decide every conflict that waits.")
@click.option(
    "--restore", metavar="STORE/NAME", help="Bring back what vanished from this collection, from the other sides."
)
@shared
def resolve(
    common: Common,
    job: str,
    conflict: int | None,
    show: bool,
    prefer: str | None,
    take: str | None,
    every: bool,
    restore: str | None,
) -> int:
    """Decide conflicts; bring back a version that lost, or what vanished from a side. The next run carries it out.

    Without options, the conflicts that wait are gone through one after the other.
    """
    with common.load() as app:
        if restore is not None:
            return _restore(app, job, restore, common)
        if show or (common.for_programs and prefer is None and take is None):
            return _list(app, job, conflict, common)
        if take is not None:
            if conflict is None:
                raise UsageError("--take needs a conflict's number", hint=f"trueup resolve {job} --list shows them")
            app.take(job, conflict, take)
            return _decided(job, 1, common)
        waiting = _waiting(app, job, conflict)
        if prefer is not None:
            if conflict is None and not every:
                raise UsageError("--prefer needs a conflict's number, or --all", hint=f"trueup resolve {job} --list")
            for one in waiting:
                app.prefer(job, one["id"], prefer)
            return _decided(job, len(waiting), common)
        return _ask(app, job, waiting, common)


def _waiting(app: App, job: str, conflict: int | None) -> list[dict[str, Any]]:
    found = app.conflicts(job, ("open", "decided"))
    if conflict is None:
        return found
    one = [each for each in found if each["id"] == conflict]
    if not one:
        raise NotFound(f"conflict {conflict} of job {job} does not wait", hint=f"trueup resolve {job} --list")
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


def _list(app: App, job: str, conflict: int | None, common: Common) -> int:
    found = app.conflicts(job, ("open", "decided", "resolved"))
    found = [one for one in found if conflict is None or one["id"] == conflict]
    if common.for_programs:
        common.put({"conflicts": found})
        return 0
    from trueup.ui.cli.render.text import conflict_lines

    for one in found:
        for line in conflict_lines(one):
            print(line)
    if not found:
        print("no conflicts")
    return 0


def _ask(app: App, job: str, waiting: list[dict[str, Any]], common: Common) -> int:
    """Goes through the conflicts with a person."""
    from trueup.ui.cli.render.text import conflict_lines

    if not waiting:
        print("nothing waits for you")
        return 0
    if not common.may_ask:
        raise UsageError(
            f"{len(waiting)} waiting, and nobody to ask", hint="--prefer STORE/NAME with a number or --all"
        )
    refs = [str(ref) for ref in app.job(job).collections]
    decided = 0
    for one in waiting:
        for line in conflict_lines(one):
            print(line)
        for number, ref in enumerate(refs, 1):
            print(f"    {number}) {ref} is right")
        answer = input("  number, or Enter to leave it: ").strip()
        if answer.isdigit() and 1 <= int(answer) <= len(refs):
            app.prefer(job, one["id"], refs[int(answer) - 1])
            decided += 1
    return _decided(job, decided, common)


def _decided(job: str, count: int, common: Common) -> int:
    if common.for_programs:
        common.put({"decided": count})
    else:
        print(f"{count} decided" + (f"; the next run carries it out: trueup run {job}" if count else ""))
    return 0
