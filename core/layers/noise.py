"""Where a regularizer's noise enters a network: a layer after each hidden activation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import InstanceOf

from core.layers.layer import Alone, Example, Layer, OfRagged, Pull, Shape, Step
from core.regularizers.regularizer import Noise
from core.tensors import torch


class NoiseLayer(Layer):
    """Made by `build`, never by a client: its kind is the noise's, and so are its knobs."""

    kind: str
    noise: InstanceOf[Noise]

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return ()  # its tests are those of the regularizers

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        raise AssertionError("no example of it is compared")

    @property
    def of_ragged(self) -> OfRagged:
        return "apart"

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        return disturbed(self.noise, x_RB, step)[0]

    def vjp(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, Pull]:
        return disturbed(self.noise, x_RB, step)


def disturbed(noise: Noise, x_RB: torch.Tensor, step: Step) -> tuple[torch.Tensor, Pull]:
    """x with noise in the rows where it acts, and its vector-Jacobian product."""
    if not step.training or not step.acting:
        return x_RB, lambda dy: dy
    assert step.uniforms is not None, "training without a source of draws"
    y_RB = x_RB.clone()
    pulls = []
    for rows, u_RB in step.uniforms(tuple(x_RB.shape[2:]), step.acting):
        y_RB[rows], pull = noise.disturb(x_RB[rows], u_RB, step.knobs.of(rows))
        pulls.append((rows, pull))

    def pull_all(dy_RB: torch.Tensor) -> torch.Tensor:
        for rows, pull in pulls:
            dy_RB[rows] = pull(dy_RB[rows])
        return dy_RB

    return y_RB, pull_all
