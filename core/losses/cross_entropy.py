from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from core.losses.loss import Loss
from core.tensors import torch
from core.term import Knob, Knobs, Task

if TYPE_CHECKING:
    import numpy as np


PositiveWeight = Annotated[float, Field(gt=0)]


class CrossEntropy(Loss):
    """Cross-entropy of the softmax of the network's outputs (logits).

    Formula: -w_y sum_c q_c log softmax(z)_c, with q = (1 - e) onehot(y) + e / C

    Convention: label_smoothing e spreads over all C classes, the true one included, as torch does.
    class_weights multiply each example's loss by its class's weight (in a smoothed target each
    class's share by its own); the mean divides by the number of examples, not by the sum of
    weights. "balanced" is n / (C n_c), whose mean is 1.

    Reference: torch.nn.CrossEntropyLoss(reduction="none")
    """

    kind: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: Annotated[
        float,
        Knob(ge=0, lt=1, neutral=0.0, simpler="high"),
        Field(description="share of the target spread evenly over the classes"),
    ] = 0.0
    class_weights: (
        Literal["balanced"] | Annotated[tuple[PositiveWeight, ...], Field(min_length=2)] | None
    ) = Field(None, description='one weight per class, or "balanced"')
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)

    def fits(self, task: Task, classes: int) -> str | None:
        weights = self.class_weights
        if task in self.tasks and isinstance(weights, tuple) and len(weights) != classes:
            return f"class_weights has {len(weights)} weights for {classes} classes"
        return super().fits(task, classes)

    def constants(self, targets: np.ndarray, classes: int) -> Mapping[str, np.ndarray]:
        import numpy as np

        if self.class_weights is None:
            return {}
        if self.class_weights != "balanced":
            return {"class_weights": np.asarray(self.class_weights, np.float32)}
        counts = np.bincount(targets, minlength=classes).clip(min=1)
        return {"class_weights": (len(targets) / (classes * counts)).astype(np.float32)}

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({}, {"label_smoothing": 0.3}, {"label_smoothing": 0.9})

    def reference(self, prediction_BO: torch.Tensor, target_B: torch.Tensor) -> torch.Tensor:
        loss_B: torch.Tensor = torch.nn.functional.cross_entropy(
            prediction_BO, target_B, reduction="none", label_smoothing=self.label_smoothing
        )
        return loss_B

    def rows(
        self, prediction_RBO: torch.Tensor, target_RB: torch.Tensor, knobs: Knobs
    ) -> torch.Tensor:
        if self.class_weights is None:
            from core.kernels import cross_entropy

            return cross_entropy(prediction_RBO, target_RB, _smoothing(knobs))
        epsilon_R = knobs.label_smoothing
        w_R1C = knobs.class_weights[:, None, :]
        weighted = w_R1C * torch.log_softmax(prediction_RBO, -1)
        hit = weighted.gather(-1, target_RB.unsqueeze(-1)).squeeze(-1)
        epsilon_R1 = epsilon_R[:, None]
        return -(1 - epsilon_R1) * hit - epsilon_R1 * weighted.mean(-1)

    def value_and_grad(
        self, prediction_RBO: torch.Tensor, target_RB: torch.Tensor, knobs: Knobs
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self.class_weights is not None:
            return super().value_and_grad(prediction_RBO, target_RB, knobs)
        from core.kernels import cross_entropy_and_grad

        return cross_entropy_and_grad(prediction_RBO, target_RB, _smoothing(knobs))

    def probabilities(self, prediction_RBO: torch.Tensor) -> torch.Tensor:
        return torch.softmax(prediction_RBO, -1)


def _smoothing(knobs: Knobs) -> torch.Tensor | None:
    return None if knobs.idle else knobs.label_smoothing
