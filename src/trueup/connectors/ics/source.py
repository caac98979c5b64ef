"""Where a feed comes from: a file, or an address asked with a conditional GET (RFC 9110 section 13.1)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Protocol

from trueup.connectors.http import Answer, Client
from trueup.model.errors import Permanent, StoreError, Transient

# Far above any published calendar: a wrong address must not fill the memory.
MAX_FEED = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Validators:
    """What the server gave to ask with next time (RFC 9110 section 8.8); "" where it gave none."""

    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """What came. `data` None: it is still what the validators belong to."""

    data: bytearray | None
    validators: Validators


class Source(Protocol):
    """Gives the whole feed.

    Attributes:
        where: for messages, without a password.
        secure: nobody on the way can read or change it.
    """

    where: str
    secure: bool

    def get(self, known: Validators) -> Download:
        """The feed, unless it is still the known one.

        Raises:
            Transient, LoginRefused, Permanent: it cannot be read.
        """
        ...

    def close(self) -> None:
        """Gives connections back."""
        ...


class FileSource:
    """A file on this machine. It is read every time: that is cheaper than to be sure that it did not change."""

    secure = True

    def __init__(self, path: str) -> None:
        self.where = path

    def get(self, known: Validators) -> Download:
        """The file's bytes."""
        try:
            with open(self.where, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size > MAX_FEED:
                    raise _too_long(self.where)
                data = bytearray(size + 1)
                length = file.readinto(data)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise Permanent(
                "could not read the feed",
                where=self.where,
                why=why,
                hint="check `path` of the store, and who may read the file",
            ) from error
        if length != size:
            raise Transient(
                "could not read the feed", where=self.where, why="it changed while it was read", hint="run it again"
            )
        del data[length:]
        return Download(data, Validators())

    def close(self) -> None:
        """Nothing is held open."""


class WebSource:
    """A file on a web server."""

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url
        self.where = client.place(url)
        self.secure = url.startswith("https:")

    def get(self, known: Validators) -> Download:
        """Asks for the feed; 304 where it did not change."""
        headers = {"Accept": "text/calendar, */*;q=0.1"}
        if known.etag:
            headers["If-None-Match"] = known.etag
        if known.modified:
            headers["If-Modified-Since"] = known.modified

        def read(answer: Answer) -> Download:
            if answer.status == 304 and (known.etag or known.modified):
                return Download(None, known)
            if answer.status != 200:
                raise self._refused(answer)
            data = bytearray()
            for chunk in answer.chunks():
                data += chunk
                if len(data) > MAX_FEED:
                    raise _too_long(self.where)
            return Download(data, Validators(answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")))

        return self._client.send("GET", self._url, read, headers=headers, follow=True)

    def close(self) -> None:
        """Gives the connections back."""
        self._client.close()

    def _refused(self, answer: Answer) -> StoreError:
        kind: type[StoreError] = Transient if answer.status >= 500 else Permanent
        hint = {
            403: "the address may have been withdrawn, or wants `username` and `password`",
            404: "check `url` of the store; the calendar may no longer be published",
            410: "the calendar is no longer published; remove it from the configuration",
        }.get(answer.status, "try again later; `trueup doctor` looks closer")
        return kind("could not read the feed", where=self.where, why=f"the server answers {answer.status}", hint=hint)


def plain_url(url: str) -> str:
    """The address to ask for a `webcal:` one (that scheme means http, and `webcals:` https, in every program that knows it)."""
    scheme, colon, rest = url.strip().partition(":")
    return {"webcal": "http", "webcals": "https"}.get(scheme.lower(), scheme.lower()) + colon + rest


def _too_long(where: str) -> Permanent:
    return Permanent(
        "could not read the feed", where=where, why=f"it has more than {MAX_FEED:,} bytes", hint="is this a calendar?"
    )
