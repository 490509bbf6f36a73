from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from core.schedules.schedule import Schedule

if TYPE_CHECKING:
    import numpy as np
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


class Cosine(Schedule):
    """Half a cosine from the base learning rate down to a floor, per step.

    Formula: f + (1 - f) (1 + cos(pi t / T)) / 2, f = floor

    Reference: Loshchilov and Hutter 2017, SGDR; torch CosineAnnealingLR stepped per minibatch
    """

    kind: Literal["cosine"] = "cosine"
    floor: Annotated[float, Field(ge=0, le=1, description="final factor")] = 0.0

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({}, {"floor": 0.25}, {"floor": 1.0})

    def reference(self, optimizer: Optimizer, steps: int, epochs: int) -> LRScheduler:
        from torch.optim import lr_scheduler

        return lr_scheduler.CosineAnnealingLR(optimizer, steps * epochs, eta_min=self.floor)

    def after_warmup(self, share: np.ndarray, epoch: np.ndarray) -> np.ndarray:
        import numpy as np

        return self.floor + (1 - self.floor) * (1 + np.cos(np.pi * share)) / 2
