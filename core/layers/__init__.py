"""Layers: what networks are made of, with a leading run axis."""

from core.layers.layer import Layer
from core.term import load_plugins

load_plugins(__name__, __path__)

__all__ = ["Layer"]
