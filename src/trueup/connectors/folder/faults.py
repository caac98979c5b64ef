"""Says what an operating system error means for a folder or a file, in words."""

from __future__ import annotations

import errno
import os

from trueup.model.errors import Permanent, StoreError, Transient

_PASSING = frozenset(
    {
        errno.ENOTCONN,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.EHOSTDOWN,
        errno.EMFILE,
        errno.ENFILE,
        errno.EINTR,
        errno.EAGAIN,
    }
)
_HINTS = {
    errno.ENOENT: "check `path` in the configuration; if the folder is on another disk or a network drive, connect it",
    errno.EACCES: "give the user that runs trueup the right to read and list this folder",
    errno.EPERM: "give the user that runs trueup the right to read and list this folder",
    errno.ENOTDIR: "the path must name a folder",
    errno.ENOTCONN: "mount the network drive again",
    errno.ESTALE: "mount the network drive again",
    errno.EIO: "the disk reports a fault: look into the system log",
}
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def folder_error(error: OSError, what: str, path: str) -> StoreError:
    """The error of a folder that cannot be read: nothing may be concluded about its items."""
    kind = Transient if error.errno in _PASSING else Permanent
    return kind(what, where=path, why=reason(error), hint=_HINTS.get(error.errno or 0, ""))


def reason(error: OSError) -> str:
    """Why a call failed, in lower case words."""
    if error.errno in _FULL:
        return {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}.get(
            error.errno or 0, "the file is too large"
        )
    text = os.strerror(error.errno) if error.errno else str(error)
    return text[:1].lower() + text[1:]
