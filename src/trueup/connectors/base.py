"""What every connector exports: its name, its options, and how to open a store.

One declaration of the options feeds the wizard of `init`, the validation of `trueup.yaml` and the reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from trueup.model.ports import Store

OptionType = Literal["str", "int", "bool", "secret", "path", "duration", "words"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a store in `trueup.yaml`.

    Attributes:
        name: the key in the file.
        type: what `ConnectorType.open` gets for it: "str" and "secret" (resolved already) a str, "int" an int, "bool" a bool,
            "path" a `pathlib.Path` (absolute; a relative one is taken from the folder of `trueup.yaml`), "duration" seconds as float,
            "words" a list of str (one text in the file, or a list).
        required: it must be given.
        default: what holds where it is not given; None: nothing.
        help: one line for people.
    """

    name: str
    type: OptionType
    required: bool = False
    default: object = None
    help: str = ""


class ConnectorType(Protocol):
    """A connector, as named in the entry points of `trueup.connectors`.

    Attributes:
        name: the word in `connector:` of a store.
        help: one line for people.
        options: every option it takes.
    """

    @property
    def name(self) -> str: ...

    @property
    def help(self) -> str: ...

    @property
    def options(self) -> tuple[Option, ...]: ...

    def open(self, name: str, options: Mapping[str, object]) -> Store:
        """The store of that name in the configuration. Cheap: nothing is read, written or connected to before it is used.

        Args:
            name: the store's name, for messages.
            options: the values by option name; one that is missing or None has its default.

        Raises:
            ConfigError: the options contradict each other.
        """
        ...
