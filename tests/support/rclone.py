"""Light servers for repositories, by rclone: S3 with keys, and the protocol of restic's REST server, append-only if asked."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.descendants import descendants
from tests.support.process import HOST, Server

PROGRAM = Path(sys.executable).with_name("rclone")


class RcloneServer(Server):
    """Serves `files`, which outlives a restart."""

    name = "rclone"

    @property
    def files(self) -> Path:
        return self.directory / "files"

    def prepare(self) -> None:
        self.files.mkdir()

    def serve(self, kind: str, *options: str) -> list[str | Path]:
        config = self.directory / "rclone.conf"
        return [PROGRAM, "serve", kind, self.files, "--addr", f"{HOST}:{self.port}", "--config", config, *options]


class S3(RcloneServer):
    """Buckets are folders of `files`, which is read once: what is put there by hand must be there before the first request. One key."""

    name = "s3"
    access_key = "access-key-of-the-test"
    secret_key = "secret-key-of-the-test"

    def prepare(self) -> None:
        super().prepare()
        (self.files / "bucket").mkdir()

    def command(self) -> Sequence[str | Path]:
        return self.serve(
            "s3",
            "--auth-key",
            f"{self.access_key},{self.secret_key}",
            "--vfs-cache-mode",
            "off",
            "--dir-cache-time",
            "0s",
        )

    def address(self, prefix: str) -> str:
        return f"s3:http://{HOST}:{self.port}/bucket/{prefix}"


class Rest(RcloneServer):
    """One user; nothing can be deleted but locks."""

    name = "rest"
    rest_user = "office"
    rest_password = "password-of-the-rest-user"

    def command(self) -> Sequence[str | Path]:
        return self.serve("restic", "--append-only", "--user", self.rest_user, "--pass", self.rest_password)

    def address(self, prefix: str) -> str:
        return f"rest:http://{HOST}:{self.port}/{prefix}"


def processes(server: Server) -> set[int]:
    """The server's own process ids: its guard and what that started."""
    assert server.process is not None
    return {server.process.pid, *descendants(server.process.pid)}
