"""Two circles in the plane."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from core.datasets.generated import Examples, Seed, feature_names
from core.datasets.source import Dataset, DatasetFacts, DatasetSource


class Circles(DatasetSource):
    """Two concentric circles in the plane: two classes, one around the other.

    Formula: class 0 is (cos t, sin t) and class 1 is `factor` (cos t, sin t), 0 <= t < 2 pi, each
    coordinate plus a normal deviate of standard deviation `noise`.

    Shapes: (2,) features, 2 classes with equal numbers of examples (within one).

    Reference: sklearn.datasets.make_circles.
    """

    kind: Literal["circles"] = "circles"
    examples: Examples = 1000
    noise: Annotated[float, Field(ge=0, le=10, strict=True)] = 0.05
    factor: Annotated[float, Field(ge=0, lt=1, strict=True)] = 0.8
    seed: Seed = 0

    def facts(self) -> DatasetFacts:
        return DatasetFacts.of_numbers(
            "classification",
            self.examples,
            (2,),
            ("0", "1"),
            (self.examples // 2, self.examples - self.examples // 2),
            sha256=self.sha256(),
            feature_names=feature_names(2),
            name=self.kind,
        )

    def load(self) -> Dataset:
        from sklearn.datasets import make_circles

        features, targets = make_circles(
            self.examples, noise=self.noise, factor=self.factor, random_state=self.seed
        )
        return Dataset.of_numbers(
            self.facts(), np.ascontiguousarray(features, np.float32), targets.astype(np.int64)
        )
