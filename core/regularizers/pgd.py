from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from core.regularizers.fgsm import Epsilon, along, input_slope, train_at
from core.regularizers.passes import Pass, Plain, Regradient, States, needs_numbers
from core.regularizers.regularizer import Ground
from core.tensors import torch
from core.term import Knob, Knobs

STRIDE = 2.5  # as Madry et al.: enough to reach the box's edge from anywhere in it


class Pgd(Regradient):
    """Adversarial training by projected steps: the gradient for the worst inputs found in a box.

    Formula: x' = x; x' <- clip(x' + a sign(dL/dx'), x - epsilon, x + epsilon) in so many steps,
    a = 2.5 epsilon / steps; g <- grad L at x'

    Convention: epsilon as fgsm has it; it starts at x itself, so one step is fgsm. A step of
    training costs two more than `steps`.

    Reference: Madry et al. 2018, Towards Deep Learning Models Resistant to Adversarial Attacks
    """

    kind: Literal["pgd"] = "pgd"
    epsilon: Epsilon = 0.1
    steps: Annotated[
        int,
        Knob(ge=1, le=100, integer=True, structural=True),
        Field(description="steps of each attack"),
    ] = 5

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({"epsilon": 0.1}, {"epsilon": 0.4, "steps": 3}, {"epsilon": 0.2, "steps": 1})

    def fits(self, ground: Ground) -> str | None:
        return needs_numbers(self.kind, ground)

    @property
    def passes(self) -> int:
        return self.steps + 1

    def regradient(self, at: Pass, state: States, knobs: Knobs) -> None:
        moved = dict(at.inputs)
        for _ in range(self.steps):
            slopes = at.input_gradient(moved)
            for name, x_RB in at.inputs.items():
                epsilon = along(knobs.epsilon, x_RB)
                farther = moved[name] + (STRIDE / self.steps) * epsilon * slopes[name].sign()
                moved[name] = torch.clamp(farther, x_RB - epsilon, x_RB + epsilon)
        at.gradient(moved)

    def reference(self, plain: Plain) -> None:
        x_B = plain.x_B
        for _ in range(self.steps):
            x_B = x_B + STRIDE * self.epsilon / self.steps * input_slope(plain, x_B).sign()
            x_B = torch.clamp(x_B, plain.x_B - self.epsilon, plain.x_B + self.epsilon)
        train_at(plain, x_B)
