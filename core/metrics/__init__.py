"""Metrics: one number per run over a whole split."""

from core.metrics.metric import Metric
from core.term import load_plugins

load_plugins(__name__, __path__)

__all__ = ["Metric"]
