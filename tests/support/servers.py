"""The real servers, in one place: `from tests.support.servers import Radicale, Xandikos, PostgreSQL, FeedServer`."""

from tests.support.dav import Answer, Dav, DavError, Member
from tests.support.davserver import DavServer
from tests.support.feed import FeedServer
from tests.support.postgresql import PostgreSQL
from tests.support.process import Server, ServerDied, free_port
from tests.support.radicale import Radicale
from tests.support.xandikos import Xandikos

__all__ = [
    "Answer",
    "Dav",
    "DavError",
    "DavServer",
    "FeedServer",
    "Member",
    "PostgreSQL",
    "Radicale",
    "Server",
    "ServerDied",
    "Xandikos",
    "free_port",
]
