"""What counts as one observation: a replicate, or a fold with its seeds averaged.

The folds are the same for every seed unless the split is resampled. Then k folds × S seeds are
k observations of how the data vary, not k · S, and a deviation over all of them would promise too
much. Single scores, the 1-SE rule and the tests of pairs all count alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Replicate = tuple[int, int | None]


def shares_folds(document: Mapping[str, object]) -> bool:
    """Whether every seed of a resolved job has the same folds."""
    split = document.get("split")
    resampled = isinstance(split, Mapping) and bool(split.get("resample"))
    return isinstance(document.get("folds"), int) and not resampled


def units_of(
    document: Mapping[str, object], replicates: Sequence[Replicate]
) -> NDArray[np.int64] | None:
    """(R,) the unit that each replicate belongs to; None where each is one of its own."""
    return fold_of(replicates) if shares_folds(document) else None


def fold_of(replicates: Sequence[Replicate]) -> NDArray[np.int64]:
    """(R,) folds; -1 where a replicate has none."""
    return np.array([-1 if fold is None else fold for _, fold in replicates], dtype=np.int64)
