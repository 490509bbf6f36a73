"""Occam's client: submit a comparison, follow it, read the verdict."""
