"""The reference store, a folder of files and a file of many answer alike, whatever is asked of them in whatever order."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.contract.cards import card, uid
from tests.contract.suite import fetch, listing, send
from tests.support.memory import MemoryCollection
from trueup.connectors.vcf import CONNECTOR
from trueup.model.items import Body
from trueup.model.ports import Collection, Outcome, Verb, Write

HREFS = st.sampled_from([f"{name}.vcf" for name in "abcd"])
TITLES = st.sampled_from(["one", "two", "six", "longer"])  # three of one size: only the time tells them apart


class Alike(RuleBasedStateMachine):
    """Two users at each store: us, through the port, and someone who edits behind our back."""

    folder: Path

    def open(self) -> Collection:
        raise NotImplementedError

    def save(self, href: str, data: bytes) -> None:
        raise NotImplementedError

    def remove(self, href: str) -> None:
        raise NotImplementedError

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.memory = MemoryCollection()
        self.files = self.open()
        self.known: dict[str, tuple[Body, Body]] = {}
        self.seen: dict[str, tuple[str | None, bytes | None]] = {}

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    @rule(href=HREFS)
    def look(self, href: str) -> None:
        self.known[href] = (self._read(self.memory, href), self._read(self.files, href))

    @rule(href=HREFS, title=TITLES)
    def create(self, href: str, title: str) -> None:
        self._both(Verb.CREATE, href, body(href, title), conditional=False)

    @rule(href=HREFS, title=TITLES, conditional=st.booleans())
    def update(self, href: str, title: str, conditional: bool) -> None:
        self._both(Verb.UPDATE, href, body(href, title), conditional=conditional)

    @rule(href=HREFS, conditional=st.booleans())
    def delete(self, href: str, conditional: bool) -> None:
        self._both(Verb.DELETE, href, None, conditional=conditional)

    @rule(href=HREFS, title=TITLES)
    def someone_saves(self, href: str, title: str) -> None:
        self.memory.put(href, body(href, title))
        self.save(href, body(href, title))

    @rule(href=HREFS)
    def someone_deletes(self, href: str) -> None:
        if href in self.memory.items:
            self.memory.remove(href)
            self.remove(href)

    @rule()
    def read_as_the_core_does(self) -> None:
        """Fetches only what is new or has another etag than at the last reading; must end up with the truth all the same."""
        listed = listing(self.files)
        wanted = [href for href, etag in listed.items() if etag is None or self.seen.get(href, ("", None))[0] != etag]
        found = {href: (one.etag, one.data) for href, one in fetch(self.files, wanted).items()}
        self.seen = {href: found.get(href) or self.seen[href] for href in listed}
        assert {href: data for href, (_, data) in self.seen.items()} == self.memory.items

    @invariant()
    def hold_the_same(self) -> None:
        if hasattr(self, "folder"):
            held = {one.href: one.data for one in self.files.fetch(list(listing(self.files)))}
            assert held == self.memory.items

    def _both(self, verb: Verb, href: str, data: bytes | None, *, conditional: bool) -> None:
        ours, theirs = self.known.get(href, (Body(href), Body(href))) if conditional else (Body(href), Body(href))
        [expected] = send(self.memory, Write(1, verb, href, data, ours.etag))
        [answer] = send(self.files, Write(1, verb, href, data, theirs.etag))
        assert answer.outcome is expected.outcome, f"{answer} but {expected}"
        if answer.outcome is Outcome.DONE and data is not None:
            self.known[href] = (Body(href, expected.etag), Body(href, answer.etag))

    @staticmethod
    def _read(collection: Collection, href: str) -> Body:
        return fetch(collection, [href])[href]


def body(href: str, title: str) -> bytes:
    return card(href.removesuffix(".vcf"), title)


class Folder(Alike):
    """A file each."""

    def open(self) -> Collection:
        return CONNECTOR.open("laptop", {"path": self.folder}).create("team")

    def save(self, href: str, data: bytes) -> None:
        """As careful editors do: a new file takes the place of the old one."""
        (self.folder / "team" / "edited").write_bytes(data)
        (self.folder / "team" / "edited").rename(self.folder / "team" / href)

    def remove(self, href: str) -> None:
        (self.folder / "team" / href).unlink()


class File(Alike):
    """One file, which someone sorts whenever he saves it."""

    def open(self) -> Collection:
        return CONNECTOR.open("laptop", {"path": self.folder / "team.vcf"}).create("")

    def save(self, href: str, data: bytes) -> None:
        self._write({**self._cards(), href: data})

    def remove(self, href: str) -> None:
        self._write({name: data for name, data in self._cards().items() if name != href})

    def _cards(self) -> dict[str, bytes]:
        found = re.findall(rb"BEGIN:VCARD.*?END:VCARD\r\n", (self.folder / "team.vcf").read_bytes(), re.DOTALL)
        return {f"{uid(data)}.vcf": data for data in found}

    def _write(self, cards: dict[str, bytes]) -> None:
        (self.folder / "edited").write_bytes(b"".join(data for _, data in sorted(cards.items())))
        (self.folder / "edited").rename(self.folder / "team.vcf")


TestFolder = Folder.TestCase
TestFolder.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestFile = File.TestCase
TestFile.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
