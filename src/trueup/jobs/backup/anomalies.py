"""What is odd about a backup, seen against the last ones: sizes and counts that drop or grow, mass changes, what looks like encryption. Pure.

**Sizes and counts** ("bytes", "files", "rows", "items") are compared with the median of the last `RUNS` runs, which one odd run among them
does not move. They may drop by half and grow to four times: nightly backups move by a few percent, a table that was emptied, a mount that is
not there or an import that ran three times over moves by far more. 14 runs are two weeks of nights: steady growth is compared with itself
of a week ago, so that up to 20 % a night never alarms (1.2 ** 7.5 = 3.9). The limits give way in three ways:

- to the usual spread, by four standard deviations, taken from the median of the absolute deviations (times 1.4826, as for a normal
  distribution), which is as robust as the median;
- to what was seen twice before (a full export every Sunday is nothing odd the third time), by a tenth;
- to ignorance: with fewer than three runs to compare with, the limits are twice as wide.

What moves by less than `SMALL` (64 KiB; ten files, rows or items) is never odd, but for one case: nothing is left where something was.

**Shares of changed files** above 60 % are odd: of an office's files a few percent change in a day, and mass renames, restores of old states
and encryption touch nearly all. Again what was seen twice is not. **Entropy** tells the last of these apart. Measured in samples of 4 KiB: text
and tables have 4 to 6 bits a byte, programs about 6, what is encrypted 7.94 to 7.97. Pictures and archives are packed and have 7.6 to 7.95 as
well, so that entropy above 7.5 counts only together with many changed files, and only where it is `RISE` above its usual value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from trueup.model.diagnostics import Severity

RUNS = 14
"""So many of the last runs are compared with."""

FEW = 3
"""With fewer runs than this the limits are twice as wide."""

SMALL = {"bytes": 65_536.0, "files": 10.0, "rows": 10.0, "items": 10.0}
"""What moves by less than this is not odd; also: what is compared."""

RISE = 0.3
"""Bits a byte by which the entropy must be above its usual value."""

_DEVIATIONS = 4 * 1.4826


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something is odd; None: that is not looked at.

    Attributes:
        drop: share of the usual value by which it may be less.
        grow: share of the usual value by which it may be more.
        changed: share of files that may have changed.
        entropy: bits a byte in samples of what changed.
    """

    drop: float | None = 0.5
    grow: float | None = 3.0
    changed: float | None = 0.6
    entropy: float | None = 7.5


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something odd.

    Attributes:
        code: "empty", "drop", "grow", "changed" or "encryption"; for programs.
        measure: what it was seen in.
        sentence: for people.
        severity: "error" where data is gone or looks spoilt, else "warning".
    """

    code: str
    measure: str
    sentence: str
    severity: Severity = Severity.WARNING

    @property
    def once(self) -> bool:
        """Whether the next run cannot see it any more, since it compares with what is spoilt by then: only a person may clear it up."""
        return self.code in ("changed", "encryption")


def find(
    measures: Mapping[str, float], history: Sequence[Mapping[str, float]], limits: Limits = Limits()
) -> list[Anomaly]:
    """What is odd about a backup.

    Args:
        measures: of the new backup, as `model.backup.Captured.measures`; what it does not have is not looked at.
        history: of the backups before it that were stored and found in order, oldest first. Without any, nothing is odd.
        limits: see there.
    """
    last = history[-RUNS:]
    found = []
    for name in SMALL:
        before = [one[name] for one in last if name in one]
        if name in measures and before:
            found.append(_moved(name, measures[name], before, limits))
    found.append(_changed(measures, last, limits))
    return [one for one in found if one is not None]


def _moved(name: str, value: float, before: Sequence[float], limits: Limits) -> Anomaly | None:
    """Whether a size or count dropped or grew."""
    usual = median(before)
    spread = _DEVIATIONS * median(abs(one - usual) for one in before)
    width = 2.0 if len(before) < FEW else 1.0
    lowest, highest = _seen_twice(before)
    if limits.drop is not None and value < usual:
        if value == 0 < lowest:
            return Anomaly("empty", name, f"no {name}: there were {_number(name, usual)} before", Severity.ERROR)
        least = min(usual * (1 - limits.drop) / width, usual - spread, lowest * 0.9)
        if value < least and usual - value >= SMALL[name]:
            return Anomaly("drop", name, _sentence(name, "fewer", value, usual, len(before)))
    if limits.grow is not None and value > usual > 0:  # what begins is nothing odd
        most = max(usual * (1 + limits.grow) * width, usual + spread, highest * 1.1)
        if value > most and value - usual >= SMALL[name]:
            return Anomaly("grow", name, _sentence(name, "more", value, usual, len(before)))
    return None


def _seen_twice(before: Sequence[float]) -> tuple[float, float]:
    """The lowest and the highest value but for one of each; of a single run that one."""
    ordered = sorted(before)
    return ordered[min(1, len(ordered) - 1)], ordered[max(-2, -len(ordered))]


def _changed(measures: Mapping[str, float], last: Sequence[Mapping[str, float]], limits: Limits) -> Anomaly | None:
    """Whether too many files changed, and into what."""
    share = measures.get("changed")
    enough = measures.get("files", SMALL["files"]) >= SMALL["files"]
    if share is None or limits.changed is None or share <= limits.changed or not last or not enough:
        return None
    before = [one["changed"] for one in last if "changed" in one]
    if len(before) > 1 and share <= _seen_twice(before)[1] * 1.1:
        return None
    usual = f", usually {median(before):.0%}" if before else ""
    said = f"{share:.0%} of the files changed since the last backup{usual}"
    entropy = measures.get("entropy")
    known = [one["entropy"] for one in last if "entropy" in one]
    if limits.entropy is None or entropy is None or entropy <= limits.entropy:
        return Anomaly("changed", "changed", said)
    if known and entropy < median(known) + RISE:
        return Anomaly("changed", "changed", f"{said}; what changed is as dense as before ({entropy:.1f} bits a byte)")
    rise = f" and was {median(known):.1f}" if known else ""
    sentence = f"looks like encryption: {said}, and what changed has {entropy:.2f} bits a byte{rise}"
    return Anomaly("encryption", "changed", sentence, Severity.ERROR)


def _sentence(name: str, more: str, value: float, usual: float, runs: int) -> str:
    compared = f"the median of the last {runs} runs" if runs > 1 else "the run before"
    change = value / usual - 1
    return f"{more} {name}: {_number(name, value)}, and {_number(name, usual)} in {compared} ({change:+.0%})"


def _number(name: str, value: float) -> str:
    if name != "bytes" or value < 1000:
        return f"{value:,.0f}"
    power = min(4, int(math.log10(value)) // 3)
    return f"{value / 1000**power:.1f} {' kMGT'[power]}B"
