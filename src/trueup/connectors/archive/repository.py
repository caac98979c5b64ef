"""An archive as a repository, and as a store among others. See docs/reference/archive-format.md."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, overload

from trueup.connectors.archive import heads as headers
from trueup.connectors.archive import keys
from trueup.connectors.archive.heads import About, Head
from trueup.connectors.archive.locks import Brief, locked
from trueup.connectors.archive.objects import Codec, Damaged, wrong_key
from trueup.connectors.archive.places import Gone, Place, told, whole
from trueup.model import errors
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import NotFound, Permanent, StoreError, TrueupError
from trueup.model.ports import CollectionInfo
from trueup.model.repository import Checked, Entry, Repository, Snapshot, Stored, StoreRequest, Traits, Watch

if TYPE_CHECKING:
    from trueup.connectors.archive.index import Index


_ANSWER = 60.0
"""Seconds that questions may take that nobody watches over."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How an archive is used.

    Attributes:
        recipients: public keys, or the path of a file with them, as configured.
        identity: the private key; "" for none.
        encrypt: whether it is encrypted.
        level: of zstd.
        pack_size: bytes of content in a pack.
        cache: the folder for what this machine remembers.
    """

    recipients: str
    identity: str
    encrypt: bool
    level: int
    pack_size: int
    cache: Path

    def __repr__(self) -> str:
        return f"Settings(encrypt={self.encrypt})"  # never with a key


class Archive:
    """Snapshots in a folder or bucket.

    Args:
        name: the store's name.
        place: where it is.
        settings: how it is used.
    """

    def __init__(self, name: str, place: Place, settings: Settings) -> None:
        self.name = name
        self._place = place
        self._settings = settings
        self._known: About | None = None

    @cached_property
    def _codec(self) -> Codec:
        """How objects are packed up, by the configuration alone.

        Raises:
            ConfigError: a key is none.
        """
        if not self._settings.encrypt:
            return Codec(level=self._settings.level)
        where = f"store {self.name}"
        identity, public = keys.identity(self._settings.identity, where) if self._settings.identity else (None, "")
        recipients = keys.recipients(self._settings.recipients, where) if self._settings.recipients else (public,)
        return Codec(recipients, identity, self._settings.level)

    # --- what it is

    @property
    def traits(self) -> Traits:
        """Asks a bucket whether it has object lock, the first time."""
        try:
            lock = self._place.locks(Brief(_ANSWER))
        except TrueupError:
            lock = False
        return Traits(lock=lock, place=self._place.where, far=self._place.far, lists=True)

    def prepare(self, known: bool, watch: Watch) -> None:
        """As in `Repository`."""
        with self._telling():
            try:
                self._about(watch)
            except Gone:
                if known:
                    self._missing()
                self._make(watch)
                self._about(watch)
            self._writable()

    def _missing(self) -> NoReturn:
        raise Permanent(
            "the archive is not there",
            where=self._place.where,
            why="there is no repository.json",
            hint="is its disk mounted, and the address right? Nothing was made in its place",
        )

    def _make(self, watch: Watch) -> None:
        make_folder(self._place)
        if self._place.listing("", watch):
            raise Permanent(
                "this is no archive, and not empty",
                where=self._place.where,
                why="there are files, but no repository.json",
                hint="choose an empty folder or prefix; where it was an archive, put its repository.json back",
            )
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        about = About(secrets.token_hex(16), self._settings.encrypt, self._codec.recipients, created)
        try:
            self._place.put_bytes(headers.REPOSITORY, about.encoded(), watch, new=True)
        except FileExistsError:
            return  # another process was faster

    def _about(self, watch: Watch) -> About:
        """repository.json, which must go with the configuration; read each time: a disk may be unmounted between two backups.

        Raises:
            Gone: there is none.
            Permanent: it does not go with the configuration.
        """
        about = headers.about(whole(self._place, headers.REPOSITORY, watch), self._place.where)
        if about.encrypted != self._settings.encrypt:
            raise Permanent(
                f"the archive is {'' if about.encrypted else 'not '}encrypted, and the configuration says otherwise",
                where=self._place.where,
                hint="set `recipients` or `identity`" if about.encrypted else "set `encrypt: false`",
            )
        identity = self._codec.identity
        if identity is not None and str(identity.to_public()) not in about.recipients:
            raise wrong_key()
        self._known = about
        return about

    def _open(self, watch: Watch) -> About:
        """It must be there."""
        try:
            return self._about(watch)
        except Gone:
            self._missing()

    def _writable(self) -> None:
        """What is written must be for the keys that the archive was made for.

        Raises:
            Permanent: the configuration names other ones.
        """
        assert self._known is not None
        if self._codec.recipients != self._known.recipients:
            raise Permanent(
                "the archive was made for other keys",
                where=self._place.where,
                why=f"it has {len(self._known.recipients)} recipients, and the configuration does not name the same",
                hint="set `recipients` to those in repository.json, after making sure that they are yours; or make a new archive elsewhere",
            )

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """What is wrong with objects, the cache and unfinished files, in the words of our error tree."""
        try:
            yield
        except Damaged as error:
            raise errors.Damaged(
                "the archive is damaged",
                where=self._place.where,
                why=str(error),
                hint="`check` says what is hit; a copy of the archive has it whole",
            ) from error
        except Gone as error:
            raise errors.Damaged(
                "the archive is damaged",
                where=self._place.where,
                why=f"{error} is missing",
                hint="`check` says what is hit; a copy of the archive has it whole",
            ) from error
        except sqlite3.Error as error:
            raise Permanent(
                "the archive's cache cannot be used",
                where=str(self._settings.cache),
                why=str(error),
                hint="make room there; the cache may be removed at any time",
            ) from error
        except OSError as error:
            raise told(error, "the archive cannot be written", self._place.where) from error

    @contextmanager
    def _index(self) -> Iterator[Index]:
        from trueup.connectors.archive.index import Index

        assert self._known is not None
        with closing(Index(self._settings.cache / f"{self._known.id}.sqlite")) as index:
            yield index

    # --- heads

    def _heads(self, index: Index, watch: Watch, *, fresh: bool = False) -> dict[str, Head | Damaged]:
        """All heads by name; `fresh`: each is read from the archive itself."""
        names = [name for name in self._place.listing(headers.FOLDER, watch) if headers.is_id(headers.id_of(name))]
        known = {} if fresh else index.heads()
        read: dict[str, bytes] = {}
        heads: dict[str, Head | Damaged] = {}
        for name in sorted(names):
            watch.ok()
            try:
                data = known.get(name)
                if data is None:
                    data = read[name] = whole(self._place, name, watch)
                heads[name] = headers.decoded(name, data, self._place.where)
            except Gone:
                continue
            except Damaged as error:
                heads[name] = error
                read.pop(name, None)
        gone = [] if fresh else [name for name in known if name not in heads]
        if read or gone:
            index.remember(read, gone)
        return heads

    def _head(self, snapshot: str, watch: Watch) -> tuple[Head, bytes]:
        """A snapshot's head.

        Raises:
            NotFound: there is no such snapshot.
            Damaged: its head is not what was written.
        """
        try:
            if not headers.is_id(snapshot):
                raise Gone(snapshot)
            data = whole(self._place, headers.name_of(snapshot), watch)
        except Gone:
            raise NotFound(
                f"no such snapshot: {snapshot}",
                where=self._place.where,
                hint="`trueup snapshots` lists those that are there",
            ) from None
        return headers.decoded(headers.name_of(snapshot), data, self._place.where), data

    def snapshots(self, watch: Watch) -> list[Snapshot]:
        """As in `Repository`; one whose head is damaged is listed without tags, as not complete."""
        with self._telling():
            self._open(watch)
            with self._index() as index:
                heads = self._heads(index, watch)
        found = []
        for name, head in heads.items():
            id_ = headers.id_of(name)
            found.append(
                head.snapshot if isinstance(head, Head) else Snapshot(id_, headers.stored_at(id_), complete=False)
            )
        return sorted(found, key=lambda one: (one.time, one.id))

    # --- work

    def store(self, request: StoreRequest, watch: Watch) -> Stored:
        """As in `Repository`. `parent` is not needed: what was read before is remembered by source."""
        from trueup.connectors.archive.storing import Storing

        with self._telling():
            about = self._open(watch)
            self._writable()
            self._lockable(request.lock_until, watch)
            self._place.tidy(watch)
            with locked(self._place, watch, exclusive=False) as lock, self._index() as index:
                self._learn(index, (request.job, request.source), watch)
                size = self._settings.pack_size
                return Storing(self._place, self._codec, index, about.id, size, lock, request, watch).run()

    def _lockable(self, until: float | None, watch: Watch) -> None:
        if until is not None and not self._place.locks(watch):
            raise Permanent(
                "the archive cannot be locked",
                where=self._place.where,
                why="a folder has no object lock" if not self._place.far else "the bucket has no object lock",
                hint="leave `lock` out, or use a bucket that was made with object lock",
            )

    def _learn(self, index: Index, source: tuple[str, str], watch: Watch) -> None:
        """Brings the index in line with what is there; learns the newest snapshot of the source where it does not know it (of every
        source, where the cache was lost)."""
        from trueup.connectors.archive.learning import learn

        packs = {name: one.size for name, one in self._place.listing("packs", watch).items()}
        index.agree(packs)
        if self._codec.recipients and self._codec.identity is None:
            return
        newest: dict[tuple[str, str], Head] = {}
        for head in self._heads(index, watch).values():
            if isinstance(head, Head):
                key = (head.snapshot.job, head.snapshot.source)
                if key not in newest or newest[key].snapshot.time <= head.snapshot.time:
                    newest[key] = head
        for key, head in newest.items():
            if (index.new or key == source) and not index.knows(head.tree.name):
                learn(self._place, self._codec, index, head, packs, watch)

    def about(self, snapshot: str, into: Path, watch: Watch) -> None:
        """As in `Repository`."""
        self._reading(snapshot, watch, lambda tree: tree.about(into))

    def _reading(self, snapshot: str, watch: Watch, work: Callable[..., None]) -> None:
        from trueup.connectors.archive.trees import Tree

        with self._telling():
            self._open(watch)
            head, _ = self._head(snapshot, watch)
            work(Tree(self._place, self._codec, head, watch))

    def entries(self, snapshot: str, watch: Watch) -> Iterator[Entry]:
        """As in `Repository`."""
        from trueup.connectors.archive.trees import ROOT, Tree

        with self._telling():
            self._open(watch)
            head, _ = self._head(snapshot, watch)
            for node in Tree(self._place, self._codec, head, watch).nodes():
                if node.path != ROOT:
                    yield Entry(node.path, node.kind, node.size, node.mtime / 1e9)

    def restore(self, snapshot: str, into: Path, watch: Watch, only: Sequence[str] = ()) -> None:
        """As in `Repository`."""
        from trueup.connectors.archive.restoring import Restoring

        with self._telling():
            self._open(watch)
            head, _ = self._head(snapshot, watch)
            Restoring(self._place, self._codec, head, into, only, watch).run()

    def forget(self, snapshots: Sequence[str], watch: Watch) -> None:
        """As in `Repository`."""
        with self._telling():
            self._open(watch)
            self._place.delete([headers.name_of(one) for one in snapshots if headers.is_id(one)], watch)

    def prune(self, watch: Watch) -> int:
        """As in `Repository`; waits a minute for backups to end.

        Raises:
            Transient: they did not.
        """
        with self._telling():
            self._open(watch)
            self._place.tidy(watch)
            with locked(self._place, watch, exclusive=True), self._index() as index:
                heads = self._heads(index, watch)
                needed = self._needed(heads)
                freed = {
                    name: one.size
                    for folder in ("packs", "trees")
                    for name, one in self._place.listing(folder, watch).items()
                    if name not in needed
                }
                self._place.delete(list(freed), watch)
        return sum(freed.values())

    def _needed(self, heads: Mapping[str, Head | Damaged]) -> set[str]:
        needed = set()
        for name, head in heads.items():
            if not isinstance(head, Head):
                raise Permanent(
                    "the archive cannot be pruned",
                    where=self._place.where,
                    why=f"{name} is damaged, so it is not known what that snapshot needs",
                    hint="put the file back from a copy of the archive, or forget the snapshot",
                ) from head
            needed |= {one.name for one in head.objects}
        return needed

    def receive(
        self, source: Repository, snapshot: Snapshot, lock_until: float | None, watch: Watch
    ) -> Snapshot | None:
        """As in `Repository`: from another archive for the same keys."""
        from trueup.connectors.archive.receiving import copy_objects
        from trueup.connectors.archive.storing import lock_objects, put_head

        if not isinstance(source, Archive):
            return None
        with self._telling():
            theirs, ours = source._open(watch), self._open(watch)
            if (theirs.encrypted, theirs.recipients) != (ours.encrypted, ours.recipients):
                return None
            self._lockable(lock_until, watch)
            head, data = source._head(snapshot.id, watch)
            name = headers.name_of(snapshot.id)
            with locked(self._place, watch, exclusive=False), self._index() as index:
                copy_objects(source._place, self._place, head, watch)
                if lock_until is not None:
                    lock_objects(self._place, index, [one.name for one in head.objects], lock_until, watch)
                put_head(self._place, name, data, lock_until, watch)
        return head.snapshot

    @overload
    def check(self) -> Iterable[Diagnostic]: ...
    @overload
    def check(self, share: float, watch: Watch) -> Checked: ...
    def check(self, share: float | None = None, watch: Watch | None = None) -> Iterable[Diagnostic] | Checked:
        """With a share, as in `Repository`; without, what `doctor` shows."""
        if share is None or watch is None:
            return list(self._diagnostics())
        from trueup.connectors.archive.checking import Checking

        with self._telling():
            self._open(watch)
            with self._index() as index:
                checking = Checking(self._place, self._codec, self._heads(index, watch, fresh=True), share, watch)
                checked = checking.run()
                index.damaged(name for name in checking.bad if name.startswith("packs/"))
        return checked

    # --- as a store

    def _diagnostics(self) -> Iterator[Diagnostic]:
        where = self._place.where
        try:
            with self._telling():
                self._about(Brief(_ANSWER))
                self._writable()
        except StoreError as error:
            if "repository.json is missing" in error.why:
                yield Diagnostic(Severity.INFO, "no archive yet", where=where, hint="the first backup makes it")
            else:
                yield Diagnostic(Severity.ERROR, error.what, where=error.where or where, why=error.why, hint=error.hint)
            return
        except TrueupError as error:
            yield Diagnostic(Severity.ERROR, error.what, where=error.where or where, why=error.why, hint=error.hint)
            return
        yield Diagnostic(Severity.INFO, "an archive", where=where)
        if not self._settings.encrypt:
            yield Diagnostic(
                Severity.WARNING, "the archive is not encrypted", where=where, hint="set `recipients`, for a new one"
            )
        elif self._codec.identity is None:
            yield Diagnostic(
                Severity.INFO,
                "this machine can back up, and cannot read what it has stored",
                where=where,
                why="it holds public keys only",
            )

    def collections(self) -> list[CollectionInfo]:
        """One for each source, with the number of its snapshots."""
        counts = Counter((one.job, one.source) for one in self.snapshots(Brief(_ANSWER)))
        return [
            CollectionInfo("/".join(filter(None, key)), items=count, writable=False)
            for key, count in sorted(counts.items())
        ]

    def open(self, name: str, cursor: str | None = None) -> None:
        """A repository has no collections to work on."""
        return

    def create(self, name: str) -> NoReturn:
        """A repository has no collections to work on."""
        raise Permanent(
            f"store {self.name} is a repository",
            why="it keeps snapshots, and no calendars",
            hint="name it as the `repository` of a backup",
        )

    def close(self) -> None:
        """Gives connections back."""
        self._place.close()


def make_folder(place: Place) -> None:
    """The archive's own folder; those above it must be there: they are what a disk is mounted on."""
    from trueup.connectors.archive.places import Folder

    if isinstance(place, Folder):
        try:
            place.path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise told(error, "the archive cannot be made", place.where) from error
