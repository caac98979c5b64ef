"""Messages on their way: real SMTP and HTTP servers, broken ones, kills, and secrets nowhere."""

from __future__ import annotations

import json
import logging
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.sinks import MailSink, Watcher
from trueup.core.ledger import Ledger, open_ledger
from trueup.core.ledger.outbox import FIRST_PAUSE
from trueup.model.errors import SecretMissing
from trueup.notify import Delivered, NotifySpec, began, deliver, ended, findings, status
from trueup.notify.sending import NotSent, ping, send

NOW = 1_790_000_000.0
ROOT = Path(__file__).parents[2]
FAILED = {
    "id": "R1",
    "state": "failed",
    "report": {"error": {"what": "pg_dump", "why": "connection refused", "type": "T"}},
}
DONE = {"id": "R2", "state": "done", "report": {"state": "done"}}


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "ledger.db")


@pytest.fixture
def ledger(path: str) -> Iterator[Ledger]:
    with open_ledger(path) as opened:
        yield opened


@pytest.fixture
def mail() -> Iterator[MailSink]:
    with MailSink() as sink:
        yield sink


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    with Watcher() as server:
        yield server


def secret(address: object, what: str) -> str:
    assert isinstance(address, str)
    return address


def refused() -> str:
    """A port where nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"


def spec(**options: Any) -> NotifySpec:
    return NotifySpec.from_options(options)


def send_all(ledger: Ledger, one: NotifySpec, now: float = NOW, **more: Any) -> Delivered:
    return deliver(ledger, {"office": one}, secret, now=now, **more)


# What arrives ---------------------------------------------------------------------------------------------------------


def test_a_failure_arrives_as_mail(ledger: Ledger, mail: MailSink) -> None:
    to = spec(failure=[mail.url()])
    ended(ledger, "office", to, FAILED, NOW)
    assert send_all(ledger, to) == Delivered(sent=1, failed=0, waiting=0)
    (one,) = mail.mails
    assert one["Subject"] == "trueup: office: failed (pg_dump: connection refused)"
    assert one["To"] == "admin@example.org"
    assert one.get_content_type() == "text/plain"
    assert one.get_content().startswith("What failed\n  pg_dump: connection refused\n")
    assert mail.logins == [("robot", "pass-of-robot")]
    assert send_all(ledger, to) == Delivered(0, 0, 0)


def test_text_arrives_as_it_is(mail: MailSink) -> None:
    send(mail.url(), "größer als <b> & „so“", "a <b>&amp;\n.\n  Köln\n", "failure")
    assert mail.mails[0]["Subject"] == "größer als <b> & „so“"
    assert mail.mails[0].get_content().rstrip() == "a <b>&amp;\n.\n  Köln"


def test_a_message_arrives_as_json(ledger: Ledger, watcher: Watcher) -> None:
    to = spec(failure=[watcher.url("/hook", "json")], success=[watcher.url("/good", "json")])
    ended(ledger, "office", to, FAILED, NOW)
    ended(ledger, "office", to, DONE, NOW)
    assert send_all(ledger, to).sent == 3
    bodies = [json.loads(one.body) for one in watcher.posted if one.path == "/hook"]
    assert [one["type"] for one in bodies] == ["failure", "success"]
    assert [one["title"] for one in bodies] == [
        "trueup: office: failed (pg_dump: connection refused)",
        "trueup: office: all is well again",
    ]
    assert watcher.paths.count("/good") == 1


def test_a_heartbeat(ledger: Ledger, watcher: Watcher) -> None:
    to = spec(heartbeat=watcher.url("/uuid?rid=7", login="anna:p%40ss@"))
    began(ledger, "office", to, {"id": "R1"}, NOW)
    send_all(ledger, to)
    ended(ledger, "office", to, FAILED, NOW)
    send_all(ledger, to)
    began(ledger, "office", to, {"id": "R2"}, NOW)
    send_all(ledger, to)
    ended(ledger, "office", to, DONE, NOW)
    send_all(ledger, to)
    assert watcher.paths == ["/uuid/start?rid=7", "/uuid/fail?rid=7", "/uuid/start?rid=7", "/uuid?rid=7"]
    assert "connection refused" in watcher.posted[1].body
    assert watcher.posted[0].headers["Authorization"] == "Basic YW5uYTpwQHNz"


def test_pings_can_go_before_everything_else(ledger: Ledger, watcher: Watcher) -> None:
    to = spec(failure=[watcher.url("/hook", "json")], heartbeat=watcher.url("/uuid"))
    ended(ledger, "office", to, FAILED, NOW)
    assert send_all(ledger, to, only="heartbeat") == Delivered(sent=1, failed=0, waiting=1)
    assert watcher.paths == ["/uuid/fail"]


def test_a_watcher_that_was_away_hears_how_it_is_and_not_how_it_was(ledger: Ledger, watcher: Watcher) -> None:
    to = spec(heartbeat=watcher.url("/uuid"))
    watcher.answer = 503
    for run in (FAILED, DONE):
        began(ledger, "office", to, run, NOW)
        send_all(ledger, to)
        ended(ledger, "office", to, run, NOW)
    watcher.answer, watcher.posted = 200, []
    assert send_all(ledger, to, NOW + FIRST_PAUSE) == Delivered(1, 0, 0)
    assert watcher.paths == ["/uuid"]


def test_a_ping_that_did_not_arrive_does_not_arrive_after_a_later_one(ledger: Ledger, watcher: Watcher) -> None:
    to = spec(heartbeat=watcher.url("/uuid"))
    watcher.answer = 503
    ended(ledger, "office", to, FAILED, NOW)
    send_all(ledger, to)
    watcher.answer, watcher.posted = 200, []
    ended(ledger, "office", to, DONE, NOW + 1)
    assert send_all(ledger, to, NOW + 1) == Delivered(1, 0, 0)
    assert send_all(ledger, to, NOW + 86_400) == Delivered(0, 0, 0)
    assert watcher.paths == ["/uuid"]


def test_a_watcher_that_stays_away_is_seen(ledger: Ledger, watcher: Watcher) -> None:
    to = spec(heartbeat=watcher.url("/uuid"))
    watcher.answer = 503
    for night in range(3):
        assert findings(ledger) == []
        ended(ledger, "office", to, {**FAILED, "id": f"R{night}"}, NOW + night * 86_400)
        send_all(ledger, to, NOW + night * 86_400)
    assert [one.where for one in findings(ledger)] == ["office: notify.heartbeat (http)"]


# What is broken -------------------------------------------------------------------------------------------------------


def test_one_channel_that_refuses_holds_up_no_other(ledger: Ledger, mail: MailSink, watcher: Watcher) -> None:
    to = spec(
        failure=[f"json://{refused()}/t0k3n", mail.url(), "nonsense://t0k3n"],
        heartbeat=watcher.url("/uuid"),
    )
    watcher.answer = 500
    ended(ledger, "office", to, FAILED, NOW)
    assert send_all(ledger, to) == Delivered(sent=1, failed=3, waiting=3)
    assert len(mail.mails) == 1
    why = {one["channel"]: one["why"] for one in status(ledger)["channels"]}
    assert why["failure/1"] == (
        "A Connection error occurred sending JSON notification to 127.0.0.1;"
        " Failed to establish a new connection: [Errno 111] Connection refused"
    )
    assert why["failure/3"] == "apprise does not understand the address"
    assert why["heartbeat"] == "HTTP Error 500: Internal Server Error"


@pytest.mark.slow
def test_one_channel_that_hangs_holds_up_no_other(ledger: Ledger, watcher: Watcher) -> None:
    release = threading.Event()
    with Watcher(hang=release) as slow, MailSink(hang=release) as mute:
        to = spec(
            failure=[mute.url(), watcher.url("/a", "json")], success=[watcher.url("/b", "json")], heartbeat=slow.url()
        )
        ended(ledger, "office", to, FAILED, NOW)
        ended(ledger, "office", to, DONE, NOW)
        assert send_all(ledger, to, patience=4.0) == Delivered(sent=3, failed=2, waiting=3)
        assert sorted(watcher.paths) == ["/a", "/a", "/b"]
        why = {one["channel"]: one["why"] for one in status(ledger)["channels"]}
        assert why == dict.fromkeys(("failure/1", "heartbeat"), "no answer within 4 s")


def test_a_broken_notifier_is_seen_and_loses_nothing(ledger: Ledger, watcher: Watcher) -> None:
    to = spec(failure=[watcher.url("/hook", "json")])
    watcher.answer = 500
    ended(ledger, "office", to, FAILED, NOW)
    now = NOW
    for attempt in range(1, 4):
        assert findings(ledger) == []
        assert send_all(ledger, to, now).failed == 1
        assert send_all(ledger, to, now).failed == 0, "it is not tried again before its pause is over"
        found = status(ledger)
        assert (found["waiting"], found["since"], found["channels"][0]["attempts"]) == (1, NOW, attempt)
        now = found["channels"][0]["next"]
    (finding,) = findings(ledger)
    assert finding.what == "messages do not get through: 1 waits since 2026-09-21 14:13 UTC"
    assert finding.where == "office: notify.failure (json)"
    assert finding.why == "Failed to send JSON POST notification: Internal server error., error=500"
    watcher.answer = 200
    assert send_all(ledger, to, now) == Delivered(1, 0, 0)
    assert findings(ledger) == []
    assert status(ledger) == {"waiting": 0, "since": None, "channels": []}


def test_a_corrected_address_gets_what_waited(ledger: Ledger, watcher: Watcher) -> None:
    ended(ledger, "office", spec(failure=["nonsense://x"]), FAILED, NOW)
    send_all(ledger, spec(failure=["nonsense://x"]))
    assert send_all(ledger, spec(failure=[watcher.url("/hook", "json")]), NOW + FIRST_PAUSE).sent == 1


def test_an_address_that_was_taken_out_gets_nothing(ledger: Ledger) -> None:
    ended(ledger, "office", spec(failure=["nonsense://x"]), FAILED, NOW)
    assert send_all(ledger, spec()) == Delivered(0, 0, 0)


def test_messages_of_other_jobs_are_left_alone_for_a_month(ledger: Ledger) -> None:
    ended(ledger, "elsewhere", spec(failure=["nonsense://x"]), FAILED, NOW)
    assert send_all(ledger, spec(), NOW + 29 * 86_400) == Delivered(0, 0, 1)
    assert send_all(ledger, spec(), NOW + 31 * 86_400) == Delivered(0, 0, 0)


def test_a_secret_that_is_missing_is_told(ledger: Ledger) -> None:
    def missing(_: object, what: str) -> str:
        raise SecretMissing(f"the {what} is missing", why="the environment has no MAIL_URL")

    to = spec(failure=[{"env": "MAIL_URL"}])
    ended(ledger, "office", to, FAILED, NOW)
    assert deliver(ledger, {"office": to}, missing, now=NOW).failed == 1
    (channel,) = status(ledger)["channels"]
    assert channel["label"] == "env MAIL_URL"
    assert channel["why"] == "the notify failure/1 of office is missing: the environment has no MAIL_URL"


def test_a_limit_leaves_the_rest_for_later(ledger: Ledger, watcher: Watcher) -> None:
    to = spec(failure=[watcher.url("/hook", "json")], success=[watcher.url("/good", "json")])
    for number in range(4):
        ended(ledger, "office", to, {**DONE, "id": f"R{number}"}, NOW)
    assert send_all(ledger, to, limit=3) == Delivered(sent=3, failed=0, waiting=1)
    assert send_all(ledger, to) == Delivered(1, 0, 0)


def test_without_apprise_the_message_says_so_and_heartbeats_work(path: str, watcher: Watcher) -> None:
    script = """
import sys
sys.modules["apprise"] = None
from tests.notify.test_delivery import *
with open_ledger(sys.argv[1]) as ledger:
    to = spec(failure=["json://x"], heartbeat=sys.argv[2])
    ended(ledger, "office", to, FAILED, NOW)
    print(send_all(ledger, to), status(ledger)["channels"][0]["why"])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, path, watcher.url("/uuid")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == (
        'Delivered(sent=1, failed=1, waiting=1) apprise is not installed: pip install "trueup[notify]"'
    )
    assert watcher.paths == ["/uuid/fail"]


# Kills, and two at once -----------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from tests.notify.test_delivery import *
ledger = open_ledger(sys.argv[1])
def hook(moment):
    if moment == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)
ledger.on_write = hook
to = spec(failure=[sys.argv[2]])
ended(ledger, "office", to, FAILED, NOW)
send_all(ledger, to)
"""


@pytest.mark.parametrize(
    ("moment", "sent_before", "left"),
    [
        ("before:notify.ended", 0, 0),
        ("after:notify.ended", 0, 1),
        ("before:outbox.sent", 1, 1),
        ("after:outbox.sent", 1, 0),
    ],
)
def test_a_kill_loses_nothing(path: str, watcher: Watcher, moment: str, sent_before: int, left: int) -> None:
    url = watcher.url("/hook", "json")
    done = subprocess.run([sys.executable, "-c", KILLED, path, url, moment], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(watcher.posted) == sent_before
    with open_ledger(path) as ledger:
        assert status(ledger)["waiting"] == left
        assert send_all(ledger, spec(failure=[url])) == Delivered(left, 0, 0)  # its lease ended with it
    assert len(watcher.posted) == sent_before + left


DELIVERER = """
import sys
from tests.notify.test_delivery import *
with open_ledger(sys.argv[1]) as ledger:
    to = spec(success=[sys.argv[2] + "/a", sys.argv[2] + "/b"])
    sys.stdin.readline()
    for _ in range(5):
        send_all(ledger, to)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_several_deliverers_at_once_send_nothing_twice(
    kind: str, path: str, watcher: Watcher, request: pytest.FixtureRequest
) -> None:
    address = path if kind == "sqlite" else request.getfixturevalue("database_url")
    url = watcher.url("", "json")
    with open_ledger(address) as ledger:
        for number in range(10):
            ended(ledger, "office", spec(success=[f"{url}/a", f"{url}/b"]), {**DONE, "id": f"R{number}"}, NOW)
    command = [sys.executable, "-c", DELIVERER, address, url]
    children = [subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) for _ in range(3)]
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"go\n")
        child.stdin.flush()
    assert [child.wait(60) for child in children] == [0, 0, 0]
    with open_ledger(address) as ledger:
        assert status(ledger)["waiting"] == 0
    assert sorted(watcher.paths) == ["/a"] * 10 + ["/b"] * 10


# Secrets --------------------------------------------------------------------------------------------------------------

SECRETS = ("s3cret-pass", "t0k3n-of-chat", "uu1d-of-watcher", "s3cret%2Fpass", "s3cret/pass")


def test_secrets_are_nowhere(path: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    """Every way to fail, with everything that is written and said searched for what is secret."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.INFO)  # its DEBUG shows paths: nobody asks it for that
    release = threading.Event()
    with MailSink(accepts_login=False) as mail, Watcher(answer=401) as web, Watcher(hang=release) as mute:
        to = spec(
            failure=[
                mail.url(password="s3cret-pass"),
                web.url("/t0k3n-of-chat/x?key=s3cret-pass", "json", "anna:s3cret-pass@"),
                f"json://anna:s3cret%2Fpass@{refused()}/t0k3n-of-chat",
                "nonsense://s3cret-pass",
                "tgram://t0k3n-of-chat/s3cret-pass",
                mute.url("/t0k3n-of-chat", "json"),
            ],
            success=["json://[::1/s3cret-pass"],
            heartbeat=web.url("/uu1d-of-watcher", login="anna:s3cret-pass@"),
        )
        with open_ledger(path) as ledger:
            began(ledger, "office", to, FAILED, NOW)
            send_all(ledger, to, patience=1.5)
            ended(ledger, "office", to, FAILED, NOW)
            ended(ledger, "office", to, DONE, NOW)
            assert send_all(ledger, to, patience=1.5).failed == 8
            said = [json.dumps(status(ledger)), *map(str, findings(ledger)), repr(to)]
            assert sum(one["why"] != "" for one in status(ledger)["channels"]) == 8
        release.set()
    kept = b"".join(one.read_bytes() for one in Path(path).parent.iterdir())
    said += [*(record.getMessage() for record in caplog.records), caplog.text, *capfd.readouterr()]
    for one in SECRETS:
        assert one.encode() not in kept
        assert all(one not in text for text in said)


@pytest.mark.parametrize("kind", ["http", "json"])
def test_no_traceback_names_the_address(kind: str) -> None:
    import traceback

    def fail() -> None:
        if kind == "http":
            ping(f"http://{refused()}/uu1d-of-watcher", "fail", "body")
        else:
            send(f"json://anna:s3cret-pass@{refused()}/t0k3n-of-chat", "title", "body", "failure")

    with pytest.raises(NotSent) as raised:
        fail()
    shown = "".join(traceback.format_exception(raised.value))
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    assert "uu1d-of-watcher" not in shown.replace('ping(f"http://{refused()}/uu1d-of-watcher"', "")
    assert "s3cret-pass" not in shown.replace('send(f"json://anna:s3cret-pass@{refused()}/t0k3n-of-chat"', "")


def test_the_log_of_others_is_as_it_was(mail: MailSink, caplog: pytest.LogCaptureFixture) -> None:
    import apprise

    logger = logging.getLogger("apprise")
    before = (logger.level, list(logger.filters))
    with pytest.raises(NotSent):
        send("nonsense://x", "t", "b", "failure")
    send(mail.url(), "t", "b", "failure")
    assert (logger.level, list(logger.filters)) == before
    assert caplog.records == []
    assert apprise.Apprise.instantiate("nonsense://x") is None
    assert [one.name for one in caplog.records] == ["apprise"]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://", "http://[::1/x", "no address"])
def test_a_heartbeat_goes_to_web_servers_only(url: str) -> None:
    with pytest.raises(NotSent):
        ping(url, "start", "body")


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    script = (
        "import sys, trueup.notify as n; n.ended, n.began, n.deliver, n.status, n.findings, n.NotifySpec;"
        "print([one for one in ('apprise', 'requests', 'urllib.request', 'smtplib', 'cronsim') if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
