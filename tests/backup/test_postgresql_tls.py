"""A PostgreSQL server that takes TLS alone: taken, drilled, and refused where it is not who it should be."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.postgresql import PostgreSQL
from tests.support.sources import Trial
from trueup.jobs.backup.sources.postgresql import KIND
from trueup.model.backup import SourceSpec
from trueup.model.diagnostics import Severity
from trueup.model.errors import LoginRefused, Permanent

pytestmark = pytest.mark.slow


def openssl(folder: Path, *args: str) -> None:
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)


def authority(folder: Path, name: str) -> None:
    """A key and a certificate that sign others."""
    request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    openssl(folder, *request, "-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}")


class TlsServer(PostgreSQL):
    """Takes TLS alone; its certificate names 127.0.0.1 and no other host."""

    def prepare(self) -> None:
        super().prepare()
        authority(self.directory, "ca")
        authority(self.directory, "other")
        request = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        openssl(self.directory, *request, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=database")
        (self.directory / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        signed = ["x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"]
        openssl(self.directory, *signed, "-days", "2", "-extfile", "names", "-out", "server.crt")
        (self.directory / "server.key").chmod(0o600)
        owner = self.user()
        for name in ("server.key", "server.crt"):
            if owner:
                shutil.chown(self.directory / name, owner)
        (self.directory / "data" / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
        files = (f"ssl_cert_file={self.directory}/server.crt", f"ssl_key_file={self.directory}/server.key")
        self.settings += ["ssl=on", *files]

    def address(self, database: str, mode: str, root: str = "ca", host: str = "127.0.0.1") -> str:
        url = f"postgresql://{self.database_user}:{self.password}@{host}:{self.port}/{database}?sslmode={mode}"
        return url if mode in ("disable", "require") else f"{url}&sslrootcert={self.directory}/{root}.crt"


@pytest.fixture(scope="module")
def server() -> Iterator[TlsServer]:
    if not PostgreSQL.available():
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make certificates with")
    with TlsServer() as running:
        running.make_database("shop")
        with psycopg.connect(running.url_of("shop"), autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE orders AS SELECT n, 'order ' || n AS text FROM generate_series(1, 500) AS n"
            )
        yield running


def trial(root: Path, url: str) -> Trial:
    return Trial(KIND, SourceSpec("shop", "postgresql", {"url": url}), root)


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca", "require"])
def test_taken_over_tls(server: TlsServer, tmp_path: Path, mode: str) -> None:
    one = trial(tmp_path, server.address("shop", mode))
    assert [found.severity for found in KIND.probe(one.spec, one.context)] == [Severity.INFO]
    captured = one.capture()
    drilled = one.drill(captured)
    assert (drilled.differences, drilled.compared["rows"]) == ((), 500)


@pytest.mark.parametrize(
    ("mode", "root", "host", "word"),
    [
        ("verify-full", "other", "127.0.0.1", "certificate"),
        ("verify-full", "ca", "localhost", "localhost"),
        ("verify-full", "nowhere", "127.0.0.1", "nowhere.crt"),
        ("disable", "ca", "127.0.0.1", "no encryption"),
    ],
)
def test_who_is_not_who_it_should_be_is_refused(
    server: TlsServer, tmp_path: Path, mode: str, root: str, host: str, word: str
) -> None:
    one = trial(tmp_path, server.address("shop", mode, root, host))
    with pytest.raises((Permanent, LoginRefused)) as told:  # time mends none of it
        one.capture()
    assert word in str(told.value), told.value
    assert server.password not in str(told.value.to_json())
