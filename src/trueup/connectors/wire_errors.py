"""What breaks on the wire, in the words of our error tree: what may pass and what will not, what may have been sent and what was not."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from trueup.connectors.transport import NoAddress, NotSent, TimedOut, TransportError, Undecodable
from trueup.model.errors import Permanent


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
    """Turns the transport's errors into `Again` and `Permanent`.

    Raises:
        Again: worth another attempt.
        Permanent: a certificate that cannot be trusted, an address that is none, headers that cannot be sent.
    """
    try:
        yield
    except BrokenAnswer as error:
        raise Again(f"the answer is cut off ({error})", lost=True, offline=True) from error
    except NotSent as error:
        if certificate_refused(error):
            raise Permanent(
                "the server's certificate cannot be trusted",
                where=where,
                why=_certificate_reason(error),
                hint="set `ca` to the certificate of the authority that issued it; `verify: false` gives up this protection",
            ) from error
        what = "secure connection" if any(isinstance(one, ssl.SSLError) for one in _causes(error)) else "connection"
        raise Again(f"no {what} ({_reason(error)})", lost=False, offline=True) from error
    except TimedOut as error:
        raise Again("no answer in time", lost=True, offline=True) from error
    except NoAddress as error:
        raise Permanent("not an address", where=where, why=str(error), hint="check `url` of the store") from error
    except Undecodable as error:
        raise Again("the answer cannot be decompressed", lost=True) from error
    except (TransportError, OSError) as error:
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
    """The error and what is behind it."""
    one: BaseException | None = error
    for _ in range(10):
        if one is None:
            return
        yield one
        one = one.__cause__
