"""Profiles: what the values of a collection look like, field by field; and what is different from the last time. Pure, and in bounded memory."""
