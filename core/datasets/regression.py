"""Random linear regression with known informative features."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from core.datasets.generated import Examples, Seed, check_table, feature_names
from core.datasets.source import Dataset, DatasetFacts, DatasetSource


class Regression(DatasetSource):
    """A linear model of few informative features, plus noise: the lasso's home ground.

    Formula: y = X w + noise * e, with X and e standard normal; `informative` of the rows of w are
    uniform in [0, 100), the others are zero.

    Shapes: (features,) features, `outputs` targets.

    Reference: sklearn.datasets.make_regression.
    """

    kind: Literal["regression"] = "regression"
    examples: Examples = 1000
    features: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 20
    informative: Annotated[int, Field(ge=1, le=1000, strict=True)] = 5
    outputs: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    noise: Annotated[float, Field(ge=0, le=1e6, strict=True)] = 10.0
    seed: Seed = 0

    @model_validator(mode="after")
    def _can_be_made(self) -> Self:
        check_table(self.examples, self.features, self.informative)
        return self

    def facts(self) -> DatasetFacts:
        return DatasetFacts.of_numbers(
            "regression",
            self.examples,
            (self.features,),
            outputs=self.outputs,
            sha256=self.sha256(),
            feature_names=feature_names(self.features),
            name=self.kind,
        )

    def load(self) -> Dataset:
        from sklearn.datasets import make_regression

        features, targets = make_regression(
            self.examples,
            self.features,
            n_informative=self.informative,
            n_targets=self.outputs,
            noise=self.noise,
            random_state=self.seed,
        )
        return Dataset.of_numbers(
            self.facts(),
            np.ascontiguousarray(features, np.float32),
            targets.reshape(-1, self.outputs).astype(np.float32),
        )
