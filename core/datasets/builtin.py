"""Small classic datasets that ship with scikit-learn: nothing is downloaded."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from core.datasets.fields import numbers
from core.datasets.shipped import shipped
from core.datasets.source import Dataset, DatasetFacts, DatasetSource, Features

DIGITS_LARGEST = 16  # the digits' pixels count set bits in 4x4 blocks: 0 to 16

_BREAST_CANCER_MEASURES = (
    "radius", "texture", "perimeter", "area", "smoothness",
    "compactness", "concavity", "concave points", "symmetry", "fractal dimension",
)  # fmt: skip
_WINE_FEATURES = (
    "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols",
    "flavanoids", "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue",
    "od280/od315_of_diluted_wines", "proline",
)  # fmt: skip
_IRIS_FEATURES = tuple(
    f"{part} {side} (cm)" for part in ("sepal", "petal") for side in ("length", "width")
)
_FACTS = {
    facts.name: facts
    for facts in (
        DatasetFacts.of_numbers(
            "classification", 1797, (1, 8, 8), tuple(str(d) for d in range(10)),
            (178, 182, 177, 183, 181, 182, 181, 179, 174, 180), name="digits",
        ),
        DatasetFacts.of_numbers(
            "classification", 569, (30,), ("malignant", "benign"), (212, 357),
            name="breast_cancer",
            feature_names=(
                *(f"mean {measure}" for measure in _BREAST_CANCER_MEASURES),
                *(f"{measure} error" for measure in _BREAST_CANCER_MEASURES),
                *(f"worst {measure}" for measure in _BREAST_CANCER_MEASURES),
            ),
        ),
        DatasetFacts.of_numbers(
            "classification", 178, (13,), ("class_0", "class_1", "class_2"), (59, 71, 48),
            name="wine", feature_names=_WINE_FEATURES,
        ),
        DatasetFacts.of_numbers(
            "classification", 150, (4,), ("setosa", "versicolor", "virginica"), (50, 50, 50),
            name="iris", feature_names=_IRIS_FEATURES,
            duplicates=1,
        ),
        DatasetFacts.of_numbers(
            "regression", 442, (10,), name="diabetes",
            feature_names=("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
        ),
    )
}  # fmt: skip


class Builtin(DatasetSource):
    """A small classic dataset: digits, breast_cancer, wine, iris or diabetes.

    Digits are 1797 handwritten digits as grey images of 8x8 pixels in [0, 1]; `image_size` resizes
    them bilinearly, say to 28x28. Breast cancer, wine and iris are tables with 2, 3 and 3 classes;
    diabetes is a regression with 10 features.

    Shapes: digits (1, 8, 8) or (1, image_size, image_size), channels first; the others are flat.

    Reference: https://scikit-learn.org/stable/datasets/toy_dataset.html
    """

    kind: Literal["builtin"] = "builtin"
    name: Literal["digits", "breast_cancer", "wine", "iris", "diabetes"]
    image_size: Annotated[int, Field(ge=4, le=128, strict=True)] | None = None

    @model_validator(mode="after")
    def _only_images_are_resized(self) -> Self:
        if self.image_size is not None and self.name != "digits":
            raise PydanticCustomError(
                "image_size",
                "image_size resizes images, and {name} is a table; leave it out or use digits",
                {"name": self.name},
            )
        return self

    def facts(self) -> DatasetFacts:
        facts = replace(_FACTS[self.name], sha256=self.sha256())
        if self.image_size is None:
            return facts
        return replace(facts, inputs=numbers((1, self.image_size, self.image_size)))

    def load(self) -> Dataset:
        facts = self.facts()
        table, targets = shipped(self.name)
        features = np.ascontiguousarray(table, np.float32)
        if self.name == "digits":
            features = features.reshape(-1, 1, 8, 8) / np.float32(DIGITS_LARGEST)
        if self.image_size is not None:
            features = _resized(features, self.image_size)
        if facts.task == "classification":
            return Dataset.of_numbers(facts, features, targets.astype(np.int64))
        return Dataset.of_numbers(facts, features, targets.astype(np.float32).reshape(-1, 1))


def _resized(images: Features, size: int) -> Features:
    """Bilinear resize of square images (N, C, H, H) to (N, C, size, size), half-pixel centres."""
    weights = _bilinear(images.shape[-1], size)
    return np.ascontiguousarray(weights @ images @ weights.T, np.float32)


def _bilinear(old: int, new: int) -> NDArray[np.float32]:
    """(new, old) interpolation weights: each row has two neighbours that sum to 1."""
    centres = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    distances = np.abs(centres[:, None] - np.arange(old))
    weights: NDArray[np.float32] = np.maximum(1 - distances, 0).astype(np.float32)
    return weights
