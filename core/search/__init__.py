"""Searches: how the ranges of one arm become settings. They know nothing of tensors."""

from core.search.search import Dimension, Search, Setting
from core.term import load_plugins

load_plugins(__name__, __path__)

__all__ = ["Dimension", "Search", "Setting"]
