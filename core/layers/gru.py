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

    def begin(self, zeros_RBH: torch.Tensor) -> State:
        return (zeros_RBH,)

    def cell(self, x_RBG: torch.Tensor, h_RBG: torch.Tensor, before: State) -> tuple[State, State]:
        (h,) = before
        both = 2 * self.units
        r, z = torch.sigmoid(x_RBG[..., :both] + h_RBG[..., :both]).chunk(2, -1)
        memory = h_RBG[..., both:]
        n = torch.tanh(torch.addcmul(x_RBG[..., both:], r, memory))
        return (torch.lerp(n, h, z),), (r, z, n, memory, h)

    def cell_pull(self, after: State, kept: State) -> tuple[torch.Tensor, torch.Tensor, State]:
        (dh,), (r, z, n, memory, h) = after, kept
        keeps = dh * z
        dn = (dh - keeps) * (1 - n * n)
        dz = (h - n) * keeps * (1 - z)
        dr = dn * memory * r * (1 - r)
        return torch.cat([dr, dz, dn], -1), torch.cat([dr, dz, dn * r], -1), (keeps,)
