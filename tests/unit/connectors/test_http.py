"""The HTTP client against a network that fails, over real sockets."""

from __future__ import annotations

import gzip
import logging
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.faults import Exchange
from tests.support.process import free_port
from tests.support.proxy import Proxy
from tests.support.wire import Response
from trueup.connectors.http import Answer, BrokenAnswer, Client, Login, Retries, Unanswered
from trueup.connectors.pace import Pace, retry_after
from trueup.model.errors import LoginRefused, Permanent, StoreError, Transient

QUICK = Retries(attempts=4, budget=5.0, first=0.01, longest=0.05)
NOWHERE = "http://127.0.0.1:1/"


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Answers 200 by itself where no rule says otherwise: there is no server behind it."""
    with Proxy(NOWHERE) as proxy:
        proxy.on(when=lambda request: True).call(received=_well)
        yield proxy


def _well(exchange: Exchange) -> None:
    exchange.response = exchange.response or Response.make(200, "OK", b"well")


def client(proxy: Proxy, *, timeout: float = 2.0, login: Login | None = None, retries: Retries = QUICK) -> Client:
    return Client("work", proxy.url, login=login, timeout=timeout, retries=retries)


def body(answer: Answer) -> bytes:
    return answer.read()


def status(answer: Answer) -> int:
    return answer.status


class TestRetries:
    @pytest.mark.parametrize("code", [429, 502, 503, 504])
    def test_a_busy_server_is_asked_again(self, proxy: Proxy, code: int) -> None:
        busy = proxy.on(times=2).answer(code)
        assert client(proxy).send("GET", proxy.url, body) == b"well"
        assert len(busy.hits) == 2
        assert proxy.count() == 3

    @pytest.mark.parametrize("code", [400, 403, 404, 409, 412, 423, 500, 501, 507])
    def test_other_answers_are_the_caller_s(self, proxy: Proxy, code: int) -> None:
        proxy.on().answer(code)
        assert client(proxy).send("GET", proxy.url, status) == code
        assert proxy.count() == 1

    def test_gives_up_in_the_end(self, proxy: Proxy) -> None:
        proxy.on().answer(503)
        with pytest.raises(Transient) as caught:
            client(proxy).send("GET", proxy.url, body)
        assert proxy.count() == QUICK.attempts
        assert "503" in caught.value.why
        assert caught.value.where == f"work ({proxy.url})"

    def test_a_reset_connection(self, proxy: Proxy) -> None:
        reset = proxy.on(nth=1).reset_before_answering()
        assert client(proxy).send("GET", proxy.url, body) == b"well"
        assert reset.hits

    def test_a_body_that_ends_too_early(self, proxy: Proxy) -> None:
        cut = proxy.on(nth=1).truncate(2)
        assert client(proxy).send("GET", proxy.url, body) == b"well"
        assert cut.hits
        assert proxy.count() == 2

    def test_a_body_that_the_reader_finds_too_short(self, proxy: Proxy) -> None:
        seen = []

        def read(answer: Answer) -> str:
            seen.append(answer.read())
            if len(seen) < 3:
                raise BrokenAnswer("no end")
            return "whole"

        assert client(proxy).send("GET", proxy.url, read) == "whole"
        assert len(seen) == 3

    def test_no_answer_in_time(self, proxy: Proxy) -> None:
        hang = proxy.on(nth=1).hang_before_answering()
        started = time.monotonic()
        assert client(proxy, timeout=0.3).send("GET", proxy.url, body) == b"well"
        assert hang.hits
        assert time.monotonic() - started < 2

    def test_patience_stretches_the_time_out(self, proxy: Proxy) -> None:
        proxy.on().delay(0.6)
        assert client(proxy, timeout=0.3).send("GET", proxy.url, body, patience=4) == b"well"
        assert proxy.count() == 1

    def test_nobody_there_is_known_not_to_have_been_sent(self) -> None:
        url = f"http://127.0.0.1:{free_port()}/"
        with pytest.raises(Transient) as caught:
            Client("work", url, retries=QUICK).send("PUT", url, body)
        assert not isinstance(caught.value, Unanswered)
        assert "connection refused" in caught.value.why
        assert "NotSent" not in str(caught.value)

    def test_a_store_that_was_given_up_is_asked_once(self, proxy: Proxy) -> None:
        asking = client(proxy)
        resets = proxy.on().reset_before_forwarding()
        for _ in range(3):
            with pytest.raises(Transient):
                asking.send("GET", proxy.url, body)
        assert proxy.count() == QUICK.attempts + 2
        resets.remove()
        assert asking.send("GET", proxy.url, body) == b"well"
        proxy.on(times=1).reset_before_forwarding()
        assert asking.send("GET", proxy.url, body) == b"well"

    def test_retries_do_not_show_on_the_terminal(self, proxy: Proxy, capfd: pytest.CaptureFixture[str]) -> None:
        proxy.on(times=1).answer(503)
        client(proxy).send("GET", proxy.url, body)
        assert capfd.readouterr().err == ""


class TestWrites:
    """What may have taken effect is repeated only where that does no harm."""

    def test_a_lost_answer_is_not_repeated_without_leave(self, proxy: Proxy) -> None:
        proxy.on("PUT").reset_before_answering()
        with pytest.raises(Unanswered):
            client(proxy).send("PUT", proxy.url, status, body=b"x", repeat=False)
        assert proxy.count("PUT") == 1

    @pytest.mark.parametrize("code", [502, 503, 504])
    def test_a_gateway_s_word_is_no_proof(self, proxy: Proxy, code: int) -> None:
        proxy.on("PUT").answer(code)
        with pytest.raises(Unanswered):
            client(proxy).send("PUT", proxy.url, status, body=b"x", repeat=False)
        assert proxy.count("PUT") == 1

    def test_too_many_requests_was_not_done_and_is_repeated(self, proxy: Proxy) -> None:
        proxy.on("PUT", times=1).answer(429)
        assert client(proxy).send("PUT", proxy.url, status, body=b"x", repeat=False) == 200

    def test_a_repeated_write_knows_that_it_is_one(self, proxy: Proxy) -> None:
        proxy.on("PUT", nth=1).reset_before_answering()
        assert client(proxy).send("PUT", proxy.url, lambda answer: answer.uncertain, body=b"x") is True

    def test_a_write_at_the_first_attempt_is_certain(self, proxy: Proxy) -> None:
        assert client(proxy).send("PUT", proxy.url, lambda answer: answer.uncertain, body=b"x") is False

    def test_refused_for_haste_and_then_taken_is_certain(self, proxy: Proxy) -> None:
        proxy.on("PUT", times=1).answer(429)
        assert client(proxy).send("PUT", proxy.url, lambda answer: answer.uncertain, body=b"x") is False


class TestPace:
    def test_retry_after_seconds_is_kept(self, proxy: Proxy) -> None:
        proxy.on(times=1).too_many_requests(retry_after=1)
        client(proxy).send("GET", proxy.url, body)
        first, second = (one.at for one in proxy.exchanges)
        assert second - first >= 1

    def test_retry_after_date_is_kept(self, proxy: Proxy) -> None:
        at = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        proxy.on(times=1).answer(503, Retry_After=at)
        client(proxy).send("GET", proxy.url, body)
        first, second = (one.at for one in proxy.exchanges)
        assert second - first >= 0.9

    def test_a_pause_beyond_the_budget_is_not_waited_for(self, proxy: Proxy) -> None:
        proxy.on().answer(429, Retry_After="3600")
        asking = client(proxy)
        started = time.monotonic()
        for _ in range(2):
            with pytest.raises(Transient) as caught:
                asking.send("GET", proxy.url, body)
        assert time.monotonic() - started < 1
        assert not isinstance(caught.value, Unanswered)
        assert proxy.count() == 1, "the store has asked for a pause, so it is not even asked"

    def test_one_thread_s_429_slows_the_others(self, proxy: Proxy) -> None:
        proxy.on(times=1).too_many_requests(retry_after=1)
        asking = client(proxy)
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda _: asking.send("GET", proxy.url, body), range(4)))
        asked_again = sorted(one.at for one in proxy.exchanges if one.response and one.response.status == 200)
        before = [at for at in asked_again if at - proxy.exchanges[0].at < 0.9]
        assert len(before) <= 3, "only what was under way already"
        client_after = time.monotonic()
        asking.send("GET", proxy.url, body)
        assert time.monotonic() - client_after < 2

    def test_the_gap_grows_once_a_round_and_shrinks_again(self) -> None:
        now = 100.0
        pace = Pace(lambda: now)
        assert pace.reserve() == 0
        for _ in range(4):
            pace.slow(99.0, 0.0)  # four requests of the same moment
        assert pace.reserve() == 0
        assert pace.reserve() == pytest.approx(0.05)
        assert pace.reserve() == pytest.approx(0.10)
        now = 110.0
        pace.slow(105.0, 0.0)
        assert pace.reserve() == 0
        assert pace.reserve() == pytest.approx(0.10)
        for _ in range(200):
            pace.well()
        now = 120.0
        assert [pace.reserve() for _ in range(5)] == [0] * 5

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("3", 3.0),
            (" 0 ", 0.0),
            ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
            ("soon", None),
            ("", None),
            (None, None),
            ("-1", None),
        ],
    )
    def test_retry_after(self, value: str | None, seconds: float | None) -> None:
        assert retry_after(value) == seconds


class TestLogin:
    LOGIN = Login("ana", "s3cret-ü")

    def test_is_sent_with_the_first_request(self, proxy: Proxy) -> None:
        client(proxy, login=self.LOGIN).send("GET", proxy.url, body)
        assert proxy.exchanges[0].request.headers["authorization"] == "Basic YW5hOnMzY3JldC3DvA=="

    def test_a_token(self, proxy: Proxy) -> None:
        client(proxy, login=Login(token="abc")).send("GET", proxy.url, body)
        assert proxy.exchanges[0].request.headers["authorization"] == "Bearer abc"

    def test_a_refused_login_is_never_repeated(self, proxy: Proxy) -> None:
        proxy.on().answer(401, WWW_Authenticate='Basic realm="x"')
        with pytest.raises(LoginRefused) as caught:
            client(proxy, login=self.LOGIN).send("GET", proxy.url, body)
        assert proxy.count() == 1
        assert caught.value.hint

    def test_the_hint_fits(self, proxy: Proxy) -> None:
        proxy.on().answer(401, WWW_Authenticate='Digest realm="x"')
        with pytest.raises(LoginRefused, match="Digest"):
            client(proxy, login=self.LOGIN).send("GET", proxy.url, body)
        with pytest.raises(LoginRefused, match="the store has none"):
            client(proxy).send("GET", proxy.url, body)

    def test_the_password_shows_nowhere(self, proxy: Proxy, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        asking = client(proxy, login=self.LOGIN)
        texts = [repr(asking), repr(self.LOGIN)]
        proxy.on().answer(503)
        url = proxy.url.replace("http://", "http://ana:s3cret-ü@")
        with pytest.raises(StoreError) as caught:
            asking.send("GET", url, body)
        texts += [str(caught.value), repr(caught.value.to_json()), str(caught.value.__cause__), caplog.text]
        assert "127.0.0.1" in texts[2]
        assert not [one for one in texts if "s3cret" in one or "YW5h" in one]


class TestRedirects:
    def test_are_followed_where_asked(self, proxy: Proxy) -> None:
        proxy.on(path="/.well-known/caldav").answer(301, Location="/dav/")
        asking = client(proxy)
        answered = asking.send(
            "PROPFIND", proxy.url + ".well-known/caldav", lambda a: (a.url, a.status), body=b"<x/>", follow=True
        )
        assert answered == (proxy.url + "dav/", 200)
        assert [(one.method, one.request.body) for one in proxy.exchanges] == [("PROPFIND", b"<x/>")] * 2

    def test_are_the_caller_s_business_otherwise(self, proxy: Proxy) -> None:
        proxy.on("PUT").answer(301, Location="/dav/")
        assert client(proxy).send("PUT", proxy.url, status) == 301

    def test_the_login_stays_with_its_server(self, proxy: Proxy) -> None:
        with Proxy(NOWHERE) as other:
            other.on().answer(401)
            proxy.on().answer(302, Location=other.url)
            with pytest.raises(LoginRefused, match="another server"):
                client(proxy, login=Login("ana", "secret")).send("GET", proxy.url, body, follow=True)
            assert "authorization" in proxy.exchanges[0].request.headers
            assert "authorization" not in other.exchanges[0].request.headers

    def test_in_circles(self, proxy: Proxy) -> None:
        proxy.on().answer(302, Location="/")
        with pytest.raises(Permanent, match="circles"):
            client(proxy).send("GET", proxy.url, body, follow=True)


class TestBodies:
    def test_gzip(self, proxy: Proxy) -> None:
        proxy.on().answer(200, body=gzip.compress(b"calendar" * 1000), Content_Encoding="gzip")
        assert client(proxy).send("GET", proxy.url, body) == b"calendar" * 1000
        assert "gzip" in proxy.exchanges[0].request.headers["accept-encoding"]

    def test_a_small_answer_that_unpacks_without_end(self, proxy: Proxy) -> None:
        proxy.on().answer(200, body=gzip.compress(b"\0" * 50_000_000), Content_Encoding="gzip")
        with pytest.raises(Permanent, match="too long"):
            client(proxy).send("GET", proxy.url, lambda answer: answer.read(limit=1_000_000))

    def test_connections_are_kept(self, proxy: Proxy) -> None:
        asking = client(proxy)
        for _ in range(5):
            asking.send("GET", proxy.url, status)  # the body is left unread
        assert proxy.connections == 1

    def test_no_more_connections_than_allowed(self, proxy: Proxy) -> None:
        proxy.on().delay(0.05)
        asking = Client("work", proxy.url, parallel=3)
        with ThreadPoolExecutor(12) as threads:
            list(threads.map(lambda _: asking.send("GET", proxy.url, body), range(24)))
        assert proxy.connections <= 3

    def test_says_who_asks(self, proxy: Proxy) -> None:
        client(proxy).send("GET", proxy.url, body)
        assert proxy.exchanges[0].request.headers["user-agent"].startswith("trueup/")

    def test_a_header_that_cannot_be_sent(self, proxy: Proxy) -> None:
        with pytest.raises(Permanent, match="cannot be sent"):
            client(proxy).send("PUT", proxy.url, body, headers={"If-Match": '"a"\r\nX-Evil: 1'})
        assert proxy.count() == 0


class _Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"),
        ],
        check=True,
        capture_output=True,
    )
    return folder / "cert.pem"


@pytest.fixture(scope="module")
def secure(certificate: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hello)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


class TestCertificates:
    def test_an_unknown_one_is_refused_at_once(self, secure: str) -> None:
        started = time.monotonic()
        with pytest.raises(Permanent, match="certificate") as caught:
            Client("work", secure).send("GET", secure, body)
        assert "self-signed" in caught.value.why
        assert "ca" in caught.value.hint
        assert time.monotonic() - started < 2

    def test_ca(self, secure: str, certificate: Path) -> None:
        assert Client("work", secure, ca=certificate).send("GET", secure, body) == b"hello"

    @pytest.mark.filterwarnings("error")
    def test_verify_off(self, secure: str) -> None:
        assert Client("work", secure, verify=False).send("GET", secure, body) == b"hello"

    def test_a_ca_that_is_none(self, secure: str, tmp_path: Path) -> None:
        wrong = tmp_path / "ca.pem"
        wrong.write_text("nothing")
        with pytest.raises(Exception, match="`ca` of store work"):
            Client("work", secure, ca=wrong).send("GET", secure, body)

    def test_https_never_leads_to_http(self, secure: str) -> None:
        asking = Client("work", secure)
        with pytest.raises(Permanent, match="open connection"):
            asking._redirected(secure, "http://127.0.0.1/")
