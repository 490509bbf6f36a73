"""Regularizers: penalties, decay, constraints, noise, targets and procedures."""

from core.regularizers.regularizer import Regularizer
from core.term import load_plugins

load_plugins(__name__, __path__)

__all__ = ["Regularizer"]
