"""What Apple's programs say with a label: an X-ABDATE that is labelled as an anniversary is what RFC 6474 calls ANNIVERSARY, an X-ABRELATEDNAMES
that is labelled as a spouse what RFC 6350 section 6.6.6 calls RELATED. Taken for the same only where nothing would be lost."""

from __future__ import annotations

from collections.abc import Iterable

from trueup.jobs.contacts import properties as p
from trueup.jobs.contacts.card import CardLine
from trueup.jobs.contacts.head import Head, head_of
from trueup.jobs.contacts.values import apple_label

_DATE = "X-ABDATE"
_RELATIONS = frozenset({"spouse", "child", "parent", "friend"})  # of Apple's words those that are types of RELATED
_OMIT_YEAR = "X-APPLE-OMIT-YEAR"


def meant(line: CardLine, label: str) -> Head | None:
    """The head, in 3.0, of the property that a labelled line stands for; None: it stands for itself."""
    head = line.head
    if head.name not in p.LABELLED or not label or head.types or head.label:
        return None
    if any(key not in p.PARAMS_IGNORED for key, _ in head.params):
        return None
    if head.name == _DATE:
        omitted = next((f";{key}={','.join(said)}" for key, said in head.params if key == _OMIT_YEAR), "")
        return head_of(f"X-ANNIVERSARY{omitted}") if label == "anniversary" else None
    if label not in _RELATIONS:
        return None
    return head_of(f"RELATED;TYPE={label}{',pref' if head.pref else ''};VALUE=text")


def plainly(lines: Iterable[CardLine]) -> list[CardLine]:
    """Lines with those that stand for another property in its words, and without the labels that said so."""
    found = list(lines)
    labels: dict[str, str] = {}
    for line in found:
        if line.head.group and (label := apple_label(line)):
            labels.setdefault(line.head.group, label)  # the first, as wherever a label is read
    heads = {id(line): head for line in found if (head := meant(line, labels.get(line.head.group, "")))}
    if not heads:
        return found
    shared = {
        line.head.group
        for line in found
        if line.head.name not in p.ATTACHED and line.head.group and id(line) not in heads
    }
    said = {line.head.group for line in found if id(line) in heads} - shared
    result = []
    for line in found:
        head = heads.get(id(line))
        if head is not None:
            result.append(CardLine(head, f"{head.text}:{line.value}", line.value))
        elif line.head.name != p.LABEL or line.head.group not in said:
            result.append(line)
    return result


def kept_form(old: CardLine, attached: Iterable[CardLine], new: CardLine) -> list[str] | None:
    """An anniversary written as the line has it that it replaces, in 3.0: Apple's programs show no other; None where it cannot be."""
    head = new.head
    if (
        head.value == "TEXT"
        or head.types
        or head.pref
        or head.label
        or any(key != _OMIT_YEAR for key, _ in head.params)
    ):
        return None
    omitted = "".join(f";{key}={','.join(said)}" for key, said in head.params)
    if old.head.name == _DATE:
        pref = ";type=pref" if old.head.pref else ""
        return [f"{old.head.group}.{_DATE}{pref}{omitted}:{new.value}", *(line.text for line in attached)]
    return [f"{old.head.name}{omitted}:{new.value}"] if not old.head.group else None
