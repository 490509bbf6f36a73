"""The one format in which an uploaded dataset is kept: safetensors with its facts inside.

One metadata key, because safetensors writes several in no fixed order: equal datasets give equal
bytes.
"""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import safe_open
from safetensors.numpy import save_file

from core.datasets.source import Dataset, DatasetFacts


def write_canonical(dataset: Dataset, path: Path) -> None:
    """Write features, targets and facts; the same dataset gives the same bytes."""
    facts = json.dumps(dataset.facts.document(), sort_keys=True, separators=(",", ":"))
    arrays = {"features": dataset.features, "targets": dataset.targets}
    save_file(arrays, path, metadata={"facts": facts})


def read_canonical(path: Path) -> Dataset:
    """The dataset that `write_canonical` wrote."""
    with safe_open(path, framework="numpy") as artifact:
        facts = DatasetFacts.of(json.loads(artifact.metadata()["facts"]))
        return Dataset(facts, artifact.get_tensor("features"), artifact.get_tensor("targets"))
