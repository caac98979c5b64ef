"""From words to specs: durations, shares, limits, switches, policies, secrets."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.unit.config.conftest import STORES, TEAM, Load
from trueup.config.quantities import duration, limit, share, share_or_off
from trueup.config.secrets import SecretRef, findings, resolve
from trueup.config.source import dotted
from trueup.model.errors import ExitCode, NotFound, SecretMissing
from trueup.model.job import ConflictPolicy, Guards


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90), ("10m", 600), ("10min", 600), ("1h", 3600), ("1h 30m", 5400), ("1h30m", 5400), ("30d", 2_592_000),
        ("2w", 1_209_600), ("2y", 63_115_200), ("1.5h", 5400), (" 5 D ", 432_000), (0, 0), (7, 7), (0.5, 0.5),
    ],
)  # fmt: skip
def test_durations(text: object, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "5", "5 days", "soon", "-3d", "1h,", "h", "1h 5", None, True, -1, float("inf"), float("nan"), [], "1d x"],
)
def test_no_durations(text: object) -> None:
    with pytest.raises(ValueError, match="must be a number and a unit"):
        duration(text)


@pytest.mark.parametrize(("text", "value"), [("50%", 0.5), ("0%", 0), ("100%", 1), (0.25, 0.25), ("0.1", 0.1), (1, 1)])
def test_shares(text: object, value: float) -> None:
    assert share(text) == value


@pytest.mark.parametrize("text", ["150%", "-1%", "half", "", "50 percent", 50, True, None, "nan%"])
def test_no_shares(text: object) -> None:
    with pytest.raises(ValueError, match="must be a percentage"):
        share(text)


def test_limits_are_shares_or_numbers_or_off() -> None:
    assert [limit(one) for one in ("50%", 0.5, 200, "200", 0, "off", False)] == [0.5, 0.5, 200, 200, 0, None, None]
    assert isinstance(limit("100%"), float)
    assert isinstance(limit(1), int)
    assert share_or_off("off") is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", Guards()),
        ("{max_delete: 50%}", Guards()),
        ("{max_delete: 20%}", Guards(max_delete_share=0.2)),
        ("{max_delete: 200}", Guards(max_delete_share=None, max_delete=200)),
        ("{max_delete: [20%, 200]}", Guards(max_delete_share=0.2, max_delete=200)),
        ("{max_delete: off}", Guards(max_delete_share=None, max_delete=None)),
        ("{max_delete: 0}", Guards(max_delete_share=None, max_delete=0)),
        ("{max_update: off, empty: off, changed_filter: no}", Guards(max_update_share=None, empty=False, changed_filter=False)),
        ("{max_update: 10%, empty: on}", Guards(max_update_share=0.1)),
    ],
)  # fmt: skip
def test_guards(load: Load, given: str, expected: Guards) -> None:
    line = f"    guards: {given}\n" if given else ""
    assert load(STORES + TEAM + line).job("team").guards == expected


@pytest.mark.parametrize(
    ("given", "policy", "prefer"),
    [
        ("merge", ConflictPolicy.MERGE, ""), ("newest", ConflictPolicy.NEWEST, ""), ("ask", ConflictPolicy.ASK, ""),
        ("keep-both", ConflictPolicy.KEEP_BOTH, ""), ("{prefer: work}", ConflictPolicy.PREFER, "work"),
    ],
)  # fmt: skip
def test_policies(load: Load, given: str, policy: ConflictPolicy, prefer: str) -> None:
    job = load(STORES + TEAM + f"    conflicts: {given}\n").job("team")
    assert (job.conflicts, job.prefer) == (policy, prefer)


def test_a_job_one_way(load: Load, tmp_path: Path) -> None:
    config = load(
        STORES + "jobs:\n  m:\n    kind: calendar\n    from: {store: feed}\n    to: {store: home, name: h}\n"
        "    transform: {only: busy, drop: alarms}\n    filter: {window: {past: 30d}, categories: public}\n"
    )
    job = config.job("m")
    assert [str(one) for one in job.sources] == ["feed"]
    assert [str(one) for one in job.targets] == ["home/h"]
    assert job.one_way
    assert job.options["filter"]["categories"] == ["public"]  # type: ignore[index]
    assert job.options["filter"]["window"]["past"] == 30 * 86_400  # type: ignore[index]
    assert config.stores["home"].options["path"] == tmp_path / "calendars"


def test_digests_change_with_what_they_are_about(load: Load) -> None:
    plain = load(STORES + TEAM).job("team")
    same = load("# a comment\n" + STORES + TEAM + "    guards: {max_delete: [50%, 1000]}\n").job("team")
    guarded = load(STORES + TEAM + "    guards: {max_delete: 10%}\n").job("team")
    filtered = load(STORES + TEAM + "    filter: {categories: a}\n").job("team")
    assert same.digest == plain.digest
    assert guarded.digest != plain.digest
    assert guarded.shape == plain.shape
    assert filtered.shape != plain.shape


def test_a_name_that_is_not_there(load: Load) -> None:
    config = load(STORES + TEAM)
    with pytest.raises(NotFound) as caught:
        config.job("taem")
    assert (caught.value.what, caught.value.hint) == ("there is no job `taem`", "did you mean `team`?")
    with pytest.raises(NotFound) as caught:
        config.pipeline("nightly")
    assert caught.value.hint == "trueup.yaml has no pipelines yet"


def test_the_ledger_stands_beside_the_file(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(STORES + TEAM).ledger == str(tmp_path / ".trueup" / "ledger.db")
    assert load(STORES + TEAM + "ledger: ../x.db\n").ledger == str(tmp_path / ".." / "x.db")
    monkeypatch.setenv("TRUEUP_LEDGER", "postgresql://a@b/c")
    assert load(STORES + TEAM + "ledger: {env: TRUEUP_LEDGER}\n").ledger == "postgresql://a@b/c"
    monkeypatch.delenv("TRUEUP_LEDGER")
    with pytest.raises(SecretMissing, match="the environment has no TRUEUP_LEDGER"):
        _ = load(STORES + TEAM + "ledger: {env: TRUEUP_LEDGER}\n").ledger


def test_secrets_in_plain_text_are_warned_of(load: Load) -> None:
    config = load(STORES.replace("{env: X}", "hunter2") + TEAM + 'ledger: "postgresql://a:pw@b/c"\n')
    assert [one.what for one in config.warnings] == [
        "the password of store work stands in trueup.yaml in plain text",
        "the password of the ledger stands in trueup.yaml in plain text",
    ]
    assert not any("hunter2" in str(one) for one in config.warnings)


def test_secrets_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "s3cret")
    (tmp_path / "pw").write_text("from a file\nand more\n")
    printing = [sys.executable, "-c", "print('printed')"]
    assert resolve("plain", tmp_path, "x") == "plain"
    assert resolve(SecretRef(env="PW"), tmp_path, "x") == "s3cret"
    assert resolve(SecretRef(file="pw"), tmp_path, "x") == "from a file"
    assert resolve(SecretRef(command=printing), tmp_path, "x") == "printed"


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        (SecretRef(env="NOT_THERE"), "the environment has no NOT_THERE"),
        (SecretRef(env="EMPTY"), "EMPTY is empty"),
        (SecretRef(file="nowhere"), "No such file or directory"),
        (SecretRef(file="empty"), "the file is empty"),
        (SecretRef(file="."), "Is a directory"),
        (SecretRef(file="binary"), "can't decode"),
        (SecretRef(command=["/nowhere/program"]), "No such file or directory"),
        (SecretRef(command=[sys.executable, "-c", "import sys; sys.exit('locked')"]), "it ended with 1: locked"),
        (SecretRef(command=[sys.executable, "-c", ""]), "it ended with 0 and printed nothing"),
    ],
)
def test_a_secret_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: SecretRef, why: str
) -> None:
    monkeypatch.setenv("EMPTY", "")
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(SecretMissing) as caught:
        resolve(secret, tmp_path, "password of store work")
    assert caught.value.what.startswith("the password of store work ")
    assert why in caught.value.why
    assert caught.value.exit_code == ExitCode.LOGIN_REFUSED


def test_a_secret_file_that_others_can_read(tmp_path: Path) -> None:
    path = tmp_path / "pw"
    path.write_text("x")
    path.chmod(0o644)
    (found,) = findings(SecretRef(file="pw"), tmp_path, "password of store work")
    assert found.what == "others can read the password of store work"
    assert found.hint == f"chmod 600 {path}"
    os.chmod(path, 0o600)
    assert not list(findings(SecretRef(file="pw"), tmp_path, "password of store work"))


def test_places_as_people_write_them() -> None:
    assert dotted(("jobs", "team", "collections", 1, "store")) == "jobs.team.collections[1].store"
