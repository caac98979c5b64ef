"""An archive in an S3-compatible store, through obstore (the extra `s3`); object lock through requests of our own, which obstore cannot make."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from trueup.connectors.archive.places import Found, Gone
from trueup.connectors.archive.processes import clear
from trueup.connectors.archive.retention import Retention
from trueup.model.errors import ConfigError, LoginRefused, Permanent, StoreError, Transient
from trueup.model.repository import Watch

if TYPE_CHECKING:
    from obstore.store import S3Store

T = TypeVar("T")

PART = 8 << 20
_AT_ONCE = 2  # parts on their way at a time: 16 MiB

PATIENCE = 60.0
"""Seconds that a request is tried again for; then the whole work is tried again later."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a bucket is, and how to log in; empty: as obstore finds it (AWS_… variables, the machine's role)."""

    bucket: str
    prefix: str
    endpoint: str = ""
    region: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    allow_http: bool = False

    @property
    def where(self) -> str:
        """For people."""
        path = f"s3://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")
        return f"{path} at {urlsplit(self.endpoint).netloc}" if self.endpoint else path


def attended(watch: Watch, work: Callable[[], T]) -> T:
    """Does something that may hang, in a thread, so that the watch can end it; the thread ends by its own time limits then."""
    result: list[T] = []
    failed: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            result.append(work())
        except BaseException as error:
            failed.append(error)
        done.set()

    threading.Thread(target=run, daemon=True, name="archive-s3").start()
    while not done.wait(0.2):
        watch.ok()
    if failed:
        raise failed[0]
    return result[0]


class Bucket:
    """A prefix of a bucket; as in `places.Place`."""

    far = True

    def __init__(self, address: Address, spool: Callable[[], Path]) -> None:
        self.where = address.where
        self._address = address
        self._spool = spool
        self._client: S3Store | None = None
        self._making = threading.Lock()
        self._locks: bool | None = None

    def spool(self) -> Path:
        """In the cache of this machine: the name of an object is known only when it is finished."""
        return self._spool()

    @property
    def _store(self) -> S3Store:
        with self._making:
            if self._client is None:
                self._client = _client(self._address)
            return self._client

    def _call(self, watch: Watch, what: str, work: Callable[[Any], T]) -> T:
        store = self._store

        def told() -> T:
            try:
                return work(store)
            except Exception as error:
                raise self._told(error, what) from error

        return attended(watch, told)

    def _told(self, error: Exception, what: str) -> Exception:
        return told(error, what, self.where)

    def put(self, spooled: Path, name: str, watch: Watch) -> None:
        """As in `Place`."""
        import obstore

        size = spooled.stat().st_size
        self._call(
            watch,
            "the archive cannot be written",
            lambda store: (
                obstore.put(store, name, _Moving(spooled, watch), chunk_size=PART, max_concurrency=_AT_ONCE)
                if size > PART
                else obstore.put(store, name, spooled.read_bytes(), use_multipart=False)
            ),
        )
        spooled.unlink()

    def put_bytes(self, name: str, data: bytes, watch: Watch, *, new: bool = False) -> None:
        """As in `Place`."""
        import obstore

        mode: Any = "create" if new else "overwrite"
        self._call(
            watch,
            "the archive cannot be written",
            lambda store: obstore.put(store, name, data, mode=mode, use_multipart=False),
        )

    def pieces(self, name: str, watch: Watch) -> Iterator[bytes]:
        """As in `Place`."""
        import obstore

        what = "the archive cannot be read"
        answer = self._call(watch, what, lambda store: obstore.get(store, name))
        stream = iter(answer.stream(min_chunk_size=1 << 20))
        while True:
            piece = self._call(watch, what, lambda _: next(stream, None))
            if piece is None:
                return
            watch.moved(len(piece))
            yield bytes(piece)

    def listing(self, folder: str, watch: Watch) -> dict[str, Found]:
        """As in `Place`."""
        import obstore

        what = "the archive cannot be read"
        stream = self._call(watch, what, lambda store: iter(obstore.list(store, folder or None, chunk_size=1000)))
        found: dict[str, Found] = {}
        while (page := self._call(watch, what, lambda _: next(stream, None))) is not None:
            watch.moved(len(page))
            found |= {one["path"]: Found(one["size"], one["last_modified"].timestamp()) for one in page}
        return found

    def delete(self, names: list[str], watch: Watch) -> None:
        """As in `Place`."""
        import obstore

        for start in range(0, len(names), 500):
            some = names[start : start + 500]
            try:
                self._call(watch, "the archive cannot be changed", lambda store, some=some: obstore.delete(store, some))  # type: ignore[misc]
            except Gone:
                continue
            watch.moved(len(some))

    def locks(self, watch: Watch) -> bool:
        """Asks the bucket, once."""
        if self._locks is None:
            self._locks = attended(watch, Retention(self._address).enforced)
        return self._locks

    def lock(self, name: str, until: float, watch: Watch) -> None:
        """As in `Place`."""
        key = f"{self._address.prefix}/{name}" if self._address.prefix else name
        attended(watch, lambda: Retention(self._address).extend(key, until))

    def tidy(self, watch: Watch) -> None:
        """As in `Place`."""
        clear(self._spool())

    def close(self) -> None:
        """obstore keeps connections for a while by itself."""
        self._client = None


class _Moving:
    """A file that is sent, a sign of life with each piece; an iterable of bytes for obstore."""

    def __init__(self, path: Path, watch: Watch) -> None:
        self._path = path
        self._watch = watch

    def __iter__(self) -> Iterator[bytes]:
        with open(self._path, "rb", buffering=0) as file:
            while piece := file.read(1 << 20):
                self._watch.moved(len(piece))
                yield piece


def _client(address: Address) -> S3Store:
    try:
        from obstore.store import S3Store
    except ImportError as error:
        raise ConfigError(
            "an archive in S3 needs the package obstore",
            where=address.where,
            why="it is not installed",
            hint="pip install 'trueup[s3]'",
        ) from error
    from datetime import timedelta

    options: Mapping[str, Any] = {
        "endpoint": address.endpoint or None,
        "region": address.region or ("us-east-1" if address.endpoint else None),
        "access_key_id": address.access_key or None,
        "secret_access_key": address.secret_key or None,
    }
    return S3Store(
        address.bucket,
        prefix=address.prefix or None,
        checksum_algorithm="SHA256",  # the store compares it; Amazon's asks for it where a bucket locks by default
        client_options={
            "allow_http": address.allow_http,
            "connect_timeout": "10 seconds",
            "read_timeout": "60 seconds",
            "timeout": "10 minutes",
        },
        retry_config={
            "max_retries": 60,  # by chance a dozen are over in three seconds: the time is what counts
            "retry_timeout": timedelta(seconds=PATIENCE),
            "backoff": {
                "init_backoff": timedelta(milliseconds=200),
                "max_backoff": timedelta(seconds=8),
                "base": 2,
            },
        },
        **{key: value for key, value in options.items() if value is not None},
    )


def told(error: Exception, what: str, where: str) -> Exception:
    """An error of obstore in our words; `Gone` and FileExistsError as they are."""
    from obstore import exceptions

    text = str(error)
    if isinstance(error, StoreError | Gone):
        return error
    if "NoSuchBucket" in text:
        return Permanent(
            what, where=where, why="there is no such bucket", hint="make it first, or check `url` of the store"
        )
    if isinstance(error, FileNotFoundError):
        return Gone(text)
    if isinstance(error, exceptions.AlreadyExistsError):
        return FileExistsError(text)
    if isinstance(error, exceptions.PermissionDeniedError | exceptions.UnauthenticatedError) or _refused(text):
        return LoginRefused(
            what,
            where=where,
            why=_reason(text) or "the store refuses these keys",
            hint="check `access_key` and `secret_key` of the store",
        )
    if isinstance(error, exceptions.GenericError | OSError | TimeoutError):
        return Transient(
            what, where=where, why=_reason(text) or "no answer", hint="is the store up, and `endpoint` right?"
        )
    return Permanent(what, where=where, why=_reason(text))


def _refused(text: str) -> bool:
    """Whether it is about the keys; there are stores that say so with a status of their own."""
    return any(word in text for word in ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "status: 403"))


def _reason(text: str) -> str:
    """What went wrong, out of an error of obstore, which ends with its own debugging output."""
    import re

    text = text.partition("\n\nDebug source")[0]
    if found := re.search(r"<Message>(.*?)</Message>", text):
        return found[1]
    return text.strip().partition("\n")[0][:300]
