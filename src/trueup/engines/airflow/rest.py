"""Airflow's REST API (`/api/v2`), as far as trueup needs it: https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html

| environment | what |
|---|---|
| `TRUEUP_AIRFLOW_URL` | the API server; else `[api] base_url` of the Airflow configuration here, else `http://localhost:8080` |
| `TRUEUP_AIRFLOW_TOKEN` | a token |
| `TRUEUP_AIRFLOW_USER`, `TRUEUP_AIRFLOW_PASSWORD` | or who asks for one at `/auth/token` |
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from trueup.engines.base import Json
from trueup.model.errors import LoginRefused, Permanent, Transient

SECONDS = 30.0
PAGE = 100
_HINT = "set TRUEUP_AIRFLOW_TOKEN, or TRUEUP_AIRFLOW_USER and TRUEUP_AIRFLOW_PASSWORD"


class Api:
    """The API of one Airflow.

    Args:
        url: the API server.
        token: who asks; "": asked for with user and password at the first call.
        user, password: of somebody who may see and change DAGs.
    """

    def __init__(self, url: str, token: str = "", user: str = "", password: str = "") -> None:
        self.url = url.rstrip("/")
        self._token, self._user, self._password = token, user, password

    @classmethod
    def configured(cls, environment: Mapping[str, str] = os.environ) -> Api:
        """The one that the environment names."""
        url = environment.get("TRUEUP_AIRFLOW_URL") or base_url() or "http://localhost:8080"
        given = (environment.get(f"TRUEUP_AIRFLOW_{one}", "") for one in ("TOKEN", "USER", "PASSWORD"))
        return cls(url, *given)

    def call(self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None) -> Any:
        """Calls `/api/v2` + path.

        Raises:
            Transient: it cannot be reached, or is busy.
            LoginRefused: it does not know who asks, or what for.
            Permanent: it says no.
        """
        address = f"{self.url}/api/v2{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        return self._send(method, address, body, {"Authorization": f"Bearer {self.token()}"})

    def token(self) -> str:
        """A token, asked for where there is none."""
        if not self._token:
            if not self._user:
                raise LoginRefused(f"Airflow at {self.url} wants to know who asks", hint=_HINT)
            body = {"username": self._user, "password": self._password}
            self._token = str(self._send("POST", f"{self.url}/auth/token", body, {})["access_token"])
        return self._token

    def pages(self, path: str, member: str, query: Mapping[str, Any] | None = None) -> Iterator[Json]:
        """All entries of a list."""
        offset = 0
        while True:
            page = self.call("GET", path, query={**(query or {}), "limit": PAGE, "offset": offset})
            yield from page[member]
            offset += len(page[member])
            if not page[member] or offset >= page["total_entries"]:
                return

    def patch_run(self, dag: str, run: str, state: str) -> Json:
        """Sets the state of a DAG run; a run that is under way is stopped."""
        found: Json = self.call("PATCH", f"/dags/{quote(dag)}/dagRuns/{quote(run, safe='')}", {"state": state})
        return found

    def _send(self, method: str, address: str, body: Any, headers: Mapping[str, str]) -> Any:
        data = None if body is None else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"} if data else {}
        request = Request(address, data=data, method=method, headers={"Accept": "application/json", **kind, **headers})
        try:
            with urlopen(request, timeout=SECONDS) as answer:
                text = answer.read()
        except HTTPError as error:
            raise _refusal(error, f"{method} {address}") from None
        except (URLError, OSError) as error:
            hint = "is the API server running, and TRUEUP_AIRFLOW_URL its address?"
            raise Transient(f"Airflow at {self.url} cannot be reached", why=str(error), hint=hint) from None
        return json.loads(text) if text else None


def _refusal(error: HTTPError, where: str) -> Exception:
    why = f"{error.code} {error.read().decode('utf-8', 'replace')[:500]}"
    if error.code in (401, 403):
        return LoginRefused("Airflow refuses it", where=where, why=why, hint=_HINT)
    if error.code in (429, 502, 503, 504):
        return Transient("Airflow is busy", where=where, why=why)
    return Permanent("Airflow says no", where=where, why=why)


def base_url() -> str:
    from airflow.sdk import conf

    return str(conf.get("api", "base_url", fallback="") or "")
