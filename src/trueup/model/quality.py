"""The quality of records: what rules say of one, and what stops a run when all of them look different from the last time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

REJECT, REVIEW, WARN, FIX = "reject", "review", "warn", "fix"
"""What a rule does with a record that breaks it: leave it out, put it up to a person, say so, mend it."""

BLOCK, OFF = "block", "off"
"""Beside WARN, what an anomaly does: stop the run until a person allows it; nothing."""

ANOMALIES: Mapping[str, tuple[float, str]] = {
    "volume": (0.5, "the share of the records that may go, or come on top of as many again"),
    "empty": (0.05, "by how much the share of records without a value may grow, where it doubles"),
    "pattern": (0.05, "the share of the values that may be of a form which was not there before"),
    "value": (0.05, "the share of the values that one may have which was not among the frequent ones before"),
    "distinct": (0.5, "the share of the different values that may get lost"),
    "duplicates": (0.05, "by how much the share of values that stand more than once may grow, where it doubles"),
    "length": (0.5, "the share by which values may get shorter on average, or longer by as much again"),
    "invalid": (0.05, "by how much the share of values that do not read as what they should be may grow"),
}
"""What is compared from load to load: the limit that holds by default, a share from 0 to 1, and what it is a share of."""


@dataclass(frozen=True, slots=True)
class ProfileLimits:
    """When a load is taken to be unlike the last.

    Attributes:
        action: WARN, BLOCK or OFF.
        floor: fewer records or values than this raise no alarm.
        actions: by kind of anomaly, where it is another one.
        shares: by kind of anomaly, where it is not the one of ANOMALIES.
    """

    action: str = WARN
    floor: int = 20
    actions: Mapping[str, str] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)

    def action_of(self, kind: str) -> str:
        """What an anomaly of that kind does."""
        return self.actions.get(kind, self.action)

    def share_of(self, kind: str) -> float:
        """The limit of that kind."""
        return self.shares.get(kind, ANOMALIES[kind][0])

    @property
    def off(self) -> bool:
        """Whether nothing is compared at all."""
        return all(self.action_of(kind) == OFF for kind in ANOMALIES)


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One thing that is unlike the last time.

    Attributes:
        kind: one of ANOMALIES.
        field: which field, for people; "" for the whole collection.
        message: what, with numbers and examples.
    """

    kind: str
    field: str
    message: str

    def to_json(self) -> dict[str, str]:
        """As a JSON object."""
        return {"kind": self.kind, "field": self.field, "message": self.message}


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that a record breaks.

    Attributes:
        rule: the rule's name.
        action: REJECT, REVIEW or WARN.
        reason: what is wrong, for people: "phone “12” is no number".
        value: what breaks it; the same for the same question to a person.
    """

    rule: str
    action: str
    reason: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What rules say of one record.

    Attributes:
        fixed: the record as it is mended; None: nothing is to be mended.
        fixes: what was mended, for people: "phone written as +49 30 1234".
        breaches: what is still wrong with it.
    """

    fixed: bytes | None = None
    fixes: tuple[str, ...] = ()
    breaches: tuple[Breach, ...] = ()
