"""restic 0.17 or later for the tests: the one on the PATH, or one out of a newer suite's package, unpacked beside the project.

Debian 12 packages 0.14, which lacks the exit codes that the connector relies on. Its apt can fetch a newer suite's package by name without
touching the machine's own lists: the mirror's address is taken from the machine's own sources when this runs.

    python -m tests.support.restic      # fetches it where needed, and says where it is
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

NEEDED = (0, 17)
# 0.19.1 is the one that was measured, 0.18 the one of Debian 13.
SUITES = ("trixie", "sid")
FOLDER = Path(__file__).parents[2] / ".work" / "tools" / "restic"


def restic(suite: str = "") -> str:
    """The path of a restic that is new enough; skips the test, with the reason, where there is none.

    Args:
        suite: "trixie" or "sid": exactly that one's, for tests across versions.
    """
    path, why = _found(suite)
    if not path:
        pytest.skip(f"no restic {'.'.join(map(str, NEEDED))} or later: {why}")
    return path


@functools.cache
def _found(suite: str) -> tuple[str, str]:
    """Its path, and why there is none."""
    on_path = shutil.which("restic")
    if not suite and on_path and new_enough(on_path):
        return on_path, ""
    why = ""
    for one in (suite,) if suite else SUITES:
        path = FOLDER / one / "usr/bin/restic"
        if not new_enough(str(path)):
            why = fetch(one)
        if new_enough(str(path)):
            return str(path), ""
    return "", why or "what the packages hold does not run here"


def new_enough(program: str) -> bool:
    """Whether it runs and is 0.17 or later; before, `version` knew no JSON."""
    try:
        done = subprocess.run([program, "version", "--json"], capture_output=True, text=True, check=False, timeout=60)
        version = json.loads(done.stdout)["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return tuple(int(part) for part in version.split("-")[0].split(".")[:2]) >= NEEDED


def fetch(suite: str) -> str:
    """Unpacks the suite's package into `FOLDER/suite`; returns why that is not possible, "" where it was."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return "this is no Debian; install restic, and put it on the PATH"
    mirror, keyring = _mirror()
    if not mirror:
        return "no Debian mirror in this machine's apt sources"
    with tempfile.TemporaryDirectory(prefix="trueup-apt-") as folder:
        # apt downloads as a user of its own, which must get in.
        os.chmod(folder, 0o755)
        return _fetch(suite, f"deb {keyring}{mirror} {suite} main\n", Path(folder))


def _fetch(suite: str, source: str, folder: Path) -> str:
    for one in ("lists/partial", "cache/archives/partial"):
        (folder / one).mkdir(parents=True)
    (folder / "sources.list").write_text(source)
    options = {
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "",
    }
    apt = ["apt-get", "-qq", *(f"-o{key}={value}" for key, value in options.items())]
    target = FOLDER / suite
    for command in ([*apt, "update"], [*apt, "download", "restic"]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode:
            return (
                f"apt-get {command[-1]} failed for suite {suite}: {(done.stderr.strip() or done.stdout.strip())[-200:]}"
            )
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Unpacked aside and renamed: two test workers may come here at once.
    aside = tempfile.mkdtemp(prefix=f"{suite}-", dir=FOLDER)
    subprocess.run(["dpkg-deb", "-x", next(folder.glob("restic_*.deb")), aside], check=True)
    try:
        os.rename(aside, target)
    except OSError:
        shutil.rmtree(aside)
    return ""


def _mirror() -> tuple[str, str]:
    """The address this machine takes Debian from, and apt's option for the keys it is signed with."""
    with open("/etc/os-release", encoding="utf-8") as file:
        release = dict(line.strip().split("=", 1) for line in file if "=" in line)
    codename = release.get("VERSION_CODENAME", "").strip('"')
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(SIGNED_BY)"
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", form, "Identifier: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    for line in listed.stdout.splitlines():
        address, suite, component, *_ = line.split()
        if (suite, component) == (codename, "main"):
            keys = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
            return address, f"[signed-by={keys}] " if keys.exists() else ""
    return "", ""


def make_cheap(repository: Path, password: str) -> None:
    """Makes a repository whose key is cheap to try."""
    env = {"RESTIC_REPOSITORY": str(repository), "RESTIC_PASSWORD": password, "PATH": os.defpath, "HOME": "/nowhere"}
    subprocess.run([restic(), "--no-cache", "init"], env=env, capture_output=True, check=True)
    cheapen(repository, password)


def cheapen(repository: Path, password: str) -> None:
    """Gives a repository a key that is cheap to try. restic makes guessing expensive: half a second of computing at every start.

    The format: restic's design document, "Keys, Encryption and MAC". Without `cryptography` the key stays as it is.
    """
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
        from cryptography.hazmat.primitives.poly1305 import Poly1305
    except ImportError:
        return

    def crypt(key: bytes, nonce: bytes, data: bytes) -> bytes:
        return Cipher(algorithms.AES(key[:32]), modes.CTR(nonce)).encryptor().update(data)

    (file,) = (repository / "keys").iterdir()
    said = json.loads(file.read_bytes())
    salt, sealed = base64.b64decode(said["salt"]), base64.b64decode(said["data"])

    def derived() -> bytes:
        cost = {"n": said["N"], "r": said["r"], "p": said["p"], "maxmem": 1 << 28}
        return hashlib.scrypt(password.encode(), salt=salt, dklen=64, **cost)

    nonce = sealed[:16]
    master = crypt(derived(), nonce, sealed[16:-16])
    said.update(N=2, r=1, p=1)
    key = derived()
    secret = crypt(key, nonce, master)
    once = Cipher(algorithms.AES(key[32:48]), modes.ECB()).encryptor().update(nonce)
    said["data"] = base64.b64encode(nonce + secret + Poly1305.generate_tag(key[48:] + once, secret)).decode()
    text = json.dumps(said).encode()
    file.with_name(hashlib.sha256(text).hexdigest()).write_bytes(text)
    file.chmod(0o600)
    file.unlink()


if __name__ == "__main__":
    found, reason = _found("")
    print(
        f"restic: {found}" if found else f"restic 0.17 or later cannot be had here, so its tests are skipped: {reason}"
    )
    sys.exit(0)
