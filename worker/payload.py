"""The columnar metrics payload: what one logged epoch of a cohort looks like on its way to rows.

    {"epoch": 3, "runs": ["run_a", …], "metrics": {"val_loss": [0.25, null, …], …},
     "nonfinite": {"val_loss": {"1": "nan"}}}

One position of every column belongs to the run at the same position of `runs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

Column = list[float | None]
Kinds = dict[str, dict[str, str]]  # name → position → "nan" | "inf" | "-inf"


def columns(metrics: Mapping[str, Sequence[float]]) -> tuple[dict[str, Column], Kinds]:
    """Every column ready for JSON: float32 in its shortest decimal, a non-finite value as null.

    >>> columns({"val_loss": [0.1, float("nan")]})
    ({'val_loss': [0.1, None]}, {'val_loss': {'1': 'nan'}})
    """
    ready: dict[str, Column] = {}
    kinds: Kinds = {}
    for name, values in metrics.items():
        with np.errstate(over="ignore"):  # beyond float32 is inf, and is said to be
            single = np.asarray(values, dtype=np.float32)
        ready[name], strange = _column(single)
        if strange:
            kinds[name] = strange
    return ready, kinds


def numbers(column: Sequence[float | None], kinds: Mapping[str, str]) -> list[float]:
    """The way back: null becomes the non-finite value that it stands for."""
    values = [float("nan") if value is None else value for value in column]
    for position, kind in kinds.items():
        values[int(position)] = float(kind)
    return values


def _column(values: np.ndarray) -> tuple[Column, dict[str, str]]:
    # numpy prints a float32 with the fewest digits that read back as the same float32.
    column: Column = [float(text) for text in values.astype(str)]
    strange = {str(i): str(column[i]) for i in np.flatnonzero(~np.isfinite(values))}
    for position in strange:
        column[int(position)] = None
    return column, strange
