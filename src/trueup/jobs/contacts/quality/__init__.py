"""Rules of quality for contacts, and what a profile of contacts has."""
