"""What urllib3 raises, in the words of our error tree: what may pass and what will not, what may have been sent and what was not."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from urllib3 import exceptions as wire

from trueup.model.errors import Permanent

# Raised before a byte of the request has left.
NOT_SENT = (wire.NewConnectionError, wire.ConnectTimeoutError, wire.ProxyError, wire.SSLError)


class BrokenAnswer(Exception):
    """A body ends too early. Raised by whoever reads it and sees that; the request is repeated as if the connection had broken."""


class Again(Exception):
    """One attempt failed in a way that may pass.

    Args:
        why: for people.
        lost: the request may have taken effect.
        wait: seconds the server asked for.
        offline: nobody answered, as against an answer that says "later".
    """

    def __init__(self, why: str, *, lost: bool, wait: float | None = None, offline: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.lost = lost
        self.wait = wait
        self.offline = offline


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turns urllib3's errors into `Again` and `Permanent`.

    Raises:
        Again: worth another attempt.
        Permanent: a certificate that cannot be trusted, an address that is none, headers that cannot be sent.
    """
    try:
        yield
    except BrokenAnswer as error:
        raise Again(f"the answer is cut off ({error})", lost=True, offline=True) from error
    except wire.SSLError as error:
        if certificate_refused(error):
            raise Permanent(
                "the server's certificate cannot be trusted",
                where=where,
                why=_certificate_reason(error),
                hint="set `ca` to the certificate of the authority that issued it; `verify: false` gives up this protection",
            ) from error
        raise Again(f"no secure connection ({_reason(error)})", lost=False, offline=True) from error
    except NOT_SENT as error:
        raise Again(f"no connection ({_reason(error)})", lost=False, offline=True) from error
    except wire.TimeoutError as error:
        raise Again("no answer in time", lost=True, offline=True) from error
    except wire.LocationValueError as error:
        raise Permanent("not an address", where=where, why=str(error), hint="check `url` of the store") from error
    except wire.DecodeError as error:
        raise Again("the answer cannot be decompressed", lost=True) from error
    except (wire.HTTPError, OSError) as error:
        raise Again(f"the connection broke ({_reason(error)})", lost=True, offline=True) from error
    except ValueError as error:
        # http.client refuses control characters in a path or a header.
        raise Permanent("the request cannot be sent", where=where, why=str(error)) from error


def certificate_refused(error: BaseException) -> bool:
    """Whether the reason, however deep, is a certificate."""
    return any(isinstance(one, ssl.SSLCertVerificationError) for one in _causes(error))


def _certificate_reason(error: BaseException) -> str:
    return next(one.verify_message for one in _causes(error) if isinstance(one, ssl.SSLCertVerificationError))


def _reason(error: BaseException) -> str:
    """The operating system's words where there are any, else the innermost ones; without the library's object names."""
    causes = list(_causes(error))
    words = next((one.strerror for one in causes if isinstance(one, OSError) and one.strerror), None)
    return words.lower() if words else str(causes[-1].args[-1] if causes[-1].args else type(causes[-1]).__name__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what is behind it: urllib3 keeps that among the arguments or as the cause."""
    one: BaseException | None = error
    for _ in range(10):
        if one is None:
            return
        yield one
        one = next((inner for inner in one.args if isinstance(inner, BaseException)), None) or one.__cause__
