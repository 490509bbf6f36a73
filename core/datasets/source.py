"""What a dataset is: its facts, its arrays, and the sources that a job may name."""

from __future__ import annotations

import hashlib
import json
import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from core.term import Term

Task = Literal["classification", "regression"]
Features = NDArray[np.float32]
Targets = NDArray[np.int64] | NDArray[np.float32]

NAMED_FEATURES_MAX = 1000  # the names travel with the facts wherever those go


@dataclass(frozen=True)
class DatasetFacts:
    """What is known of a dataset without its data; enough to check a job and to plan memory.

    shape: of one example, `(64,)` or channels first `(1, 8, 8)`.
    classes: the class names in the order of the target numbers; `()` for regression.
    class_counts: examples of each class; `()` where only loading the data would tell.
    outputs: targets per example for regression, else 1.
    sha256: identity. Of an upload: its bytes and its spec; of a computed source: its own JSON.
    feature_names: one per feature; `()` for images and for over NAMED_FEATURES_MAX features.
    groups: how many groups the rows are of, which no split comes between; 0: there are none.
    ordered: whether each row has a time.
    duplicates: rows with the features of an earlier row, byte for byte; 0 where only loading the
        data would tell.
    """

    task: Task
    examples: int
    shape: tuple[int, ...]
    classes: tuple[str, ...] = ()
    class_counts: tuple[int, ...] = ()
    outputs: int = 1
    sha256: str = ""
    feature_names: tuple[str, ...] = ()
    name: str = ""
    groups: int = 0
    ordered: bool = False
    duplicates: int = 0

    @property
    def features(self) -> int:
        """How many numbers one example holds."""
        return math.prod(self.shape)

    @property
    def data_bytes(self) -> int:
        """Bytes of the arrays once loaded (float32 features; int64 or float32 targets)."""
        target_bytes = 8 if self.task == "classification" else 4 * self.outputs
        return self.examples * (4 * self.features + target_bytes)

    def document(self) -> dict[str, Any]:  # Any: JSON
        """As JSON-able mapping, for the store and for artifacts."""
        document = asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in document.items()}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> DatasetFacts:  # Any: JSON
        """The inverse of `document`."""
        fields: dict[str, Any] = {  # Any: JSON
            k: tuple(v) if isinstance(v, list) else v for k, v in document.items()
        }
        return cls(**fields)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Facts and arrays. The arrays are read-only, since a warm process shares them among jobs.

    features: float32, `(N, *shape)`, C-contiguous.
    targets: int64 `(N,)` class numbers, or float32 `(N, outputs)` for regression.
    groups: int64 `(N,)`, equal for rows that belong together; None where nothing does.
    times: float64 or int64 `(N,)`, ascending with time; None where rows have no order.
    """

    facts: DatasetFacts
    features: Features
    targets: Targets
    groups: NDArray[np.int64] | None = None
    times: NDArray[np.float64] | NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        expected = (self.facts.examples, *self.facts.shape)
        assert self.features.shape == expected, f"{self.features.shape} is not {expected}"
        for array in (self.features, self.targets, self.groups, self.times):
            if array is not None:
                assert len(array) == self.facts.examples, f"{len(array)} of {expected[0]} rows"
                array.setflags(write=False)


class DatasetSource(Term):
    """Where a job's data comes from: built in, generated, or uploaded before."""

    family: ClassVar[str] = "dataset"

    @abstractmethod
    def facts(self) -> DatasetFacts:
        """What the data will be like; cheap, imports nothing heavy."""

    @abstractmethod
    def load(self) -> Dataset:
        """The data itself. Prefer `load_source`, which caches and knows uploads."""

    def sha256(self) -> str:
        """Identity of a computed source: its canonical JSON, since that determines its data."""
        document = self.model_dump(mode="json")
        canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @classmethod
    def expand(cls, value: Any) -> Any:  # Any: whatever the client sent
        """`"digits"` is a built-in, `"ds_…"` an upload, another bare string names a kind."""
        if not isinstance(value, str):
            return value
        if value.startswith("ds_"):
            return {"kind": "upload", "id": value}
        return {"kind": value} if value in cls.members() else {"kind": "builtin", "name": value}
