"""Random classification with known informative features."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from core.datasets.generated import Examples, Seed, check_table, feature_names
from core.datasets.source import Dataset, DatasetFacts, DatasetSource


class Classification(DatasetSource):
    """Gaussian clusters at corners of a hypercube: some features inform, the rest is noise.

    Good for asking whether a sparse regularizer finds the features that matter.

    Convention: `noise` is the share of examples whose class is drawn at random; `separation`
    stretches the hypercube. Columns are shuffled. classes x clusters corners need that many
    vertices, so classes x clusters <= 2^informative; informative + redundant <= features.

    Shapes: (features,) features; `classes` classes of about equal size.

    Reference: sklearn.datasets.make_classification; Guyon, "Design of experiments for the NIPS
    2003 variable selection benchmark", 2003.
    """

    kind: Literal["classification"] = "classification"
    examples: Examples = 1000
    features: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 20
    informative: Annotated[int, Field(ge=1, le=1000, strict=True)] = 5
    redundant: Annotated[int, Field(ge=0, le=1000, strict=True)] = 0
    classes: Annotated[int, Field(ge=2, le=1000, strict=True)] = 2
    clusters: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    separation: Annotated[float, Field(ge=0, le=100, strict=True)] = 1.0
    noise: Annotated[float, Field(ge=0, le=1, strict=True)] = 0.01
    seed: Seed = 0

    @model_validator(mode="after")
    def _can_be_made(self) -> Self:
        check_table(self.examples, self.features, self.informative, self.redundant)
        corners = self.classes * self.clusters
        if corners > 2**self.informative:
            raise PydanticCustomError(
                "classification",
                "{classes} classes of {clusters} clusters need {corners} corners of a hypercube, "
                "and {informative} informative features have only {vertices}; "
                "raise informative to at least {enough}",
                {
                    "classes": self.classes,
                    "clusters": self.clusters,
                    "corners": corners,
                    "informative": self.informative,
                    "vertices": 2**self.informative,
                    "enough": (corners - 1).bit_length(),
                },
            )
        if corners > self.examples:
            raise PydanticCustomError(
                "classification",
                "{examples} examples cannot fill {corners} clusters; raise examples",
                {"examples": self.examples, "corners": corners},
            )
        return self

    def facts(self) -> DatasetFacts:
        return DatasetFacts.of_numbers(
            "classification",
            self.examples,
            (self.features,),
            tuple(str(c) for c in range(self.classes)),
            sha256=self.sha256(),
            feature_names=feature_names(self.features),
            name=self.kind,
        )

    def load(self) -> Dataset:
        from sklearn.datasets import make_classification

        features, targets = make_classification(
            self.examples,
            self.features,
            n_informative=self.informative,
            n_redundant=self.redundant,
            n_classes=self.classes,
            n_clusters_per_class=self.clusters,
            class_sep=self.separation,
            flip_y=self.noise,
            random_state=self.seed,
        )
        return Dataset.of_numbers(
            self.facts(), np.ascontiguousarray(features, np.float32), targets.astype(np.int64)
        )
