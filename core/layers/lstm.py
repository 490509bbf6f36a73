from __future__ import annotations

from typing import ClassVar, Literal

from core.layers.recurrent import Recurrent, State
from core.tensors import torch


class LstmLayer(Recurrent):
    """Long short-term memory over a sequence.

    Formula: i, f, o = sigmoid(x W + b + h V + d); g = tanh(x W' + b' + h V' + d');
    c <- f c + i g; h <- o tanh(c)

    Convention: gates in the order i, f, g, o; all weights start in U(-k, k), k = 1 / sqrt(units);
    h and c start at zero, as torch.

    Shapes: (R, B, T, F) -> (R, B, units), or (R, B, T, units) with all states

    Reference: Hochreiter and Schmidhuber 1997; torch.nn.LSTM
    """

    kind: Literal["lstm"] = "lstm"
    gates: ClassVar[int] = 4

    def begin(self, zeros_RBH: torch.Tensor) -> State:
        return (zeros_RBH, zeros_RBH)

    def cell(self, x_RBG: torch.Tensor, h_RBG: torch.Tensor, before: State) -> tuple[State, State]:
        _, c = before
        i, f, g, o = (x_RBG + h_RBG).chunk(4, -1)
        i, f, o, g = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o), torch.tanh(g)
        c_after = torch.addcmul(f * c, i, g)
        bounded = torch.tanh(c_after)
        return (o * bounded, c_after), (i, f, g, o, bounded, c)

    def cell_pull(
        self, after: State, kept: State, dx_RBG: torch.Tensor, dh_RBG: torch.Tensor
    ) -> tuple[torch.Tensor | None, State]:
        (dh, dc), (i, f, g, o, bounded, c) = after, kept
        aten = torch.ops.aten
        dc = dc + aten.tanh_backward(dh * o, bounded)
        gates = [
            aten.sigmoid_backward(dc * g, i),
            aten.sigmoid_backward(dc * c, f),
            aten.tanh_backward(dc * i, g),
            aten.sigmoid_backward(dh * bounded, o),
        ]
        torch.cat(gates, -1, out=dx_RBG)
        return None, (dc * f,)
