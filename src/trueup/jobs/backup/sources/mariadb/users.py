"""Accounts and grants, as statements that make them again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

from trueup.jobs.backup.sources.mariadb.link import Link
from trueup.model.errors import Permanent

FILE = "users.sql"
_OWN = frozenset({"mariadb.sys", "mysql.sys", "mysql.session", "mysql.infoschema", "PUBLIC"})
_UNKNOWN = frozenset({1133, 1141, 1396})
_ACCOUNT = "-- Account: "
_LOGIN = re.compile(
    r" IDENTIFIED (BY PASSWORD '[^']*'|(VIA|WITH) .*?(?= REQUIRE | PASSWORD | ACCOUNT | WITH GRANT OPTION|$))"
)


def statements(link: Link) -> dict[str, list[str]]:
    """{account: statements}; roles come first, as others are granted them. The server's own accounts are left out."""
    mariadb = "mariadb" in str(link.value("SELECT VERSION()")).lower()
    role = "is_role = 'Y'" if mariadb else "FALSE"
    found = link.rows(f"SELECT User, Host, {role} FROM mysql.user ORDER BY 3 DESC, 1, 2")
    result: dict[str, list[str]] = {}
    for user, host, is_role in found:
        if user in _OWN:
            continue
        name = _quoted(user) if is_role else f"{_quoted(user)}@{_quoted(host)}"
        try:
            made = f"CREATE ROLE {name}" if is_role else str(link.value(f"SHOW CREATE USER {name}"))
            result[name] = [made, *_grants(link, name)]
        except Permanent:
            if link.number not in _UNKNOWN:
                raise
            # An account that this server ignores, as one of a host's name with skip-name-resolve.
    return result


def _grants(link: Link, name: str) -> list[str]:
    """Without passwords, which CREATE USER has."""
    return [_LOGIN.sub("", str(row[0])) for row in link.rows(f"SHOW GRANTS FOR {name}")]


def digests(accounts: dict[str, list[str]]) -> dict[str, str]:
    """What a manifest keeps of them: nothing that a password could be guessed from."""
    texts = {name: "\n".join(sorted(_LOGIN.sub("", one) for one in all_of)) for name, all_of in accounts.items()}
    return {name: blake2b(text.encode(), digest_size=16).hexdigest() for name, text in texts.items()}


def written(accounts: dict[str, list[str]]) -> str:
    """The file's text."""
    return "".join(f"{_ACCOUNT}{name}\n" + "".join(f"{one};\n" for one in all_of) for name, all_of in accounts.items())


def read(text: str) -> dict[str, list[str]]:
    """The other way round."""
    found: dict[str, list[str]] = {}
    for block in text.split(_ACCOUNT)[1:]:
        name, _, rest = block.partition("\n")
        found[name] = [one for one in rest.split(";\n") if one]
    return found


def make(link: Link, accounts: dict[str, list[str]]) -> None:
    """Makes accounts anew; one that is there is replaced, but for the one that this connection is of.

    Accounts first, then grants: a grant may name another account's role.
    """
    user, _, host = str(link.value("SELECT CURRENT_USER()")).rpartition("@")
    ours = f"{_quoted(user)}@{_quoted(host)}"
    others = {name: one for name, one in accounts.items() if name != ours}
    for name, (made, *_) in others.items():
        kind = "ROLE" if made.startswith("CREATE ROLE") else "USER"
        link.rows(f"DROP {kind} IF EXISTS {name}")
        link.rows(made)
    for _, *grants in others.values():
        for grant in grants:
            link.rows(grant)


def add_helper(link: Link, name: str) -> None:
    """Makes an account in a throw-away server that may do everything; all others can be replaced then."""
    link.rows(f"CREATE USER {_quoted(name)}@localhost")
    link.rows(f"GRANT ALL ON *.* TO {_quoted(name)}@localhost WITH GRANT OPTION")
    link.rows(f"GRANT PROXY ON ''@'%' TO {_quoted(name)}@localhost WITH GRANT OPTION")


def existing(link: Link) -> Sequence[str]:
    """Names as in `statements`."""
    return list(statements(link))


def _quoted(text: str) -> str:
    return "`" + text.replace("`", "``") + "`"
