"""What calls have found out and nobody changes any more, kept with the application that they share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from trueup.app import App

T = TypeVar("T")


class Memory(Generic[T]):
    """The last few of something; those of an application go with it.

    Args:
        number: how many of each application.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._shelves: WeakKeyDictionary[App, _Shelf[T]] = WeakKeyDictionary()

    def get(self, app: App, key: Hashable, make: Callable[[], T]) -> T:
        """What is known under the key, or what `make` finds out."""
        shelf = self._shelves.setdefault(app, _Shelf(self._number))
        with shelf.lock:
            if key in shelf.known:
                shelf.known.move_to_end(key)
                return shelf.known[key]
        made = make()
        with shelf.lock:
            shelf.known[key] = made
            while len(shelf.known) > shelf.number:
                shelf.known.popitem(last=False)
        return made


class _Shelf(Generic[T]):
    def __init__(self, number: int) -> None:
        self.number, self.known, self.lock = number, OrderedDict[Hashable, T](), Lock()
