"""HTTP triggers, called over real connections."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from trueup.engines.embedded.serving.hooks import MAX_BODY, MAX_CALLS, Hooks
from trueup.model.errors import LedgerError, UsageError

TOKEN = "s3cret-ü"
AUTH = {"Authorization": f"Bearer {TOKEN}".encode()}


class Office:
    """Who accepts."""

    def __init__(self) -> None:
        self.accepted: list[tuple[str, str, dict[str, Any]]] = []
        self.error: Exception | None = None
        self.hooks = Hooks(lambda: {"/hooks/crm": TOKEN, "/hooks/none": ""}, self.accept, self.status, ("127.0.0.1", 0))
        host, _, port = self.hooks.address.rpartition(":")
        self.address = (host, int(port))

    def accept(self, path: str, key: str, params: dict[str, Any]) -> bool:
        if self.error is not None:
            raise self.error
        new = key not in [one[1] for one in self.accepted]
        self.accepted.append((path, key, params))
        return new

    def status(self, path: str, key: str) -> dict[str, Any] | None:
        return next(({"state": "fired", "key": key} for _, known, _ in self.accepted if known == key), None)

    def call(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        try:
            connection.request(
                method, path, body.encode() if isinstance(body, str) else body, AUTH if headers is None else headers
            )
            answer = connection.getresponse()
            data = answer.read()
            found = json.loads(data) if answer.headers.get_content_type() == "application/json" else {}
            return answer.status, found, dict(answer.headers)
        finally:
            connection.close()


@pytest.fixture
def office() -> Iterator[Office]:
    made = Office()
    yield made
    made.hooks.close()


def test_a_call_with_the_token_is_accepted_and_says_where_to_ask(office: Office) -> None:
    status, answer, headers = office.call("POST", "/hooks/crm", '{"customer": 17}')
    assert (status, answer["new"]) == (202, True)
    assert office.accepted == [("/hooks/crm", answer["key"], {"customer": 17})]
    assert headers["Location"] == answer["place"] == f"/hooks/crm/{answer['key'].removeprefix('http:')}"
    status, answer, _ = office.call("GET", answer["place"])
    assert (status, answer["state"]) == (200, "fired")
    assert office.call("GET", "/hooks/crm/other")[0] == 404


def test_the_same_call_again_is_known_by_its_key(office: Office) -> None:
    headers = {**AUTH, "Idempotency-Key": "order-17"}
    first, again = (office.call("POST", "/hooks/crm?x=1", "{}", headers) for _ in range(2))
    assert (first[0], first[1]["new"], first[1]["key"]) == (202, True, "http:order-17")
    assert (again[0], again[1]["new"]) == (202, False)
    assert office.call("POST", "/hooks/crm", "", {**AUTH, "Idempotency-Key": "x" * 201})[0] == 422


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {TOKEN}".encode()},
        {"Authorization": TOKEN.encode()},
        {"Authorization": f"Bearer {TOKEN}x".encode()},
    ],
)
def test_without_the_token_nothing_happens(office: Office, headers: dict[str, Any]) -> None:
    status, answer, shown = office.call("POST", "/hooks/crm", "{}", headers)
    assert status == 401
    assert shown["WWW-Authenticate"].startswith("Bearer")
    assert TOKEN not in json.dumps(answer, ensure_ascii=False)
    assert office.call("GET", "/hooks/crm/x", None, headers)[0] == 401
    assert office.accepted == []


def test_a_path_with_an_empty_token_is_open_to_nobody(office: Office) -> None:
    assert office.call("POST", "/hooks/none", "{}", {"Authorization": "Bearer "})[0] == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/hooks/other", "{}", 404),
        ("POST", "/", "{}", 404),
        ("GET", "/hooks/crm", None, 404),
        ("PUT", "/hooks/crm", "{}", 501),
        ("POST", "/hooks/crm", "{", 400),
        ("POST", "/hooks/crm", "[1]", 400),
        ("POST", "/hooks/crm", b"\xff", 400),
        ("POST", "/hooks/crm", "[" * 100_000, 400),
        ("POST", "/hooks/crm", b"x" * (MAX_BODY + 1), 413),
    ],
)
def test_what_is_no_call_is_refused(office: Office, method: str, path: str, body: Any, status: int) -> None:
    try:
        found = office.call(method, path, body)[0]
    except (BrokenPipeError, ConnectionResetError):  # the body was not even read
        found = 413
    assert found == status
    assert office.accepted == []


def test_an_empty_body_has_no_parameters(office: Office) -> None:
    assert office.call("POST", "/hooks/crm")[0] == 202
    assert office.call("POST", "/hooks/crm", "  ")[0] == 202
    assert [one[2] for one in office.accepted] == [{}, {}]


def test_parameters_that_do_not_fit_and_a_ledger_that_is_away(office: Office) -> None:
    office.error = UsageError("'n' must be a whole number")
    status, answer, _ = office.call("POST", "/hooks/crm", '{"n": "x"}')
    assert (status, answer["error"]["what"]) == (422, "'n' must be a whole number")
    office.error = LedgerError("the ledger is away")
    assert office.call("POST", "/hooks/crm", "{}")[0] == 503


def test_a_caller_who_goes_away_in_the_middle_starts_nothing(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(office.address) as raw:
        raw.sendall(
            b"POST /hooks/crm HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nAuthorization: Bearer "
            + TOKEN.encode()
            + b"\r\n\r\n{"
        )
    assert office.call("POST", "/hooks/crm", "{}")[0] == 202
    assert len(office.accepted) == 1
    assert capsys.readouterr().err == ""


def test_callers_who_say_nothing_take_no_more_than_their_room(office: Office) -> None:
    idle = [socket.create_connection(office.address) for _ in range(MAX_CALLS)]
    try:
        deadline = time.monotonic() + 10
        while True:  # the last of them may not have been taken yet
            try:
                assert office.call("POST", "/hooks/crm", "{}")[0] == 202
            except (http.client.HTTPException, OSError):
                break
            assert time.monotonic() < deadline
    finally:
        for one in idle:
            one.close()
    accepted = len(office.accepted)
    while len(office.accepted) == accepted:
        with contextlib.suppress(http.client.HTTPException, OSError):
            office.call("POST", "/hooks/crm", "{}")
        assert time.monotonic() < deadline
