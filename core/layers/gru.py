from __future__ import annotations

from typing import ClassVar, Literal

from core.layers.recurrent import Recurrent, State
from core.tensors import torch


class GruLayer(Recurrent):
    """Gated recurrent units over a sequence.

    Formula: r, z = sigmoid(x W + b + h V + c); n = tanh(x W' + b' + r (h V' + c'));
    h <- (1 - z) n + z h

    Convention: gates in the order r, z, n; all weights start in U(-k, k), k = 1 / sqrt(units);
    h starts at zero, as torch.

    Shapes: (R, B, T, F) -> (R, B, units), or (R, B, T, units) with all states

    Reference: Cho et al. 2014; torch.nn.GRU
    """

    kind: Literal["gru"] = "gru"
    gates: ClassVar[int] = 3
    apart: ClassVar[bool] = True  # r weighs what h gives

    def begin(self, zeros_RBH: torch.Tensor) -> State:
        return (zeros_RBH,)

    def cell(self, x_RBG: torch.Tensor, h_RBG: torch.Tensor, before: State) -> tuple[State, State]:
        (h,) = before
        both = 2 * self.units
        r, z = torch.sigmoid(x_RBG[..., :both] + h_RBG[..., :both]).chunk(2, -1)
        memory = h_RBG[..., both:]
        n = torch.tanh(torch.addcmul(x_RBG[..., both:], r, memory))
        return (torch.lerp(n, h, z),), (r, z, n, memory, h)

    def cell_pull(
        self, after: State, kept: State, dx_RBG: torch.Tensor, dh_RBG: torch.Tensor
    ) -> tuple[torch.Tensor | None, State]:
        (dh,), (r, z, n, memory, h) = after, kept
        aten = torch.ops.aten
        keeps = dh * z
        dn = aten.tanh_backward(dh - keeps, n)
        dz = aten.sigmoid_backward(dh * (h - n), z)
        dr = aten.sigmoid_backward(dn * memory, r)
        torch.cat([dr, dz, dn], -1, out=dx_RBG)
        torch.cat([dr, dz, dn * r], -1, out=dh_RBG)
        return keeps, ()
