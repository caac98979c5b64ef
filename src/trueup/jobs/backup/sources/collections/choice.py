"""Which collections a source means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from trueup.model.backup import SourceContext, SourceSpec
from trueup.model.errors import ConfigError, Permanent, StoreError
from trueup.model.ports import Collection, CollectionInfo, Store

_PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Chosen:
    """One collection of a source."""

    store: Store
    info: CollectionInfo

    @property
    def what(self) -> str:
        """What people call it."""
        name, title = self.info.name, self.info.title
        return f"{self.store.name}/{name} ({title})" if title and title != name else f"{self.store.name}/{name}"

    def open(self) -> Collection:
        """The collection, open.

        Raises:
            Permanent: it is not there any more.
        """
        found = self.store.open(self.info.name)
        if found is None:
            raise Permanent("it is not there any more", why="it was listed a moment ago")
        return found


def wanted(spec: SourceSpec) -> list[tuple[str, str]]:
    """Stores and names, or patterns of names, as configured.

    Raises:
        ConfigError: they do not fit.
    """
    given = spec.options.get("collections")
    if not isinstance(given, list | tuple) or not given:
        raise ConfigError(
            f"source {spec.name} names no collections", hint='set `collections`, as [{store: work, name: "*"}]'
        )
    return [_one(spec, one) for one in given]


def _one(spec: SourceSpec, given: Any) -> tuple[str, str]:
    if isinstance(given, Mapping):
        store, name = given.get("store"), given.get("name", "*")
        if isinstance(store, str) and store and isinstance(name, str) and name:
            return store, name
    raise ConfigError(f"a collection of source {spec.name} needs a store and a name", hint='{store: work, name: "*"}')


def chosen(spec: SourceSpec, context: SourceContext) -> Iterator[Chosen]:
    """The collections, each once.

    Raises:
        Permanent: a name or pattern that no collection has: a backup of nothing would look like one.
        StoreError, SecretMissing: a store cannot be asked.
    """
    seen: set[tuple[str, str]] = set()
    listed: dict[str, list[CollectionInfo]] = {}
    for store_name, name in wanted(spec):
        store = context.store(store_name)
        if store_name not in listed:
            listed[store_name] = store.collections()
        found = list(_matching(store, listed[store_name], name))
        if not found:
            raise _none(spec, store_name, name, listed[store_name])
        for info in found:
            if (store_name, info.name) not in seen:
                seen.add((store_name, info.name))
                yield Chosen(store, info)


def _matching(store: Store, listed: list[CollectionInfo], name: str) -> Iterator[CollectionInfo]:
    exact = [one for one in listed if name == one.name] or [one for one in listed if name == one.title]
    if exact:
        yield from exact
    elif _PATTERN.search(name):
        yield from (one for one in listed if fnmatchcase(one.name, name) or fnmatchcase(one.title, name))
    elif store.open(name) is not None:  # by a name that only the store knows how to read, as a path
        yield CollectionInfo(name)


def _none(spec: SourceSpec, store: str, name: str, listed: list[CollectionInfo]) -> Permanent:
    there = ", ".join(one.name for one in listed[:10]) or "none at all"
    return Permanent(
        f"{store} has no collection {name} for source {spec.name}",
        why=f"it has {there}",
        hint="check the name, the user's rights, and whether its disk is mounted; a backup of nothing is not made",
    )


def naming(what: str, error: StoreError) -> StoreError:
    """The error, with the name of the collection it happened at."""
    why = f"{error.what}: {error.why}" if error.why else error.what
    return type(error)(f"{what} cannot be backed up", where=error.where, why=why, hint=error.hint)
