from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

from core.layers.layer import Alone, Example, Layer, OfRagged, Pull, Shape, Step
from core.tensors import torch

ActivationName = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "softplus"]


class Activation(Layer):
    """An elementwise non-linearity.

    Formula: y = f(x), f as torch.nn.functional names it

    Reference: torch.nn.functional
    """

    kind: Literal["activation"] = "activation"
    activation: ActivationName = "relu"

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example((shape,), {"activation": name})
            for name in ("tanh", *get_args(ActivationName))
            for shape in ((2, 7, 6), (5,))
        ]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        return reference_activation(xs_B[0], self.activation)

    @property
    def of_ragged(self) -> OfRagged:
        return "apart"

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    @property
    def activates(self) -> bool:
        return True

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        return activate(x_RB, self.activation)

    def vjp(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, Pull]:
        return activate_vjp(x_RB.clone(), self.activation)


def activate(x: torch.Tensor, name: ActivationName | None, *, owned: bool = False) -> torch.Tensor:
    """f(x); None is the identity. What is `owned` is overwritten, unless autograd needs it."""
    if name is None:
        return x
    if name == "relu":
        return torch.relu_(x) if owned and not torch.is_grad_enabled() else torch.relu(x)
    if name in ("tanh", "sigmoid"):
        return getattr(torch, name)(x)  # type: ignore[no-any-return]
    return getattr(torch.nn.functional, name)(x)  # type: ignore[no-any-return]


def reference_activation(x: torch.Tensor, name: str | None) -> torch.Tensor:
    """f(x) as torch has it, for references; None and "softmax", which the loss applies, are x."""
    if name in (None, "softmax"):
        return x
    return getattr(torch.nn.functional, str(name))(x)  # type: ignore[no-any-return]


def activate_vjp(
    z: torch.Tensor, name: ActivationName | None
) -> tuple[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]]:
    """f(z), which may overwrite z, and pull(dy) = dy f'(z), which may overwrite dy."""
    if name is None:
        return z, lambda dy: dy
    backward = torch.ops.aten
    if name == "relu":
        y = torch.relu_(z)
        return y, lambda dy: backward.threshold_backward.grad_input(dy, y, 0, grad_input=dy)
    if name == "tanh":
        y = torch.tanh_(z)
        return y, lambda dy: backward.tanh_backward.grad_input(dy, y, grad_input=dy)
    if name == "sigmoid":
        y = torch.sigmoid_(z)
        return y, lambda dy: backward.sigmoid_backward.grad_input(dy, y, grad_input=dy)
    z = z.detach().requires_grad_()
    with torch.enable_grad():
        y = activate(z, name)
    return y.detach(), lambda dy: torch.autograd.grad(y, z, dy)[0]
