"""What a dataset is: its facts, its arrays, and the sources that a job may name."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from core.datasets.fields import ONLY, Field, Shape, field_of, numbers
from core.term import Term

Task = Literal["classification", "regression"]
Features = NDArray[np.float32]
Coded = NDArray[np.int32]
Inputs = Mapping[str, Features | Coded | NDArray[np.uint8]]
Targets = NDArray[np.int64] | NDArray[np.float32]

NAMED_FEATURES_MAX = 1000  # the names travel with the facts wherever those go


@dataclass(frozen=True)
class DatasetFacts:
    """What is known of a dataset without its data; enough to check a job and to plan memory.

    inputs: the fields of one example, in order.
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
    inputs: tuple[Field, ...]
    classes: tuple[str, ...] = ()
    class_counts: tuple[int, ...] = ()
    outputs: int = 1
    sha256: str = ""
    feature_names: tuple[str, ...] = ()
    name: str = ""
    groups: int = 0
    ordered: bool = False
    duplicates: int = 0

    @classmethod
    def of_numbers(
        cls, task: Task, examples: int, shape: Sequence[int], *rest: Any, **more: Any
    ) -> Self:  # Any: as in the constructor
        """Of data that is one array of numbers, (N, *shape): a table, or images."""
        return cls(task, examples, numbers(shape), *rest, **more)

    @property
    def only(self) -> Field | None:
        """The one field of numbers, None where the data is made of others."""
        first, *others = self.inputs
        return None if others or first.coded else first

    @property
    def shape(self) -> Shape:
        """Of one example of one field of numbers, `(64,)` or channels first `(1, 8, 8)`."""
        assert self.only is not None, f"{self.name} is no single array of numbers"
        return self.only.shape

    @property
    def features(self) -> int:
        """How many numbers one example holds."""
        return sum(field.numbers for field in self.inputs)

    @property
    def data_bytes(self) -> int:
        """Bytes of the arrays once loaded (inputs as stored; int64 or float32 targets)."""
        target_bytes = 8 if self.task == "classification" else 4 * self.outputs
        return self.examples * (sum(field.bytes for field in self.inputs) + target_bytes)

    def document(self) -> dict[str, Any]:  # Any: JSON
        """As JSON-able mapping, for the store and for artifacts."""
        document = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return {**document, "inputs": [field.document() for field in self.inputs]}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> DatasetFacts:  # Any: JSON
        """The inverse of `document`."""
        known: dict[str, Any] = {  # Any: JSON
            k: tuple(v) if isinstance(v, list) else v for k, v in document.items()
        }
        if "shape" in known:  # as stored before data had fields
            shape = known.pop("shape")
            return cls(**known, inputs=numbers(shape))
        return cls(**{**known, "inputs": tuple(field_of(one) for one in document["inputs"])})


@dataclass(frozen=True, eq=False)
class Dataset:
    """Facts and arrays. The arrays are read-only, since a warm process shares them among jobs.

    inputs: of each field `(N, *shape)`, C-contiguous: float32, int32 of ids and tokens, or uint8 of
        images whose 0 to 255 stand for 0 to 1.
    targets: int64 `(N,)` class numbers, or float32 `(N, outputs)` for regression.
    groups: int64 `(N,)`, equal for rows that belong together; None where nothing does.
    times: float64 or int64 `(N,)`, ascending with time; None where rows have no order.
    words: of each field of ids or tokens, what they mean, from RESERVED on.
    """

    facts: DatasetFacts
    inputs: Inputs
    targets: Targets
    groups: NDArray[np.int64] | None = None
    times: NDArray[np.float64] | NDArray[np.int64] | None = None
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of_numbers(
        cls, facts: DatasetFacts, features: Features, *rest: Any, **more: Any
    ) -> Dataset:  # Any: as in the constructor
        """Of one array of numbers, (N, *shape): a table, or images."""
        return cls(facts, {ONLY: features}, *rest, **more)

    def __post_init__(self) -> None:
        expected = {f.name: (self.facts.examples, *f.shape) for f in self.facts.inputs}
        found = {name: array.shape for name, array in self.inputs.items()}
        assert found == expected, f"{found} is not {expected}"
        for array in (*self.inputs.values(), self.targets, self.groups, self.times):
            if array is not None:
                assert len(array) == self.facts.examples, f"{len(array)} rows"
                array.setflags(write=False)

    @property
    def features(self) -> Features:
        """Of one field of numbers."""
        assert self.facts.only is not None, f"{self.facts.name} is no single array of numbers"
        found: Features = self.inputs[self.facts.only.name]  # type: ignore[assignment]
        return found


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
