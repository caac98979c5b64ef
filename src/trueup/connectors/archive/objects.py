"""Objects of an archive: bytes through zstd and age into a file on one side, out of it on the other, in bounded memory.

pyrage pulls what it encrypts and pushes what it decrypts, so each object has a thread with a pipe between. Compression is done in that thread
too: zstd, BLAKE3 and reading let other threads run meanwhile (measured; age holds the interpreter, at 1.2 GB/s).
"""

from __future__ import annotations

import io
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from trueup.model.errors import Permanent
from trueup.model.repository import Watch

if TYPE_CHECKING:
    from pyrage import x25519
    from zstandard import ZstdCompressionObj, ZstdCompressor

PIPE = 4 << 20
"""Bytes that wait in a pipe at most, besides the one piece that is being added."""

CHUNK = 256 << 10
_WRITTEN = 1 << 20
_JOB = 1 << 20  # what a thread of zstd compresses at a time: its default, 8 MiB, costs 25 MB an object


class Damaged(Exception):
    """What was read is not what was written."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How an archive's objects are packed up.

    Attributes:
        recipients: public keys; empty: not encrypted.
        identity: the private key; None: this machine can only write.
        level: of zstd.
    """

    recipients: tuple[str, ...] = ()
    identity: x25519.Identity | None = None
    level: int = 3

    @property
    def suffix(self) -> str:
        """How names of objects end."""
        return ".tar.zst.age" if self.recipients else ".tar.zst"


class Pipe:
    """Bytes from one thread to another."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._changed = threading.Condition()
        self._ended = False
        self._error: BaseException | None = None

    def put(self, piece: bytes) -> None:
        """Adds a piece; waits while the other side is behind.

        Raises:
            what the other side failed with, and what the watch raises.
        """
        with self._changed:
            while self._waiting > PIPE and self._error is None:
                if not self._changed.wait(0.2):
                    self._watch.ok()
            if self._error is not None:
                raise self._error
            self._pieces.append(piece)
            self._waiting += len(piece)
            self._changed.notify_all()

    def end(self, error: BaseException | None = None) -> None:
        """No more comes; `error`: since this side failed."""
        with self._changed:
            self._ended = True
            self._error = self._error or error
            self._changed.notify_all()

    def get(self) -> bytes:
        """The next piece; b"": that was all.

        Raises:
            what the other side failed with.
        """
        with self._changed:
            while not self._pieces and not self._ended and self._error is None:
                if not self._changed.wait(0.2):
                    self._watch.ok()
            if self._error is not None:
                raise self._error
            if not self._pieces:
                return b""
            piece = self._pieces.popleft()
            self._waiting -= len(piece)
            self._changed.notify_all()
            return piece


class Frame(bytes):
    """Bytes that are a frame of zstd already, or a piece of one (RFC 8878, 3: frames stand one after the other)."""


class _Compressed:
    """What comes out of a pipe, compressed; to be read by age."""

    def __init__(self, pipe: Pipe, level: int, threads: int) -> None:
        self._zstd = compressor(level, threads)
        self._frame: ZstdCompressionObj | None = None
        self._pipe = pipe
        self._ready = memoryview(b"")
        self._ended = False

    def more(self) -> bytes:
        """The next compressed bytes; b"" at the end."""
        while not self._ended:
            piece = self._pipe.get()
            if isinstance(piece, Frame) or not piece:
                self._ended = not piece
                if out := self._closed() + piece:
                    return out
                continue
            if self._frame is None:
                self._frame = self._zstd.compressobj()
            if out := self._frame.compress(piece):
                return out
        return b""

    def _closed(self) -> bytes:
        """The end of the frame that is open."""
        frame, self._frame = self._frame, None
        return b"" if frame is None else frame.flush()

    def read(self, size: int = -1) -> bytes:
        """As a file's."""
        if not self._ready:
            self._ready = memoryview(self.more())
        out, self._ready = self._ready[:size], self._ready[size:]
        return bytes(out)


class _Summed:
    """A file that is written, and its sum; in large pieces, since each time the interpreter is given away and asked back."""

    def __init__(self, file: BinaryIO) -> None:
        from blake3 import blake3

        self._file = file
        self._buffer = bytearray()
        self.sum = blake3()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._buffer += data
        if len(self._buffer) >= _WRITTEN:
            self.empty()
        return len(data)

    def empty(self) -> None:
        """Writes what is left."""
        left = memoryview(self._buffer)
        self.sum.update(left)
        self.size += len(left)
        while left:
            left = left[self._file.write(left) :]
        self._buffer = bytearray()

    def flush(self) -> None:
        """Nothing: who made the file flushes it."""


def compressor(level: int, threads: int = 0) -> ZstdCompressor:
    """What compresses an object, or a frame of one."""
    import zstandard

    setup = {"threads": threads, "job_size": _JOB} if threads else {}
    parameters = zstandard.ZstdCompressionParameters.from_level(level, write_checksum=1, **setup)
    return zstandard.ZstdCompressor(compression_params=parameters)


class Sealer:
    """One object that is being written, in a thread of its own.

    Args:
        codec: how.
        spool: the file to make (mode 600); removed where it comes to nothing.
        done: called in the thread with the sum of the finished, flushed file and its size.
        watch: who looks after the work.
        threads: that zstd uses besides.
    """

    def __init__(
        self, codec: Codec, spool: Path, done: Callable[[str, int], None], watch: Watch, threads: int = 0
    ) -> None:
        self._codec = codec
        self._spool = spool
        self._done = done
        self._pipe = Pipe(watch)
        self._threads = threads
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="archive-object")
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Adds bytes."""
        self._buffer.append(data)
        self._buffered += len(data)
        if self._buffered >= CHUNK:
            self._push()

    def frame(self, data: bytes) -> None:
        """Adds bytes that are compressed already: whole frames, in as many pieces as one likes."""
        if self._buffer:
            self._push()
        self._pipe.put(Frame(data))

    def _push(self) -> None:
        self._pipe.put(b"".join(self._buffer) if len(self._buffer) > 1 else self._buffer[0])
        self._buffer.clear()
        self._buffered = 0

    def end(self) -> None:
        """No more comes; the thread finishes by itself."""
        if self._buffer:
            self._push()
        self._pipe.end()

    def join(self) -> None:
        """Waits until it is done.

        Raises:
            what failed in the thread.
        """
        self._thread.join()
        if self._failed is not None:
            raise self._failed

    def ended(self, seconds: float = 0.0) -> bool:
        """Whether it has come to its end, for which it waits so long at most."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def abort(self) -> None:
        """Gives it up; nothing is left of it."""
        self._pipe.end(Damaged("given up"))
        self._thread.join()

    def _run(self) -> None:
        try:
            self._done(*self._written())
        except BaseException as error:
            self._failed = error
            with suppress(OSError):
                self._spool.unlink()
            self._pipe.end(error)

    def _written(self) -> tuple[str, int]:
        source = _Compressed(self._pipe, self._codec.level, self._threads)
        with open(self._spool, "xb", buffering=0, opener=_private) as file:
            target = _Summed(file)
            if self._codec.recipients:
                self._encrypt(source, target)
            else:
                while out := source.more():
                    target.write(out)
            target.empty()
            os.fsync(file.fileno())
        return target.sum.hexdigest(), target.size

    def _encrypt(self, source: _Compressed, target: _Summed) -> None:
        import pyrage

        from trueup.connectors.archive.keys import recipient

        errors: list[BaseException] = []
        try:
            pyrage.encrypt_io(
                _Keeping(source, errors),
                _Keeping(target, errors),
                [recipient(one, "") for one in self._codec.recipients],
            )
        except (pyrage.EncryptError, OSError):
            if errors:  # pyrage tells an error of a file as a text
                raise errors[0] from None
            raise


class _Keeping:
    """A file for pyrage, which keeps the errors that pyrage would turn into texts."""

    def __init__(self, file: Any, errors: list[BaseException]) -> None:
        self._file = file
        self._errors = errors

    def read(self, size: int = -1) -> bytes:
        """As a file's."""
        try:
            return self._file.read(size)  # type: ignore[no-any-return]
        except BaseException as error:
            self._errors.append(error)
            raise

    def write(self, data: bytes) -> int:
        """As a file's."""
        try:
            return self._file.write(data)  # type: ignore[no-any-return]
        except BaseException as error:
            self._errors.append(error)
            raise

    def flush(self) -> None:
        """As a file's."""


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


class _Pieces:
    """Pieces as a file to read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._ready = memoryview(b"")

    def read(self, size: int = -1) -> bytes:
        while not self._ready:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._ready = memoryview(piece)
        out, self._ready = self._ready[:size], self._ready[size:]
        return bytes(out)


def summed(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    """The pieces of an object, which are found wrong at the end where their sum is not the object's name.

    Raises:
        Damaged: they are not what was written.
    """
    from blake3 import blake3

    sum_ = blake3()
    for piece in pieces:
        sum_.update(piece)
        yield piece
    if sum_.hexdigest() != sum_of(name):
        raise Damaged("its bytes are not those that were written")


def sum_of(name: str) -> str:
    """The sum in the name of a pack or tree."""
    return name.rpartition("/")[2].partition(".")[0]


class _Pushed:
    """What age decrypts, in larger pieces."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._buffer = bytearray()

    def write(self, data: bytes) -> int:
        self._buffer += data
        if len(self._buffer) >= CHUNK:
            self.flush()
        return len(data)

    def flush(self) -> None:
        if self._buffer:
            self._pipe.put(bytes(self._buffer))
            self._buffer.clear()


def decrypted(codec: Codec, pieces: Iterable[bytes], watch: Watch) -> Generator[bytes, None, None]:
    """An object without its encryption.

    Raises:
        Damaged: age finds it wrong, or made for another key.
        Permanent: there is no key.
    """
    if not codec.recipients:
        yield from pieces
        return
    if codec.identity is None:
        raise no_key()
    pipe = Pipe(watch)
    thread = threading.Thread(target=_decrypt, args=(codec.identity, pieces, pipe), daemon=True, name="archive-open")
    thread.start()
    try:
        while piece := pipe.get():
            yield piece
    finally:
        pipe.end(Damaged("given up"))
        thread.join()


def _decrypt(identity: x25519.Identity, pieces: Iterable[bytes], pipe: Pipe) -> None:
    import pyrage

    errors: list[BaseException] = []
    try:
        target = _Pushed(pipe)
        pyrage.decrypt_io(_Keeping(_Pieces(pieces), errors), _Keeping(target, errors), [identity])
        target.flush()
        pipe.end()
    except BaseException as error:
        if errors:
            pipe.end(errors[0])
        else:
            pipe.end(Damaged(f"age: {error}") if isinstance(error, pyrage.DecryptError | OSError) else error)


def no_key() -> Permanent:
    """This machine holds no key."""
    return Permanent(
        "the archive cannot be read on this machine",
        why="the configuration has only public keys",
        hint="set `identity` of the store to the private key (AGE-SECRET-KEY-1…)",
    )


def wrong_key() -> Permanent:
    """The key is another one."""
    return Permanent(
        "the key does not fit the archive",
        why="it was encrypted for other keys",
        hint="set `identity` of the store to the private key of one of the recipients in repository.json; without it nobody can read the archive",
    )


class Reader(io.RawIOBase):
    """The tar inside an object, as a file that is read from front to back.

    Raises:
        Damaged: while it is read.
    """

    def __init__(self, codec: Codec, pieces: Iterable[bytes], watch: Watch) -> None:
        import zstandard

        self._plain = decrypted(codec, pieces, watch)
        # bounded, however small the object is: zstd may make gigabytes of a few bytes
        source: Any = _Pieces(self._plain)
        self._zstd = zstandard.ZstdDecompressor().stream_reader(source, read_size=CHUNK, read_across_frames=True)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        import zstandard

        try:
            return self._zstd.readinto(buffer)
        except zstandard.ZstdError as error:
            raise Damaged(str(error)) from error

    def drain(self) -> None:
        """Reads what comes after the tar's end: the object's sum is compared when all was read."""
        for _ in self._plain:
            pass

    def close(self) -> None:
        self._plain.close()
        super().close()


def buffered(raw: Reader) -> io.BufferedReader:
    """An object's tar, to be read in pieces of any size."""
    return io.BufferedReader(raw, CHUNK)
