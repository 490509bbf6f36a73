"""The head of a dataset and a few numbers per column, for a look before training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.datasets.fields import NOTHING, Field, as_numbers
from core.datasets.source import Dataset, DatasetFacts

COLUMNS_MAX = 1000  # of large images only the first pixels are described


def preview(dataset: Dataset, rows: int = 20) -> dict[str, Any]:  # Any: JSON
    """The first rows, per-feature min, mean, max and missing, and class counts, JSON-able.

    At most COLUMNS_MAX features are shown; `features_total` says how many there are.
    """
    facts = dataset.facts
    if facts.only is None:
        return _of_words(dataset, rows)
    columns = _columns(facts)
    table = as_numbers(dataset.features.reshape(facts.examples, -1)[:, : len(columns)])
    statistics = zip(
        columns,
        table.min(0),
        table.mean(0, dtype=np.float64).astype(np.float32),
        table.max(0),
        np.isnan(table).sum(0),
        strict=True,
    )
    return {
        "columns": columns,
        "rows": [[_plain(value) for value in row] for row in table[:rows]],
        "targets": _head_of_targets(dataset, rows),
        "features_total": facts.features,
        "features": [
            {
                "name": name,
                "min": _plain(low),
                "mean": _plain(mean),
                "max": _plain(high),
                "missing": int(missing),
            }
            for name, low, mean, high, missing in statistics
        ],
        "classes": _class_counts(dataset),
    }


def _of_words(dataset: Dataset, rows: int) -> dict[str, Any]:  # Any: JSON
    """As `preview`, of texts or interactions: a column for each field, in words."""
    fields = dataset.facts.inputs
    columns = [_said(dataset.inputs[f.name][:rows], dataset.words[f.name], f) for f in fields]
    return {
        "columns": [field.name for field in fields],
        "rows": [list(row) for row in zip(*columns, strict=True)],
        "targets": _head_of_targets(dataset, rows),
        "features_total": len(fields),
        "features": [],
        "classes": _class_counts(dataset),
    }


def _said(value_N: NDArray[Any], words: Sequence[str], field: Field) -> list[str]:
    """Ids and tokens as they are read: OTHER as …, and nothing beyond a text's end."""
    meaning = ["", "…", *words]
    between = "" if field.by == "character" else " "
    return [
        between.join(meaning[number] for number in np.atleast_1d(row) if number != NOTHING)
        for row in value_N
    ]


def _columns(facts: DatasetFacts) -> list[str]:
    if facts.feature_names:
        return list(facts.feature_names[:COLUMNS_MAX])
    shown = min(facts.features, COLUMNS_MAX)
    if len(facts.shape) == 1:
        return [f"x{i}" for i in range(shown)]
    places = zip(*np.unravel_index(np.arange(shown), facts.shape), strict=True)
    return ["pixel_" + "_".join(str(i) for i in place) for place in places]


def _head_of_targets(dataset: Dataset, rows: int) -> list[str] | list[list[float]]:
    """Class names, or the outputs of each example."""
    head = dataset.targets[:rows]
    if dataset.facts.task == "classification":
        return [dataset.facts.classes[int(number)] for number in head]
    return [[_plain(value) for value in row] for row in head]


def _class_counts(dataset: Dataset) -> list[dict[str, Any]]:  # Any: JSON
    if dataset.facts.task == "regression":
        return []
    names = dataset.facts.classes
    counts = np.bincount(dataset.targets.astype(np.int64), minlength=len(names))
    return [{"name": n, "count": int(c)} for n, c in zip(names, counts, strict=True)]


def _plain(value: np.float32) -> float:
    """The shortest decimal that is this float32: 0.1, not 0.10000000149011612."""
    return float(str(value))
