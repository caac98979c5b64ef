"""Looking for damage, and which snapshots it hits; freeing what nobody needs any more."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from trueup.connectors.restic import faults
from trueup.connectors.restic.running import Restic
from trueup.model.errors import Permanent
from trueup.model.repository import Checked, Snapshot, Watch

_SOUND = 0
_HARMED = 1
_BROKEN_PACK = re.compile(r"^pack ([0-9a-f]{64})(?:: (.*)| contains \d+ errors?: (.*))$")
_BLOB = re.compile(r"blob ([0-9a-f]{64}): ")
_TREE = re.compile(r"^error for tree ([0-9a-f]{8,64}):$")
_SNAPSHOT = re.compile(r"failed to load snapshot ([0-9a-f]{8,64})")
_BELONGS = re.compile(r"belongs to snapshot ([0-9a-f]{64})")
# Advice and retries, which stand among the findings; what is wrong is said once more, or by the exit code.
_NOISE = re.compile(
    r"^(using temporary|create exclusive|load indexes|check |read |\[\d|Load\(|download error|The repository|restic repair|Damaged pack"
    r"|no errors|\d+ additional files|This is non-critical|Fatal: repository contains|\s*$)"
)
_FREED = re.compile(r"^total prune: .*/ ([\d.]+) (B|KiB|MiB|GiB|TiB|PiB)$")
_UNITS = {unit: 1024**power for power, unit in enumerate(("B", "KiB", "MiB", "GiB", "TiB", "PiB"))}
_SHOWN = 20


@dataclass(slots=True)
class _Findings:
    """What a check says, line by line."""

    lines: list[str] = field(default_factory=list)
    packs: list[str] = field(default_factory=list)
    blobs: list[str] = field(default_factory=list)
    trees: list[str] = field(default_factory=list)
    snapshots: list[str] = field(default_factory=list)
    unexplained: bool = False
    finished: bool = False

    def take(self, line: str) -> None:
        """One line of stdout or stderr."""
        self.finished |= line.startswith(("Fatal: repository contains errors", "no errors were found"))
        if _NOISE.match(line):
            return
        pack, snapshot, tree = _BROKEN_PACK.match(line), _SNAPSHOT.search(line), _TREE.match(line)
        if tree:  # the lines that follow, each with a blank before it, say what about it
            self.trees.append(tree[1])
            return
        self.lines.append(" ".join(line.split()))
        if snapshot:
            self.snapshots.append(snapshot[1])
        elif pack and pack[3]:
            found = _BLOB.findall(pack[3])
            self.blobs.extend(found)
            if not found:
                self.packs.append(pack[1])
        elif pack:
            self.packs.append(pack[1])
        elif not (self.trees and line.startswith("  ")):
            self.unexplained = True


def check(restic: Restic, known: list[Snapshot], share: float, watch: Watch) -> Checked:
    """`restic check`: everything that snapshots refer to is there, and a share of it is right.

    It is asked in words and not for JSON, in which only 0.18 and later answer, with the same words inside.

    Args:
        restic: the repository.
        known: its snapshots.
        share: of the data that is read, 0 to 1; a random choice of pack files.
        watch: who looks after the work.
    """
    reading = (
        [] if share <= 0 else ["--read-data"] if share >= 1 else [f"--read-data-subset={max(share * 100, 1e-6):.6f}%"]
    )
    found = _Findings()
    what = "could not check the repository"
    code = restic.run(what, ["check", *reading], watch, found.take, ok=(_SOUND, _HARMED), both=True)
    if code == _SOUND:
        return Checked(read=int(_stored(restic, known) * min(share, 1.0)) if reading else 0)
    away = [one for one in found.lines if faults.passes(one)]
    if not found.finished or (away and away == found.lines):  # it could not do its work, which is no finding
        raise restic.failure(what, code, away or found.lines)
    hit, named = _hit(restic, found, watch)
    damage = [*(restic.clean(one) for one in found.lines[:_SHOWN]), *named]
    if len(found.lines) > _SHOWN:
        damage.append(f"{len(found.lines) - _SHOWN} more findings of this kind")
    return Checked(tuple(damage) or ("restic check found errors",), hit)


def _stored(restic: Restic, known: list[Snapshot]) -> int:
    """Bytes of data files: counted on a disk; elsewhere what the snapshots say that they added."""
    if restic.local is not None:
        return sum(one.stat().st_size for one in (restic.local / "data").glob("*/*"))
    return sum(one.added for one in known)


def _hit(restic: Restic, found: _Findings, watch: Watch) -> tuple[tuple[str, ...], list[str]]:
    """Snapshots that cannot be restored in full, and sentences about their files; none where that cannot be told in full."""
    hit: set[str] = set()
    files: set[str] = set()
    sure = not found.unexplained
    for flag, ids in (("--pack", found.packs), ("--blob", found.blobs), ("--tree", found.trees)):
        if ids:
            told, whole = _find(restic, flag, ids, watch)
            sure &= whole
            hit |= {one for one, _ in told}
            files |= {path for _, path in told if path}
    named = [f"damaged: {path}" for path in sorted(files)[:_SHOWN]]
    if len(files) > _SHOWN:
        named.append(f"and {len(files) - _SHOWN} more files")
    if found.snapshots:  # which cannot be opened, and of which it says half of the id
        lines: list[str] = []
        restic.run("could not list the snapshots", ["list", "snapshots", "--no-lock"], watch, lines.append)
        hit |= {one for one in lines if one.startswith(tuple(found.snapshots))}
    return (tuple(sorted(hit)) if sure else ()), named


def _find(restic: Restic, flag: str, ids: list[str], watch: Watch) -> tuple[set[tuple[str, str]], bool]:
    """(snapshot, path) of everything that lies in these packs or blobs, and whether that is all of it."""
    lines: list[str] = []
    try:
        restic.run("could not find what is damaged", ["find", "--json", flag, *ids], watch, lines.append, both=True)
    except Permanent:  # a pack whose table of contents is gone
        return set(), False
    text = "\n".join(lines)
    told = {(one, "") for one in _BELONGS.findall(text)}
    decoder = json.JSONDecoder()
    for start in re.finditer(r'\{"object_type"', text):
        try:
            said, _ = decoder.raw_decode(text, start.start())
        except ValueError:
            return told, False
        told.add((str(said.get("snapshot", "")), str(said.get("path", ""))))
    return told, True


def forget(restic: Restic, snapshots: Sequence[str], watch: Watch) -> None:
    """Removes snapshots; one that is not there is no error. restic 0.18 ends with code 0 where the repository did not let it.

    Raises:
        Permanent: one is still there.
    """
    what = f"could not remove snapshots of {restic.settings.name}"
    refused: list[str] = []

    def take(line: str) -> None:
        if line.startswith("unable to remove"):
            refused.append(line)

    code = restic.run(what, ["forget", "--json", *snapshots], watch, take, ok=(0, faults.UNREAD), both=True)
    if refused or code:
        why = f"the repository keeps {len(refused) or 'some'} of them"
        hint = "one that is append-only or locked lets nothing be deleted: set `retention` up where that is allowed"
        raise Permanent(what, where=restic.settings.address.place, why=why, hint=hint)


def prune(restic: Restic, watch: Watch) -> int:
    """Frees what no snapshot refers to; returns how many bytes, to the four digits that restic tells."""
    freed = 0

    def take(line: str) -> None:
        nonlocal freed
        found = _FREED.match(line)
        if found:
            freed = int(float(found[1]) * _UNITS[found[2]])

    restic.run("could not free what is not needed any more", ["prune"], watch, take, both=True)
    return freed
