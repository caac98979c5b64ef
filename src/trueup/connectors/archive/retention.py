"""Object lock of S3: GetObjectLockConfiguration, GetObjectRetention, PutObjectRetention, signed with AWS Signature Version 4.

Amazon S3 API Reference, and "Signature Calculations for the Authorization Header" there.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import os
import re
import time
from calendar import timegm
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from trueup.model.errors import LoginRefused, Permanent, Transient

if TYPE_CHECKING:
    from trueup.connectors.archive.s3 import Address

_TIMEOUT = 30.0
_TRIES = 4
_BODY = '<Retention xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Mode>COMPLIANCE</Mode><RetainUntilDate>{}</RetainUntilDate></Retention>'


class Retention:
    """Requests about object lock to one bucket."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._access = address.access_key or os.environ.get("AWS_ACCESS_KEY_ID", "")
        self._secret = address.secret_key or os.environ.get("AWS_SECRET_ACCESS_KEY", "")
        self._region = address.region or os.environ.get("AWS_REGION", "us-east-1")
        base = urlsplit(address.endpoint or f"https://s3.{self._region}.amazonaws.com")
        self._secure, self._host = base.scheme != "http", base.netloc
        self._path = f"{base.path.rstrip('/')}/{address.bucket}"

    def enforced(self) -> bool:
        """Whether the bucket has object lock."""
        status, body = self._ask("GET", "", "object-lock")
        if status in (404, 405, 501) or (status == 400 and "NotImplemented" in body):
            return False
        self._good(status, body)
        return "<ObjectLockEnabled>Enabled<" in body

    def extend(self, key: str, until: float) -> None:
        """Locks an object until then, where it is not locked for as long already."""
        status, body = self._ask("GET", key, "retention")
        held = re.search(r"<RetainUntilDate>([0-9T:-]+)", body) if status == 200 else None
        if held and "COMPLIANCE" in body and timegm(time.strptime(held[1], "%Y-%m-%dT%H:%M:%S")) >= int(until):
            return
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(until) + 1))
        self._good(*self._ask("PUT", key, "retention", _BODY.format(stamp).encode()))

    def _good(self, status: int, body: str) -> None:
        if status < 300:
            return
        found = re.search(r"<Message>(.*?)</Message>", body)
        why = found[1] if found else f"the store answers {status}"
        if status in (401, 403):
            raise LoginRefused(
                "the archive cannot be locked",
                where=self._address.where,
                why=why,
                hint="the keys of the store need the rights s3:GetObjectRetention, s3:PutObjectRetention and s3:GetBucketObjectLockConfiguration",
            )
        raise Permanent("the archive cannot be locked", where=self._address.where, why=why)

    def _ask(self, method: str, key: str, query: str, body: bytes = b"") -> tuple[int, str]:
        """One request, tried again where nobody answers or the store is busy."""
        path = quote(f"{self._path}/{key}" if key else self._path, safe="/-_.~")
        why = ""
        for attempt in range(_TRIES):
            time.sleep(0.3 * (2**attempt - 1))
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            connection = kind(self._host, timeout=_TIMEOUT)
            try:
                connection.request(method, f"{path}?{query}", body or None, self._headers(method, path, query, body))
                answer = connection.getresponse()
                text = answer.read(1 << 20).decode("utf-8", "replace")
                if (answer.status < 500 and answer.status != 429) or answer.status == 501:
                    return answer.status, text
                why = f"the store answers {answer.status}"
            except (OSError, http.client.HTTPException) as error:
                why = str(error) or type(error).__name__
            finally:
                connection.close()
        raise Transient("the archive cannot be locked", where=self._address.where, why=why)

    def _headers(self, method: str, path: str, query: str, body: bytes) -> dict[str, str]:
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        digest = hashlib.sha256(body).hexdigest()
        headers = {"host": self._host, "x-amz-content-sha256": digest, "x-amz-date": now}
        if body:  # asked for by PutObjectRetention
            headers["content-md5"] = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        if token := os.environ.get("AWS_SESSION_TOKEN") if not self._address.access_key else None:
            headers["x-amz-security-token"] = token
        names = ";".join(sorted(headers))
        canonical = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        request = f"{method}\n{path}\n{query}=\n{canonical}\n{names}\n{digest}"
        scope = f"{now[:8]}/{self._region}/s3/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = f"AWS4{self._secret}".encode()
        for part in (now[:8], self._region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.new(key, to_sign.encode(), "sha256").hexdigest()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self._access}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return headers
