"""What a job's rules of quality do with the records that are due: leave them out, put them up to a person, warn, mend.

A side's record is judged where it has something to give: what is new there or was edited. What all sides agreed on before a rule came is told and
stays as it is. A record that is left out, or waits for an answer, stays due and deletes nothing anywhere. A mended record is planned as if it
stood there mended, and gets an update of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import blake2b
from typing import Any

from trueup.core.draft import Draft
from trueup.core.ledger.rows import Replica
from trueup.core.loads import bodies
from trueup.core.noted import SHARED, TOPIC
from trueup.core.side import Side
from trueup.core.work import Work
from trueup.model.change import REJECTED, Action
from trueup.model.change import REVIEW as WAITING
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import ItemRefused
from trueup.model.quality import REJECT, REVIEW, WARN, Breach, Inspected

WHERE = "quality"
EXAMPLES = 3

ALIKE = ("the same on all sides", "the same edit on all sides")
"""What the planner says where nothing but the mending is to be done."""

MOST_SHARED = 5_000
"""Records with a value that another has as well, which are remembered from run to run."""

_PAGE = 500


@dataclass
class _Warned:
    count: int = 0
    examples: list[str] = field(default_factory=list)


class Inspection:
    """The inspection of one plan.

    Args:
        work: a job with an inspector that has rules.
        sides: its collections, by ref.
    """

    def __init__(self, work: Work, sides: Mapping[str, Side]) -> None:
        assert work.inspector is not None
        self._work, self._sides, self._inspector = work, sides, work.inspector
        self._held: dict[str, Counter[str]] = {ref: Counter() for ref in self._judged_refs()}
        self._warned: dict[tuple[str, str], _Warned] = {}
        self._mended = 0
        self._asked: set[str] = set()
        self._shared: dict[tuple[int, str, str], list[tuple[str, str]]] | None = None

    def begin(self) -> None:
        """Before the first draft: what may stand in one record only is looked for in all of them, where any changed since the last time."""
        work = self._work
        wanted = [ref for ref in self._judged_refs() if self._inspector.alone(ref)]
        if not wanted:
            return
        based = [self._inspector.digest, *(f"{work.row(ref).id} {work.row(ref).revision}" for ref in wanted)]
        kept = work.ledger.facts.get(work.spec.name, SHARED)
        if kept is not None and kept["based_on"] == based:
            self._take(kept["records"])
            return
        self._gather(wanted)
        records = work.ledger.state.shared_keys(MOST_SHARED + 1)
        if len(records) <= MOST_SHARED:
            self._take(records)
            work.ledger.facts.put(work.spec.name, SHARED, {"based_on": based, "records": records})

    def _take(self, records: Iterable[Sequence[Any]]) -> None:
        self._shared = {}
        for number, rule, value, href, title in records:
            self._shared.setdefault((number, rule, value), []).append((href, title))

    def _rival(self, side: Side, href: str, rule: str, value: str) -> str:
        """What people call another record with that value; "" where there is none."""
        if self._shared is None:
            return self._work.ledger.state.rival(side.id, rule, _key(value), href)
        held = self._shared.get((side.id, rule, _key(value)), ())
        return next((title or other for other, title in held if other != href), "")

    def written(self) -> None:
        """The plan writes: which records share a value has to be found out again."""
        self._work.ledger.facts.remove(self._work.spec.name, SHARED)

    def _gather(self, wanted: Iterable[str]) -> None:
        state = self._work.ledger.state
        state.begin_keys()
        for ref in wanted:
            number, page = self._sides[ref].id, []
            for href, title, data in bodies(self._work, number):
                page += [(rule, value, href, title) for rule, value in self._keys(ref, data)]
                if len(page) >= _PAGE:
                    self._work.check()
                    state.add_keys(number, page)
                    page = []
            state.add_keys(number, page)

    def _keys(self, ref: str, data: bytes) -> Iterable[tuple[str, str]]:
        try:
            return [(rule, _key(value)) for rule, value in self._inspector.keys(ref, data)]
        except ItemRefused:
            return []

    def _judged_refs(self) -> list[str]:
        return [str(ref) for ref in self._work.spec.sources]

    def plan(self, draft: Draft, planner: Callable[[Draft], None]) -> None:
        """Drafts the changes of one item by the planner, where the rules let it through."""
        if self._not_ours(draft):
            planner(draft)
            return
        live = {ref: one for ref, one in draft.live.items() if ref in self._held}
        said = {ref: self._inspect(draft, ref, one) for ref, one in live.items()}
        if self._holds(draft, {ref: said[ref] for ref in _with_news(draft, live)}):
            return
        for ref, one in said.items():
            if one.fixed is not None:
                self._mend(draft, ref, one.fixed, one.fixes)
        planner(draft)
        if live and not draft.changes and len(self._sides) == 1:
            draft.add(Action.LINK, reason=ALIKE[0])  # there is nobody to agree with
        if any(one.code == WAITING for one in draft.changes):  # whether it is somebody we know is another question
            for ref in live:
                self._held[ref][WAITING] += 1
        self._tell_mended(draft)

    def _not_ours(self, draft: Draft) -> bool:
        """Whether something else has the word: what cannot be read, an item that was undone, one that a filter keeps out."""
        if any(one.refused for one in draft.replicas.values() if one.seen is not None):
            return True
        if draft.open_conflict is not None and draft.open_conflict.code == "undone":
            return True
        chosen, now = self._work.filter, self._work.clock()
        agreed = not self._work.spec.one_way and any(one.base or one.sent for one in draft.replicas.values())
        if chosen is None or agreed:
            return False
        mine = [one.seen for ref, one in draft.live.items() if ref in self._held and one.seen]
        return not any(chosen.verdict(draft.bodies.get(name), now).keep for name in mine)

    def _inspect(self, draft: Draft, ref: str, one: Replica) -> Inspected:
        assert one.seen is not None
        # What a store cannot hold is no fault of the record: where it stands as we wrote it, what we wrote is looked at.
        name = one.sent if one.sent and one.seen == one.kept else one.seen
        side = self._sides[ref]

        rival = partial(self._rival, side, one.href)
        said = self._inspector.inspect(ref, draft.bodies.get(name), rival)
        if name != one.seen and said.fixed is not None:
            mended = self._inspector.inspect(ref, draft.bodies.get(one.seen), rival)
            said = replace(said, fixed=mended.fixed, fixes=mended.fixes)
        return said

    def _holds(self, draft: Draft, said: Mapping[str, Inspected]) -> bool:
        """Drafts a skip for every side that is left out or waits; whether there is one."""
        for ref, one in said.items():
            out = [breach for breach in one.breaches if breach.action == REJECT]
            waiting = [breach for breach in one.breaches if breach.action == REVIEW] if not out else []
            answered = [self._answer(draft, ref, breach) for breach in waiting]
            refused = [breach for breach, answer in zip(waiting, answered, strict=True) if answer == REJECT]
            open_ = [breach for breach, answer in zip(waiting, answered, strict=True) if not answer]
            if out or refused:
                self._held[ref][REJECTED] += 1
                draft.skip(ref, REJECTED, _told("left out", [*out, *refused]) + (", as you said" if refused else ""))
            elif open_:
                self._held[ref][WAITING] += 1
                draft.skip(ref, WAITING, _told("waits for your answer", open_))
            for breach in one.breaches:
                if breach.action == WARN:
                    self._warn(draft, ref, breach)
        return any(change.code in (REJECTED, WAITING) for change in draft.changes)

    def _answer(self, draft: Draft, ref: str, breach: Breach) -> str:
        """What a person said of it; "" as long as nobody did."""
        one = draft.replicas[ref]
        value = blake2b(breach.value.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        subject = f"{breach.rule}\n{draft.link.key}\n{value}"
        self._asked.add(subject)
        shown = draft.bodies.fields(one.seen or "")
        fields = [
            {"label": self._work.kind.label(key), "value": held.shown or held.normal}
            for key, held in shown.items()
            if key.name
        ]
        detail = {
            "rule": breach.rule,
            "reasons": [breach.reason],
            "records": [{"collection": ref, "title": one.title or one.href, "fields": fields}],
        }
        title = f"“{one.title or one.href}” in {ref}: {breach.reason}"
        return self._work.ledger.questions.ask(self._work.spec.name, TOPIC, subject, title, detail).answer

    def _warn(self, draft: Draft, ref: str, breach: Breach) -> None:
        warned = self._warned.setdefault((ref, breach.rule), _Warned())
        warned.count += 1
        if len(warned.examples) < EXAMPLES:
            warned.examples.append(f"“{draft.name()[0]}”: {breach.reason}")

    def _mend(self, draft: Draft, ref: str, fixed: bytes, fixes: tuple[str, ...]) -> None:
        """The item is planned as if it stood there mended. Where it cannot be written to, and where a deletion has to be told from an edit, it was
        agreed in that form as well: what we mend is nobody's edit."""
        one = draft.replicas[ref]
        assert one.seen is not None
        seen, base = draft.bodies.put(fixed), one.base
        if base is not None and (draft.gone or not self._sides[ref].capabilities.writable):
            before = self._inspector.inspect(ref, draft.bodies.get(base), lambda rule, value: "").fixed
            base = base if before is None else draft.bodies.put(before)
        draft.mended[ref] = (one, fixes)
        draft.replicas = {**draft.replicas, ref: replace(one, seen=seen, base=base)}

    def _tell_mended(self, draft: Draft) -> None:
        """Adds what the planner had no reason for: a side that was mended and nothing else; and says of copies what was mended in them."""
        if not draft.mended or not draft.changes:
            return
        words = {ref: "; ".join(fixes) for ref, (_, fixes) in draft.mended.items()}
        draft.changes[:] = [
            replace(one, reason=f"{one.reason}; {'; '.join(told)}")
            if one.action.writes
            and one.collection not in words
            and (told := dict.fromkeys(words[ref] for ref in one.origin if ref in words))
            else one
            for one in draft.changes
        ]
        if any(one.action is Action.CONFLICT and one.code != "resolved" for one in draft.changes):
            return
        for ref in words:
            touched = any(one.collection == ref and one.action is not Action.LINK for one in draft.changes)
            side = self._sides[ref]
            if not touched and not self._work.spec.one_way and side.read and side.capabilities.writable:
                with draft.refusals(ref):
                    draft.update(ref, {}, {}, "", [])
        if any(one.action.writes for one in draft.changes):
            draft.changes[:] = [
                one for one in draft.changes if one.action is not Action.LINK or one.reason not in ALIKE
            ]
        self._mended += 1

    # What is said of it all ------------------------------------------------------------------------------------------

    def diagnostics(self) -> list[Diagnostic]:
        """What is told in the plan: how many records are ready where not all are, and warnings by rule, with examples."""
        return [
            *(
                Diagnostic(Severity.INFO, f"{ref}: {one['said']}", WHERE)
                for ref, one in self.report()["collections"].items()
                if one["ready"] != one["records"]
            ),
            *self._warnings(),
        ]

    def _warnings(self) -> list[Diagnostic]:
        return [
            Diagnostic(
                Severity.WARNING,
                f"{ref}: {'a record breaks' if one.count == 1 else f'{one.count:,} records break'} the rule “{rule}”",
                WHERE,
                "; ".join(one.examples) + (" …" if one.count > len(one.examples) else ""),
            )
            for (ref, rule), one in sorted(self._warned.items())
        ]

    def report(self) -> dict[str, Any]:
        """How the records stand; ready, review, rejected and unreadable add up to the records.

        Returns:
            {"collections": {ref: {"records", "ready", "review", "rejected", "unreadable", "said": the same in words}}, "mended": items,
            "warned": {rule: records}}.
        """
        unreadable = self._unreadable()
        result = {}
        for ref, held in self._held.items():
            side = self._sides[ref]
            if side.read and side.exists:
                count = self._work.ledger.state.counts(side.id).live
                out = {"review": held[WAITING], "rejected": held[REJECTED], "unreadable": unreadable[ref]}
                counts = {"records": count, "ready": count - sum(out.values()), **out}
                result[ref] = {**counts, "said": _standing(counts)}
        warned: Counter[str] = Counter()
        for (_, rule), one in self._warned.items():
            warned[rule] += one.count
        return {"collections": result, "mended": self._mended, "warned": dict(sorted(warned.items()))}

    def _unreadable(self) -> Counter[str]:
        refs = {side.id: ref for ref, side in self._sides.items()}
        found: Counter[str] = Counter()
        after = 0
        while page := self._work.ledger.state.refused(self._work.spec.name, after, _PAGE):
            found.update(refs.get(one.collection, "") for one in page if one.seen is not None)
            after = page[-1].id
        return found

    def end(self) -> None:
        """After the last draft: questions that nobody asks any more are taken back."""
        self._work.ledger.questions.withdraw(self._work.spec.name, TOPIC, self._asked)


def _with_news(draft: Draft, live: Mapping[str, Replica]) -> list[str]:
    """The sides whose record is judged: those that have something to give; where none has, and nobody deleted the item, all of them."""
    if draft.work.spec.one_way:
        return list(live)[:1]
    news = [ref for ref, one in live.items() if one.seen not in (one.base, one.kept)]
    return news or ([] if draft.gone else list(live))


def _standing(one: Mapping[str, int]) -> str:
    words = {"ready": "ready", "review": "to be answered", "rejected": "left out", "unreadable": "unreadable"}
    said = ", ".join(f"{one[key]:,} {word}" for key, word in words.items() if one[key] or key == "ready")
    return f"{one['records']:,} {'record' if one['records'] == 1 else 'records'}: {said}"


def _told(what: str, breaches: list[Breach]) -> str:
    return f"{what}: " + "; ".join(f"{one.reason} (rule “{one.rule}”)" for one in breaches)


def _key(value: str) -> str:
    """What stands for a value among those that may stand in one record only."""
    return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
