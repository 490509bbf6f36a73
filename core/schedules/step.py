from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from core.schedules.schedule import Schedule

if TYPE_CHECKING:
    import numpy as np


class Step(Schedule):
    """The learning rate falls by a factor every so many epochs.

    Formula: gamma^floor(epoch / every)

    Reference: torch.optim.lr_scheduler.StepLR
    """

    kind: Literal["step"] = "step"
    every: Annotated[int, Field(ge=1, le=100_000, description="epochs between falls")] = 10
    gamma: Annotated[float, Field(gt=0, le=1, description="factor of each fall")] = 0.1

    def after_warmup(self, share: np.ndarray, epoch: np.ndarray) -> np.ndarray:
        import numpy as np

        # a step's time is a sum of fractions: 1e-9 keeps 9.999… from counting as the tenth epoch
        return self.gamma ** np.floor(epoch / self.every + 1e-9)
