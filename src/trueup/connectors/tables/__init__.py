"""The ground of every table: rows as JSON bytes, keys as hrefs, files as collections that are written as a whole."""
