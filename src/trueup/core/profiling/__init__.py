"""Profiles: what the values of a collection look like, field by field; and what is different from the last time. Pure, and in bounded memory."""

FORMAT = 1
"""Of profiles as they are kept; those of another one are not looked at."""
