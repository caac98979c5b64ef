"""Content lines keep every byte, whatever they are."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.calendar.bodies import EXAMPLES
from trueup.core.contentlines import (
    MAX_SIZE,
    Component,
    escape,
    fold,
    make_component,
    make_line,
    parse,
    split_list,
    unescape,
)
from trueup.model.errors import ItemRefused

FILES = sorted(EXAMPLES.rglob("*.ics")) + sorted(EXAMPLES.rglob("*.vcf"))

text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\n\r"), max_size=120)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True).filter(
    lambda name: name.upper() not in ("BEGIN", "END")
)
ends = st.sampled_from([b"\r\n", b"\n", b"\r\r\n"])


@st.composite
def written_line(draw: st.DrawFn, content: str) -> bytes:
    """The line with any line end, folded anywhere behind its name, also inside a character."""
    data, end = content.encode(), draw(ends)
    first = content.find(":") + 1
    cuts = sorted(draw(st.sets(st.integers(first, max(first, len(data))), max_size=4)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    blank = draw(st.sampled_from([b" ", b"\t"]))
    return (end + blank).join(pieces) + end


@st.composite
def bodies(draw: st.DrawFn, depth: int = 2) -> tuple[bytes, list[str]]:
    """A component as bytes, with the texts of its lines."""
    name = draw(names)
    texts, data = [f"BEGIN:{name}"], draw(written_line(f"BEGIN:{name}"))
    for _ in range(draw(st.integers(0, 5))):
        if depth and draw(st.booleans()):
            inner, inner_texts = draw(bodies(depth=depth - 1))
            data, texts = data + inner, texts + inner_texts
        else:
            line = f"{draw(names)}:{draw(text)}"
            data, texts = data + draw(written_line(line)), [*texts, line]
    return data + draw(written_line(f"END:{name}")), [*texts, f"END:{name}"]


@given(bodies(), st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_what_was_read_is_written_again(body: tuple[bytes, list[str]], bom: bytes) -> None:
    data, texts = body
    root = parse(bom + data)
    assert root.to_bytes() == bom + data
    assert [line.text for line in root.all_lines() if line.name] == texts


@given(
    st.binary(max_size=400)
    | st.text(max_size=200).map(lambda t: f"BEGIN:A\n{t}\nEND:A\n".encode("utf-8", "surrogatepass"))
)
def test_anything_else_is_refused_and_nothing_is_raised_but_that(data: bytes) -> None:
    with contextlib.suppress(ItemRefused):
        assert parse(data).to_bytes() == data


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_examples_keep_every_byte_or_are_refused(path: Path) -> None:
    data = path.read_bytes()
    with contextlib.suppress(ItemRefused) if "hostile" in path.parts else contextlib.nullcontext():
        assert parse(data).to_bytes() == data


@given(names, text, ends.filter(lambda end: end != b"\r\r\n"))
def test_a_new_line_is_folded_at_75_octets_between_characters(name: str, value: str, end: bytes) -> None:
    line = make_line(f"{name}:{value}", end)
    assert line.name == name.upper()
    for piece in line.raw.removesuffix(end).split(end):
        assert len(piece) <= 75
        piece.decode()
    again = next(iter(parse(b"BEGIN:A\r\n" + line.raw + b"END:A\r\n").components())).children[0]
    assert not isinstance(again, Component)
    assert again.text == f"{name}:{value}"


@given(st.text())
def test_escaping_is_undone(value: str) -> None:
    assert unescape(escape(value)) == value


@given(st.lists(st.text(max_size=8), min_size=1, max_size=6))
def test_a_comma_list_is_parted_at_its_commas_only(values: list[str]) -> None:
    raw = ",".join(escape(value) for value in values)
    assert [unescape(value) for value in split_list(raw)] == values
    assert ",".join(split_list(raw)) == raw


@pytest.mark.parametrize(
    ("content", "params", "value"),
    [
        ("SUMMARY:a:b;c", (), "a:b;c"),
        (
            'ATTENDEE;CN="Doe, Jane; Dr.:x";ROLE=CHAIR:mailto:j@x',
            (("CN", ("Doe, Jane; Dr.:x",)), ("ROLE", ("CHAIR",))),
            "mailto:j@x",
        ),
        (
            'ATTENDEE;member="mailto:a@x","mailto:b@x":mailto:c@x',
            (("MEMBER", ("mailto:a@x", "mailto:b@x")),),
            "mailto:c@x",
        ),
        (
            "ATTENDEE;CN=George Herman ^'Babe^' Ruth^nSecond^^:m",
            (("CN", ('George Herman "Babe" Ruth\nSecond^',)),),
            "m",
        ),
        ("TEL;HOME;VOICE:1", (("HOME", ()), ("VOICE", ())), "1"),
        ("X;A=:", (("A", ()),), ""),
        ('ATTENDEE;CN="open:mailto:j@x', (), "mailto:j@x"),
    ],
)
def test_a_line_is_taken_apart(content: str, params: object, value: str) -> None:
    component = next(iter(parse(f"BEGIN:A\r\n{content}\r\nEND:A\r\n".encode()).components()))
    line = component.children[0]
    assert not isinstance(line, Component)
    assert line.split() == (params, value)
    assert line.head + line.value == content


def test_a_vcard_group_is_no_part_of_the_name() -> None:
    card = next(iter(parse(b"BEGIN:VCARD\r\nitem1.X-ABLabel:Boat\r\nEND:VCARD\r\n").components()))
    line = card.first("X-ABLABEL")
    assert line is not None
    assert (line.group, line.value) == ("item1", "Boat")


def test_names_and_keywords_may_be_folded_and_small() -> None:
    data = b"beg\r\n in:vca\n lendar\r\nsum\r\n mary;language=de:x\r\nend:VCalendar\r\n"
    calendar = next(iter(parse(data).components()))
    assert calendar.name == "VCALENDAR"
    assert calendar.value("SUMMARY") == "x"
    assert parse(data).to_bytes() == data


@pytest.mark.parametrize(
    ("data", "code", "where"),
    [
        (b"", "empty", ""),
        (b" \r\n\r\n", "empty", ""),
        (b"BEGIN:A\r\nno line\r\nEND:A\r\n", "syntax", "line 2"),
        (b"BEGIN:A\r\nX;Y=1\r\nEND:A\r\n", "syntax", "line 2"),
        (b"BEGIN:A\r\nX:1\r\n 2\r\nEND:B\r\n", "structure", "line 4"),
        (b"X:1\r\n", "structure", "line 1"),
        (b"BEGIN:A\r\nEND:A\r\nEND:A\r\n", "structure", "line 3"),
        (b"BEGIN:A\r\nBEGIN:B\r\nEND:B\r\n", "truncated", "line 3"),
        (b"BEGIN:A\rX:1\rEND:A\r", "structure", "line 1"),
        (b"BEGIN:A\r\nX:f\xfcr\r\nEND:A\r\n", "encoding", "line 2"),
        ("BEGIN:A\r\nEND:A\r\n".encode("utf-16"), "encoding", "line 1"),
        (b"BEGIN:A\r\n" * 40, "too-deep", "line 16"),
        (b"BEGIN:A\r\nX:" + b"x" * MAX_SIZE, "too-large", ""),
        (b"\n" * 300_000 + b"x", "too-large", ""),
    ],
)
def test_what_is_broken_is_refused_with_its_line(data: bytes, code: str, where: str) -> None:
    with pytest.raises(ItemRefused) as caught:
        parse(data)
    assert (caught.value.code, caught.value.where) == (code, where)


@pytest.mark.parametrize(
    "data",
    [
        b"BEGIN:A\r\nX:" + b"\r\n a" * 190_000 + b"\r\nEND:A\r\n",
        b"BEGIN:A\r\nX" + b';P="a"' * 500_000 + b":v\r\nEND:A\r\n",
        b"BEGIN:A\r\nX" + b";" * 2_000_000 + b":v\r\nEND:A\r\n",
        b'BEGIN:A\r\nX;P="' + b"a:" * 2_000_000 + b"\r\nEND:A\r\n",
        b"BEGIN:A\r\nX:" + b"\\," * 2_000_000 + b"\r\nEND:A\r\n",
    ],
    ids=["folds", "params", "semicolons", "open quote", "escapes"],
)
def test_large_bodies_take_time_in_proportion_to_their_size(data: bytes) -> None:
    began = time.process_time()
    line = next(iter(parse(data).components())).first("X")
    assert line is not None
    line.split()
    split_list(line.value)
    assert time.process_time() - began < 6


def test_a_component_can_be_made_from_its_lines() -> None:
    made = make_component(["BEGIN:VALARM", "DESCRIPTION:" + "ä" * 80, "END:VALARM"], b"\n")
    assert made.texts() == ("BEGIN:VALARM", "DESCRIPTION:" + "ä" * 80, "END:VALARM")
    with pytest.raises(ItemRefused):
        make_component(["X:1"])
    assert fold(b"x" * 75, b"\n") == b"x" * 75 + b"\n"
