"""What a backup takes, and how it is proven: sources, captures, drills, restores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from trueup.model.diagnostics import Diagnostic
from trueup.model.repository import Listing, Watch

if TYPE_CHECKING:
    from trueup.model.ports import Kind, Store

WAVES = {
    "back_up": ("create",),
    "check": ("link",),
    "drill": ("link",),
    "archive": ("create",),
    "remove": ("delete",),
}
"""The waves of a backup's plan, as `model.job.WAVES` has those of other jobs."""

MANIFEST = "manifest.json"
"""The file in a snapshot's `about` folder that says what it is: {"version", "kind", "source", "job", "run", "taken", …}."""

MANIFEST_VERSION = 1


@dataclass(frozen=True, slots=True)
class Hooks:
    """Commands around the capture of a source: argument lists, or one text for the shell. `after` runs whenever `before` was begun."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One source of a backup, as configured.

    Attributes:
        name: its name in the job.
        kind: "postgresql", "mariadb", "sqlite", "path", "collections", "command" or "ledger".
        options: that kind's own, as plain JSON; a secret stands there as {"env": …}, {"file": …} …, or in plain text.
        after: sources that must have been stored before this one is begun.
        hooks: around its capture.
        timeout: seconds that one attempt may take in all; None: no limit.
        no_progress: seconds without any progress after which it is given up; None: no limit.
        min_size: fewer bytes of data than this are a failure.
    """

    name: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    hooks: Hooks = Hooks()
    timeout: float | None = 3600.0
    no_progress: float | None = 300.0
    min_size: int = 0


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source works with.

    Attributes:
        root: the folder of trueup.yaml, which relative paths are taken from.
        cache: a folder of the source's own that is kept between runs, and may be lost at any time.
        secret: looks up a secret option: `secret(options["password"], "password of source crm")`.
        store: gives a store of trueup.yaml by its name.
        item_kind: what the items of a collection mean: "calendar" or "contacts".
        ledger: where the ledger is (a path, or postgresql://…).
        own: folders of the backup itself: repositories on this machine, room for dumps; never part of what is backed up.
        options: the source's own, as it is configured now: what runs a program goes by these and not by a snapshot's word.
    """

    root: Path
    cache: Path
    secret: Callable[[object, str], str]
    store: Callable[[str], Store]
    item_kind: Callable[[str], Kind]
    ledger: str = ""
    own: tuple[Path, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Captured:
    """A source as it was taken, ready to be stored.

    Attributes:
        root: the folder (or file) with the data: dumps in the spool, or the live folder itself.
        about: the folder with the manifest.
        bytes, files: of the data.
        measures: numbers that are compared from run to run: "bytes", "files", "rows", "items", "changed" (share of files, 0 to 1), "entropy"
            (bits a byte over samples of changed files).
        exclude, one_file_system: as in `StoreRequest`.
        notes: sentences for the report ("a socket is left out: run/app.sock").
        state: by which `settle` sees, within this process, that nothing changed; None: it has to compare.
    """

    root: Path
    about: Path
    bytes: int
    files: int
    measures: Mapping[str, float] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    one_file_system: bool = False
    notes: tuple[str, ...] = ()
    state: int | None = None


@dataclass(frozen=True, slots=True)
class Drilled:
    """What a restore drill came to.

    Attributes:
        differences: sentences; empty: what was restored is what was backed up.
        compared: how much was compared ({"tables": 12, "rows": 48210}).
        seconds: by part ({"start": 1.2, "restore": 8.0, "compare": 3.1}).
    """

    differences: tuple[str, ...] = ()
    compared: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RestoreStep:
    """One thing a restore does: `action` "create", "update" (something is overwritten) or "skip"; `what` and `where` for people."""

    action: str
    what: str
    where: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RestoreTarget:
    """Where a restore goes.

    Attributes:
        to: a folder, a database's address, "store/collection" …, by the source's kind. Never empty: the caller has chosen a place elsewhere.
        only: what is wanted of it: files and folders (relative paths), tables ("public.orders"), events or contacts (UID, or part of the
            title); empty: everything.
        overwrite: what is there may be replaced; else it is left alone and told as a "skip".
        secret: a password for `to`, where it needs one; "" for none.
    """

    to: str
    only: tuple[str, ...] = ()
    overwrite: bool = False
    secret: str = ""


class SourceListing(Listing, Protocol):
    """A source's data where it is, for a repository that reads each file once.

    Attributes:
        captured: root and about folder from the start; all of it once `end` has returned.
    """

    captured: Captured


@runtime_checkable
class Lister(Protocol):
    """A kind of source whose data stays where it is: where a repository takes a listing, the list is written while it reads."""

    def listing(
        self, spec: SourceSpec, context: SourceContext, spool: Path, watch: Watch, whole: Callable[[Captured], None]
    ) -> SourceListing:
        """In place of `capture`; `whole` is told of the capture at its end, and may raise what makes the backup fail."""
        ...


class SourceKind(Protocol):
    """All that a backup knows of one kind of source.

    What is taken is never trusted for having been taken: a dump that failed, is cut off, empty or too small raises. Errors: `Transient` where
    trying again may help (server away, connection lost), `LoginRefused`, `Permanent`, `SecretMissing`; `TimedOut`, `Cancelled` from the watch.
    No secret is ever in an argument, a log, a message or the manifest.
    """

    name: str

    def probe(self, spec: SourceSpec, context: SourceContext) -> Iterator[Diagnostic]:
        """What `doctor` shows, and what a run looks at first: reachable, tools there and new enough, rights. Takes seconds at most."""
        ...

    def capture(self, spec: SourceSpec, context: SourceContext, spool: Path, watch: Watch) -> Captured:
        """Takes it, with a manifest made of the very same state.

        Args:
            spec, context: the source.
            spool: an empty folder of its own, removed afterwards. By custom `spool/data` and `spool/about`.
            watch: who looks after the work.
        """
        ...

    def settle(self, spec: SourceSpec, context: SourceContext, captured: Captured, watch: Watch) -> Captured:
        """Called when the data has been read by the repository, before the snapshot counts: what changed meanwhile (live folders) is told."""
        ...

    def drill(self, about: Path, data: Path, scratch: Path, context: SourceContext, watch: Watch) -> Drilled:
        """Restores into a scratch place of its own and compares with the manifest; leaves nothing behind.

        Args:
            about: the snapshot's about folder.
            data: the snapshot's data, restored from the repository.
            scratch: an empty folder.
            context: the job's.
            watch: who looks after the work.

        Raises:
            CannotDrill: what it needs is not there: not verified, and never "ok".
        """
        ...

    def wanted(self, about: Path, target: RestoreTarget) -> tuple[str, ...]:
        """Paths of the data that a restore needs (as `Repository.restore` takes them); empty: all of it.

        Raises:
            NotFound: something in `only` is not in the snapshot; names what comes close.
        """
        ...

    def plan_restore(self, about: Path, target: RestoreTarget, context: SourceContext | None) -> Iterator[RestoreStep]:
        """What `restore` would do; reads the target and changes nothing."""
        ...

    def restore(
        self, about: Path, data: Path, target: RestoreTarget, context: SourceContext | None, watch: Watch
    ) -> Iterator[RestoreStep]:
        """Does it, and yields what was done; what it wrote is durable at the end.

        Args:
            about: the snapshot's about folder.
            data: the data that `wanted` named.
            target: where to.
            context: the job's; None on a machine that has only the repository.
            watch: who looks after the work.
        """
        ...
