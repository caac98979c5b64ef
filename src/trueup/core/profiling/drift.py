"""What is unlike the last time: two profiles of a collection compared, with a floor below which nothing is an alarm."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from trueup.core.profiling.masks import mask
from trueup.model.quality import OFF, Anomaly, ProfileLimits

MANY_SHAPES = 60
"""A field whose values had more forms than this has no form of its own, and no new one."""

_EXAMPLES = 3
Json = Mapping[str, Any]


def anomalies(before: Json, now: Json, limits: ProfileLimits) -> list[Anomaly]:
    """What an administrator wants to know before the new load goes on.

    Args:
        before, now: profiles, see `Profile.to_json`.
        limits: from when on something is an alarm.

    Returns:
        The findings whose action is not "off": of the whole first, then field by field.
    """
    found = [*_volume(before, now, limits)]
    for name in sorted({*before["fields"], *now["fields"]}):
        was, is_ = before["fields"].get(name, _missing(before)), now["fields"].get(name, _missing(now))
        field = _Field(was, is_, limits)
        found += [Anomaly(kind, name, message) for kind, message in field.findings()]
    return [one for one in found if limits.action_of(one.kind) != OFF]


def _missing(profile: Json) -> Json:
    rows = profile["rows"]
    return {
        "rows": rows,
        "present": 0,
        "blank": 0,
        "absent": rows,
        "values": 0,
        "distinct": 0,
        "repeated": 0,
        "length": {"mean": 0.0},
        "kind": "text",
        "parsed": 1.0,
        "top": [],
        "masks": [],
        "shapes": 0,
    }


def _volume(before: Json, now: Json, limits: ProfileLimits) -> Iterator[Anomaly]:
    was, is_, share = before["rows"], now["rows"], limits.share_of("volume")
    if not was or abs(is_ - was) < limits.floor:
        return
    change = f"{was:,} records before, {is_:,} now ({_signed((is_ - was) / was)})"
    if is_ < was * (1 - share) or (is_ - was) * (1 - share) > was * share:
        yield Anomaly("volume", "", f"{'fewer' if is_ < was else 'more'} records: {change}")


class _Field:
    """One field, before and now."""

    def __init__(self, was: Json, now: Json, limits: ProfileLimits) -> None:
        self.was, self.now, self.limits = was, now, limits

    def findings(self) -> Iterator[tuple[str, str]]:
        """(kind, message) of all that is unlike."""
        if min(self.was["rows"], self.now["rows"]) < 1:
            return
        yield from self._empty()
        if min(self.was["values"], self.now["values"]) < self.limits.floor:
            return
        yield from self._patterns()
        yield from self._values()
        yield from self._distinct()
        yield from self._duplicates()
        yield from self._length()
        yield from self._invalid()

    def _empty(self) -> Iterator[tuple[str, str]]:
        was, now = (1 - one["present"] / one["rows"] for one in (self.was, self.now))
        more = self.now["rows"] * (now - was)
        if now >= 2 * was and now - was >= self.limits.share_of("empty") and more >= self.limits.floor:
            empty = self.now["rows"] - self.now["present"]
            yield (
                "empty",
                f"empty in {empty:,} of {self.now['rows']:,} records ({_percent(now)}; before {_percent(was)})",
            )

    def _patterns(self) -> Iterator[tuple[str, str]]:
        if self.was["shapes"] > MANY_SHAPES:
            return
        known = {form for form, _ in self.was["masks"]}
        if len(known) < self.was["shapes"]:
            return  # the rare ones are not kept: a form that is not named may have been there
        new = [
            (form, count) for form, count in self.now["masks"] if form not in known and self._enough(count, "pattern")
        ]
        if new:
            forms = ", ".join(
                f"“{form}” ({count:,}, {_percent(count / self.now['values'])})" for form, count in new[:_EXAMPLES]
            )
            usual = ", ".join(f"“{form}”" for form, _ in self.was["masks"][:_EXAMPLES])
            yield "pattern", f"values of a new form {forms}; before {usual}{self._such({form for form, _ in new})}"

    def _such(self, forms: Collection[str]) -> str:
        """Frequent values of these forms, as examples."""
        shown = [value for value, _ in self.now["top"] if mask(value)[0] in forms][:_EXAMPLES]
        return f"; for example {', '.join(f'“{one}”' for one in shown)}" if shown else ""

    def _values(self) -> Iterator[tuple[str, str]]:
        known = {value for value, _ in self.was["top"]}
        for value, count in self.now["top"]:
            if value not in known and self._enough(count, "value"):
                yield (
                    "value",
                    f"“{value}” in {count:,} of {self.now['values']:,} values ({_percent(count / self.now['values'])}),"
                    " and not among the frequent ones before",
                )

    def _enough(self, count: int, kind: str) -> bool:
        return bool(count >= self.limits.floor and count >= self.limits.share_of(kind) * self.now["values"])

    def _distinct(self) -> Iterator[tuple[str, str]]:
        was, now = (one["distinct"] / one["values"] for one in (self.was, self.now))
        lost = was * self.now["values"] - self.now["distinct"]
        if now < was * (1 - self.limits.share_of("distinct")) and lost >= self.limits.floor:
            top = f"; “{self.now['top'][0][0]}” alone {self.now['top'][0][1]:,} times" if self.now["top"] else ""
            yield (
                "distinct",
                f"{self.now['distinct']:,} different among {self.now['values']:,} values; before {self.was['distinct']:,}"
                f" among {self.was['values']:,}{top}",
            )

    def _duplicates(self) -> Iterator[tuple[str, str]]:
        was, now = (one["repeated"] / one["values"] for one in (self.was, self.now))
        more = self.now["values"] * (now - was)
        # What repeats itself by nature (a city, a company) is told by `distinct`.
        if (
            was < 0.5
            and now >= 2 * was
            and now - was >= self.limits.share_of("duplicates")
            and more >= self.limits.floor
        ):
            yield (
                "duplicates",
                f"{self.now['repeated']:,} of {self.now['values']:,} values stand more than once ({_percent(now)};"
                f" before {_percent(was)})",
            )

    def _length(self) -> Iterator[tuple[str, str]]:
        was, now, share = self.was["length"]["mean"], self.now["length"]["mean"], self.limits.share_of("length")
        if was and (now < was * (1 - share) or (now - was) * (1 - share) > was * share):
            yield "length", f"{now:,.0f} characters on average; before {was:,.0f}"

    def _invalid(self) -> Iterator[tuple[str, str]]:
        if self.was["kind"] == "text":
            return
        kind = self.was["kind"]
        was = 1 - self.was["parsed"]
        now = 1 - (self.now["parsed"] if self.now["kind"] == kind else 0.0)
        more = self.now["values"] * (now - was)
        if now - was >= self.limits.share_of("invalid") and more >= self.limits.floor:
            yield (
                "invalid",
                f"{round(now * self.now['values']):,} of {self.now['values']:,} values are no {kind} ({_percent(now)};"
                f" before {_percent(was)})",
            )


def _percent(share: float) -> str:
    return f"{share:.0%}" if share == 0 or share >= 0.1 else f"{share:.1%}"


def _signed(share: float) -> str:
    return f"{share:+.0%}"
