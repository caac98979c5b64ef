"""What a backup remembers in the ledger: its snapshots, what was verified and when, and why nothing may be removed just now.

The snapshots themselves are the repository's; of one that is not remembered (the ledger was lost) it is only known what its tags say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from trueup.core.ledger import Ledger

Json: TypeAlias = dict[str, Any]

ANY_JOB = ""
"""The subject of what holds for all jobs of a ledger."""


def sound(fact: Mapping[str, Any]) -> bool:
    """Whether a snapshot of which this is known counts as good."""
    return fact.get("good") is True and not fact.get("damaged")


class Memory:
    """The facts of one backup job. Times are seconds since 1970."""

    def __init__(self, ledger: Ledger, job: str) -> None:
        self._facts = ledger.facts
        self._job = job

    # --- snapshots: {"time", "run", "bytes", "files", "measures", "good", "damaged", "verified", "suspicious", "volatile", …}
    #     good: True: taken and stored whole; None: not judged yet; False: not. damaged: since when it cannot be restored; None: it can.

    def snapshots(self, store: str, source: str) -> dict[str, Json]:
        """What is known of a source's snapshots in a store, by id."""
        prefix = f"snapshot/{store}/{source}/"
        return {name.removeprefix(prefix): one for name, one in self._facts.under(self._job, prefix).items()}

    def sources(self, store: str) -> dict[str, dict[str, Json]]:
        """What is known of all snapshots in a store, by source and id; also of sources that are not in the job any more."""
        found: dict[str, dict[str, Json]] = {}
        for name, one in self._facts.under(self._job, f"snapshot/{store}/").items():
            source, _, snapshot = name.removeprefix(f"snapshot/{store}/").partition("/")
            found.setdefault(source, {})[snapshot] = one
        return found

    def keep(self, store: str, source: str, snapshot: str, members: Mapping[str, Any]) -> None:
        """Adds to what is known of a snapshot."""
        self._facts.merge(self._job, f"snapshot/{store}/{source}/{snapshot}", members)

    def forget(self, store: str, source: str, snapshot: str) -> None:
        """A snapshot is gone."""
        self._facts.remove(self._job, f"snapshot/{store}/{source}/{snapshot}")

    # --- repositories, of all jobs of the ledger

    def was_made(self, store: str) -> bool:
        """Whether a repository was ever there: then its absence is no reason to begin anew."""
        return self._facts.get(ANY_JOB, f"repository/{store}") is not None

    def made(self, store: str, now: float) -> None:
        """A repository is there."""
        self._facts.put(ANY_JOB, f"repository/{store}", {"since": now})

    # --- hooks: a source that was frozen and not thawed

    def hooked(self, source: str) -> bool:
        """Whether the first hook of a source was begun, and the second one did not run since."""
        return self._facts.get(self._job, f"hook/{source}") is not None

    def set_hooked(self, source: str, on: bool) -> None:
        """Before the first hook, and after the second."""
        if on:
            self._facts.put(self._job, f"hook/{source}", {})
        else:
            self._facts.remove(self._job, f"hook/{source}")

    # --- what is under way, so that a snapshot which was stored and not recorded is known again

    def begun(self, run: str, source: str, members: Mapping[str, Any]) -> None:
        """Before a snapshot is stored: what will be remembered of it."""
        self._facts.put(self._job, f"begun/{source}", {**members, "run": run})

    def what_was_begun(self, run: str, source: str) -> Json | None:
        """What `begun` was told in this run."""
        found = self._facts.get(self._job, f"begun/{source}")
        return found if found is not None and found.get("run") == run else None

    # --- proofs

    def checked(self, store: str) -> Json | None:
        """The last check of a repository: {"at", "ok", "damage", "share", "unchecked", "newest": {source: snapshot}}."""
        return self._facts.get(self._job, f"check/{store}")

    def set_checked(self, store: str, value: Mapping[str, Any]) -> None:
        """A repository was checked."""
        self._facts.put(self._job, f"check/{store}", value)

    def drilled(self, source: str) -> Json | None:
        """The last drill of a source: {"at", "ok", "snapshot", "seconds", "differences", "compared", "why"}."""
        return self._facts.get(self._job, f"drill/{source}")

    def set_drilled(self, source: str, value: Mapping[str, Any]) -> None:
        """A source was restored and compared, or could not be."""
        self._facts.put(self._job, f"drill/{source}", value)

    # --- reasons to remove nothing: {"since", "why", "asks"} by cause ("damage/vault", "differs/crm", "anomaly/crm")

    def freezes(self) -> dict[str, Json]:
        """Why nothing may be removed, by cause; empty: all is well."""
        return {name.removeprefix("freeze/"): one for name, one in self._facts.under(self._job, "freeze/").items()}

    def freeze(self, cause: str, why: str, now: float, *, asks: bool = False) -> None:
        """From now on nothing is removed, until `thaw`; `asks`: until a person says so."""
        known = self._facts.get(self._job, f"freeze/{cause}") or {}
        asks = asks or bool(known.get("asks"))
        self._facts.put(self._job, f"freeze/{cause}", {"since": known.get("since", now), "why": why, "asks": asks})

    def thaw(self, cause: str) -> None:
        """That reason is over."""
        self._facts.remove(self._job, f"freeze/{cause}")
