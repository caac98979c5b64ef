"""The ports: what the core asks of a connector, and of a kind of item. Adapters implement them; the core knows no
adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from trueup.model.capabilities import Capabilities
from trueup.model.diagnostics import Diagnostic
from trueup.model.fields import Edit, FieldKey, FieldMap
from trueup.model.items import Body, Entry, Glance
from trueup.model.quality import Inspected, ProfileLimits


class Verb(StrEnum):
    """What a write does."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Outcome(StrEnum):
    """How a store answered one write."""

    DONE = "done"
    PRECONDITION = "precondition"  # exists already (create), or is not what `if_match` says (update, delete)
    MISSING = "missing"  # nothing at that href (update, delete)
    REFUSED = "refused"  # the store will not take it like this
    UNCERTAIN = "uncertain"  # no answer came, or the store failed: it may or may not have taken effect


@dataclass(frozen=True, slots=True)
class Write:
    """One write to send.

    Attributes:
        key: the caller's own number for it, handed back in `Written`.
        verb: what to do.
        href: where; chosen by the client for a create too (`Collection.new_href`).
        data: the body; None for a delete.
        if_match: the etag the item must still have; None on a create means "must not exist",
            None on an update or delete means "unconditionally" (the caller has just read it).
        quiet: ask a scheduling server to send no reply (RFC 6638 section 8.1, `Schedule-Reply: F`).
    """

    key: int
    verb: Verb
    href: str
    data: bytes | None = None
    if_match: str | None = None
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """The answer to one write. `etag` is None where the store gave none; `reason` is for people."""

    key: int
    outcome: Outcome
    etag: str | None = None
    reason: str = ""


class Changes(Protocol):
    """A listing while it arrives: iterate it to the end, then read `token`.

    Attributes:
        full: True: this is every item, and what it does not name is gone. False: only what changed since the cursor.
    """

    full: bool

    def __iter__(self) -> Iterator[Entry | str]:
        """Yields an `Entry` for each item that is there (or changed), and a bare href for each that is gone."""
        ...

    @property
    def token(self) -> str | None:
        """The cursor for the next call; valid only after the iteration ended. None: always list in full."""
        ...


class Collection(Protocol):
    """One calendar, address book or folder, open for work. Its methods may be called from one thread at a time."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    def changes(self, cursor: str | None) -> Changes:
        """What is there, or what changed since `cursor`; falls back to a full listing by itself when the cursor is
        refused.

        Raises:
            Transient, LoginRefused, Permanent: the whole store or collection cannot be read.
        """
        ...

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """The bodies of these hrefs, in any order, one answer each; chunked and parallel inside, within the store's
        cap."""
        ...

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """Sends the writes, in parallel within the store's cap, and yields one answer each, in any order.

        Never raises for one item. A dead store answers UNCERTAIN (or REFUSED where it is known not to have been sent).
        """
        ...

    def new_href(self, uid: str) -> str:
        """The href a new item with this key gets: the same for the same key, so that a repeated create meets itself."""
        ...


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """A collection that a store offers. `name` is what the configuration uses; `title` is what people call it."""

    name: str
    title: str = ""
    items: int | None = None
    writable: bool = True


class Store(Protocol):
    """One configured account or place."""

    name: str

    def collections(self) -> list[CollectionInfo]:
        """Every collection of the store."""
        ...

    def open(self, name: str, cursor: str | None = None) -> Collection | None:
        """The collection of that name, or None where there is none (it may then be created).

        Args:
            name: the collection's name.
            cursor: of its last reading; a store may go straight to where it was then, as long as it finds out if it is not there any more.
        """
        ...

    def create(self, name: str) -> Collection:
        """Makes an empty collection; one that exists already is opened."""
        ...

    def check(self) -> Iterable[Diagnostic]:
        """What `doctor` shows: reachable, login, capabilities, clock, oddities."""
        ...

    def close(self) -> None:
        """Gives connections back."""
        ...


class Kind(Protocol):
    """What an item means: all the core knows of calendars or contacts.

    Bodies are bytes in the store's native form. Fields are compared in normal form (`Field.normal`), and carried over
    in native form.
    Every method that takes a body may raise `ItemRefused` with the reason, never another exception, whatever the
    bytes are.
    """

    name: str

    def glance(self, data: bytes) -> Glance:
        """Key, title and time, cheaply; refuses what cannot be handled at all (no UID, two UIDs, not this format, cut
        off)."""
        ...

    def fields(self, data: bytes) -> FieldMap:
        """Every field that counts, in normal form: servers' rewrites (PRODID, DTSTAMP, folding, order) leave it
        equal."""
        ...

    def same(self, a: bytes, b: bytes) -> bool:
        """Equal in normal form; equal bytes are not parsed."""
        ...

    def meaning(self, data: bytes) -> str:
        """A digest that is equal for items which people would call the same though their UIDs differ; "" for "cannot
        tell"."""
        ...

    def modified(self, data: bytes) -> float:
        """When the item was last edited (LAST-MODIFIED, else DTSTAMP), seconds since 1970; 0.0 where it does not
        say."""
        ...

    def patch(self, data: bytes, edits: Mapping[FieldKey, Edit], *, donor: bytes | None = None) -> bytes:
        """`data` with exactly these edits made, every other byte of meaning kept, lines in place.

        `donor` is the body the edits came from: what a native line needs beside itself (a VTIMEZONE) is taken from
        there.
        """
        ...

    def coupled(self, a: FieldKey, b: FieldKey) -> bool:
        """Whether edits of these two fields on different sides contradict each other though the fields differ
        (a moved series and an added exception)."""
        ...

    def with_uid(self, data: bytes, uid: str) -> bytes:
        """The same item under another key, throughout."""
        ...

    def retitled(self, data: bytes, suffix: str) -> bytes:
        """The same item with a suffix on its title (the copy that `keep-both` makes)."""
        ...

    def storable(self, data: bytes, into: Capabilities, *, invite: bool) -> bytes:
        """What may be created in a collection: without attendees and organizer on a server that schedules, unless
        `invite`.

        Raises:
            ItemRefused: the collection does not take this (component, size), with the reason.
        """
        ...

    def may_change(self, before: bytes, after: bytes | None, into: Capabilities, *, invite: bool) -> None:
        """Refuses (ItemRefused) an update or deletion (`after` None) that would make a server mail people, unless
        `invite`."""
        ...

    def withhold(self, edits: Mapping[FieldKey, Edit], into: Capabilities, *, invite: bool) -> Mapping[FieldKey, Edit]:
        """The edits without those that would bring attendees to a server that schedules, unless `invite`."""
        ...

    def label(self, key: FieldKey) -> str:
        """The field's name for people ("title", "alarm 15 minutes before", "16 November: location")."""
        ...


class Transform(Protocol):
    """A one-way job's way to turn a source item into the target's; None leaves the item out.

    Attributes:
        digest: changes when the rules change.
        identity: True where nothing is transformed or filtered, so that UIDs are kept.
    """

    @property
    def digest(self) -> str: ...

    @property
    def identity(self) -> bool: ...

    def apply(self, data: bytes) -> bytes:
        """The body for the target, its UID untouched."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a filter says of one item. `wake` is when to ask again if nothing changes (seconds since 1970): a window
    that slides."""

    keep: bool
    reason: str = ""
    wake: float | None = None
    aged: bool = False  # left out only because time passed: what was copied before stays


class Filter(Protocol):
    """Which items of a source belong to a job."""

    @property
    def digest(self) -> str: ...

    def verdict(self, data: bytes, now: float) -> Verdict:
        """Whether the item belongs."""
        ...


class FieldRules(Protocol):
    """A job's own rules for single fields, on top of its policy for conflicts."""

    def prefers(self, key: FieldKey) -> str:
        """Whose value of a field wins where sides differ: a store's name, "newest" for the newest edit, "" for the job's policy."""
        ...

    def admitted(self, edits: Mapping[FieldKey, Edit], now: bytes) -> Mapping[FieldKey, Edit]:
        """Those of a side's edits that count; `now` is the body that shows them. What does not count stays as it is, on all sides."""
        ...


@dataclass(frozen=True, slots=True)
class Advice:
    """What an advisor has to say of one item.

    Attributes:
        link: the item.
        sentence: what is told to people; "" for nothing.
        reason: why the item is changed; "" where it is not.
        change: makes the change in a body; None: nothing is changed.
    """

    link: int
    sentence: str
    reason: str = ""
    change: Callable[[bytes], bytes] | None = None


class Advisor(Protocol):
    """Looks at all items of a job together: double bookings of calendars."""

    def advise(self, items: Iterable[tuple[str, int, bytes]], now: float) -> Iterator[Advice]:
        """What is to be said of these items.

        Args:
            items: (collection, link, body) of every item that all sides agree on.
            now: seconds since 1970.
        """
        ...


@dataclass(frozen=True, slots=True)
class Match:
    """Two items that may be one.

    Attributes:
        one, other: their numbers, as they were added.
        score: how probable it is, 0 to 1.
        sure: they are to be taken for one without asking.
        reasons: why, for people, the strongest first: for and against.
    """

    one: int
    other: int
    score: float
    sure: bool
    reasons: tuple[str, ...]


class MatchIndex(Protocol):
    """Items that are compared with each other; kept outside of memory where there are many. All are added before anything is asked."""

    def add(self, number: int, data: bytes, places: int = 0, settled: bool = False) -> None:
        """Adds an item.

        Args:
            number: the caller's number for it.
            data: its body.
            places: bits that tell where it stands; two items that share one are never compared.
            settled: it is compared with items that are not settled only.

        Raises:
            ItemRefused: the body cannot be read.
        """
        ...

    def matches(self) -> Iterator[Match]:
        """Pairs that may be one and deserve a question at least, the most probable first."""
        ...

    def of(self, number: int) -> list[tuple[int, float]]:
        """The partners of an item among the matches, each with its score."""
        ...

    def compare(self, one: int, other: int) -> Match:
        """Two items compared, whatever comes of it."""
        ...

    def close(self) -> None:
        """Forgets everything."""
        ...


class Merger(Protocol):
    """Makes one item of several that are the same.

    Attributes:
        survivor: which of the bodies stays, by its place.
        lost: what none of the sides will hold any more: (place of the body, the field's label, its value).
    """

    @property
    def survivor(self) -> int: ...

    @property
    def lost(self) -> Sequence[tuple[int, str, str]]: ...

    def merged(self, data: bytes) -> bytes:
        """The survivor's body, as a side holds it, with what it gets of the others."""
        ...


class Matcher(Protocol):
    """Tells which items people would call the same though nothing identifies them.

    Attributes:
        digest: changes when its settings change.
        across: whether items of different collections are compared.
        review: the score from which a pair deserves a question.
        duplicates: what is done about items of one collection that are the same: "" nothing, "report", "propose" or "merge".
    """

    @property
    def digest(self) -> str: ...

    @property
    def across(self) -> bool: ...

    @property
    def review(self) -> float: ...

    @property
    def duplicates(self) -> str: ...

    def index(self) -> MatchIndex:
        """A new, empty index."""
        ...

    def merger(self, bodies: Sequence[tuple[str, bytes]]) -> Merger:
        """How these become one: (store it stands in, body), the most important first."""
        ...

    def plain(self, key: FieldKey) -> str:
        """A list's member, the same for two ways of writing it."""
        ...

    def renamed(self, data: bytes, uids: Mapping[str, str]) -> bytes:
        """An item that names others by their keys (a group its members), naming those in `uids` by their new keys."""
        ...


class Inspector(Protocol):
    """Knows what records should be like: a job's rules of quality, and what a profile of its records has.

    Attributes:
        digest: changes when the rules change; "" without any.
        limits: when a load is unlike the last; None: no profile is made.
        expects: the kind of value that a field of the profile should hold, by field.
    """

    @property
    def digest(self) -> str: ...

    @property
    def limits(self) -> ProfileLimits | None: ...

    @property
    def expects(self) -> Mapping[str, str]: ...

    def values(self, data: bytes) -> Mapping[str, Sequence[str]]:
        """A record's values, by field; a blank one is empty, an absent field is not named.

        Raises:
            ItemRefused: the body is no record.
        """
        ...

    def alone(self, collection: str) -> bool:
        """Whether a rule wants values of this collection to stand in one record only."""
        ...

    def keys(self, collection: str, data: bytes) -> Iterable[tuple[str, str]]:
        """(rule, value) of all that may stand in one record of the collection only.

        Raises:
            ItemRefused: the body is no record.
        """
        ...

    def inspect(self, collection: str, data: bytes, rival: Callable[[str, str], str]) -> Inspected:
        """What the rules say of one record.

        Args:
            collection: where it stands.
            data: its body.
            rival: for a rule and a value of `keys`, what people call another record of the collection that has it too, or "".

        Raises:
            ItemRefused: the body is no record.
        """
        ...
