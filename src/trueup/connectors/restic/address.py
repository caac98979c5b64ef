"""Where a repository is, and what restic needs to get there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trueup.model.errors import ConfigError

LOCAL = "local"

# By scheme: which option goes into which variable of restic's environment (its manual, "Environment Variables").
_VARIABLES: dict[str, dict[str, str]] = {
    LOCAL: {},
    "s3": {"access_key": "AWS_ACCESS_KEY_ID", "secret_key": "AWS_SECRET_ACCESS_KEY", "region": "AWS_DEFAULT_REGION"},
    "b2": {"access_key": "B2_ACCOUNT_ID", "secret_key": "B2_ACCOUNT_KEY"},
    "azure": {"access_key": "AZURE_ACCOUNT_NAME", "secret_key": "AZURE_ACCOUNT_KEY"},
    "gs": {"credentials": "GOOGLE_APPLICATION_CREDENTIALS"},
    "rest": {"rest_user": "RESTIC_REST_USERNAME", "rest_password": "RESTIC_REST_PASSWORD"},
    "sftp": {},
    "rclone": {},
}
# What the way there may need of our own environment: proxies, the keys' agent, where rclone and the S3 client are configured.
_PASSED = {
    LOCAL: (),
    "sftp": ("SSH_AUTH_SOCK",),
    "rclone": ("RCLONE_CONFIG", "XDG_CONFIG_HOME"),
    "s3": ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"),
}
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_PASSWORD = re.compile(r"(//[^/:@]*):([^/@]*)@")


@dataclass(frozen=True, slots=True)
class Address:
    """An address as restic takes it.

    Attributes:
        text: it; for a server it may hold a password, so it goes by the environment and is never shown.
        scheme: "local", "s3", "sftp", …
    """

    text: str = field(repr=False)
    scheme: str

    @classmethod
    def of(cls, name: str, path: Path | None, repository: str) -> Address:
        """The address of store `name`, from its options `path` and `repository`.

        Raises:
            ConfigError: not exactly one of them, or an unknown scheme (which restic would take for a path in its working directory).
        """
        if bool(path) == bool(repository):
            raise ConfigError(
                f"store {name}: {'both' if path else 'neither'} of path and repository",
                hint="`path` for a folder of this machine, `repository` for s3:…, sftp:…, rest:… and the like",
            )
        if path:
            return cls(str(path), LOCAL)
        scheme = repository.partition(":")[0]
        if scheme not in _VARIABLES or ":" not in repository or scheme == LOCAL:
            known = ", ".join(f"{one}:…" for one in _VARIABLES if one != LOCAL)
            raise ConfigError(
                f"store {name}: the repository's address is none of {known}", hint="a folder is named by `path`"
            )
        return cls(repository, scheme)

    @property
    def place(self) -> str:
        """It for people, without a password."""
        return _PASSWORD.sub(r"\1@", self.text)

    @property
    def secret(self) -> str:
        """The password in it; "" where there is none."""
        found = _PASSWORD.search(self.text)
        return found[2] if found else ""

    @property
    def far(self) -> bool:
        """Whether it is on another machine."""
        return self.scheme != LOCAL

    def credentials(self, options: Mapping[str, str]) -> dict[str, str]:
        """The part of restic's environment that lets it in, from the options that this scheme has a use for."""
        return {variable: options[key] for key, variable in _VARIABLES[self.scheme].items() if options.get(key)}

    def passed(self) -> dict[str, str]:
        """What of our own environment restic gets to see for this scheme."""
        names = (*_PASSED.get(self.scheme, ()), *(_PROXIES if self.far else ()))
        return {name: os.environ[name] for name in names if name in os.environ}
