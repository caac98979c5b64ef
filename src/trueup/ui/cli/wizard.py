"""The questions of `trueup init`. Collections are listed through the connector, which only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.model.errors import TrueupError
from trueup.ui.cli.render.terminal import safe

if TYPE_CHECKING:
    from trueup.connectors.base import ConnectorType, Option

Json = dict[str, Any]


def ask(connectors: Mapping[str, ConnectorType], folder: Path) -> tuple[dict[str, Json], dict[str, Json]]:
    """Asks for stores and a job.

    Returns:
        The `stores` and `jobs` of the configuration.
    """
    stores: dict[str, Json] = {}
    choices: list[tuple[str, str]] = []
    print("Where are the calendars? Two places or more; an empty name ends the list.\n")
    while name := _line(f"Name of place {len(stores) + 1} (as: work)", required=len(stores) < 2):
        connector = _choose("What is it?", [(one.name, one.help) for one in connectors.values()])
        stores[name] = {"connector": connector, **_options(name, connectors[connector].options, folder)}
        choices += _collections(name, connectors[connector], stores[name], folder)
        print()
    return stores, _job(choices, stores)


def _options(store: str, options: Sequence[Option], folder: Path) -> Json:
    given: Json = {}
    for option in options:
        common = option.required or option.name in ("username", "password", "path", "url")
        if not common:
            continue
        if option.type == "secret":
            secret = _secret(store, folder)
            if secret is not None:
                given[option.name] = secret
        else:
            value = _line(f"  {option.name}: {option.help}", required=option.required)
            if value:
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
        path = folder / f"{store}.secret"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(getpass("  the password (is not shown): ") + "\n", encoding="utf-8")
        return {"file": path.name}
    if kind == "command":
        return {"command": _line("  the command", required=True).split()}
    asked = {"env": f"  the variable's name (as: {store.upper()}_PASSWORD)", "keyring": "  service/user"}[kind]
    return {kind: _line(asked, required=True)}


def _collections(name: str, connector: ConnectorType, given: Json, folder: Path) -> list[tuple[str, str]]:
    """What the store has, to choose from; where it cannot be asked, the names are typed."""
    from trueup.config.stores import store_spec

    _, spec = store_spec(name, given, {connector.name: connector}, folder)
    found: list[tuple[str, str]] = []
    try:
        if spec is not None:
            store = connector.open(name, spec.resolved(folder))
            found = [(one.name, one.title or one.name) for one in store.collections()]
            store.close()
    except TrueupError as error:
        print(f"  It could not be asked for its calendars: {safe(str(error))}")
    for ref, title in found:
        print(f"  found: {safe(ref)} ({safe(title)})")
    return [(name, ref) for ref, _ in found]


def _job(choices: list[tuple[str, str]], stores: Mapping[str, Json]) -> dict[str, Json]:
    name = _line("A name for the job (as: team)", required=True)
    ways = [("both", "all sides are edited, and kept in step"), ("one", "one side is the truth, the others are copies")]
    way = _choose("Which way?", ways)
    refs = [_collection(store, [ref for owner, ref in choices if owner == store], name) for store in stores]
    if way == "both":
        return {name: {"kind": "calendar", "collections": refs}}
    return {name: {"kind": "calendar", "from": refs[0], "to": refs[1:]}}


def _collection(store: str, known: list[str], job: str) -> Json:
    hint = f" ({', '.join(known[:8])})" if known else ""
    name = _line(f"Which calendar of {store}?{hint} Enter: {job}", required=False) or job
    return {"store": store, "name": name}


def _line(question: str, *, required: bool) -> str:
    while True:
        answer = input(f"{question}: ").strip()
        if answer or not required:
            return answer


def _choose(question: str, choices: Sequence[tuple[str, str]]) -> str:
    print(question)
    for number, (name, text) in enumerate(choices, 1):
        print(f"  {number}) {name}: {text}")
    while True:
        answer = input("  number: ").strip()
        if answer.isdigit() and 1 <= int(answer) <= len(choices):
            return choices[int(answer) - 1][0]
