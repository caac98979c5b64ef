"""The same work with nothing kept, nothing compared and nothing checked: what any program in this language has to spend at least.

    python bare.py pull|same|push CALENDAR-URL USER PASSWORD FOLDER

pull: lists the calendar, fetches every event, writes it into the folder. same: asks the server what changed since the token that `pull` left, and
looks at every file's `stat`. push: sends every file, over eight connections. It uses http.client and expat, the fastest there are without a
compiler, and no library besides.
"""

from __future__ import annotations

import base64
import http.client
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote, urlsplit
from xml.parsers import expat

CONNECTIONS = 8
MULTIGET = 1000
PROPS = '<D:prop xmlns:D="DAV:"><D:getetag/></D:prop>'
TOKEN = re.compile(rb"<[^>]*sync-token[^>]*>([^<]+)<")


class Server:
    """One connection."""

    def __init__(self, url: str, user: str, password: str) -> None:
        parts = urlsplit(url)
        self.path = parts.path
        self._login = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._connection = http.client.HTTPConnection(parts.netloc)

    def send(self, method: str, path: str, body: str | bytes = b"", depth: str = "0") -> bytes:
        """The answer's body."""
        kind = "text/calendar" if method == "PUT" else "application/xml"
        headers = {"Authorization": self._login, "Depth": depth, "Content-Type": kind}
        data = body.encode() if isinstance(body, str) else body
        self._connection.request(method, path, data, headers)
        return self._connection.getresponse().read()


def texts(xml: bytes, *names: str) -> list[tuple[str, str]]:
    """The texts of these elements, in order."""
    found: list[tuple[str, str]] = []
    open_one: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def start(name: str, _: object) -> None:
        local = name.rpartition(" ")[2]
        if local in names:
            open_one.append("")

    def end(name: str) -> None:
        local = name.rpartition(" ")[2]
        if local in names:
            found.append((local, open_one.pop()))

    def data(text: str) -> None:
        if open_one:
            open_one[-1] += text

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, data
    parser.Parse(xml, True)
    return found


def pull(server: Server, folder: str) -> None:
    """Fetches everything, and leaves the sync-token beside the folder."""
    state = server.send(
        "PROPFIND", server.path, '<D:propfind xmlns:D="DAV:"><D:prop><D:sync-token/></D:prop></D:propfind>'
    )
    with open(f"{folder}.token", "wb") as file:
        file.write(TOKEN.findall(state)[-1])
    listing = server.send("PROPFIND", server.path, f'<D:propfind xmlns:D="DAV:">{PROPS}</D:propfind>', "1")
    hrefs = [text for _, text in texts(listing, "href") if text != server.path]
    for start in range(0, len(hrefs), MULTIGET):
        wanted = "".join(f"<D:href>{href}</D:href>" for href in hrefs[start : start + MULTIGET])
        answer = server.send(
            "REPORT",
            server.path,
            '<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">'
            f"<D:prop><D:getetag/><C:calendar-data/></D:prop>{wanted}</C:calendar-multiget>",
        )
        name = ""
        for kind, text in texts(answer, "href", "calendar-data"):
            if kind == "href":
                name = unquote(text).rpartition("/")[2]
            else:
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(text.encode())


def same(server: Server, folder: str) -> None:
    """Finds out that nothing changed."""
    with open(f"{folder}.token", encoding="utf-8") as file:
        token = file.read()
    server.send(
        "REPORT",
        server.path,
        f'<D:sync-collection xmlns:D="DAV:"><D:sync-token>{token}</D:sync-token><D:sync-level>1</D:sync-level>{PROPS}'
        "</D:sync-collection>",
    )
    with os.scandir(folder) as entries:
        for entry in entries:
            entry.stat()


def push(url: str, user: str, password: str, folder: str) -> None:
    """Sends every file."""
    names = sorted(os.listdir(folder))

    def send(part: int) -> None:
        server = Server(url, user, password)
        for name in names[part::CONNECTIONS]:
            with open(os.path.join(folder, name), "rb") as file:
                server.send("PUT", server.path + name, file.read())

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(send, range(CONNECTIONS)))


if __name__ == "__main__":
    work, url, user, password, folder = sys.argv[1:]
    if work == "push":
        push(url, user, password, folder)
    else:
        {"pull": pull, "same": same}[work](Server(url, user, password), folder)
