"""WebDAV as CalDAV and CardDAV use it: listings, bulk reads, writes under preconditions, discovery.

What differs between calendars and address books is a `Dialect`; everything else is here.
"""
