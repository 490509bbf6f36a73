"""The one format in which an uploaded dataset is kept: safetensors with its facts inside.

One metadata key, because safetensors writes several in no fixed order: equal datasets give equal
bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any  # of arrays of several types

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from core.datasets.fields import ONLY
from core.datasets.source import Dataset, DatasetFacts

ROLES = ("groups", "times")  # only where the dataset has them
WORDS = "words/"


def write_canonical(dataset: Dataset, path: Path) -> None:
    """Write arrays, words and facts; the same dataset gives the same bytes."""
    facts = json.dumps(dataset.facts.document(), sort_keys=True, separators=(",", ":"))
    arrays: dict[str, NDArray[Any]] = {_tensor(n): v for n, v in dataset.inputs.items()}
    arrays |= {f"{WORDS}{n}": _bytes_of(words) for n, words in dataset.words.items()}
    arrays["targets"] = dataset.targets
    for name in ROLES:
        if (array := getattr(dataset, name)) is not None:
            arrays[name] = array
    save_file(arrays, path, metadata={"facts": facts})


def read_canonical(path: Path) -> Dataset:
    """The dataset that `write_canonical` wrote."""
    with safe_open(path, framework="numpy") as artifact:
        facts = DatasetFacts.of(json.loads(artifact.metadata()["facts"]))
        return Dataset(
            facts,
            {field.name: artifact.get_tensor(_tensor(field.name)) for field in facts.inputs},
            artifact.get_tensor("targets"),
            **{n: artifact.get_tensor(n) for n in ROLES if n in artifact.keys()},  # noqa: SIM118
            words=_words_in(artifact, facts),
        )


def _tensor(field: str) -> str:
    return "features" if field == ONLY else f"inputs/{field}"


def read_words(path: Path) -> dict[str, tuple[str, ...]]:
    """What ids and tokens mean, by field, of the dataset that `write_canonical` wrote."""
    with safe_open(path, framework="numpy") as artifact:
        return _words_in(artifact, DatasetFacts.of(json.loads(artifact.metadata()["facts"])))


def _words_in(artifact: Any, facts: DatasetFacts) -> dict[str, tuple[str, ...]]:
    coded = (field.name for field in facts.inputs if field.coded)
    return {n: tuple(json.loads(artifact.get_tensor(f"{WORDS}{n}").tobytes())) for n in coded}


def _bytes_of(words: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(words, ensure_ascii=False).encode(), np.uint8)
