from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from core.schedules.schedule import Schedule

if TYPE_CHECKING:
    import numpy as np
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


class Step(Schedule):
    """The learning rate falls by a factor every so many epochs.

    Formula: gamma^floor(epoch / every)

    Reference: torch.optim.lr_scheduler.StepLR
    """

    kind: Literal["step"] = "step"
    every: Annotated[int, Field(ge=1, le=100_000, description="epochs between falls")] = 10
    gamma: Annotated[float, Field(gt=0, le=1, description="factor of each fall")] = 0.1

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({}, {"every": 1, "gamma": 0.5}, {"every": 5, "gamma": 0.3}, {"every": 100})

    def reference(self, optimizer: Optimizer, steps: int, epochs: int) -> LRScheduler:
        from torch.optim import lr_scheduler

        return lr_scheduler.StepLR(optimizer, self.every * steps, self.gamma)

    def after_warmup(self, share: np.ndarray, epoch: np.ndarray) -> np.ndarray:
        import numpy as np

        # a step's time is a sum of fractions: 1e-9 keeps 9.999… from counting as the tenth epoch
        return self.gamma ** np.floor(epoch / self.every + 1e-9)
