"""A company's night: every kind of source, written to while it is taken, into a repository; proven, archived, brought back. By the command line."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.crash.world import event
from tests.support.mariadb import MariaDB
from tests.support.restic import make_cheap, restic
from tests.support.servers import PostgreSQL, Radicale
from trueup.connectors.archive.keys import new_identity

pytestmark = pytest.mark.slow

TRUEUP = Path(sys.executable).with_name("trueup")
SECRET = "the-password-of-the-repository"

SOURCES = """\
      crm:    {postgresql: {url: {env: CRM_URL}}}
      cache:  {sqlite: app.db}
      people: {collections: {store: work, name: "*"}}
      files:  {path: share, exclude: "*.tmp", after: [crm, cache]}
      own:    {ledger: on}
"""


class Company:
    """A folder with trueup.yaml, a database on a server, one in a file, a calendar on a server, a share; `trueup()` calls the command."""

    def __init__(self, root: Path, postgresql: PostgreSQL, radicale: Radicale, stores: str, more: str = "") -> None:
        self.root = root
        self.crm = postgresql.make_database()
        self.env = {"PATH": os.environ["PATH"], "HOME": str(root), "CRM_URL": self.crm, "LC_ALL": "C.UTF-8"}
        self.calendar = radicale.make_calendar()
        for number in range(20):
            text = event(f"meeting-{number}", f"Meeting {number}")
            radicale.dav().put(f"{self.calendar}m{number}.ics", text, if_none_match="*").expect(201)
        with psycopg.connect(self.crm, autocommit=True) as database:
            database.execute("CREATE TABLE orders (number bigint PRIMARY KEY, customer text)")
            database.execute("INSERT INTO orders SELECT n, 'customer ' || n FROM generate_series(1, 3000) AS n")
        with closing(sqlite3.connect(root / "app.db")) as cache, cache:
            cache.execute("PRAGMA journal_mode = wal")
            cache.execute("CREATE TABLE hits (number INTEGER PRIMARY KEY)")
        share = root / "share"
        for number in range(200):
            path = share / f"folder {number % 7}" / f"letter {number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"letter {number}\n" * (number + 1))
        (share / "draft.tmp").write_text("not this")
        (share / "link").symlink_to("folder 1/letter 1.txt")
        work = f'  work: {{connector: caldav, url: "{radicale.url}", username: user, password: {{env: WORK}}}}\n'
        self.env["WORK"] = "any"
        text = (
            f"version: 1\nstores:\n{work}{stores}jobs:\n  office:\n    kind: backup\n    repository: {{store: vault}}\n"
        )
        (root / "trueup.yaml").write_text(
            f"{text}    retry: {{attempts: 2, base: 0.2s}}\n    anomalies: {{drop: off, grow: off}}\n{more}    sources:\n"
            + SOURCES
        )

    def trueup(self, *args: str, cwd: Path | None = None, expect: int = 0) -> str:
        done = subprocess.run([TRUEUP, *args], cwd=cwd or self.root, env=self.env, capture_output=True, text=True)
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout

    def status(self) -> dict[str, Any]:
        done = subprocess.run([TRUEUP, "status", "--json"], cwd=self.root, env=self.env, capture_output=True, text=True)
        found: dict[str, Any] = json.loads(done.stdout)["jobs"]["office"]
        return found

    @contextmanager
    def busy(self) -> Iterator[None]:
        """People work while it is backed up."""
        over = threading.Event()

        def work() -> None:
            number = int(time.time() * 1000)
            with psycopg.connect(self.crm, autocommit=True) as database:
                while not over.is_set():
                    number += 1
                    database.execute("INSERT INTO orders VALUES (%s, 'new')", (number,))
                    database.execute("DELETE FROM orders WHERE number = %s", (number % 3000,))
                    with closing(sqlite3.connect(self.root / "app.db", timeout=30)) as cache, cache:
                        cache.execute("INSERT INTO hits VALUES (?)", (number,))
                    (self.root / "share" / "log.txt").write_text(f"{number}\n" * 50)
                    time.sleep(0.002)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def company(root: Path, connector: str, postgresql: PostgreSQL, radicale: Radicale, more: str = "") -> Company:
    """One with its repository in a folder; `restored()` needs what `bare` says."""
    if connector == "restic":
        options = f"connector: restic, program: {restic()}, password: {{file: {root}/key}}, cache: cache"
        (root / "key").write_text(SECRET)
        for name in ("vault", "far"):
            make_cheap(root / name, SECRET)  # a night is a hundred calls of restic
        far = f"  far: {{{options}, path: far}}\n"
    else:
        identity, recipient = new_identity()
        (root / "key").write_text(identity)
        options = f"connector: archive, recipients: {recipient}, identity: {{file: {root}/key}}"
        far = f"  far: {{{options}, path: far}}\n"
    (root / "key").chmod(0o600)
    stores = f"  vault: {{{options}, path: vault}}\n{far}"
    return Company(root, postgresql, radicale, stores, more)


@pytest.mark.parametrize("connector", ["archive", pytest.param("restic", marks=pytest.mark.long)])
def test_a_night_and_the_morning_after(
    tmp_path: Path, postgresql: PostgreSQL, radicale: Radicale, connector: str
) -> None:
    office = company(tmp_path, connector, postgresql, radicale, "    archive: {store: far}\n")
    with office.busy():
        office.trueup("run", "office")
    found = office.status()
    assert {one["state"] for one in found["sources"].values()} == {"good"}, found
    assert not found["frozen"]
    assert all(one["archived"] and one["rto"] is not None for one in found["sources"].values())
    with office.busy():
        office.trueup("run", "office")
    no_secret_lies_around(office, "the-password", "AGE-SECRET", "trueup-secret")
    brought_back(office, connector)


def no_secret_lies_around(office: Company, *words: str) -> None:
    """Not in the ledger, the caches, the spool or the manifests."""
    for path in (office.root / ".trueup").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(one.encode() in data for one in words), path


def brought_back(office: Company, connector: str) -> None:
    """Single things into place, and everything on another machine with the key alone."""
    letter = office.root / "share" / "folder 3" / "letter 3.txt"
    before = letter.read_bytes()
    letter.unlink()
    office.trueup("restore", "office", "files", "--only", "folder 3/letter 3.txt", "--to", "share", "--yes")
    assert letter.read_bytes() == before
    office.trueup("restore", "office", "people", "--only", "Meeting 7", "--to", "events/", "--yes")
    back = [one.read_bytes() for one in (office.root / "events").rglob("*.ics")]
    assert back
    assert all(b"SUMMARY:Meeting 7\r\n" in one for one in back)
    office.trueup("restore", "office", "cache", "--to", "old.db", "--yes")
    with closing(sqlite3.connect(office.root / "old.db")) as cache:
        assert cache.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    base = office.crm.rpartition("/")[0]
    office.trueup("restore", "office", "crm", "--to", f"{base}/again", "--yes")
    with psycopg.connect(f"{base}/again") as database:
        (count,) = database.execute("SELECT count(*) FROM orders").fetchone() or (0,)
        assert count >= 2990
        database.execute("SELECT 1 FROM pg_indexes WHERE indexname = 'orders_pkey'")
    with psycopg.connect(f"{base}/postgres", autocommit=True) as server:
        server.execute("DROP DATABASE again")
    other = office.root.parent / f"{office.root.name}-other"
    other.mkdir()
    shutil.copy(office.root / "key", other / "key")
    place = ["--repository", str(office.root / "far"), "--key", "key", "--connector", connector]
    if connector == "restic":
        place += ["--option", f"program={restic()}"]
    assert "people" in office.trueup("restore", *place, "--list", cwd=other)
    office.trueup("restore", "files", *place, "--to", "share", "--yes", cwd=other)
    for one in sorted((office.root / "share").rglob("letter *.txt")):
        assert (other / "share" / one.relative_to(office.root / "share")).read_bytes() == one.read_bytes()
    assert (other / "share" / "link").is_symlink()
    assert not (other / "share" / "draft.tmp").exists()


@pytest.mark.long
@pytest.mark.parametrize("connector", ["archive", "restic"])
def test_a_flipped_byte_is_found_and_nothing_is_called_a_success(
    tmp_path: Path, postgresql: PostgreSQL, radicale: Radicale, connector: str
) -> None:
    office = company(tmp_path, connector, postgresql, radicale)
    office.trueup("run", "office")
    packs = [one for one in (tmp_path / "vault").rglob("*") if one.is_file() and "lock" not in str(one)]
    pack = max(packs, key=lambda one: one.stat().st_size)
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(data)
    office.trueup("verify", "office", expect=3)
    assert office.status()["damaged"]
    office.trueup("run", "office", expect=3)
    data[len(data) // 2] ^= 1
    pack.write_bytes(data)
    office.trueup("verify", "office")
    assert not office.status()["damaged"]
    office.trueup("run", "office")


@pytest.mark.long
def test_two_runs_at_once_are_one(tmp_path: Path, postgresql: PostgreSQL, radicale: Radicale) -> None:
    office = company(tmp_path, "archive", postgresql, radicale)
    both = [
        subprocess.Popen(
            [TRUEUP, "run", "office"],
            cwd=tmp_path,
            env=office.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    said = [one.communicate(timeout=120)[0] for one in both]
    assert sorted(one.returncode for one in both) in ([0, 11], [0, 0]), said
    listed = json.loads(office.trueup("restore", "office", "--list", "--json"))["snapshots"]
    runs = [(one["source"], one["run"]) for one in listed]
    assert len(set(runs)) == len(runs)
    assert {one["state"] for one in office.status()["sources"].values()} == {"good"}


@pytest.mark.long
def test_a_dead_server_stops_what_comes_after_it_and_nothing_else(
    tmp_path: Path, postgresql: PostgreSQL, radicale: Radicale
) -> None:
    office = company(tmp_path, "archive", postgresql, radicale)
    office.env["CRM_URL"] = "postgresql://nobody:s3cret-pw@127.0.0.1:1/crm"
    said = office.trueup("run", "office", expect=3)
    assert "files: backup failed: not backed up, because crm, which it comes after, failed" in said
    assert "s3cret-pw" not in said
    states = {name: one["state"] for name, one in office.status()["sources"].items()}
    assert states == {"crm": "never", "cache": "good", "people": "good", "files": "never", "own": "good"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here (needs root)")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.long
@pytest.mark.parametrize("where", ["repository", "scratch", "ledger"])
def test_a_full_disk_fails_and_loses_nothing(
    tmp_path: Path, small_disk: Path, postgresql: PostgreSQL, radicale: Radicale, where: str
) -> None:
    root = tmp_path / "office"
    root.mkdir()
    more = f"    scratch: {small_disk}\n" if where == "scratch" else ""
    office = company(root, "archive", postgresql, radicale, more)
    text = (root / "trueup.yaml").read_text()
    if where == "repository":
        (root / "trueup.yaml").write_text(text.replace("path: vault", f"path: {small_disk}/vault"))
    if where == "ledger":
        (root / "trueup.yaml").write_text(text.replace("version: 1\n", f"version: 1\nledger: {small_disk}/ledger.db\n"))
    office.trueup("run", "office")
    (root / "share" / "big.bin").write_bytes(os.urandom(4 << 20))
    (small_disk / "filler").write_bytes(b"x" * (free(small_disk) - (120 << 10)))
    done = subprocess.run([TRUEUP, "run", "office"], cwd=root, env=office.env, capture_output=True, text=True)
    said = done.stdout + done.stderr
    if where != "scratch":  # a folder is read where it is, and drills are not due
        assert done.returncode in (1, 3), said
        assert "Traceback" not in said
    (small_disk / "filler").unlink()
    (root / "share" / "big.bin").unlink()
    again = subprocess.run([TRUEUP, "run", "office"], cwd=root, env=office.env, capture_output=True, text=True)
    assert again.returncode == 0, again.stdout + again.stderr
    office.trueup("verify", "office")
    assert {one["state"] for one in office.status()["sources"].values()} == {"good"}


def free(place: Path) -> int:
    return shutil.disk_usage(place).free


@pytest.mark.long
def test_mariadb_in_the_night(tmp_path: Path) -> None:
    if not MariaDB.available():
        pytest.skip("MariaDB is not installed: apt-get install mariadb-server")
    with MariaDB() as server:
        name = server.make_database()
        with server.connect(name) as link, link.cursor() as cursor:
            cursor.execute("CREATE TABLE orders (number INT PRIMARY KEY, customer TEXT)")
            cursor.executemany("INSERT INTO orders VALUES (%s, %s)", [(one, f"customer {one}") for one in range(500)])
            link.commit()
        (tmp_path / "trueup.yaml").write_text(
            "version: 1\nstores: {vault: {connector: archive, path: vault, encrypt: off}}\n"
            "jobs: {office: {kind: backup, repository: {store: vault}, sources: {shop: {mariadb: {url: {env: SHOP}}}}}}\n"
        )
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SHOP": server.url_of(name)}
        done = subprocess.run([TRUEUP, "run", "office"], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "restored and compared" in done.stdout
