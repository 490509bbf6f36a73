"""The family of learning-rate schedules."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from core.term import Term

if TYPE_CHECKING:
    import numpy as np
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


class Schedule(Term):
    """The factor by which the base learning rate is multiplied, at every optimizer step.

    Computed on the host for a whole epoch, so schedules never separate cohorts.
    """

    family: ClassVar[str] = "schedule"
    warmup_epochs: Annotated[
        float, Field(ge=0, le=100_000, description="epochs of linear rise from 0 to the base rate")
    ] = 0.0

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:  # Any: fields of many types
        """Bodies that show it at work; tests try each."""
        return ({},)

    @abstractmethod
    def reference(self, optimizer: Optimizer, steps: int, epochs: int) -> LRScheduler:
        """What tests compare with: torch's, stepped after each of an epoch's `steps`."""

    def factors(self, epoch: int, steps: int, epochs: int) -> np.ndarray:
        """Factors of the `steps` steps of one epoch (from 0), float64; `epochs` in all."""
        import numpy as np

        now = epoch + np.arange(steps) / steps  # in epochs, at the beginning of each step
        if self.warmup_epochs == 0:
            return self.after_warmup(now / epochs, now)
        # the first step of a warm-up has a rate above zero: step i of n gets (i + 1) / n
        rise = np.minimum(now + 1 / steps, self.warmup_epochs) / self.warmup_epochs
        rest = max(epochs - self.warmup_epochs, 1e-9)
        later = now - self.warmup_epochs
        return np.where(
            rise < 1, rise, self.after_warmup(np.clip(later / rest, 0, 1), np.maximum(later, 0))
        )

    @abstractmethod
    def after_warmup(self, share: np.ndarray, epoch: np.ndarray) -> np.ndarray:
        """Factor at `share` in [0, 1] of the time after warm-up, `epoch` epochs after it."""
