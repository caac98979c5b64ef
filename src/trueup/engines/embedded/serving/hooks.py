"""HTTP triggers: a POST with the right token starts a run, and is answered when the ledger has it. The standard library's server, for it
takes a few calls a minute from machines that know a secret; whoever opens it to the world puts a proxy with TLS before it."""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, TypeAlias

from trueup import __version__
from trueup.model.errors import TrueupError, UsageError

Json: TypeAlias = dict[str, Any]

MAX_BODY = 1 << 20
SECONDS = 15
"""How long a caller may take for each part of a request."""
MAX_CALLS = 32
"""How many may be under way at once; the next one is hung up on."""
_KEY = 200

Accept: TypeAlias = Callable[[str, str, Json], bool]
"""(path, key, parameters) -> whether the key is new; raises UsageError where the parameters do not fit."""
Status: TypeAlias = Callable[[str, str], Json | None]
"""(path, key) -> what became of it; None: nobody knows it."""


class Hooks:
    """A server in a thread of its own.

    Args:
        tokens: what callers must show, by path; looked at for every call.
        accept, status: see there.
        listen: host and port; port 0 for a free one.

    Raises:
        OSError: the address is taken, or not ours.
    """

    def __init__(
        self, tokens: Callable[[], Mapping[str, str]], accept: Accept, status: Status, listen: tuple[str, int]
    ) -> None:
        class Handler(_Handler):
            pass

        class Server(ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in listen[0] else socket.AF_INET
            daemon_threads = True
            slots = threading.BoundedSemaphore(MAX_CALLS)

            def server_bind(self) -> None:
                """Without the look-up of our own name, which a slow name server would make slow."""
                TCPServer.server_bind(self)
                self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

            def verify_request(self, request: object, client_address: object) -> bool:
                """Whether there is room for one more: each call has a thread."""
                return self.slots.acquire(blocking=False)

            def process_request_thread(self, request: Any, client_address: Any) -> None:
                """Answers one call."""
                try:
                    super().process_request_thread(request, client_address)
                finally:
                    self.slots.release()

            def handle_error(self, request: object, client_address: object) -> None:
                """A caller that went away is no news; anything else is our mistake and said as ever."""
                if not isinstance(sys.exception(), OSError):
                    super().handle_error(request, client_address)  # type: ignore[arg-type]

        Handler.tokens, Handler.accept, Handler.status = (
            staticmethod(tokens),
            staticmethod(accept),
            staticmethod(status),
        )
        self._server = Server(listen, Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True, name="hooks")
        self._thread.start()

    @property
    def address(self) -> str:
        """ "127.0.0.1:8642"."""
        host, port = self._server.server_address[:2]
        return f"[{host!s}]:{port}" if ":" in str(host) else f"{host!s}:{port}"

    def close(self) -> None:
        """Ends the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    tokens: Callable[[], Mapping[str, str]]
    accept: Accept
    status: Status

    protocol_version = "HTTP/1.1"
    server_version = f"trueup/{__version__}"
    sys_version = ""
    timeout = SECONDS

    def do_POST(self) -> None:
        """Starts a run."""
        path = self._path()
        if path not in self.tokens():
            return self._refuse(HTTPStatus.NOT_FOUND, "there is no trigger at this address")
        if not self._authentic(path):
            return self._unauthorized()
        try:
            params = self._body()
            given = self.headers.get("Idempotency-Key", "").strip()
            if len(given) > _KEY:
                raise UsageError(f"Idempotency-Key has more than {_KEY} characters")
            key = f"http:{given}" if given else f"http:{secrets.token_hex(8)}"
            new = self.accept(path, key, params)
        except _Wrong as error:
            return self._refuse(error.status, str(error))
        except UsageError as error:
            return self._answer(HTTPStatus.UNPROCESSABLE_ENTITY, {"error": error.to_json()})
        except TrueupError as error:
            return self._answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": error.to_json()})
        place = f"{path}/{key.removeprefix('http:')}"
        return self._answer(HTTPStatus.ACCEPTED, {"key": key, "new": new, "place": place}, Location=place)

    def do_GET(self) -> None:
        """What became of a run that was started here."""
        path, _, key = self._path().rpartition("/")
        if path not in self.tokens():
            return self._refuse(HTTPStatus.NOT_FOUND, "there is nothing at this address")
        if not self._authentic(path):
            return self._unauthorized()
        try:
            found = self.status(path, f"http:{key}")
        except TrueupError as error:
            return self._answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": error.to_json()})
        if found is None:
            return self._refuse(HTTPStatus.NOT_FOUND, "nothing was started under this key")
        return self._answer(HTTPStatus.OK, found)

    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _authentic(self, path: str) -> bool:
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        wanted = self.tokens().get(path, "")
        sent = given.strip().encode("latin-1", "replace")  # the bytes as they came (RFC 9112, section 5.5)
        same = hmac.compare_digest(sent, wanted.encode())
        return same and scheme.lower() == "bearer" and bool(wanted)

    def _body(self) -> Json:
        length = self.headers.get("Content-Length")
        if self.headers.get("Transfer-Encoding"):
            raise _Wrong(HTTPStatus.LENGTH_REQUIRED, "the body must come with its Content-Length")
        if length is None:
            return {}
        if not length.isascii() or not length.isdecimal():
            raise _Wrong(HTTPStatus.BAD_REQUEST, "Content-Length is no number")
        if int(length) > MAX_BODY:
            raise _Wrong(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {MAX_BODY >> 20} MB")
        data = self.rfile.read(int(length))
        if len(data) < int(length):
            raise _Wrong(HTTPStatus.BAD_REQUEST, "the body ends before its Content-Length")
        if not data.strip():
            return {}
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            raise _Wrong(HTTPStatus.BAD_REQUEST, "the body is not JSON") from None
        if not isinstance(value, dict):
            raise _Wrong(HTTPStatus.BAD_REQUEST, "the body must be a JSON object: the parameters by name")
        return value

    def _unauthorized(self) -> None:
        what = "the token is missing or wrong: Authorization: Bearer …"
        self._answer(
            HTTPStatus.UNAUTHORIZED, {"error": {"what": what}}, **{"WWW-Authenticate": 'Bearer realm="trueup"'}
        )

    def _refuse(self, status: HTTPStatus, what: str) -> None:
        self._answer(status, {"error": {"what": what}})

    def _answer(self, status: HTTPStatus, value: Json, **headers: str) -> None:
        data = json.dumps(value, ensure_ascii=False).encode() + b"\n"
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if status >= HTTPStatus.BAD_REQUEST:  # what is left of the request is not read
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: what a call starts is told as an event."""


class _Wrong(Exception):
    def __init__(self, status: HTTPStatus, what: str) -> None:
        super().__init__(what)
        self.status = status
