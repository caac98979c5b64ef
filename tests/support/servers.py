"""The real servers, in one place: `from tests.support.servers import Radicale, Cyrus, PostgreSQL`."""

from tests.support.cyrus import Cyrus
from tests.support.dav import Answer, Dav, DavError, Member
from tests.support.davserver import DavServer, MakeCalendar
from tests.support.feed import FeedServer
from tests.support.postgresql import PostgreSQL
from tests.support.process import Server, ServerDied, free_port
from tests.support.radicale import Radicale
from tests.support.xandikos import Xandikos, XandikosOffice

__all__ = [
    "Answer",
    "Cyrus",
    "Dav",
    "DavError",
    "DavServer",
    "FeedServer",
    "MakeCalendar",
    "Member",
    "PostgreSQL",
    "Radicale",
    "Server",
    "ServerDied",
    "Xandikos",
    "XandikosOffice",
    "free_port",
]
