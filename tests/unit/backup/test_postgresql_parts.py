"""PostgreSQL sources without a server: addresses, messages, versions, manifests, tables of contents."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.sources import context, watch
from trueup.jobs.backup.sources.postgresql import archive, cluster, programs, roles, selecting
from trueup.jobs.backup.sources.postgresql.address import Address, parse
from trueup.jobs.backup.sources.postgresql.catalogue import digest
from trueup.jobs.backup.sources.postgresql.compare import compared, differences
from trueup.jobs.backup.sources.postgresql.faults import of_driver, said
from trueup.jobs.backup.sources.postgresql.loading import errors_in
from trueup.jobs.backup.sources.postgresql.options import options
from trueup.jobs.backup.sources.postgresql.words import identifier, listed, rows, size
from trueup.model.backup import SourceSpec
from trueup.model.errors import CannotDrill, ConfigError, LoginRefused, NotFound, Permanent, Transient

# -- addresses


def test_an_address_keeps_its_password_to_itself(tmp_path: Path):
    address = parse("postgresql://anna:p%40ss%3A%5C@db.example:5433/crm?sslmode=require", "source crm")
    assert address.password == "p@ss:\\"
    assert str(address) == "db.example:5433/crm"
    assert "p@ss" not in repr(address) + address.conninfo()
    assert address.parameters["sslmode"] == "require"
    assert str(address.of("shop")) == "db.example:5433/shop"
    with address.environment(tmp_path) as env:
        file = Path(env["PGPASSFILE"])
        assert file.read_text() == "*:*:*:*:p@ss\\:\\\\\n"
        assert file.stat().st_mode & 0o777 == 0o600
        assert not [value for value in env.values() if "p@ss" in value]
    assert not file.exists()


def test_libpqs_variables_are_handed_on_but_not_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PGPASSWORD", "from-outside")
    monkeypatch.setenv("PGHOST", "db.example")
    address = parse("postgresql:///crm", "source crm")
    assert address.password == "from-outside"
    with address.environment(tmp_path) as env:
        assert env["PGHOST"] == "db.example"
        assert "PGPASSWORD" not in env


@pytest.mark.parametrize("url", ["", "postgresql://a:secret@h:x/db?a b", "nonsense secret"])
def test_an_address_that_is_none(url: str):
    with pytest.raises(ConfigError) as caught:
        parse(url, "source crm")
    assert "secret" not in str(caught.value.to_json())
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_password_with_a_line_break_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError), Address({"host": "h"}, "a\nb").environment(tmp_path):
        pass


def test_options(tmp_path: Path):
    def read(**given: Any) -> Any:
        return options(SourceSpec("crm", "postgresql", given), context(tmp_path, secrets={"URL": "postgresql://h/crm"}))

    one = read(url={"env": "URL"})
    assert (one.databases, one.roles, one.limit, one.bin) == (("crm",), True, 10**10, None)
    assert read(url="postgresql://anna@h").databases == ("anna",)
    assert read(url="postgresql://h/crm", databases="all").databases is None
    assert read(url="postgresql://h/crm", databases=["a", "b", "a"]).databases == ("a", "b")
    assert read(url="postgresql://h/crm", checksum="all", bin="pg").limit is None
    assert read(url="postgresql://h/crm", bin="pg").bin == str(tmp_path / "pg")
    for wrong in ({}, {"url": "postgresql://h"}):
        with pytest.raises(ConfigError):
            read(**wrong)


# -- messages


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (
            'pg_dump: error: connection to server at "h" failed: FATAL:  password authentication failed for user "a"',
            LoginRefused,
        ),
        ("fe_sendauth: no password supplied", LoginRefused),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', LoginRefused),
        ('FATAL:  database "crm" does not exist', Permanent),
        ("ERROR:  permission denied for table orders", Permanent),
        ('connection to server at "h" (::1), port 5432 failed: Connection refused', Transient),
        ("FATAL:  the database system is starting up", Transient),
        ("server closed the connection unexpectedly", Transient),
        ("FATAL:  sorry, too many clients already", Transient),
        ("ERROR:  canceling statement due to lock timeout", Transient),
        ("could not write to output file: No space left on device", Permanent),
        ("something new", Permanent),
    ],
)
def test_messages_become_errors(text: str, kind: type[Exception]):
    error = said("could not dump crm", "h/crm", f"some line before\n{text}\nDETAIL: more")
    assert type(error) is kind
    assert text in error.why or kind is Permanent


def test_the_line_with_the_error_is_shown_where_no_rule_fits():
    error = said("x", "h", "pg_dump: warning: a\npg_dump: error: query failed: b\npg_dump: detail: c\n")
    assert error.why == "pg_dump: error: query failed: b"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.errors.InvalidPassword("x"), LoginRefused),
        (psycopg.errors.InsufficientPrivilege("permission denied for table t"), Permanent),
        (psycopg.errors.LockNotAvailable("x"), Transient),
        (psycopg.errors.AdminShutdown("x"), Transient),
        (psycopg.errors.DeadlockDetected("x"), Transient),
        (psycopg.OperationalError("consuming input failed: EOF"), Transient),
        (psycopg.OperationalError('FATAL:  password authentication failed for user "a"'), LoginRefused),
        (psycopg.errors.UndefinedTable('relation "x" does not exist'), Transient),
        (psycopg.errors.DataCorrupted("invalid page in block 7"), Permanent),
    ],
)
def test_the_drivers_errors_become_ours(error: psycopg.Error, kind: type[Exception]):
    assert type(of_driver(error, "x", "h")) is kind


def test_errors_of_pg_restore_are_told_from_the_rest():
    text = (
        "pg_restore: while PROCESSING TOC:\npg_restore: error: could not execute query: ERROR:  a\n"
        'psql:/tmp/roles.sql:20: ERROR:  role "x" already exists\npg_restore: warning: errors ignored on restore: 1\n'
    )
    assert errors_in(text) == ["could not execute query: ERROR:  a", 'role "x" already exists']


# -- versions


def install(folder: Path, version: str, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text(f'#!/bin/sh\necho "{name} (PostgreSQL) {version}"\n')
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(programs, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    for version in ("13.4", "16.10", "9.6.2"):
        install(tmp_path / version.split(".")[0] / "bin", version, "pg_dump", "pg_restore", "pg_dumpall")
    install(tmp_path / "17" / "bin", "17.1", "pg_dump")
    return tmp_path


def test_the_oldest_pg_dump_that_fits(machine: Path):
    assert programs.for_dump(None, 13, watch()) == programs.Programs(13, machine / "13" / "bin")
    assert programs.for_dump(None, 14, watch()).major == 16
    with pytest.raises(Permanent) as caught:
        programs.for_dump(None, 17, watch())
    assert caught.value.why.startswith("installed: 9 in ")
    assert "postgresql-client-17" in caught.value.hint


def test_a_folder_of_ones_own_counts_alone(machine: Path, tmp_path: Path):
    with pytest.raises(Permanent, match="installed: 13 in"):
        programs.for_dump(str(machine / "13" / "bin"), 15, watch())
    with pytest.raises(Permanent, match="none is installed"):
        programs.for_dump(str(tmp_path / "none"), 15, watch())


def test_debians_wrapper_on_the_path_is_passed_over(machine: Path, monkeypatch: pytest.MonkeyPatch):
    usual = install(machine / "usual", "18.0", "pg_wrapper", "pg_restore", "pg_dumpall")
    (usual / "pg_dump").symlink_to(usual / "pg_wrapper")
    monkeypatch.setenv("PATH", f"{usual}:/usr/bin:/bin")
    assert programs.for_dump(None, 16, watch()).bin == machine / "16" / "bin"


def test_no_server_programs_is_no_drill(machine: Path):
    with pytest.raises(CannotDrill) as caught:
        programs.for_drill(16, watch())
    assert "apt-get install postgresql-16 " in caught.value.hint


# -- definitions and manifests


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (  # as PostgreSQL 15 writes the same CHECK before and after a dump
            "CHECK (((status)::text = ANY ((ARRAY['new'::character varying, 'old'::character varying])::text[])))",
            "CHECK (((status)::text = ANY (ARRAY[('new'::character varying)::text, ('old'::character varying)::text])))",
        ),
        ("((a)::numeric(12,2) > (0)::numeric)", "a::numeric > 0"),
        ('(x)::"Odd ""type"""[] IS NULL', "x IS NULL"),
        ("(at)::timestamp with time zone > now()", "at > now()"),
    ],
)
def test_definitions_survive_a_round_trip(before: str, after: str):
    assert digest(before) == digest(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("CHECK (a > 0)", "CHECK (a >= 0)"),
        ("'new'::text", "'old'::text"),
        ("a + b", "b + a"),
        ("UNIQUE (a, b)", "UNIQUE (ab)"),
    ],
)
def test_definitions_that_differ_stay_different(before: str, after: str):
    assert digest(before) != digest(after)


def manifest(**more: Any) -> dict[str, Any]:
    table = {"rows": 1204, "sum": "7", "kind": "r", "name": "orders", "parents": []}
    return {
        "tables": {"public.orders": table},
        "sequences": {"public.s": [1204, True]},
        "large_objects": {"count": 1, "sum": "3"},
        "owners": {"table public.orders": "anna"},
        "objects": {"table": {"public.orders": "d"}, "view": {}, "trigger": {"t on public.orders": "x"}},
        **more,
    }


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        (
            {"tables": {"public.orders": {"rows": 1203, "sum": "7"}}},
            "table public.orders: 1,204 rows were backed up, 1,203 came back",
        ),
        (
            {"tables": {"public.orders": {"rows": 1204, "sum": "8"}}},
            "table public.orders: as many rows came back as were backed up (1,204), but with other content",
        ),
        (
            {"sequences": {"public.s": [1, False]}},
            "sequence public.s: stood at 1,204, came back at 1 (not yet given out)",
        ),
        ({"sequences": {}}, "sequence public.s did not come back"),
        ({"large_objects": {"count": 0, "sum": "0"}}, "large objects: 1 were backed up, 0 came back"),
        (
            {"large_objects": {"count": 1, "sum": "0"}},
            "large objects: as many came back as were backed up (1), but with other content or owners",
        ),
        (
            {"owners": {"table public.orders": "ben"}},
            "table public.orders belonged to anna, and came back belonging to ben",
        ),
        (
            {"objects": {"table": {"public.orders": "d"}, "view": {}, "trigger": {}}},
            "trigger t on public.orders did not come back",
        ),
        (
            {"objects": {"table": {"public.orders": "e"}, "view": {}, "trigger": {"t on public.orders": "x"}}},
            "table public.orders came back different",
        ),
    ],
)
def test_differences_are_sentences(after: dict[str, Any], sentence: str):
    assert list(differences(manifest(), manifest(**after), same_version=True)) == [sentence]


def test_the_same_is_no_difference():
    assert list(differences(manifest(), manifest(), same_version=True)) == []
    assert compared(manifest()) == {
        "databases": 1,
        "tables": 1,
        "rows": 1204,
        "checksums": 1,
        "sequences": 1,
        "large objects": 1,
        "objects": 2,
    }


def test_another_version_may_write_definitions_differently():
    objects = {"table": {"public.orders": "e"}, "view": {}, "trigger": {}}
    found = list(differences(manifest(), manifest(objects=objects), same_version=False))
    assert found == ["trigger t on public.orders did not come back"]


# -- tables of contents

TOC = """
;     TOC Entries: 20
3357; 0 0 ENCODING - ENCODING\x20
3362; 0 0 DATABASE PROPERTIES - crm anna
6; 2615 2200 SCHEMA - DATA anna
214; 1259 16386 SEQUENCE public orders_id_seq anna
;	depends on: 215
215; 1259 16387 TABLE DATA orders anna
;	depends on: 6
216; 1259 16396 TABLE public customers anna
3201; 2604 16390 DEFAULT public orders id anna
;	depends on: 214 215 215
3353; 0 16387 TABLE DATA DATA orders anna
;	depends on: 215
3354; 0 16396 TABLE DATA public customers anna
;	depends on: 216
3366; 0 0 SEQUENCE SET public orders_id_seq anna
;	depends on: 214
3205; 2606 16395 CONSTRAINT DATA orders orders_pkey anna
;	depends on: 215
3208; 2606 16401 CONSTRAINT public customers customers_pkey anna
;	depends on: 216
3209; 2606 16402 FK CONSTRAINT DATA orders orders_customer_fkey anna
;	depends on: 3208 216 215
"""


def chosen(wanted: set[int], there: set[int], *, alone: bool) -> tuple[list[int], list[int]]:
    entries = list(archive._entries(TOC.split("\n")))
    found, left_out = selecting.entries_of(entries, wanted, there, alone=alone)
    return [one.id for one in found], [one.id for one in left_out]


def test_a_schema_named_like_a_kind():
    entries = {one.id: one for one in archive._entries(TOC.split("\n"))}
    assert [one.id for one in entries.values() if one.about("TABLE DATA")] == [3353, 3354]
    assert [one.id for one in entries.values() if one.about("TABLE")] == [215, 216]
    assert [one.id for one in entries.values() if one.about("DATABASE PROPERTIES")] == [3362]
    assert [one.id for one in entries.values() if one.about("DATABASE")] == []


def test_what_belongs_to_a_table():
    assert chosen({16396}, set(), alone=True) == ([216, 3354, 3208], [])
    assert chosen({16387}, set(), alone=True) == ([6, 214, 215, 3201, 3353, 3366, 3205], [3209])
    assert chosen({16387}, {16396}, alone=False) == ([214, 215, 3201, 3353, 3366, 3205, 3209], [])
    # Who refers to a table that is replaced does so again afterwards.
    assert chosen({16396}, {16387, 16396}, alone=False) == ([216, 3354, 3208, 3209], [])


def test_tables_are_named_with_and_without_a_schema():
    one = {
        "tables": {
            title: {"name": title.partition(".")[2], "parents": parents}
            for title, parents in (
                ("a.orders", []),
                ("b.orders", []),
                ("b.log", []),
                ("b.log_1", ["b.log"]),
                ("b.log_1a", ["b.log_1"]),
            )
        }
    }
    assert selecting.chosen([one], ["orders"]) == [["a.orders", "b.orders"]]
    assert selecting.chosen([one], ["b.orders"]) == [["b.orders"]]
    assert selecting.chosen([one], ["log"]) == [["b.log", "b.log_1", "b.log_1a"]]
    assert selecting.chosen([one], ["a.*"]) == [["a.orders"]]
    with pytest.raises(NotFound) as caught:
        selecting.chosen([one], ["orders", "oders"])
    assert "did you mean orders" in caught.value.hint


def test_settings_of_a_database_get_its_new_name():
    found = [
        archive._named(line).format('"new"')
        for line in (
            """ALTER DATABASE crm SET "app.x" TO 'it''s {here}';""",
            'ALTER DATABASE "o""dd name" SET work_mem TO \'8MB\';',
            "ALTER ROLE anna IN DATABASE crm SET search_path TO 'a', 'b';",
        )
    ]
    assert found == [
        """ALTER DATABASE "new" SET "app.x" TO 'it''s {here}';""",
        "ALTER DATABASE \"new\" SET work_mem TO '8MB';",
        "ALTER ROLE anna IN DATABASE \"new\" SET search_path TO 'a', 'b';",
    ]


# -- roles, words, statements


def test_only_missing_roles_are_made(tmp_path: Path):
    (tmp_path / "roles.sql").write_text(
        'CREATE ROLE anna;\nALTER ROLE anna WITH LOGIN PASSWORD \'SCRAM-1\';\nCREATE ROLE "o""dd";\n'
        'ALTER ROLE "o""dd" WITH NOLOGIN;\nALTER ROLE "o""dd" SET work_mem TO \'1MB\';\nALTER ROLE boss WITH SUPERUSER PASSWORD \'SCRAM-2\';\n'
        'GRANT staff TO anna GRANTED BY boss;\nGRANT "o""dd" TO anna WITH INHERIT TRUE GRANTED BY boss;\n'
    )
    assert list(roles.statements(tmp_path / "roles.sql", ["anna", 'o"dd'])) == [
        'CREATE ROLE "anna"',
        'CREATE ROLE "o""dd"',
        "ALTER ROLE anna WITH LOGIN PASSWORD 'SCRAM-1';",
        'ALTER ROLE "o""dd" WITH NOLOGIN;',
        'ALTER ROLE "o""dd" SET work_mem TO \'1MB\';',
        'GRANT "o""dd" TO anna WITH INHERIT TRUE',
    ]
    assert list(roles.statements(tmp_path / "none", ["anna"])) == ['CREATE ROLE "anna"']


def test_words():
    assert (rows(1), rows(1204)) == ("1 row", "1,204 rows")
    assert (size(12), size(1_500_000), size(10**10), size(2 * 10**15)) == ("12 B", "1.5 MB", "10 GB", "2000 TB")
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"
    assert identifier('a"b') == '"a""b"'


def test_a_database_is_made_like_the_one_that_was_dumped():
    made = {"encoding": "UTF8", "collate": "de_DE.UTF-8", "ctype": "C", "provider": "i", "locale": "de'x"}
    assert cluster.creation('"a"', made, 15) == (
        "CREATE DATABASE \"a\" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'de_DE.UTF-8' LC_CTYPE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'de''x'"
    )
    assert cluster.creation('"a"', made, 14).endswith("LC_CTYPE 'C'")
    assert cluster.creation('"a"', made, 15, plain=True).endswith("LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER libc")


def test_leftovers_of_drills_are_removed_once_nobody_holds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import tempfile

    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    old = tmp_path / "trueup-drill-old"
    old.mkdir()
    (old / "lock").touch()
    (tmp_path / "trueup-drill-no-lock-yet").mkdir()
    (tmp_path / "other").mkdir()
    with cluster._place() as ours:
        assert not old.exists()
        cluster.sweep(tmp_path)
        assert sorted(os.listdir(tmp_path)) == sorted(["other", "trueup-drill-no-lock-yet", ours.name])
    assert not ours.exists()
