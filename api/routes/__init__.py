"""The calls of the wire: each parses, makes one call, and returns."""
