"""What the numbered errors of MariaDB and MySQL mean for a backup or a restore."""

from __future__ import annotations

import re

from trueup.model.errors import LoginRefused, Permanent, StoreError, Transient

# https://mariadb.com/kb/en/mariadb-error-codes/
LOGIN = frozenset({1044, 1045, 1698, 1862})
AWAY = frozenset({1040, 1053, 1129, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1226, 2002, 2003, 2006, 2012, 2013, 2055})
NO_TABLE = 1146
AGAIN = frozenset({NO_TABLE, 1205, 1213, 1412, 1317, 1969, 3024})
NO_RIGHT = frozenset({1044, 1142, 1143, 1227, 1370, 1419})
NOT_LOGIN = frozenset({1044})  # a right to a database, once one is in

_HINTS = {
    1049: "check the name of the database in `url`",
    1114: "make room on the server's disk",
    1115: "the server is older than the one the backup was made on: use one of its version or later",
    1273: "the server is older than the one the backup was made on: use one of its version or later",
    1153: "raise max_allowed_packet of the server",
    NO_TABLE: "a table was dropped meanwhile; it is taken again",
    1356: "drop the view, or mend what it refers to: no dump program can dump it",
    1412: "a table was altered meanwhile; it is taken again",
    2002: "check that the server runs, and its address",
    2003: "check that the server runs, and its address",
    2026: "check `ssl_ca` of the address, and the host's name in the server's certificate",
    2005: "check the host's name in `url`",
}
_NUMBER = re.compile(r"(?:ERROR|[Ee]rror:?)\s+(\d{4})\b")


def number_in(text: str) -> int:
    """The error's number in what a program said; 0 for none."""
    found = _NUMBER.search(text)
    return int(found[1]) if found else 0


def fault(number: int, said: str, what: str, where: str) -> StoreError:
    """An error of the server or of a program that speaks to it.

    Args:
        number: the server's or the client's; 0 where there is none.
        said: their words.
        what: what could not be done.
        where: the server.
    """
    hint = _HINTS.get(number, "")
    if number in LOGIN - NOT_LOGIN:
        return LoginRefused(
            "user or password is wrong", where=where, why=said, hint="check the user and password in `url`"
        )
    if number in AWAY or number in AGAIN:
        return Transient(what, where=where, why=said, hint=hint)
    if number in NO_RIGHT:
        hint = "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES, RELOAD, PROCESS ON *.* to the user of a backup; ALL to that of a restore"
    return Permanent(what, where=where, why=said, hint=hint)
