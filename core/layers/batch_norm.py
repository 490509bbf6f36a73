from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.layers.layer import Alone, Example, Layer, Parameter, Pull, Shape, Step
from core.tensors import torch
from core.term import Knob


class BatchNorm(Layer):
    """Batch normalisation of each feature, or of each channel of an image.

    Formula: y = g (x - mean) / sqrt(var + eps) + h, over the minibatch while training and with
    running statistics at evaluation; running <- (1 - momentum) running + momentum batch

    Convention: biased variance to normalise, unbiased in the running statistics, as torch. g and h
    are exempt from penalties.

    Shapes: (R, B, F) or (R, B, C, H, W), unchanged

    Reference: Ioffe and Szegedy 2015; torch.nn.BatchNorm1d, BatchNorm2d
    """

    kind: Literal["batch_norm"] = "batch_norm"
    momentum: Annotated[
        float, Knob(gt=0, le=1), Field(description="weight of the new minibatch")
    ] = 0.1
    eps: Annotated[float, Field(gt=0, le=1)] = 1e-5

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example((shape,), runs=tuple({"momentum": m} for m in (0.1, 0.4, 1.0)))
            for shape in ((2, 7, 6), (5,))
        ]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        statistics = p["running_mean"], p["running_var"]
        return torch.nn.functional.batch_norm(
            xs_B[0], *statistics, p["scale"], p["shift"], alone.training, self.momentum, self.eps
        )

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        one = (shape[0],)
        return (
            Parameter("scale", one, "scale", start=1.0),
            Parameter("shift", one, "scale"),
            Parameter("running_mean", one, "buffer"),
            Parameter("running_var", one, "buffer", start=1.0),
        )

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        if step.training:
            mean, var, count = _moments(x_RB, _there(x_RB, step))
            self._remember(p, mean, var, count, step)
        else:
            mean, var = (_along(p[n], x_RB) for n in ("running_mean", "running_var"))
        scale = _along(p["scale"], x_RB) * torch.rsqrt(var + self.eps)
        return torch.addcmul(_along(p["shift"], x_RB) - mean * scale, x_RB, scale)

    def vjp(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, Pull]:
        if not step.training:
            return super().vjp(x_RB, p, step, into, through=through)
        axes, there = _axes(x_RB), _there(x_RB, step)
        mean, var, count = _moments(x_RB, there)
        self._remember(p, mean, var, count, step)
        per_deviation = torch.rsqrt(var + self.eps)
        normed_RB = (x_RB - mean).mul_(per_deviation)
        scale = _along(p["scale"], x_RB)
        y_RB = torch.addcmul(_along(p["shift"], x_RB), normed_RB, scale)

        def pull(dy_RB: torch.Tensor) -> torch.Tensor | None:
            shift_grad = dy_RB.sum(axes, keepdim=True)
            scale_grad = (dy_RB * normed_RB).sum(axes, keepdim=True)
            into["shift"].copy_(shift_grad.reshape(into["shift"].shape))
            into["scale"].copy_(scale_grad.reshape(into["scale"].shape))
            if not through:
                return None
            # dx = g / deviation (dy - mean dy - normed mean(dy normed))
            dy_RB = dy_RB.sub_(shift_grad / count).addcmul_(normed_RB, scale_grad / -count)
            dy_RB = dy_RB.mul_(scale * per_deviation)
            return dy_RB if there is None else dy_RB.mul_(there)

        return y_RB, pull

    def _remember(
        self,
        p: Mapping[str, torch.Tensor],
        mean: torch.Tensor,
        var: torch.Tensor,
        count: float | torch.Tensor,
        step: Step,
    ) -> None:
        if isinstance(count, torch.Tensor):
            unbiased = var * (count / (count - 1).clamp(min=1))
        else:  # a minibatch of one has no unbiased variance
            unbiased = var * (count / max(count - 1, 1))
        momentum_R1 = step.knobs.momentum[:, None]
        with torch.no_grad():
            p["running_mean"].lerp_(mean.reshape(p["running_mean"].shape), momentum_R1)
            p["running_var"].lerp_(unbiased.reshape(p["running_var"].shape), momentum_R1)


def _along(value_RF: torch.Tensor, x_RB: torch.Tensor) -> torch.Tensor:
    """(R, F) to (R, 1, F) or (R, 1, C, 1, 1), to meet x."""
    return value_RF.reshape(value_RF.shape[0], 1, -1, *[1] * (x_RB.dim() - 3))


def _axes(x_RB: torch.Tensor) -> tuple[int, ...]:
    """What statistics are taken over: the minibatch, and the places of an image."""
    return (1, *range(3, x_RB.dim()))


def _there(x_RB: torch.Tensor, step: Step) -> torch.Tensor | None:
    """The presence of each example, with axes to meet x; None without padding."""
    if step.present_RB is None:
        return None
    return step.present_RB.reshape(*step.present_RB.shape, *[1] * (x_RB.dim() - 2))


def _moments(
    x_RB: torch.Tensor, there: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor, float | torch.Tensor]:
    """Mean and biased variance over the examples that are there, and how many numbers they are.

    The number is a tensor to meet x where runs have different ones.
    """
    axes = _axes(x_RB)
    places = math.prod(x_RB.shape[3:])
    if there is None:
        var, mean = torch.var_mean(x_RB, axes, correction=0, keepdim=True)
        return mean, var, x_RB.shape[1] * places
    count = there.sum(1, keepdim=True).clamp(min=1) * places
    mean = (x_RB * there).sum(axes, keepdim=True) / count
    var = ((x_RB - mean) * there).square_().sum(axes, keepdim=True) / count
    return mean, var, count
