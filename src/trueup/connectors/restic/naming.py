"""How a snapshot says what it is: restic's tags, and back.

Tags are `trueup`, `job=…`, `source=…`, `run=…`, `root=…` (the data's path), `about=FILES/BYTES` (how much of the snapshot is not data) and
`incomplete`. restic takes a comma for the end of a tag, and cuts blanks off: those, and what is no text, are written as in addresses (%2C).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from trueup.connectors.restic.locks import moment
from trueup.model.repository import Snapshot, StoreRequest

OURS = "trueup"
INCOMPLETE = "incomplete"
ABOUT = "about"

_CODED = re.compile(r"[%,\x00-\x1f\x7f\udc80-\udcff]|\s(?=\s*$)")


@dataclass(frozen=True, slots=True)
class Kept:
    """A snapshot as it lies in the repository.

    Attributes:
        snapshot: what the outside gets to know.
        root: the absolute path of its data; "" where it has several, which is everything from / on.
        about: the absolute path of its about folder; "" where trueup did not make it.
        original: the id it had before it was tagged.
    """

    snapshot: Snapshot
    root: str
    about: str
    original: str = ""


def tags(request: StoreRequest, root: str, about: tuple[int, int]) -> list[str]:
    """The tags of what is to become a snapshot.

    Args:
        request: it.
        root: the absolute path of its data.
        about: files and bytes of its about folder.
    """
    named = {"job": request.job, "source": request.source, "run": request.run, "root": root}
    return [OURS, *(f"{key}={coded(value)}" for key, value in named.items()), f"{ABOUT}={about[0]}/{about[1]}"]


def coded(text: str) -> str:
    """A text as the value of a tag."""
    return _CODED.sub(lambda found: "".join(f"%{one:02X}" for one in found[0].encode(errors="surrogateescape")), text)


def kept(said: Mapping[str, Any]) -> Kept:
    """A snapshot from restic's JSON; 0.16 and earlier stored no summary, so that it has no sizes."""
    own = said.get("tags") or []
    values = dict(one.split("=", 1) for one in own if "=" in one) if OURS in own else {}
    text = {key: unquote_to_bytes(value).decode(errors="surrogateescape") for key, value in values.items()}
    summary = said.get("summary") or {}
    files, _, size = text.get(ABOUT, "0/0").partition("/")
    snapshot = Snapshot(
        id=str(said["id"]),
        time=moment(str(said["time"])),
        job=text.get("job", ""),
        source=text.get("source", ""),
        run=text.get("run", ""),
        host=str(said.get("hostname", "")),
        bytes=max(0, int(summary.get("total_bytes_processed", 0)) - int(size)),
        files=max(0, int(summary.get("total_files_processed", 0)) - int(files)),
        added=int(summary.get("data_added_packed", 0)),
        complete=INCOMPLETE not in own,
    )
    paths = [str(one) for one in said.get("paths") or []]
    root = text.get("root", paths[0] if len(paths) == 1 else "")
    others = [one for one in paths if one.endswith(f"/{ABOUT}") and one != shown(root)] if values else []
    return Kept(snapshot, root, others[0] if others else "", str(said.get("original") or ""))


def shown(path: str) -> str:
    """A path as restic writes it in JSON: each byte that is no UTF-8 is U+FFFD."""
    return re.sub("[\udc80-\udcff]", "\ufffd", path)
