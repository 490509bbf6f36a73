"""What recurrent layers share: the pass over time, and back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from core.layers.dense import Units
from core.layers.layer import Alone, Example, Layer, OfRagged, Parameter, Pull, Shape, Step
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
    apart: ClassVar[bool] = False  # whether the gates use what x and h give otherwise than as a sum

    @abstractmethod
    def begin(self, zeros_RBH: torch.Tensor) -> State:
        """The state before the first moment."""

    @abstractmethod
    def cell(self, x_RBG: torch.Tensor, h_RBG: torch.Tensor, before: State) -> tuple[State, State]:
        """The state after a moment, of what input and state give the gates; and what to keep."""

    @abstractmethod
    def cell_pull(
        self, after: State, kept: State, dx_RBG: torch.Tensor, dh_RBG: torch.Tensor
    ) -> tuple[torch.Tensor | None, State]:
        """From dJ/d state after a moment: that of the gates' parts is written to the two tensors.

        Returns what flows to the hidden state before beside dJ/dh_RBG, and to its other parts. The
        two are one tensor where they are not `apart`.
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

    @property
    def of_ragged(self) -> OfRagged:
        return "ends" if self.states == "last" else "mixes"

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

    def inner_of(self, *shapes: Shape) -> int:
        """At each moment, both parts of the gates, and what the cell keeps: gates and states."""
        ((moments, _),) = shapes
        return moments * self.units * (3 * self.gates + 3)

    @property
    def activates(self) -> bool:
        return True

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        return self._pass(x_RB, p, step.lengths_RB, keeps=False)[0]

    def vjp(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, Pull]:
        y_RB, hidden, kept = self._pass(x_RB, p, step.lengths_RB, keeps=True)

        def pull(dy_RB: torch.Tensor) -> torch.Tensor | None:
            dx_RNG, dh_RNG = self._back(dy_RB, p["weight_hh"], kept, step.lengths_RB)
            before = torch.stack(hidden, 1).flatten(1, 2)
            _products_into(dh_RNG, before, into["weight_hh"], into["bias_hh"])
            inputs = x_RB.transpose(1, 2).flatten(1, 2)
            _products_into(dx_RNG, inputs, into["weight_ih"], into["bias_ih"])
            if not through:
                return None
            dx = torch.bmm(dx_RNG, p["weight_ih"].transpose(1, 2))
            return dx.unflatten(1, (len(kept), -1)).transpose(1, 2)  # type: ignore[no-any-return]

        return y_RB, pull

    def _order(self, moments: int) -> Sequence[int]:
        return range(moments - 1, -1, -1) if self.reverse else range(moments)

    def _pass(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        lengths_RB: torch.Tensor | None,
        *,
        keeps: bool,
    ) -> tuple[torch.Tensor, list[torch.Tensor], list[State]]:
        """The output; the hidden state before each moment, in order of time; what cells keep.

        Without `keeps` the latter two are not there.
        """
        runs, examples, moments, _ = x_RB.shape
        inputs = x_RB.transpose(1, 2).flatten(1, 2)  # (R, T B, F)
        gates = torch.baddbmm(p["bias_ih"], inputs, p["weight_ih"])
        gates_TRBG = gates.unflatten(1, (moments, examples)).transpose(0, 1)
        state = self.begin(x_RB.new_zeros(runs, examples, self.units))
        hidden, outputs = [state[0]] * moments, [state[0]] * moments
        kept: list[State] = [()] * moments
        for t in self._order(moments):
            if keeps:
                hidden[t] = state[0]
            h_RBG = torch.baddbmm(p["bias_hh"], state[0], p["weight_hh"])
            before = state
            state, of_cell = self.cell(gates_TRBG[t], h_RBG, before)
            if lengths_RB is not None:  # after its end, or before it in reverse, nothing moves
                now = (t < lengths_RB).unsqueeze(-1)
                state = tuple(torch.where(now, *pair) for pair in zip(state, before, strict=True))
            if keeps:
                kept[t] = of_cell
            if self.states == "all":
                outputs[t] = state[0]
        y_RB = state[0] if self.states == "last" else torch.stack(outputs, 2)
        return y_RB, hidden, kept

    def _back(
        self,
        dy_RB: torch.Tensor,
        w_RHG: torch.Tensor,
        kept: Sequence[State],
        lengths_RB: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """dJ/d gates, of the inputs' part and of the state's, (R, T B, G) each."""
        moments, w_RGH = len(kept), w_RHG.transpose(1, 2)
        runs, examples = dy_RB.shape[:2]
        dx_RTBG = dy_RB.new_empty(runs, moments, examples, w_RHG.shape[2])
        dh_RTBG = torch.empty_like(dx_RTBG) if self.apart else dx_RTBG
        dh, *rest = self.begin(dy_RB.new_zeros(runs, examples, self.units))
        others: State = tuple(rest)
        if self.states == "last":
            dh = dy_RB
        for t in reversed(self._order(moments)):
            if self.states == "all":
                dh = dh + dy_RB[:, :, t]
            after = (dh, *others)
            if lengths_RB is not None:
                now = (t < lengths_RB).unsqueeze(-1)
                waiting = tuple(torch.where(now, 0.0, d) for d in after)
                after = tuple(torch.where(now, d, 0.0) for d in after)
            keeps, others = self.cell_pull(after, kept[t], dx_RTBG[:, t], dh_RTBG[:, t])
            dh = torch.bmm(dh_RTBG[:, t], w_RGH)
            dh = dh if keeps is None else dh.add_(keeps)
            if lengths_RB is not None:
                dh = dh + waiting[0]
                others = tuple(map(torch.add, others, waiting[1:]))
        return dx_RTBG.flatten(1, 2), dh_RTBG.flatten(1, 2)


def _products_into(
    slope_RNG: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> None:
    weight.copy_(torch.bmm(x.transpose(1, 2), slope_RNG))
    bias.copy_(slope_RNG.sum(1, keepdim=True))
