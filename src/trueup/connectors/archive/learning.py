"""Learning what is in an archive's packs from the tree of a snapshot, where the cache does not know it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from trueup.connectors.archive.heads import Head
from trueup.connectors.archive.index import Index
from trueup.connectors.archive.objects import Codec, Damaged
from trueup.connectors.archive.places import Gone, Place
from trueup.connectors.archive.trees import Tree
from trueup.model.repository import Watch

_AT_ONCE = 20_000


def learn(place: Place, codec: Codec, index: Index, head: Head, packs: Mapping[str, int], watch: Watch) -> None:
    """Learns what parts a snapshot has, and in which packs.

    A tree that is damaged teaches nothing: what it would save is stored once more, and `check` tells of it.

    Args:
        place, codec, index: of the archive.
        head: the snapshot.
        packs: name and size of every pack that is there.
        watch: who looks after the work.
    """
    parts: defaultdict[int, list[bytes]] = defaultdict(list)
    count = 0
    try:
        for node in Tree(place, codec, head, watch).nodes():
            for part, number in zip(node.parts, node.packs, strict=True):
                parts[number].append(bytes.fromhex(part))
                count += 1
            if count >= _AT_ONCE:
                _flush(index, head, parts, packs)
                count = 0
        _flush(index, head, parts, packs)
    except (Damaged, Gone):
        return
    index.learnt(head.tree.name)


def _flush(index: Index, head: Head, parts: defaultdict[int, list[bytes]], packs: Mapping[str, int]) -> None:
    for number, some in parts.items():
        if number >= len(head.packs):
            raise Damaged("its tree names a pack that its head does not")
        pack = head.packs[number]
        if packs.get(pack.name) == pack.size:
            index.learn(pack, some)
    parts.clear()
