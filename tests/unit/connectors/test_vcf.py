"""One file with many cards: what is kept byte for byte, what is told apart, and what another program did meanwhile."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
import threading
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.cards import card
from tests.contract.suite import create, fetch, listing, read, send
from trueup.connectors.folder import replacing
from trueup.connectors.folder.store import FolderStore
from trueup.connectors.vcf import CONNECTOR, book, scanning
from trueup.connectors.vcf.collection import FileCollection
from trueup.connectors.vcf.store import FileStore
from trueup.model.diagnostics import Severity
from trueup.model.errors import Permanent, StoreError, Transient
from trueup.model.ports import Outcome, Verb, Write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "contacts.vcf"


def at(path: Path, data: bytes = b"", *, old: bool = True) -> FileCollection:
    """The collection of a file with this in it; `old`: saved long ago."""
    path.write_bytes(data)
    if old:
        os.utime(path, (1_700_000_000, 1_700_000_000))
    store = CONNECTOR.open("phone", {"path": path})
    assert isinstance(store, FileStore)
    collection = store.open("")
    assert collection is not None
    return collection


def bodies(collection: FileCollection) -> list[bytes | None]:
    return [one.data for one in collection.fetch(list(listing(collection)))]


class TestWhichStore:
    def test_a_folder(self, tmp_path: Path) -> None:
        assert isinstance(CONNECTOR.open("phone", {"path": tmp_path}), FolderStore)
        assert isinstance(CONNECTOR.open("phone", {"path": tmp_path / "later"}), FolderStore)
        (tmp_path / "odd.vcf").mkdir()
        assert isinstance(CONNECTOR.open("phone", {"path": tmp_path / "odd.vcf"}), FolderStore)

    def test_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "cards.txt").write_bytes(card("a"))
        for name in ("cards.txt", "later.vcf", "LATER.VCF", "later.vcard"):
            assert isinstance(CONNECTOR.open("phone", {"path": tmp_path / name}), FileStore)


LINE_ENDS = [b"\r\n", b"\n", b"\r"]


class TestReading:
    @pytest.mark.parametrize("end", LINE_ENDS)
    def test_cards_and_nothing_else(self, path: Path, end: bytes) -> None:
        data = (card("a") + card("b")).replace(b"\r\n", end)
        assert b"".join(one or b"" for one in bodies(at(path, data))) == data

    def test_a_byte_order_mark_and_what_stands_between(self, path: Path) -> None:
        collection = at(path, b"\xef\xbb\xbf" + card("a") + b"\r\n# made by a phone\r\n\xef\xbb\xbf" + card("b")[:-2])
        assert bodies(collection) == [card("a"), card("b")[:-2]]

    def test_any_letters(self, path: Path) -> None:
        data = card("a").replace(b"BEGIN:VCARD", b"begin:vcard").replace(b"END:VCARD", b"End:vCard ")
        assert bodies(at(path, data)) == [data]

    @pytest.mark.parametrize("agent", [b"AGENT:\r\n", b"AGENT:", b"item1.AGENT;X=1:"])
    def test_a_card_within_a_card(self, path: Path, agent: bytes) -> None:
        inner = agent + b"BEGIN:VCARD\r\nVERSION:2.1\r\nUID:inner\r\nN:B\r\nEND:VCARD\r\n"
        outer = b"BEGIN:VCARD\r\nVERSION:2.1\r\n" + inner + b"UID:outer\r\nN:A\r\nEND:VCARD\r\n"
        collection = at(path, outer + card("b"))
        assert list(listing(collection)) == ["outer.vcf", "b.vcf"]
        assert bodies(collection) == [outer, card("b")]

    def test_text_that_looks_like_a_card(self, path: Path) -> None:
        data = card("a", "A", "NOTE:BEGIN:VCARD", "X-NOTE:END:VCARD", "NOTE:x\r\n BEGIN:VCARD")
        assert bodies(at(path, data)) == [data]

    def test_cards_across_blocks(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        data = b"".join(card(f"u{n}", "x" * n) for n in range(80))
        for block in (1, 7, 64, 100, 1000):
            monkeypatch.setattr(scanning, "BLOCK", block)
            assert len(list(scanning.spans(BytesIO(data), len(data)))) == 80
            assert b"".join(one or b"" for one in bodies(at(path, data))) == data

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.sampled_from([card("a"), card("b"), card("c")[:-2], b"\r\n", b"\n", b"\xef\xbb\xbf", b"junk:\r", b"x"])
        ),
        st.sampled_from([1, 5, 300, 4096]),
    )
    def test_every_byte_belongs_somewhere(self, parts: list[bytes], block: int) -> None:
        data, done = b"".join(parts), 0
        for one in _spans(data, block):
            assert data[one.start :].upper().startswith(b"BEGIN:VCARD")
            assert done <= one.start < one.stop <= one.after <= len(data)
            done = one.after

    @pytest.mark.parametrize(
        "line",
        [
            b"UID:u-1",
            b"uid:u-1",
            b"UID;VALUE=text:u-1",
            b'item1.UID;X="a:b";Y=c: u-1 ',
            b"UID:u-\r\n 1",
            b"NOTE:x\r\nUID:u-1\r\nUID:u-2",
        ],
    )
    def test_a_uid(self, path: Path, line: bytes) -> None:
        data = b"BEGIN:VCARD\r\nVERSION:3.0\r\n" + line + b"\r\nFN:A\r\nEND:VCARD\r\n"
        assert list(listing(at(path, data))) == ["u-1.vcf"]

    def test_without_a_uid(self, path: Path) -> None:
        plain = card("a").replace(b"UID:a\r\n", b"")
        collection = at(path, plain + plain + card("b"))
        assert len(listing(collection)) == 3
        assert bodies(collection) == [plain, plain, card("b")]
        assert listing(collection) == listing(at(path, card("b") + plain + plain)), "whatever their order"

    def test_one_uid_twice(self, path: Path) -> None:
        collection = at(path, card("a", "first") + card("a", "second") + card("a", "second"))
        hrefs = list(listing(collection))
        assert hrefs[0] == "a.vcf"
        assert len(set(hrefs)) == 3
        assert bodies(collection) == [card("a", "first"), card("a", "second"), card("a", "second")]

    def test_a_card_that_is_cut_off_stops_no_other(self, path: Path) -> None:
        collection = at(path, card("a")[:40] + b"\r\n" + card("b"))
        assert len(listing(collection)) == 2
        assert read(collection, "b.vcf").data == card("b")


def _spans(data: bytes, block: int) -> list[scanning.Span]:
    whole, scanning.BLOCK = scanning.BLOCK, block
    try:
        return list(scanning.spans(BytesIO(data), len(data)))
    except scanning.Unfinished:
        return []
    finally:
        scanning.BLOCK = whole


class TestNeverShort:
    """What cannot be read as a whole is an error, and never a listing with less in it."""

    @pytest.mark.parametrize(
        ("data", "why"),
        [
            (card("a") + card("b")[:-14], "half-written"),
            (b"<html>not found</html>", "no vCard"),
            (card("a").decode().encode("utf-16"), "UTF-16"),
            (b"\0" * 100, "no vCard"),
        ],
    )
    def test_not_all_there(self, path: Path, data: bytes, why: str) -> None:
        collection = at(path, data)
        with pytest.raises(Permanent) as caught:
            collection.changes(None)
        assert why in caught.value.why
        assert all(one.error for one in collection.fetch(["a.vcf"]))
        [answer] = send(collection, Write(1, Verb.CREATE, "n.vcf", card("n")))
        assert answer.outcome is Outcome.UNCERTAIN
        assert path.read_bytes() == data

    def test_half_written_just_now_is_tried_again(self, path: Path) -> None:
        with pytest.raises(Transient):
            at(path, card("a")[:-14], old=False).changes(None)

    @pytest.mark.parametrize("data", [b"", b"\r\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
    def test_nothing_is_an_empty_book(self, path: Path, data: bytes) -> None:
        collection = at(path, data)
        assert listing(collection) == {}
        create(collection, "a", card("a"))
        assert path.read_bytes() == data + card("a")

    def test_a_file_that_changes_while_it_is_read(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        collection = at(path, card("a"))
        seen: list[int] = []

        def uid_of(data: bytes, nested: bool) -> str:
            seen.append(1)
            with path.open("ab") as file:
                file.write(card(f"n{len(seen)}"))
            return "a"

        monkeypatch.setattr(book, "uid_of", uid_of)
        with pytest.raises(Transient, match="changes while"):
            collection.changes(None)

    def test_a_card_beyond_all_measure(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(book, "MAX_ITEM", 100)
        with pytest.raises(Permanent, match="limit"):
            at(path, card("a") + card("b", "x" * 100)).changes(None)

    def test_no_regular_file(self, path: Path) -> None:
        collection = at(path, card("a"))
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(StoreError, match="regular"):
            collection.changes(None)

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        store = CONNECTOR.open("phone", {"path": tmp_path / "disk" / "contacts.vcf"})
        for call in (store.open, store.create):
            with pytest.raises(Permanent, match="folder"):
                call("")

    def test_another_name(self, tmp_path: Path) -> None:
        store = CONNECTOR.open("phone", {"path": tmp_path / "contacts.vcf"})
        assert store.open("people") is None
        with pytest.raises(Permanent) as caught:
            store.create("people")
        assert "name the store alone" in caught.value.hint


class TestWriting:
    OLD = b"\xef\xbb\xbf" + card("a") + b"\n# kept\n" + card("b").replace(b"\r\n", b"\n") + b"\r\n\r\n" + card("c")[:-2]

    def test_what_is_not_touched_keeps_every_byte_and_its_place(self, path: Path) -> None:
        collection = at(path, self.OLD)
        etags = listing(collection)
        answers = send(
            collection,
            Write(1, Verb.UPDATE, "a.vcf", card("a", "Anna"), etags["a.vcf"]),
            Write(2, Verb.CREATE, "d.vcf", card("d")),
            Write(3, Verb.UPDATE, "c.vcf", card("c", "Carl"), etags["c.vcf"]),
        )
        assert [one.outcome for one in answers] == [Outcome.DONE] * 3
        expected = self.OLD.replace(card("a"), card("a", "Anna")).replace(card("c")[:-2], card("c", "Carl") + card("d"))
        assert path.read_bytes() == expected
        assert {one.etag for one in answers} == set(listing(collection).values()) - {etags["b.vcf"]}
        assert read(collection, "b.vcf").etag == etags["b.vcf"]

    def test_a_deletion_takes_the_card_and_nothing_else(self, path: Path) -> None:
        collection = at(path, self.OLD)
        [answer] = send(collection, Write(1, Verb.DELETE, "b.vcf", None, listing(collection)["b.vcf"]))
        assert answer.outcome is Outcome.DONE
        assert path.read_bytes() == self.OLD.replace(card("b").replace(b"\r\n", b"\n"), b"")

    def test_the_last_one_gone_is_an_empty_book(self, path: Path) -> None:
        collection = at(path, card("a"))
        send(collection, Write(1, Verb.DELETE, "a.vcf"))
        assert path.read_bytes() == b""
        assert listing(collection) == {}

    def test_behind_a_line_without_an_end(self, path: Path) -> None:
        collection = at(path, card("a")[:-2])
        before = listing(collection)["a.vcf"]
        create(collection, "b", card("b")[:-2])
        assert path.read_bytes() == card("a") + card("b")
        assert listing(collection)["a.vcf"] == before, "a line end is not the card's"

    def test_line_ends_are_those_of_the_file(self, path: Path) -> None:
        collection = at(path, card("a")[:-2].replace(b"\r\n", b"\n"))
        create(collection, "b", card("b"))
        create(collection, "c", card("c")[:-2])
        assert path.read_bytes() == card("a").replace(b"\r\n", b"\n")[:-1] + b"\r\n" + card("b") + card("c")

    def test_a_card_that_was_cut_off_is_mended(self, path: Path) -> None:
        collection = at(path, card("a")[:40] + b"\n" + card("b"))
        [href, _] = listing(collection)
        [answer] = send(collection, Write(1, Verb.UPDATE, href, card("a")[:-2], listing(collection)[href]))
        assert answer.outcome is Outcome.DONE
        assert path.read_bytes() == card("a") + card("b")

    @pytest.mark.parametrize(
        "data", [b"", b"x", card("a") + card("a"), card("a") + b"x", card("n")[:-14], b"x" + card("n")]
    )
    def test_what_is_not_one_card_is_refused(self, path: Path, data: bytes) -> None:
        collection = at(path, card("a"))
        answers = send(
            collection,
            Write(1, Verb.CREATE, "n.vcf", data),
            Write(2, Verb.UPDATE, "a.vcf", data, listing(collection)["a.vcf"]),
        )
        assert {one.outcome for one in answers} == {Outcome.REFUSED}
        assert path.read_bytes() == card("a")

    def test_a_name_that_is_not_the_uid_is_refused(self, path: Path) -> None:
        """It would be listed under another name, and the one that was asked for would look deleted."""
        collection = at(path, card("a"))
        [answer] = send(collection, Write(1, Verb.CREATE, "n.vcf", card("m")))
        assert answer.outcome is Outcome.REFUSED
        assert path.read_bytes() == card("a")

    def test_two_writes_to_one_card_happen_in_their_order(self, path: Path) -> None:
        collection = at(path)
        answers = send(
            collection,
            Write(1, Verb.CREATE, "a.vcf", card("a", "one")),
            Write(2, Verb.UPDATE, "a.vcf", card("a", "two")),
        )
        assert [one.outcome for one in answers] == [Outcome.DONE] * 2
        assert path.read_bytes() == card("a", "two")

    def test_rights_are_kept_and_a_link_is_followed(self, tmp_path: Path, path: Path) -> None:
        (tmp_path / "real").mkdir()
        real = tmp_path / "real" / "cards.vcf"
        real.write_bytes(card("a"))
        real.chmod(0o640)
        path.symlink_to(real)
        store = CONNECTOR.open("phone", {"path": path})
        collection = store.open("")
        assert isinstance(collection, FileCollection)
        create(collection, "b", card("b"))
        assert path.is_symlink()
        assert real.read_bytes() == card("a") + card("b")
        assert stat.S_IMODE(real.stat().st_mode) == 0o640
        assert os.listdir(real.parent) == ["cards.vcf"]

    def test_nothing_is_written_for_nothing(self, path: Path) -> None:
        collection = at(path, card("a"))
        before = path.stat()
        send(collection, Write(1, Verb.CREATE, "a.vcf", card("a", "other")), Write(2, Verb.DELETE, "n.vcf"))
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


class TestMeanwhile:
    """Another program saves the file while we write it."""

    def edit(self, path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, times: int) -> list[int]:
        """Saves the file, the next `times` times, when our copy is nearly ready."""
        done: list[int] = []
        stamp = replacing.stamp

        def edited(file: int) -> None:
            if len(done) < times:
                done.append(1)
                path.write_bytes(data + card(f"edit-{len(done)}"))
            stamp(file)

        monkeypatch.setattr(replacing, "stamp", edited)
        return done

    def test_their_card_is_not_overwritten_and_ours_is_looked_at_again(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        collection = at(path, card("a") + card("b"))
        etags = listing(collection)
        self.edit(path, monkeypatch, card("a", "theirs") + card("b"), 1)
        answers = send(
            collection,
            Write(1, Verb.UPDATE, "a.vcf", card("a", "ours"), etags["a.vcf"]),
            Write(2, Verb.UPDATE, "b.vcf", card("b", "ours"), etags["b.vcf"]),
        )
        assert [one.outcome for one in answers] == [Outcome.PRECONDITION, Outcome.DONE]
        assert path.read_bytes() == card("a", "theirs") + card("b", "ours") + card("edit-1")
        assert os.listdir(path.parent) == [path.name]

    def test_again_and_again(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        collection = at(path, card("a"))
        etag = listing(collection)["a.vcf"]
        done = self.edit(path, monkeypatch, card("a"), 99)
        [answer] = send(collection, Write(1, Verb.UPDATE, "a.vcf", card("a", "ours"), etag))
        assert answer.outcome is Outcome.PRECONDITION
        assert path.read_bytes() == card("a") + card(f"edit-{len(done)}")
        assert os.listdir(path.parent) == [path.name]

    def test_two_runs_at_once(self, path: Path) -> None:
        """Each adds to what the other one has written."""
        at(path)
        ours: list[Outcome] = []

        def add(who: str) -> None:
            collection = CONNECTOR.open("phone", {"path": path}).open("")
            assert collection is not None
            for number in range(15):
                write = Write(1, Verb.CREATE, f"{who}-{number}.vcf", card(f"{who}-{number}"))
                ours.extend(one.outcome for one in collection.write([write]))

        threads = [threading.Thread(target=add, args=(who,)) for who in "xy"]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert ours == [Outcome.DONE] * 30
        assert path.read_bytes().count(b"BEGIN:VCARD") == 30

    def test_a_lock_that_is_never_given_back(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        collection = at(path, card("a"))
        monkeypatch.setattr(replacing, "PATIENCE", 0.1)
        with path.open("rb") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            [answer] = send(collection, Write(1, Verb.CREATE, "b.vcf", card("b")))
        assert answer.outcome is Outcome.UNCERTAIN
        assert "locked" in answer.reason
        assert path.read_bytes() == card("a")

    def test_a_disk_that_fails(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        collection = at(path, card("a"))

        def fail(file: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(replacing, "stamp", fail)
        [answer] = send(collection, Write(1, Verb.CREATE, "b.vcf", card("b")))
        assert answer.outcome is Outcome.UNCERTAIN
        assert "full" in answer.reason
        assert path.read_bytes() == card("a")
        assert os.listdir(path.parent) == [path.name]


class TestCursor:
    def test_the_same_file_is_not_read(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        cursor = at(path, card("a")).changes(None).token
        assert cursor is not None
        again = CONNECTOR.open("phone", {"path": path}).open("")
        assert again is not None
        monkeypatch.setattr(FileCollection, "opened", None)
        changes = again.changes(cursor)
        assert not changes.full
        assert list(changes) == []
        assert changes.token == cursor

    def test_a_file_saved_just_now_has_none(self, path: Path) -> None:
        """A second edit in the same tick of the clock would not show."""
        assert at(path, card("a"), old=False).changes(None).token is None

    def test_our_own_writing_has_one(self, path: Path) -> None:
        collection = at(path, card("a"))
        create(collection, "b", card("b"))
        token = collection.changes(None).token
        assert token is not None
        assert not collection.changes(token).full

    def test_an_edit_in_place_of_the_same_size(self, path: Path) -> None:
        collection = at(path, card("a", "one"))
        changes = collection.changes(None)
        before = dict(changes._book or ())
        with path.open("r+b") as file:
            file.write(card("a", "two"))
        later = collection.changes(changes.token)
        assert later.full
        assert {one.href: one.etag for one in later}.keys() == before.keys()
        assert listing(collection) != before
        assert read(collection, "a.vcf").data == card("a", "two")


class TestCheck:
    def found(self, collection_path: Path) -> list[tuple[Severity, str]]:
        return [(one.severity, one.what) for one in CONNECTOR.open("phone", {"path": collection_path}).check()]

    def test_a_file_that_is_well(self, path: Path) -> None:
        at(path, card("a") + card("b"))
        assert self.found(path) == [(Severity.INFO, "phone: cards: 2")]
        [info] = CONNECTOR.open("phone", {"path": path}).collections()
        assert (info.name, info.title, info.items, info.writable) == ("", "contacts", 2, True)

    def test_uids(self, path: Path) -> None:
        at(path, card("a") + card("a", "again") + card("b").replace(b"UID:b\r\n", b""))
        assert [what for _, what in self.found(path)][1:] == [
            "1 cards have the UID of another one",
            "1 cards have no UID",
        ]

    def test_what_cannot_be_read(self, path: Path) -> None:
        at(path, b"rubbish")
        assert [severity for severity, _ in self.found(path)] == [Severity.ERROR]

    def test_not_there(self, path: Path) -> None:
        assert self.found(path) == [(Severity.WARNING, "the file is not there")]
        assert CONNECTOR.open("phone", {"path": path}).collections() == []


SCRIPT = """
import resource, sys
from trueup.connectors.vcf import CONNECTOR
from trueup.model.ports import Verb, Write
collection = CONNECTOR.open("phone", {"path": sys.argv[1]}).open("")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
hrefs = [one.href for one in collection.changes(None)]
assert sum(len(one.data) for one in collection.fetch(hrefs)) > 60_000_000
[answer] = collection.write([Write(1, Verb.DELETE, hrefs[7])])
assert answer.outcome == "done", answer
print(len(hrefs), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_does_not_grow_with_the_size_of_cards(path: Path) -> None:
    """A file of 64 MB, with 2,000 photos."""
    one = card("u", "Photo", "PHOTO:" + "x" * 32_000)
    with path.open("wb") as file:
        for number in range(2000):
            file.write(one.replace(b"UID:u", b"UID:u%d" % number))
    done = subprocess.run([sys.executable, "-c", SCRIPT, path], capture_output=True, text=True, check=True)
    count, kilobytes = map(int, done.stdout.split())
    assert count == 2000
    assert kilobytes < 32_000, f"{kilobytes} kB"


def test_hrefs_of_many_answers(path: Path) -> None:
    collection = at(path, b"".join(card(f"u{number}") for number in range(300)))
    found = fetch(collection, [*listing(collection), "missing.vcf"])
    assert sum(one.data is not None for one in found.values()) == 300
    assert found["missing.vcf"].data is None
    assert found["missing.vcf"].error == ""


KILLED = """
import itertools, sys
from trueup.connectors.vcf import CONNECTOR
from trueup.model.ports import Verb, Write
collection = CONNECTOR.open("phone", {"path": sys.argv[1]}).open("")
for n in itertools.count():
    card = b"BEGIN:VCARD\\r\\nVERSION:3.0\\r\\nUID:n%d\\r\\nFN:N\\r\\nEND:VCARD\\r\\n" % n
    [answer] = collection.write([Write(1, Verb.CREATE, f"n{n}.vcf", card)])
    print(n, answer.outcome, flush=True)
"""


@pytest.mark.parametrize("after", [1, 2, 5])
def test_killed_while_it_writes(path: Path, after: int) -> None:
    """What was said to be done is there, the file is whole, and the next run can write it."""
    old = b"".join(card(f"u{number}", "x" * 500) for number in range(2000))
    collection = at(path, old)
    with subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(after)]
        process.kill()
    assert [line.split()[1] for line in said] == ["done"] * after
    data = path.read_bytes()
    assert data.startswith(old)
    assert data.count(b"BEGIN:VCARD") == data.count(b"END:VCARD") >= 2000 + after
    create(collection, "next", card("next"))
    assert "next.vcf" in listing(collection)
    debris = [name for name in os.listdir(path.parent) if name != path.name]
    assert all(name.startswith(".trueup-") and name.endswith(".tmp") for name in debris)
