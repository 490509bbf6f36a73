"""The training engine: a cohort in, events out."""

from core.train.cohort import Cohort, Run
from core.train.events import Ended, Epoch, Event, Finished, Snapshot
from core.train.loop import train

__all__ = ["Cohort", "Ended", "Epoch", "Event", "Finished", "Run", "Snapshot", "train"]
