from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from core.regularizers.ema import reference_average
from core.regularizers.passes import Average, Moment, Plain, States
from core.regularizers.regularizer import StateTensor
from core.tensors import torch
from core.term import Knob, Knobs


class Swa(Average):
    """Stochastic weight averaging: the mean of the weights at the ends of the later epochs.

    Formula: a = mean of w at the end of every epoch e > start * epochs; before those, a = w

    Convention: running statistics are averaged too, not computed again; the schedule stays the
    job's. Scored, stored and reported as ema.

    Reference: Izmailov et al. 2018; torch.optim.swa_utils.AveragedModel
    """

    kind: Literal["swa"] = "swa"
    start: Annotated[
        float,
        Knob(ge=0, le=1, neutral=1.0, simpler="low"),
        Field(description="share of the epochs after which averaging starts; 1 is none"),
    ] = 0.75

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({"start": 0.5}, {"start": 0.0}, {"start": 1.0})

    def states(self) -> tuple[StateTensor, ...]:
        return (StateTensor("average", "row"), StateTensor("count", "scalar"))

    def after_step(self, w_RP: torch.Tensor, state: States, moment: Moment, knobs: Knobs) -> None:
        if moment.last is False:
            return
        takes_R1 = (moment.epoch > knobs.start * moment.epochs)[:, None] & moment.last
        state["count"].add_(takes_R1)
        share_R1 = takes_R1 / state["count"].clamp(min=1)
        state["average"].lerp_(w_RP, share_R1)

    def reported(self, w_RP: torch.Tensor, state: States, knobs: Knobs) -> torch.Tensor:
        return torch.where(state["count"] > 0, state["average"], w_RP)

    def reference(self, plain: Plain) -> None:
        from torch.optim.swa_utils import get_swa_multi_avg_fn

        if plain.moment.last and plain.moment.epoch > self.start * plain.moment.epochs:
            reference_average(plain, get_swa_multi_avg_fn())
