"""Parts of the MariaDB source that need no server: addresses, option files, the splitter, errors, accounts."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.jobs.backup.sources.mariadb import scratchserver, users
from trueup.jobs.backup.sources.mariadb.address import option_file, parse
from trueup.jobs.backup.sources.mariadb.faults import fault, number_in
from trueup.jobs.backup.sources.mariadb.names import file_name, is_system, quoted, unquoted
from trueup.jobs.backup.sources.mariadb.splitting import Splitter
from trueup.model.errors import ConfigError, LoginRefused, Permanent, Transient

DUMP = """\
/*M!999999\\- enable the sandbox mode */
-- MariaDB dump
/*!40103 SET TIME_ZONE='+00:00' */;

--
-- Current Database: `shop`
--

CREATE DATABASE `shop`;

USE `shop`;

--
-- Table structure for table `a``b`
--

CREATE TABLE `a``b` (`t` text);
INSERT INTO `a``b` VALUES ('\\n-- Table structure for table `c`\\n--'),
('x');
DELIMITER ;;
CREATE TRIGGER x BEFORE INSERT ON y FOR EACH ROW BEGIN
--
-- Table structure for table `no`
--
END;;
DELIMITER ;

--
-- Table structure for table `c`
--

CREATE TABLE `c` (a int);

--
-- Temporary table structure for view `v`
--

CREATE VIEW `v` AS SELECT 1;

--
-- Dumping routines for database 'shop'
--
DELIMITER ;;
CREATE PROCEDURE p()
-- Dump completed
SELECT 1 ;;
DELIMITER ;

--
-- Current Database: `shop`
--

USE `shop`;

--
-- Final view structure for view `v`
--

CREATE VIEW `v` AS SELECT 2;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

SET NAMES x;

-- Dump completed
"""

HEAD = "/*M!999999\\- enable the sandbox mode */\n-- MariaDB dump\n/*!40103 SET TIME_ZONE='+00:00' */;\n\n"
FOOT = "/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;\n\nSET NAMES x;\n\n-- Dump completed\n"


def split(folder: Path, chunks: list[bytes]) -> dict[str, str]:
    splitter = Splitter(folder)
    for chunk in chunks:
        splitter.take(chunk)
    splitter.finish()
    assert splitter.tables == {("shop", "a`b"), ("shop", "c")}
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.sql")}


def test_a_dump_is_taken_apart(tmp_path: Path) -> None:
    found = split(tmp_path, [DUMP.encode()])
    assert set(found) == {f"shop/{name}.sql" for name in ("database", "tables/a%60b", "tables/c", "views", "routines")}
    for text in found.values():
        assert text.startswith(HEAD)
        assert text.endswith(FOOT)
    assert "-- Table structure for table `no`" in found["shop/tables/a%60b.sql"]
    assert found["shop/tables/c.sql"] == (
        HEAD + "--\n-- Table structure for table `c`\n--\n\nCREATE TABLE `c` (a int);\n\n" + FOOT
    )
    assert "SELECT 1;" in found["shop/views.sql"]
    assert found["shop/views.sql"].index("SELECT 1;") < found["shop/views.sql"].index("SELECT 2;")
    assert "-- Dump completed\nSELECT 1 ;;" in found["shop/routines.sql"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(DUMP.encode())), max_size=12))
def test_where_the_stream_is_cut_makes_no_difference(tmp_path_factory: pytest.TempPathFactory, cuts: list[int]) -> None:
    data = DUMP.encode()
    places = sorted({0, *cuts, len(data)})
    chunks = [data[a:b] for a, b in pairwise(places)]
    whole = split(tmp_path_factory.mktemp("whole"), [data])
    assert split(tmp_path_factory.mktemp("cut"), chunks) == whole


def test_byte_by_byte(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    data = DUMP.encode()
    assert split(tmp_path / "a", [data[n : n + 1] for n in range(len(data))]) == split(tmp_path / "b", [data])


@pytest.mark.parametrize("end", ["-- Dump completed\n", "SET NAMES x;\n\n-- Dump completed\n", "\n"])
def test_a_dump_without_its_last_line_is_not_complete(tmp_path: Path, end: str) -> None:
    splitter = Splitter(tmp_path)
    splitter.take(DUMP.removesuffix(end).encode() if end != "\n" else DUMP[:900].encode())
    with pytest.raises(Transient, match="not complete"):
        splitter.finish()


def test_long_lines_pass_without_being_kept(tmp_path: Path) -> None:
    splitter = Splitter(tmp_path)
    splitter.take(DUMP[: DUMP.index("INSERT INTO")].encode())
    splitter.take(b"INSERT INTO x VALUES ('")
    for _ in range(50):
        splitter.take(b"y" * 100_000)
        assert len(splitter._rest) <= 4096 + 3
    splitter.close()


def test_addresses() -> None:
    one = parse("mysql://an%40na:p%2Fw%3A%25@db.example:3307/shop")
    assert (one.host, one.port, one.user, one.password, one.database) == ("db.example", 3307, "an@na", "p/w:%", "shop")
    assert one.shown == "mysql://an@na@db.example:3307/shop"
    one = parse("mariadb://anna@localhost/shop?socket=/run/my.sock&ssl_ca=/etc/ca.pem", "given")
    assert (one.host, one.port, one.socket, one.password) == ("", 0, "/run/my.sock", "given")
    assert one.tls == (("ssl_ca", "/etc/ca.pem"),)
    assert parse("mysql://anna:own@h", "given").password == "own"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://a:geheim@h/d",
        "h/d",
        "mysql://a:geheim@h:port/d",
        "mysql://a:geheim@h/d/e",
        "mysql://a:geheim@h/d?colour=red",
    ],
)
def test_what_is_no_address_is_told_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as told:
        parse(url)
    assert "geheim" not in f"{told.value} {told.value.hint}"


def test_the_option_file_is_private_and_gone(tmp_path: Path) -> None:
    with option_file(parse('mysql://a:b%5C"%23%0Ac@h:3307/d'), tmp_path) as path:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_text() == (
            '[client]\nuser="a"\npassword="b\\\\"#\\nc"\nhost="h"\nport="3307"\nprotocol="tcp"\n'
        )
    assert list(tmp_path.iterdir()) == []


def test_numbers_of_errors() -> None:
    assert number_in('mariadb-dump: Got error: 2002: "Can\'t connect" when trying to connect') == 2002
    assert (
        number_in("mysqldump: Error 2013: Lost connection to server during query when dumping table `t` at row: 7")
        == 2013
    )
    assert number_in("ERROR 1273 (HY000) at line 30: Unknown collation: 'x'") == 1273
    assert number_in("Killed") == 0
    assert isinstance(fault(1045, "", "", ""), LoginRefused)
    assert isinstance(fault(2013, "", "", ""), Transient)
    assert isinstance(fault(1412, "", "", ""), Transient)
    assert isinstance(fault(1044, "", "", ""), Permanent)
    assert isinstance(fault(0, "", "", ""), Permanent)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64))
def test_names_are_files_that_stay_apart(name: str) -> None:
    assert unquoted(quoted(name)) == name
    path = file_name(name)
    assert "/" not in path
    assert "\0" not in path
    assert not path.startswith(".")


def test_system_databases() -> None:
    assert is_system("mysql")
    assert is_system("#mysql50#lost+found")
    assert not is_system("mysqlx")


def test_accounts_are_read_back() -> None:
    accounts = {
        "`clerk`": ["CREATE ROLE `clerk`", "GRANT USAGE ON *.* TO `clerk`"],
        "`a`@`%`": ["CREATE USER `a`@`%` IDENTIFIED BY PASSWORD '*ABC'", "GRANT `clerk` TO `a`@`%`"],
    }
    assert users.read(users.written(accounts)) == accounts
    other = {name: [one.replace("*ABC", "*DEF") for one in all_of] for name, all_of in accounts.items()}
    assert users.digests(other) == users.digests(accounts), "no password can be guessed from a manifest"


def test_what_a_killed_drill_left_is_removed_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / "trueup-drill-left"
    left.mkdir()
    (left / "in-use").touch()
    (left / "data").write_text("a database")
    (tmp_path / "trueup-drill-of-somebody").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratchserver.tempfile, "tempdir", str(tmp_path))
        with scratchserver._folder(tmp_path) as first, scratchserver._folder(tmp_path) as second:
            there = {path.name for path in tmp_path.iterdir()}
            assert there == {first.name, second.name, "trueup-drill-of-somebody"}
        assert {path.name for path in tmp_path.iterdir()} == {"trueup-drill-of-somebody"}
