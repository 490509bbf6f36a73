"""What recurrent layers share: the pass over time, and back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from core.layers.dense import Units
from core.layers.layer import Alone, Example, Layer, Parameter, Pull, Shape, Step
from core.tensors import torch

State = tuple["torch.Tensor", ...]
"""Of a cell, (R, B, units) each; the first is what it gives."""


class Recurrent(Layer):
    """A layer that reads a sequence moment by moment; a member says what its cell does.

    All that a moment's input adds is one product for the whole sequence, and so are the gradients
    of the weights: by autograd they would be a sum of one small product for each moment.
    """

    units: Units
    states: Annotated[
        Literal["last", "all"], Field(description="which of its states are the output")
    ] = "last"
    reverse: Annotated[bool, Field(description="read the sequence from its end")] = False
    gates: ClassVar[int]

    @abstractmethod
    def begin(self, zeros_RBH: torch.Tensor) -> State:
        """The state before the first moment."""

    @abstractmethod
    def cell(self, x_RBG: torch.Tensor, h_RBG: torch.Tensor, before: State) -> tuple[State, State]:
        """The state after a moment, of what input and state give the gates; and what to keep."""

    @abstractmethod
    def cell_pull(self, after: State, kept: State) -> tuple[torch.Tensor, torch.Tensor, State]:
        """From dJ/d state after a moment to dJ/dx_RBG, dJ/dh_RBG and dJ/d state before it.

        The last without what flows through h_RBG, which the pass adds.
        """

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((5, 6),), {"units": 4}),
            Example(((5, 6),), {"units": 12, "states": "all"}),
            Example(((4, 3),), {"units": 3, "states": "all", "reverse": True}),
            Example(((4, 3),), {"units": 3, "reverse": True}),
            Example(((1, 2),), {"units": 2}),
        ]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        x_B = xs_B[0].flip(1) if self.reverse else xs_B[0]
        member = getattr(torch.nn, self.kind.upper())
        module = member(x_B.shape[-1], self.units, batch_first=True)
        named = {f"{n}_l0": v.T if n.startswith("weight") else v[0] for n, v in p.items()}
        y_B, _ = torch.func.functional_call(module, named, (x_B,))
        if self.states == "last":
            return y_B[:, -1]  # type: ignore[no-any-return]
        return y_B.flip(1) if self.reverse else y_B  # type: ignore[no-any-return]

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 2:
            raise ValueError(f"{self.kind} needs a sequence (T, F) and gets {shape}")
        return (self.units,) if self.states == "last" else (shape[0], self.units)

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        wide, bound = self.gates * self.units, self.units**-0.5
        return (
            Parameter("weight_ih", (shape[1], wide), "weight", bound),
            Parameter("weight_hh", (self.units, wide), "weight", bound),
            Parameter("bias_ih", (1, wide), "bias", bound),
            Parameter("bias_hh", (1, wide), "bias", bound),
        )

    def flops(self, shape: Shape) -> int:
        return 2 * shape[0] * (shape[1] + self.units) * self.gates * self.units

    @property
    def activates(self) -> bool:
        return True

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        return self._pass(x_RB, p)[0]

    def vjp(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, Pull]:
        y_RB, hidden_TRBH, kept = self._pass(x_RB, p)

        def pull(dy_RB: torch.Tensor) -> torch.Tensor | None:
            dx_TRBG, dh_TRBG = self._back(dy_RB, p["weight_hh"], kept)
            before = _by_run(torch.stack(hidden_TRBH))
            _products_into(dh_TRBG, before, into["weight_hh"], into["bias_hh"])
            inputs = x_RB.transpose(1, 2).flatten(1, 2)
            _products_into(dx_TRBG, inputs, into["weight_ih"], into["bias_ih"])
            if not through:
                return None
            dx = torch.bmm(_by_run(dx_TRBG), p["weight_ih"].transpose(1, 2))
            moments = x_RB.shape[2]
            return dx.unflatten(1, (moments, -1)).transpose(1, 2)  # type: ignore[no-any-return]

        return y_RB, pull

    def _order(self, moments: int) -> Sequence[int]:
        return range(moments - 1, -1, -1) if self.reverse else range(moments)

    def _pass(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor]
    ) -> tuple[torch.Tensor, list[torch.Tensor], list[State]]:
        """The output; the hidden state before each moment, in order of time; what cells keep."""
        runs, examples, moments, _ = x_RB.shape
        inputs = x_RB.transpose(1, 2).flatten(1, 2)  # (R, T B, F)
        gates = torch.baddbmm(p["bias_ih"], inputs, p["weight_ih"])
        gates_TRBG = gates.unflatten(1, (moments, examples)).transpose(0, 1)
        state = self.begin(x_RB.new_zeros(runs, examples, self.units))
        hidden, outputs = [state[0]] * moments, [state[0]] * moments
        kept: list[State] = [()] * moments
        for t in self._order(moments):
            hidden[t] = state[0]
            h_RBG = torch.baddbmm(p["bias_hh"], state[0], p["weight_hh"])
            state, kept[t] = self.cell(gates_TRBG[t], h_RBG, state)
            outputs[t] = state[0]
        y_RB = state[0] if self.states == "last" else torch.stack(outputs, 2)
        return y_RB, hidden, kept

    def _back(
        self, dy_RB: torch.Tensor, w_RHG: torch.Tensor, kept: Sequence[State]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """dJ/d gates, of the inputs' part and of the state's, (T, R, B, G) each."""
        moments, w_RGH = len(kept), w_RHG.transpose(1, 2)
        zeros = torch.zeros_like(dy_RB if self.states == "last" else dy_RB[:, :, 0])
        state = tuple(torch.zeros_like(value) for value in self.begin(zeros))
        inputs, hidden = [zeros] * moments, [zeros] * moments
        if self.states == "last":
            state = (dy_RB, *state[1:])
        for t in reversed(self._order(moments)):
            if self.states == "all":
                state = (state[0] + dy_RB[:, :, t], *state[1:])
            inputs[t], hidden[t], before = self.cell_pull(state, kept[t])
            state = (torch.baddbmm(before[0], hidden[t], w_RGH), *before[1:])
        return torch.stack(inputs), torch.stack(hidden)


def _by_run(x_TRB: torch.Tensor) -> torch.Tensor:
    """(T, R, B, ...) as (R, T B, ...)."""
    return x_TRB.transpose(0, 1).flatten(1, 2)


def _products_into(
    slope_TRBG: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> None:
    slope = _by_run(slope_TRBG)
    weight.copy_(torch.bmm(x.transpose(1, 2), slope))
    bias.copy_(slope.sum(1, keepdim=True))
