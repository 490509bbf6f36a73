"""What the generated sources share: the bounds of their fields and the facts of a flat table."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_core import PydanticCustomError

from core.datasets.source import NAMED_FEATURES_MAX

GENERATED_VALUES_MAX = 50_000_000  # examples x features; 400 MB while scikit-learn has float64

Examples = Annotated[int, Field(ge=10, le=1_000_000, strict=True)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1, strict=True)]


def feature_names(features: int) -> tuple[str, ...]:
    """x0, x1, …: names for columns that have none; no names where there are too many to read."""
    return tuple(f"x{i}" for i in range(features)) if features <= NAMED_FEATURES_MAX else ()


def check_table(examples: int, features: int, informative: int, redundant: int = 0) -> None:
    """Refuse a table too large to make, or with more kinds of features than features."""
    if examples * features > GENERATED_VALUES_MAX:
        raise PydanticCustomError(
            "generated",
            "{examples} examples of {features} features are {values} numbers; at most {most}",
            {
                "examples": examples,
                "features": features,
                "values": examples * features,
                "most": GENERATED_VALUES_MAX,
            },
        )
    if informative + redundant > features:
        raise PydanticCustomError(
            "generated",
            "informative and redundant features are {sum} together, more than the {features} "
            "features; raise features or lower informative",
            {"sum": informative + redundant, "features": features},
        )
