"""Puts every .ics file below a folder into a CalDAV calendar, each under a new name, and prints the answers.

    python examples/hostile/probe.py http://127.0.0.1:5232/user/probe/ examples/hostile
    python examples/hostile/probe.py --refused-only http://127.0.0.1:5232/user/probe/ examples/office/team

A file with several UIDs is sent as it is, unless --split is given: then each UID becomes an item of its own, as a
feed has to be taken apart before it can be written to a server. The calendar is made if it is missing. With --apart
each file gets a new calendar beside the named one, and a query for one week is sent after the PUT: an item that was
stored can still make every later listing fail, and then the answer to the query is printed too.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import re
import sys
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

MAKE = (
    b'<?xml version="1.0" encoding="utf-8"?><C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">'
    b"<D:set><D:prop><D:displayname>probe</D:displayname></D:prop></D:set></C:mkcalendar>"
)
QUERY = (
    b'<?xml version="1.0" encoding="utf-8"?><C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">'
    b"<D:prop><D:getetag/><C:calendar-data/></D:prop><C:filter><C:comp-filter name='VCALENDAR'><C:comp-filter "
    b"name='VEVENT'><C:time-range start='20261116T000000Z' end='20261123T000000Z'/></C:comp-filter></C:comp-filter>"
    b"</C:filter></C:calendar-query>"
)
STORED = (200, 201, 204)
PRECONDITION = re.compile(rb"<(?:\w+:)?error[^>]*>\s*<(?:(\w+):)?([\w-]+)")


class Server:
    def __init__(self, url: str, user: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self.path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
        self._host = parts.netloc
        self._head = {"Authorization": "Basic " + base64.b64encode(f"{user}:".encode()).decode()} if user else {}

    def call(self, method: str, path: str, body: bytes = b"", kind: str = "text/calendar") -> tuple[int, str]:
        """Status and, for a refusal, the XML precondition or the beginning of the text."""
        connection = http.client.HTTPConnection(self._host, timeout=60)
        try:
            connection.request(method, path, body, {**self._head, "Content-Type": kind, "Depth": "1"})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            return 0, type(error).__name__
        finally:
            connection.close()
        if answer.status < 400:
            return answer.status, ""
        found = PRECONDITION.search(content)
        return answer.status, found.group(2).decode() if found else " ".join(
            content[:60].decode("utf-8", "replace").split()
        )


def split(body: bytes) -> Iterator[bytes]:
    """The events of a feed as items; zones are repeated."""
    head, *rest = re.split(rb"(?m)^(?=BEGIN:(?:VEVENT|VTODO|VJOURNAL)\b)", body)
    for part in rest:
        yield head + part.replace(b"END:VCALENDAR\r\n", b"").replace(b"END:VCALENDAR\n", b"") + b"END:VCALENDAR\r\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="What does this server say to these files?")
    parser.add_argument("calendar", help="URL of a calendar that may be filled with rubbish")
    parser.add_argument("path", type=Path, nargs="+", help="files or folders")
    parser.add_argument("--user", default="", help="user name for basic authentication without a password")
    parser.add_argument("--split", action="store_true", help="send each component of a file as an item of its own")
    parser.add_argument("--apart", action="store_true", help="a new calendar for each file, and a query afterwards")
    parser.add_argument("--refused-only", action="store_true", help="print only what was refused")
    options = parser.parse_args()
    server = Server(options.calendar, options.user)
    counts: Counter[int] = Counter()
    found = [sorted(path.rglob("*.ics")) if path.is_dir() else [path] for path in options.path]
    for path in (path for group in found for path in group):
        home = f"{server.path[:-1]}-{path.stem}/" if options.apart else server.path
        if options.apart or not counts:
            server.call("MKCALENDAR", home, MAKE, "application/xml")
        body = path.read_bytes()
        for number, part in enumerate(split(body) if options.split else [body]):
            name = hashlib.sha256(f"{path}/{number}".encode()).hexdigest()[:20]
            status, reason = server.call("PUT", f"{home}{name}.ics", part)
            counts[status] += 1
            if options.apart and status in STORED:
                queried, trouble = server.call("REPORT", home, QUERY, "application/xml")
                reason = "" if queried == 207 else f"then query {queried} {trouble}"
            if not options.refused_only or status not in STORED or reason:
                part_of = f"#{number}" if options.split else ""
                print(f"{status:3d} {path.resolve().parent.name}/{path.name}{part_of} {reason}".rstrip(), flush=True)
    print(", ".join(f"{status}: {count}" for status, count in sorted(counts.items())), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
