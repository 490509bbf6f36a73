from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from core.schedules.schedule import Schedule

if TYPE_CHECKING:
    import numpy as np
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


class Constant(Schedule):
    """The base learning rate at every step.

    Formula: 1
    """

    kind: Literal["constant"] = "constant"

    def reference(self, optimizer: Optimizer, steps: int, epochs: int) -> LRScheduler:
        from torch.optim import lr_scheduler

        return lr_scheduler.ConstantLR(optimizer, factor=1)

    def after_warmup(self, share: np.ndarray, epoch: np.ndarray) -> np.ndarray:
        return 0 * share + 1
