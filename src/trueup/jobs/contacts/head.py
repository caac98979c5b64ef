"""What stands before the colon: group, name and parameters, of any version. Worked out once for each way of writing it."""

from __future__ import annotations

import re

from trueup.core.contentlines import Params, split_params
from trueup.jobs.contacts import properties as p

_HEADS: dict[str, Head] = {}
_MAX_HEADS = 4096
_LONG = 200
_ENCODINGS = {"QUOTED-PRINTABLE": "Q", "BASE64": "B", "B": "B"}
_PLAIN_ENCODINGS = frozenset({"8BIT", "7BIT"})
_VALUES = frozenset(
    {"INLINE", "CONTENT-ID", "CID", "URL", "URI", "DATE", "DATE-TIME", "TEXT", "BINARY", "PHONE-NUMBER"}
)
_FOLD = re.compile(r"\r*\n[ \t]")


class Head:
    """The head of a line.

    Attributes:
        text: as it is written, unfolded.
        group: "item1" of "item1.TEL", in lower case, or "".
        name: upper case.
        key: the name that 4.0 has for it: the field's.
        types: the words of TYPE and the bare ones of 2.1, lower case, without "pref".
        pref: 1 to 100, 1 for TYPE=PREF; 0: none.
        encoding: "Q" quoted-printable, "B" base64, "" none.
        charset: upper case.
        value: VALUE, upper case.
        params: the other parameters, names upper case, in the order they came.
        label: the 4.0 parameter LABEL of an address.
        plain: a value behind it stands there as it is meant: no quoted-printable, no charset.
        extra: types, preference and parameters in normal form.
        suffix: types and preference for people: " (work, preferred)".
    """

    __slots__ = (
        *("text", "group", "name", "key", "types", "pref", "encoding", "charset", "value", "params", "label"),
        *("plain", "extra", "suffix"),
    )

    def __init__(self, text: str) -> None:
        self.text = text
        written, _, rest = text.partition(";")
        group, _, name = written.rpartition(".")
        self.group = group.lower()
        self.name = name.upper()
        self.key = p.CANONICAL.get(self.name, self.name)
        self.pref, self.encoding, self.charset, self.value, self.label = 0, "", "", "", ""
        self.types: frozenset[str] = frozenset()
        self.params: Params = ()
        if rest:
            self._take(split_params(f";{rest}"))
        self.plain = self.encoding != "Q" and not self.charset
        self.extra = self._extra() if rest else ""
        self.suffix = self._suffix() if rest else ""

    def _take(self, params: Params) -> None:
        types: list[str] = []
        others: list[tuple[str, tuple[str, ...]]] = []
        for key, values in params:
            if not values:
                self._bare(key, types)
            elif key == "TYPE":
                types += [one.strip().lower() for written in values for one in written.split(",")]
            elif key == "PREF":
                number = values[0]
                self.pref = int(number) if number.isascii() and number.isdecimal() and len(number) < 4 else 1
            elif key == "ENCODING":
                self.encoding = _ENCODINGS.get(values[0].upper(), "")
            elif key == "CHARSET":
                self.charset = values[0].upper()
            elif key == "VALUE":
                self.value = values[0].upper()
            elif key == "LABEL":
                self.label = values[0]
            else:
                others.append((key, values))
        if "pref" in types:
            self.pref = self.pref or 1
        self.types = frozenset(one for one in types if one and one != "pref")
        self.params = tuple(others)

    def _bare(self, word: str, types: list[str]) -> None:
        """A parameter without its name, as vCard 2.1 has them (versit, section 2.1.2)."""
        if word in _ENCODINGS:
            self.encoding = _ENCODINGS[word]
        elif word in _VALUES:
            self.value = word
        elif word not in _PLAIN_ENCODINGS:
            types.append(word.lower())

    def _extra(self) -> str:
        """Sorted, without what would hold if it were not said."""
        types = {p.TYPE_WORDS.get(one, one) for one in self.types} - p.TYPE_DEFAULTS.get(self.key, frozenset())
        if self.key in p.BINARY:
            types &= p.PLACES  # a photo's TYPE is its format
        parts = [",".join(sorted(types))] if types else []
        if self.pref:
            parts.append(f"pref={self.pref}")
        if self.label:
            parts.append(f"text={self.label.strip()}")
        kept = (f"{key}={','.join(sorted(said))}" for key, said in self.params if key not in p.PARAMS_IGNORED)
        return ";".join([*parts, *sorted(kept)])

    def _suffix(self) -> str:
        words = [p.TYPE_WORDS.get(one, one) for one in sorted(self.types) if one not in ("voice", "internet")]
        words += ["preferred"] if self.pref else []
        return f" ({', '.join(words)})" if words else ""


def head_of(text: str) -> Head:
    """The head that is written so."""
    head = _HEADS.get(text)
    if head is None:
        head = Head(_FOLD.sub("", text))
        if len(_HEADS) < _MAX_HEADS and len(text) < _LONG:
            _HEADS[text] = head
    return head


BLANK = Head("")
"""The head of a line that says nothing."""
