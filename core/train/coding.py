"""What training parts let a network tell apart: ids and tokens as numbers of their own.

Of each training part: what it has most often comes first, as many as the field says; what it has
once, has not, or has not often enough is OTHER. So no row outside it decides anything.
"""

from __future__ import annotations

from typing import Any  # ids and tokens are int32, beside numbers in one mapping

import numpy as np
from numpy.typing import NDArray

from core.datasets.fields import NOTHING, OTHER, RESERVED, SEEN_MIN, Field


def coding(field: Field, value_N: NDArray[Any], train: NDArray[np.int64]) -> NDArray[np.int32]:
    """(known,) what the network is given for each id or token; by a training part's rows."""
    count_V = np.bincount(value_N[train].ravel(), minlength=field.known)
    count_V[:RESERVED] = 0
    ranked = np.argsort(-count_V, kind="stable")[: field.size - RESERVED]
    kept = ranked[count_V[ranked] >= SEEN_MIN]
    coded_V = np.full(field.known, OTHER, np.int32)
    coded_V[NOTHING] = NOTHING
    coded_V[kept] = RESERVED + np.arange(len(kept), dtype=np.int32)
    return coded_V
