"""Data for training: sources that a job may name, uploads, and how examples are split."""

from core.datasets.load import facts_of, load_source
from core.datasets.source import Dataset, DatasetFacts, DatasetSource, Task
from core.datasets.splits import Replicate, Split, replicates
from core.term import load_plugins

__all__ = [
    "Dataset",
    "DatasetFacts",
    "DatasetSource",
    "Replicate",
    "Split",
    "Task",
    "facts_of",
    "load_source",
    "replicates",
]

load_plugins(__name__, __path__)
