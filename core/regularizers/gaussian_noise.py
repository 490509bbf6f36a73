from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field

from core.regularizers.fgsm import along
from core.regularizers.passes import Augmentation, Draw, Minibatch, Plain, needs_numbers
from core.regularizers.regularizer import Ground
from core.term import Knob, Knobs


class GaussianNoise(Augmentation):
    """Gaussian noise on the inputs, new at every step; none at evaluation.

    Formula: x <- x + sd n, n ~ N(0, 1) for every number of every example

    Convention: sd is in the units that the network is given: deviations, where the data is
    standardised. Runs of one seed share the draws.

    Reference: Bishop 1995, Training with Noise is Equivalent to Tikhonov Regularization
    """

    kind: Literal["gaussian_noise"] = "gaussian_noise"
    sd: Annotated[
        float,
        Knob(ge=0, neutral=0.0, simpler="high"),
        Field(description="standard deviation, in the units trained on"),
    ] = 0.1

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({"sd": 0.1}, {"sd": 1.0}, {"sd": 0.0})

    def fits(self, ground: Ground) -> str | None:
        return needs_numbers(self.kind, ground)

    def on_batch(self, batch: Minibatch, draw: Draw, knobs: Knobs) -> Minibatch:
        noisy = {
            name: x_RB + along(knobs.sd, x_RB) * draw.normal(name, *x_RB.shape[2:])
            for name, x_RB in batch.inputs.items()
        }
        return replace(batch, inputs=noisy)

    def reference(self, plain: Plain) -> None:
        plain.x_B = plain.x_B + self.sd * plain.draw.normal("x", *plain.x_B.shape[1:])
