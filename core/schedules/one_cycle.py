from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from core.schedules.schedule import Schedule

if TYPE_CHECKING:
    import numpy as np
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


class OneCycle(Schedule):
    """One rise to the base learning rate and a long fall far below where it began.

    Formula: half a cosine from 1/div to 1 in the first `rise` of training, then one to
    1/(div final_div)

    Convention: the base learning rate is the highest; momentum stays as it is.

    Reference: Smith and Topin 2018, "Super-convergence"; torch OneCycleLR with cycle_momentum off
    """

    kind: Literal["one_cycle"] = "one_cycle"
    rise: Annotated[float, Field(gt=0, lt=1, description="share of training that rises")] = 0.3
    div: Annotated[float, Field(ge=1, le=1e4, description="peak over first rate")] = 25.0
    final_div: Annotated[float, Field(ge=1, le=1e6, description="first over last rate")] = 1e4

    @model_validator(mode="after")
    def _rises_by_itself(self) -> Self:
        if self.warmup_epochs:
            raise PydanticCustomError(
                "one_cycle", "one_cycle rises by itself; leave warmup_epochs out and set rise"
            )
        return self

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({}, {"rise": 0.5, "div": 10, "final_div": 1}, {"rise": 0.1, "div": 1})

    def reference(self, optimizer: Optimizer, steps: int, epochs: int) -> LRScheduler:
        from torch.optim.lr_scheduler import OneCycleLR

        return OneCycleLR(
            optimizer,
            max_lr=optimizer.param_groups[0]["lr"],
            # torch counts the steps between the first and the last rate
            total_steps=steps * epochs + 1,
            pct_start=(self.rise * steps * epochs + 1) / (steps * epochs + 1),
            div_factor=self.div,
            final_div_factor=self.final_div,
            cycle_momentum=False,
        )

    def after_warmup(self, share: np.ndarray, epoch: np.ndarray) -> np.ndarray:
        import numpy as np

        first, last = 1 / self.div, 1 / (self.div * self.final_div)
        up = first + (1 - first) * (1 - np.cos(np.pi * share / self.rise)) / 2
        down = last + (1 - last) * (1 + np.cos(np.pi * (share - self.rise) / (1 - self.rise))) / 2
        return np.where(share < self.rise, up, down)
