"""The reference store and a folder of files answer alike, whatever is asked of them in whatever order."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.contract.suite import fetch, listing, send
from tests.support.memory import MemoryCollection
from trueup.connectors.vdir import CONNECTOR
from trueup.model.items import Body
from trueup.model.ports import Collection, Outcome, Verb, Write

HREFS = st.sampled_from([f"{name}.ics" for name in "abcd"])
BODIES = st.sampled_from([b"one", b"two", b"six", b"longer"])  # three of one size: only the time tells them apart


class Alike(RuleBasedStateMachine):
    """Two users at each store: us, through the port, and someone who edits behind our back."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.memory = MemoryCollection()
        self.vdir = CONNECTOR.open("laptop", {"path": self.folder}).create("team")
        self.known: dict[str, tuple[Body, Body]] = {}
        self.seen: dict[str, tuple[str | None, bytes | None]] = {}

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    @rule(href=HREFS)
    def look(self, href: str) -> None:
        self.known[href] = (self._read(self.memory, href), self._read(self.vdir, href))

    @rule(href=HREFS, data=BODIES)
    def create(self, href: str, data: bytes) -> None:
        self._both(Verb.CREATE, href, data, conditional=False)

    @rule(href=HREFS, data=BODIES, conditional=st.booleans())
    def update(self, href: str, data: bytes, conditional: bool) -> None:
        self._both(Verb.UPDATE, href, data, conditional=conditional)

    @rule(href=HREFS, conditional=st.booleans())
    def delete(self, href: str, conditional: bool) -> None:
        self._both(Verb.DELETE, href, None, conditional=conditional)

    @rule(href=HREFS, data=BODIES)
    def someone_saves(self, href: str, data: bytes) -> None:
        """As careful editors do: a new file takes the place of the old one."""
        self.memory.put(href, data)
        (self.folder / "team" / "edited").write_bytes(data)
        (self.folder / "team" / "edited").rename(self.folder / "team" / href)

    @rule(href=HREFS)
    def someone_deletes(self, href: str) -> None:
        if href in self.memory.items:
            self.memory.remove(href)
        (self.folder / "team" / href).unlink(missing_ok=True)

    @rule()
    def read_as_the_core_does(self) -> None:
        """Fetches only what is new or has another etag than at the last reading; must end up with the truth all the same."""
        listed = listing(self.vdir)
        wanted = [href for href, etag in listed.items() if etag is None or self.seen.get(href, ("", None))[0] != etag]
        found = {href: (one.etag, one.data) for href, one in fetch(self.vdir, wanted).items()}
        self.seen = {href: found.get(href) or self.seen[href] for href in listed}
        assert {href: data for href, (_, data) in self.seen.items()} == self.memory.items

    @invariant()
    def hold_the_same(self) -> None:
        if hasattr(self, "folder"):
            held = {one.href: one.data for one in self.vdir.fetch(list(listing(self.vdir)))}
            assert held == self.memory.items

    def _both(self, verb: Verb, href: str, data: bytes | None, *, conditional: bool) -> None:
        ours, theirs = self.known.get(href, (Body(href), Body(href))) if conditional else (Body(href), Body(href))
        [expected] = send(self.memory, Write(1, verb, href, data, ours.etag))
        [answer] = send(self.vdir, Write(1, verb, href, data, theirs.etag))
        assert answer.outcome is expected.outcome, f"{answer} but {expected}"
        if answer.outcome is Outcome.DONE and data is not None:
            self.known[href] = (Body(href, expected.etag), Body(href, answer.etag))

    @staticmethod
    def _read(collection: Collection, href: str) -> Body:
        return fetch(collection, [href])[href]


TestAlike = Alike.TestCase
TestAlike.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
