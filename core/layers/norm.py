"""What norms share: standardising along the last axis, and a scale and shift for each feature."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.layers.layer import Parameter
from core.tensors import torch


def scale_and_shift(features: int) -> tuple[Parameter, ...]:
    """Of a norm that starts as the identity; both are exempt from penalties."""
    return Parameter("scale", (features,), "scale", start=1.0), Parameter(
        "shift", (features,), "scale"
    )


def standardised(x: torch.Tensor, eps: float) -> torch.Tensor:
    """(x - mean) / sqrt(var + eps) along the last axis."""
    return torch.nn.functional.layer_norm(x, x.shape[-1:], eps=eps)


def standardised_vjp(
    x: torch.Tensor, eps: float
) -> tuple[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]]:
    """`standardised`, and its vector-Jacobian product, by torch's own kernels."""
    axis = list(x.shape[-1:])
    y, mean, per_deviation = torch.ops.aten.native_layer_norm(x, axis, None, None, eps)

    def pull(dy: torch.Tensor) -> torch.Tensor:
        saved = (x, axis, mean, per_deviation, None, None, [True, False, False])
        dx: torch.Tensor = torch.ops.aten.native_layer_norm_backward(dy, *saved)[0]
        return dx

    return y, pull


def affine(normed_RB: torch.Tensor, p: Mapping[str, torch.Tensor], axis: int) -> torch.Tensor:
    """scale * normed + shift, of features along an axis; a norm without shift has none."""
    scale = _along(p["scale"], normed_RB, axis)
    if "shift" not in p:
        return normed_RB * scale
    return torch.addcmul(_along(p["shift"], normed_RB, axis), normed_RB, scale)


def affine_pull(
    dy_RB: torch.Tensor,
    normed_RB: torch.Tensor,
    p: Mapping[str, torch.Tensor],
    into: Mapping[str, torch.Tensor],
    axis: int,
) -> torch.Tensor:
    """From dJ/dy of `affine`, which is used up, to dJ/d normed, and the parameters' gradients."""
    others = [a for a in range(1, dy_RB.dim()) if a != axis % dy_RB.dim()]
    into["scale"].copy_((dy_RB * normed_RB).sum(others))
    if "shift" in into:
        into["shift"].copy_(dy_RB.sum(others))
    return dy_RB.mul_(_along(p["scale"], dy_RB, axis))


def _along(value_RF: torch.Tensor, x_RB: torch.Tensor, axis: int) -> torch.Tensor:
    """(R, F) with axes to meet x, whose features lie along `axis`."""
    sizes = [1] * x_RB.dim()
    sizes[0], sizes[axis] = value_RF.shape
    return value_RF.reshape(sizes)
