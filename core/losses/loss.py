"""The family of losses."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from core.tensors import torch
from core.term import Knobs, Task, Term

if TYPE_CHECKING:
    import numpy as np


class Loss(Term):
    """A loss: per-example, per-run, unreduced. J_r = mean_b loss[r, b] + the penalties.

    Integer targets are class indices, shape (R, B); float targets are values, shape (R, B, O).
    """

    family: ClassVar[str] = "loss"
    tasks: ClassVar[tuple[Task, ...]]

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:  # Any: fields of many types
        """Bodies that show it at work, the edges of its knobs included; tests try each."""
        return ({},)

    @abstractmethod
    def reference(self, prediction_BO: torch.Tensor, target_B: torch.Tensor) -> torch.Tensor:
        """loss_B of one run, by code that others trust or written out: what tests compare with."""

    def fits(self, task: Task, classes: int) -> str | None:
        """None when this loss suits the task, else why not and what would."""
        if task in self.tasks:
            return None
        return f"{self.kind} works with {' or '.join(self.tasks)}, and this dataset is {task}"

    def outputs(self, classes: int, targets: int) -> int:
        """Width of the network's last layer, for so many classes (0: regression) or targets."""
        return classes or targets

    def constants(self, targets: np.ndarray, classes: int) -> Mapping[str, np.ndarray]:
        """What one replicate's training targets add to the knobs, e.g. balanced class weights."""
        return {}

    @abstractmethod
    def rows(
        self, prediction_RBO: torch.Tensor, target_RB: torch.Tensor, knobs: Knobs
    ) -> torch.Tensor:
        """loss_RB, one number for each run and example."""

    def value_and_grad(
        self, prediction_RBO: torch.Tensor, target_RB: torch.Tensor, knobs: Knobs
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """loss_RB, and the gradient of its mean over the minibatch, (R, B, O). By autograd."""
        prediction_RBO = prediction_RBO.detach().requires_grad_()
        with torch.enable_grad():
            loss_RB = self.rows(prediction_RBO, target_RB, knobs)
        share_RB = torch.full_like(loss_RB, 1 / loss_RB.shape[1])
        (grad_RBO,) = torch.autograd.grad(loss_RB, prediction_RBO, share_RB)
        return loss_RB.detach(), grad_RBO

    @property
    def gives_probabilities(self) -> bool:
        """Whether `probabilities` gives any."""
        return type(self).probabilities is not Loss.probabilities

    def probabilities(self, prediction_RBO: torch.Tensor) -> torch.Tensor | None:
        """(R, B, C) class probabilities, or None where the output is not one."""
        return None


def as_values(target_RB: torch.Tensor, prediction_RBO: torch.Tensor) -> torch.Tensor:
    """Targets in the shape of the prediction: class indices become one-hot rows."""
    if target_RB.is_floating_point():
        return target_RB
    outputs = prediction_RBO.shape[-1]
    if outputs == 1:
        return target_RB.unsqueeze(-1).to(prediction_RBO.dtype)
    return torch.nn.functional.one_hot(target_RB, outputs).to(prediction_RBO.dtype)
