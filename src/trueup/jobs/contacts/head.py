"""What stands before the colon: group, name and parameters, of any version. Parsed once for each way of writing it."""

from __future__ import annotations

import re
from typing import NamedTuple

from trueup.core.contentlines import Params, split_params

_HEADS: dict[str, Head] = {}
_MAX_HEADS = 4096
_ENCODINGS = {"QUOTED-PRINTABLE": "Q", "BASE64": "B", "B": "B"}
_PLAIN_ENCODINGS = frozenset({"8BIT", "7BIT"})
_VALUES = frozenset(
    {"INLINE", "CONTENT-ID", "CID", "URL", "URI", "DATE", "DATE-TIME", "TEXT", "BINARY", "PHONE-NUMBER"}
)
_FOLD = re.compile(r"\r*\n[ \t]")


class Head(NamedTuple):
    """The head of a line.

    Attributes:
        text: as it is written, unfolded.
        group: "item1" of "item1.TEL", or "".
        name: upper case.
        types: the words of TYPE and the bare ones of 2.1, lower case, without "pref".
        pref: 1 to 100, 1 for TYPE=PREF; 0: none.
        encoding: "Q" quoted-printable, "B" base64, "" none.
        charset: upper case.
        value: VALUE, upper case.
        params: the other parameters, names upper case, in the order they came.
        label: the 4.0 parameter LABEL of an address.
    """

    text: str
    group: str
    name: str
    types: frozenset[str]
    pref: int
    encoding: str
    charset: str
    value: str
    params: Params
    label: str


def head_of(text: str) -> Head:
    """The head that is written so."""
    head = _HEADS.get(text)
    if head is None:
        head = _parse(text)
        if len(_HEADS) < _MAX_HEADS and len(text) < 200:
            _HEADS[text] = head
    return head


def _parse(text: str) -> Head:
    text = _FOLD.sub("", text)
    written, _, rest = text.partition(";")
    group, _, name = written.rpartition(".")
    types: list[str] = []
    pref, encoding, charset, value, label = 0, "", "", "", ""
    others: list[tuple[str, tuple[str, ...]]] = []
    for key, values in split_params(f";{rest}") if rest else ():
        if not values:
            # vCard 2.1 leaves the names of parameters out (versit, section 2.1.2).
            word = key
            if word in _ENCODINGS:
                encoding = _ENCODINGS[word]
            elif word in _VALUES:
                value = word
            elif word not in _PLAIN_ENCODINGS:
                types.append(word.lower())
        elif key == "TYPE":
            types += [one.strip().lower() for written in values for one in written.split(",")]
        elif key == "PREF":
            pref = int(values[0]) if values[0].isascii() and values[0].isdecimal() and len(values[0]) < 4 else 1
        elif key == "ENCODING":
            encoding = _ENCODINGS.get(values[0].upper(), "")
        elif key == "CHARSET":
            charset = values[0].upper()
        elif key == "VALUE":
            value = values[0].upper()
        elif key == "LABEL":
            label = values[0]
        else:
            others.append((key, values))
    if "pref" in types:
        pref = pref or 1
    kept = frozenset(one for one in types if one and one != "pref")
    return Head(text, group, name.upper(), kept, pref, encoding, charset, value, tuple(others), label)
