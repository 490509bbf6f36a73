"""Runnable comparisons with plain PyTorch and with peers; each prints one table."""
