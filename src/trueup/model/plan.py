"""Plans: the frozen list of changes of one run of a job, and what it was based on.

The header is small and lives in memory; the changes live in the ledger and are read in order, so that a plan of a
million changes costs no memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import Any

from trueup.model.diagnostics import Diagnostic, Severity, SourceRange

PLAN_VERSION = 1

BUG = "bug"
"""Code of an item that planning stumbled over: it is left alone, the plan says `errored`, and the rest goes on."""


@dataclass(frozen=True, slots=True)
class BasedOn:
    """What a plan knew of one collection.

    Attributes:
        collection: "store/name".
        revision: the ledger's revision of it; another one, and the plan is stale.
        items: how many items it held.
        read: whether it could be read.
    """

    collection: str
    revision: int
    items: int
    read: bool


@dataclass(frozen=True, slots=True)
class GuardFinding:
    """A guard that wants a person's word.

    Attributes:
        guard: its name in the configuration and for `--allow` ("max_delete").
        collection: which collection it is about.
        message: what it saw.
        allowed: who allowed it, or "".
    """

    guard: str
    collection: str
    message: str
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan's header.

    Attributes:
        run: the run it belongs to.
        job: the job's name.
        created: when, ISO 8601 in UTC.
        config: digest of the job's configuration it was made with.
        based_on: what was known of each collection.
        complete: every collection could be read and nothing was put off.
        applyable: there is something to do, and doing it makes sense.
        errored: planning stumbled over an item (a mistake of ours, told as a skip with code "bug"); the rest is there.
        creates: collections that will be made first ("laptop/holidays").
        counts: changes by action ("create": 3).
        guards: guards that fired.
        diagnostics: what else is to be said (a store that could not be read …).
        hash: SHA-256 over the header without guards' `allowed`, and every change in order; "" until sealed.
    """

    run: str
    job: str
    created: str
    config: str
    based_on: tuple[BasedOn, ...] = ()
    complete: bool = True
    applyable: bool = False
    errored: bool = False
    creates: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    guards: tuple[GuardFinding, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    hash: str = ""

    def sealed(self, changes: Iterable[str]) -> Plan:
        """The same plan with its hash, over these changes as JSON texts, in order of `seq`."""
        return replace(self, hash=self.compute_hash(changes))

    def compute_hash(self, changes: Iterable[str]) -> str:
        """The hash this header and these changes (JSON texts, as the ledger keeps them) have."""
        header = self.to_json()
        del header["hash"]
        header["guards"] = [{**one, "allowed": ""} for one in header["guards"]]
        state = sha256(canonical(header))
        for change in changes:
            state.update(b"\n")
            state.update(change.encode("utf-8", "surrogatepass"))
        return state.hexdigest()

    @property
    def blocked(self) -> bool:
        """Whether a guard fired that nobody has allowed."""
        return any(not one.allowed for one in self.guards)

    def to_json(self) -> dict[str, Any]:
        """The header as a JSON object (the changes are written beside it)."""
        result = asdict(self)
        result["version"] = PLAN_VERSION
        result["diagnostics"] = [one.to_json() for one in self.diagnostics]
        result["based_on"] = [asdict(one) for one in self.based_on]
        result["guards"] = [asdict(one) for one in self.guards]
        result["creates"] = list(self.creates)
        return result

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Plan:
        """The header that `to_json` wrote."""
        value = dict(value)
        value.pop("version", None)
        value.pop("changes", None)
        value["based_on"] = tuple(BasedOn(**one) for one in value["based_on"])
        value["guards"] = tuple(GuardFinding(**one) for one in value["guards"])
        value["creates"] = tuple(value["creates"])
        value["diagnostics"] = tuple(_diagnostic(one) for one in value["diagnostics"])
        return cls(**value)


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no white space: equal for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _diagnostic(value: dict[str, Any]) -> Diagnostic:
    source = value.get("source")
    return Diagnostic(
        Severity(value["severity"]),
        value["what"],
        value["where"],
        value["why"],
        value["hint"],
        None if source is None else SourceRange(**source),
    )
