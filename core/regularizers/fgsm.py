from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from core.regularizers.passes import Pass, Plain, Regradient, States, needs_numbers
from core.regularizers.regularizer import Ground
from core.tensors import torch
from core.term import Knob, Knobs

Epsilon = Annotated[
    float,
    Knob(ge=0, neutral=0.0, simpler="high"),
    Field(description="largest change of any number of an input, in the units trained on"),
]


class Fgsm(Regradient):
    """Adversarial training by one step: the gradient for inputs moved against the model.

    Formula: x' = x + epsilon sign(dL/dx); g <- grad L at x'

    Convention: epsilon is in the units that the network is given: deviations, where the data is
    standardised. Only x' is trained on; train_loss and train_accuracy are of x. Inputs are not
    clipped to a range. A step costs three.

    Reference: Goodfellow et al. 2015, Explaining and Harnessing Adversarial Examples
    """

    kind: Literal["fgsm"] = "fgsm"
    epsilon: Epsilon = 0.1

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({"epsilon": 0.1}, {"epsilon": 0.5}, {"epsilon": 0.0})

    def fits(self, ground: Ground) -> str | None:
        return needs_numbers(self.kind, ground)

    @property
    def passes(self) -> int:
        return 2

    def regradient(self, at: Pass, state: States, knobs: Knobs) -> None:
        slopes = at.input_gradient()
        at.gradient(
            {n: x + along(knobs.epsilon, x) * slopes[n].sign() for n, x in at.inputs.items()}
        )

    def reference(self, plain: Plain) -> None:
        train_at(plain, plain.x_B + self.epsilon * input_slope(plain, plain.x_B).sign())


def along(value_R: torch.Tensor, x_RB: torch.Tensor) -> torch.Tensor:
    """(R,) with axes to meet x (R, B, ...)."""
    return value_R.view(-1, *[1] * (x_RB.dim() - 1))


def input_slope(plain: Plain, x_B: torch.Tensor) -> torch.Tensor:
    """dL/dx in plain torch."""
    x_B = x_B.detach().requires_grad_()
    (slope_B,) = torch.autograd.grad(plain.loss(x_B), x_B)
    return slope_B


def train_at(plain: Plain, x_B: torch.Tensor) -> None:
    """Leave the gradient for these inputs, in plain torch."""
    for w in plain.weights:
        w.grad = None
    plain.loss(x_B).backward()
