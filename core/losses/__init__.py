"""Losses: unreduced, unweighted; the loop owns the mean."""

from core.losses.loss import Loss
from core.term import load_plugins

load_plugins(__name__, __path__)

__all__ = ["Loss"]
