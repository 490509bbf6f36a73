"""The one format in which an uploaded dataset is kept: safetensors with its facts inside.

One metadata key, because safetensors writes several in no fixed order: equal datasets give equal
bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any  # of arrays of several types

from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from core.datasets.source import Dataset, DatasetFacts

ROLES = ("groups", "times")  # only where the dataset has them


def write_canonical(dataset: Dataset, path: Path) -> None:
    """Write features, targets, groups, times and facts; the same dataset gives the same bytes."""
    facts = json.dumps(dataset.facts.document(), sort_keys=True, separators=(",", ":"))
    arrays: dict[str, NDArray[Any]] = {"features": dataset.features, "targets": dataset.targets}
    for name in ROLES:
        if (array := getattr(dataset, name)) is not None:
            arrays[name] = array
    save_file(arrays, path, metadata={"facts": facts})


def read_canonical(path: Path) -> Dataset:
    """The dataset that `write_canonical` wrote."""
    with safe_open(path, framework="numpy") as artifact:
        facts = DatasetFacts.of(json.loads(artifact.metadata()["facts"]))
        return Dataset(facts, **{name: artifact.get_tensor(name) for name in artifact.keys()})  # noqa: SIM118
