"""Architectures: model families, each of which is a list of layers in the end."""

from core.architectures.architecture import Architecture
from core.term import load_plugins

load_plugins(__name__, __path__)

__all__ = ["Architecture"]
