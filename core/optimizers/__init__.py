"""Optimizers: update rules on one flat (R, P) tensor."""

from core.optimizers.optimizer import Optimizer
from core.term import load_plugins

load_plugins(__name__, __path__)

__all__ = ["Optimizer"]
