"""OpenSSH's server on loopback, for repositories over SFTP: one user (who runs the tests), by a key alone."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.process import HOST, Server

_SERVER = """\
Port {port}
ListenAddress {host}
HostKey {folder}/host-key
AuthorizedKeysFile {folder}/authorized
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
"""
_CLIENT = """\
Host *
  IdentitiesOnly yes
  IdentityFile {folder}/{key}
  UserKnownHostsFile {folder}/{known}
  GlobalKnownHostsFile /dev/null
"""


class Ssh(Server):
    """`files` is a folder for repositories; `client(…)` a folder with an `ssh` that has a configuration of its own."""

    name = "ssh"

    @property
    def files(self) -> Path:
        return self.directory / "files"

    def prepare(self) -> None:
        if shutil.which("sshd", path=_PATH) is None or shutil.which("ssh") is None:
            pytest.skip("no SSH server: apt-get install openssh-server openssh-client")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # as the package's own start does
        self.files.mkdir()
        for key in ("host-key", "user-key", "other-key"):
            made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(self.directory / key)]
            subprocess.run(made, check=True)
        (self.directory / "authorized").write_text((self.directory / "user-key.pub").read_text())
        (self.directory / "unknown").touch()

    def command(self) -> Sequence[str | Path]:
        config = self.directory / "sshd_config"
        config.write_text(_SERVER.format(port=self.port, host=HOST, folder=self.directory))
        return [shutil.which("sshd", path=_PATH) or "sshd", "-D", "-e", "-f", config]

    def settle(self) -> None:
        host = (self.directory / "host-key.pub").read_text()
        (self.directory / "known").write_text(f"[{HOST}]:{self.port} {host}")

    def client(self, key: str = "user-key", known: str = "known") -> Path:
        """A folder for the beginning of the PATH: its `ssh` uses this key, and these hosts it knows."""
        folder = self.directory / f"client-{key}-{known}"
        folder.mkdir(exist_ok=True)
        (folder / "config").write_text(_CLIENT.format(folder=self.directory, key=key, known=known))
        program = folder / "ssh"
        program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/config "$@"\n')
        program.chmod(0o755)
        return folder

    def address(self, prefix: str) -> str:
        return f"sftp://{getpass.getuser()}@{HOST}:{self.port}/{self.files / prefix}"


_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
