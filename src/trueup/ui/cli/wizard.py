"""The questions of `trueup init`. Collections are listed through the connector, which only reads."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.model.errors import TrueupError
from trueup.ui.cli import wizard_tables
from trueup.ui.cli.render.terminal import safe

if TYPE_CHECKING:
    from trueup.connectors.base import ConnectorType
    from trueup.model.ports import CollectionInfo

Json = dict[str, Any]

ASKED = ("url", "path", "username", "password")
"""Options that are asked for though they need not be given; the others are explained in the file."""


@dataclass(frozen=True, slots=True)
class Place:
    """A store as it was answered, and what it was found to hold (nothing where it could not be asked)."""

    name: str
    given: Json
    found: Sequence[CollectionInfo]
    connector: ConnectorType

    @property
    def holds(self) -> str:
        """ "calendar" or "contacts"."""
        return _holds(self.connector)

    @property
    def read_only(self) -> bool:
        """Whether nothing in it can be written."""
        return bool(self.found) and not any(one.writable for one in self.found)


def ask(connectors: Mapping[str, ConnectorType], folder: Path) -> tuple[dict[str, Json], dict[str, Json]]:
    """Asks for stores and a job.

    Args:
        connectors: by name.
        folder: where the configuration will lie; passwords that are to be kept in a file are written there.

    Returns:
        The `stores` and `jobs` of the configuration.
    """
    places: list[Place] = []
    print("Where are the calendars or address books? Two places or more; an empty name ends the list.\n")
    while name := _name(f"Name of place {len(places) + 1} (as: work)", places):
        connector = connectors[_choose("What is it?", _kinds(connectors, places))]
        given = {"connector": connector.name, **_options(name, connector, folder)}
        places.append(Place(name, given, _collections(name, connector, given, folder), connector))
        print()
    return {one.name: one.given for one in places}, _job(places, folder)


def _kinds(connectors: Mapping[str, ConnectorType], places: Sequence[Place]) -> list[tuple[str, str]]:
    """What a place may be: one that holds what the first one does."""
    of_items = [one for one in connectors.values() if getattr(one, "holds", "items") in ("items", "rows")]
    kinds = [(one, _holds(one)) for one in of_items]
    return [
        (one.name, one.help)
        for what in ("calendar", "contacts")
        for one, held in kinds
        if held == what and (not places or places[0].holds == what)
    ]


def _holds(connector: ConnectorType) -> str:
    from trueup.config.checks import HOLDS

    return "contacts" if wizard_tables.is_table(connector) else HOLDS.get(connector.name, "calendar")


def _name(question: str, places: Sequence[Place]) -> str:
    from trueup.config.checks import NAME

    def good(answer: str) -> bool:
        return answer not in [one.name for one in places] and (NAME.fullmatch(answer) is not None)

    return _line(question, required=len(places) < 2, good=good, rule="a new name of letters, digits, dots and dashes")


def _options(store: str, connector: ConnectorType, folder: Path) -> Json:
    given: Json = {}
    for option in connector.options:
        if not option.required and option.name not in ASKED:
            continue
        if option.name == "key" and wizard_tables.is_table(connector):
            columns = wizard_tables.columns_of(connector, store, {"connector": connector.name, **given}, "", folder)
            given["key"] = wizard_tables.ask_key(columns, _line)
        elif option.type == "secret":
            if (secret := _secret(store, folder)) is not None:
                given[option.name] = secret
        elif value := _line(f"  {option.name} ({option.help})", required=option.required):
            given[option.name] = value
    return given


def _secret(store: str, folder: Path) -> Json | None:
    kinds = [
        ("file", f"in a file beside trueup.yaml, {store}.secret, which only you can read"),
        ("env", "in an environment variable"),
        ("keyring", "in the system's keyring"),
        ("command", "a command prints it"),
        ("none", "there is none"),
    ]
    kind = _choose("  Where is the password?", kinds)
    if kind == "none":
        return None
    if kind == "file":
        return {"file": _secret_file(folder / f"{store}.secret")}
    if kind == "command":
        return {"command": shlex.split(_line("  the command", required=True))}
    asked = {"env": f"  the variable's name (as: {store.upper()}_PASSWORD)", "keyring": "  service/user"}[kind]
    return {kind: _line(asked, required=True)}


def _secret_file(path: Path) -> str:
    """Keeps a password in a file of its own; one that is there stays as it is."""
    if path.exists():
        print(f"  {path.name} is there already and is used as it is")
        return path.name
    secret = getpass("  the password (is not shown): ")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(secret + "\n")
    return path.name


def _collections(name: str, connector: ConnectorType, given: Json, folder: Path) -> Sequence[CollectionInfo]:
    """What the store has, to choose from; where it cannot be asked, the names are typed."""
    from trueup.config.stores import store_spec

    wrong, spec = store_spec(name, given, {connector.name: connector}, folder)
    if spec is None:
        print(f"  It cannot be asked for what it holds: {safe(wrong[0][1])}")
        return ()
    try:
        store = connector.open(name, spec.resolved(folder))
        try:
            found = store.collections()
        finally:
            store.close()
    except TrueupError as error:
        print(f"  It cannot be asked for what it holds: {safe(str(error))}")
        return ()
    for one in found:
        print(
            f"  found: {safe(one.name or name)}" + (f" ({safe(one.title)})" if one.title not in ("", one.name) else "")
        )
    return found


def _job(places: Sequence[Place], folder: Path) -> dict[str, Json]:
    name = _line("A name for the job (as: team)", required=True)
    sources = [one for one in places if one.read_only] or _truth(places)
    refs = {one.name: _collection(one, name, folder) for one in places}
    kind = places[0].holds
    if not sources:
        return {name: {"kind": kind, "collections": list(refs.values())}}
    targets = [one.name for one in places if one not in sources]
    return {name: {"kind": kind, "from": [refs[one.name] for one in sources], "to": [refs[one] for one in targets]}}


def _truth(places: Sequence[Place]) -> list[Place]:
    """The place that the others are copies of; none where all are edited."""
    ways = [("both", "all sides are edited, and kept in step"), ("one", "one side is the truth, the others are copies")]
    if _choose("Which way?", ways) == "both":
        return []
    truth = _choose("Which one is the truth?", [(one.name, str(one.given["connector"])) for one in places])
    return [one for one in places if one.name == truth]


def _collection(place: Place, job: str, folder: Path) -> Json:
    ref = _named(place, job)
    if wizard_tables.is_table(place.connector):
        columns = wizard_tables.columns_of(place.connector, place.name, place.given, str(ref.get("name", "")), folder)
        ref["mapping"] = wizard_tables.ask_mapping(columns, str(place.given.get("key", "")), _choose, _line)
    return ref


def _named(place: Place, job: str) -> Json:
    names = [one.name for one in place.found]
    if names == [""]:  # the store is a single calendar
        return {"store": place.name}
    hint = f" ({', '.join(safe(one) for one in names[:8])})" if names else ""
    noun = "calendar" if place.holds == "calendar" else "address book"
    return {"store": place.name, "name": _line(f"Which {noun} of {place.name}?{hint} Enter: {job}") or job}


def _line(question: str, *, required: bool = False, good: Callable[[str], bool] | None = None, rule: str = "") -> str:
    while True:
        answer = input(f"{question}: ").strip()
        if (not answer and not required) or (answer and (good is None or good(answer))):
            return answer
        if answer:
            print(f"  {rule}, please")


def _choose(question: str, choices: Sequence[tuple[str, str]]) -> str:
    print(question)
    for number, (name, text) in enumerate(choices, 1):
        print(f"  {number}) {name}: {text}")
    while True:
        answer = input("  number: ").strip()
        if answer.isdigit() and 1 <= int(answer) <= len(choices):
            return choices[int(answer) - 1][0]
