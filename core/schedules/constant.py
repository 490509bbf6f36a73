from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from core.schedules.schedule import Schedule

if TYPE_CHECKING:
    import numpy as np


class Constant(Schedule):
    """The base learning rate at every step.

    Formula: 1
    """

    kind: Literal["constant"] = "constant"

    def after_warmup(self, share: np.ndarray, epoch: np.ndarray) -> np.ndarray:
        return 0 * share + 1
