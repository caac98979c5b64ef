"""The backup part of `make demo`: a live database and a folder, taken in order while they are written to, proven, damaged, brought back."""

from __future__ import annotations

import shutil
import sqlite3
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from tests.support.servers import PostgreSQL

from examples.demo_checks import Checks
from examples.demo_stage import ROOT, chapter, run


class Shop(Protocol):
    """A database that orders come into all the time."""

    def order(self, number: int) -> None:
        """One more."""
        ...

    @property
    def source(self) -> str:
        """As it stands in trueup.yaml."""
        ...


class InPostgreSQL:
    """A shop on a real PostgreSQL server."""

    def __init__(self, server: PostgreSQL) -> None:
        import psycopg

        self.url = server.make_database()
        self._connection = psycopg.connect(self.url, autocommit=True)
        self._connection.execute("CREATE TABLE orders (number bigint PRIMARY KEY, customer text, total numeric(10,2))")
        self._connection.execute(
            "INSERT INTO orders SELECT n, 'customer ' || n % 900, n * 0.37 FROM generate_series(1, 20000) AS n"
        )

    source = "{postgresql: {url: {env: SHOP_URL}}}"

    def order(self, number: int) -> None:
        """One more."""
        self._connection.execute("INSERT INTO orders VALUES (%s, 'new', 1)", (number,))


class InSQLite:
    """A shop in a file, where no server can be had."""

    url = ""
    source = "{sqlite: shop.db}"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "shop.db"
        with closing(sqlite3.connect(self._path)) as database, database:
            database.execute("CREATE TABLE orders (number INTEGER PRIMARY KEY, customer TEXT, total REAL)")
            rows = ((one, f"customer {one % 900}", one * 0.37) for one in range(1, 20001))
            database.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)

    def order(self, number: int) -> None:
        """One more."""
        with closing(sqlite3.connect(self._path, timeout=30)) as database, database:
            database.execute("INSERT INTO orders VALUES (?, 'new', 1)", (number,))


class Stage:
    """The folder to work in, and the command with the environment it needs."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder, self.env, self.checks = folder, env, Checks()

    def trueup(self, *args: str, expect: int = 0, show: int = 14) -> str:
        """Runs the command and shows what it says."""
        return run(self.folder, *args, expect=expect, show=show, env=self.env)


def backup(folder: Path) -> None:
    """The whole part, from an empty folder to the closing list of what holds."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with shop(folder) as live:
        chapter(
            "Backups that are proven to restore",
            f"A shop's database ({type(live).__name__.removeprefix('In')}) and a folder of letters, both written to while they are backed up.",
        )
        files(folder)
        stage = Stage(folder, {"SHOP_URL": live.url})
        recipient = stage.trueup("key", "backup.key").strip()
        (folder / "trueup.yaml").write_text(configuration(live.source, recipient))
        print(textwrap.indent((folder / "trueup.yaml").read_text(), "    "))
        stage.trueup("plan", "shop")
        with writers(folder, live):
            stage.trueup("run", "shop")
        stage.trueup("status", "shop")
        damage(stage)
        bring_back(stage)
    stage.checks.print()
    if not stage.checks.good:
        raise SystemExit(1)


def damage(stage: Stage) -> None:
    """One byte of the repository is flipped."""
    chapter(
        "One byte of the repository is flipped", "Nobody would notice before the day it is needed. A full check does."
    )
    pack = max((stage.folder / "vault").rglob("*.age"), key=lambda one: one.stat().st_size)
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    mode = pack.stat().st_mode
    pack.chmod(0o600)
    pack.write_bytes(data)
    said = stage.trueup("verify", "shop", expect=3)
    stage.checks.that("a flipped byte is found", "not proven" in said)
    said = stage.trueup("run", "shop", expect=3)
    stage.checks.that("nothing is removed while the repository is damaged", "FROZEN" in said)
    data[len(data) // 2] ^= 1
    pack.write_bytes(data)
    pack.chmod(mode)
    said = stage.trueup("verify", "shop")
    stage.checks.that("once it is mended, everything is proven again", "shop: proven" in said)


def bring_back(stage: Stage) -> None:
    """A file, then everything, from another place with nothing but the key."""
    chapter("Somebody deleted a letter", "One file comes back, elsewhere unless told otherwise.")
    letter = stage.folder / "letters" / "2026" / "letter-0043.txt"
    before = letter.read_bytes()
    letter.unlink()
    stage.trueup("restore", "shop", "letters", "--only", "2026/letter-0043.txt", "--to", "letters", "--yes")
    stage.checks.that("the letter is back, byte for byte", letter.read_bytes() == before)
    chapter("The machine burnt down", "Another one, with trueup, the archive and the key; no trueup.yaml, no ledger.")
    other = stage.folder / "another-machine"
    other.mkdir()
    place = ("--repository", "../far", "--key", "../backup.key")
    run(other, "restore", *place, "--list")
    run(other, "restore", "letters", *place, "--to", "letters", "--yes", show=4)
    back = sorted(one.name for one in (other / "letters").rglob("*.txt"))
    stage.checks.that("all 400 letters are there", len([one for one in back if one.startswith("letter-")]) == 400)


def files(folder: Path) -> None:
    """400 letters in two years' folders."""
    for number in range(400):
        path = folder / "letters" / str(2025 + number % 2) / f"letter-{number:04}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Dear customer {number},\n" + "thank you for your order.\n" * (number % 40))


@contextmanager
def shop(folder: Path) -> Iterator[InPostgreSQL | InSQLite]:
    """The shop, on PostgreSQL where that is installed."""
    if not PostgreSQL.available():
        yield InSQLite(folder)
        return
    with PostgreSQL() as server:
        yield InPostgreSQL(server)


@contextmanager
def writers(folder: Path, live: Shop) -> Iterator[None]:
    """Orders and letters keep coming in while what is inside goes on."""
    over = threading.Event()

    def write() -> None:
        number = 100_000
        while not over.is_set():
            number += 1
            live.order(number)
            (folder / "letters" / "2026" / "draft.txt").write_text(f"draft {number}\n" * 50)
            time.sleep(0.002)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def configuration(source: str, recipient: str) -> str:
    """The demo's trueup.yaml."""
    return textwrap.dedent(f"""\
        version: 1
        stores:
          vault: {{connector: archive, path: vault, recipients: {recipient}, identity: {{file: backup.key}}}}
          far:   {{connector: archive, path: far, recipients: {recipient}, identity: {{file: backup.key}}}}
        jobs:
          shop:
            kind: backup
            repository: {{store: vault}}
            sources:
              orders:  {source}
              letters: {{path: letters, after: orders}}
            verify:    {{check: every run, read_data: 100%, drill: {{every: 7d}}}}
            archive:   {{store: far}}
            retention: {{daily: 7, weekly: 5, monthly: 12}}
        """)


if __name__ == "__main__":
    backup(ROOT / ".work" / "demo-backup")
