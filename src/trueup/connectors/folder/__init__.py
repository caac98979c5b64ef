"""Folders of small files, one item each, and files that hold many: what calendars and contacts on this machine share.

What tells the two apart is a `Layout`.
"""
