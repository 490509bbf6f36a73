"""Learning-rate schedules: a factor of the base rate at every step."""

from core.schedules.schedule import Schedule
from core.term import load_plugins

load_plugins(__name__, __path__)

__all__ = ["Schedule"]
