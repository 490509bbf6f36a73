from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from core.regularizers.passes import Average, Moment, Plain, States
from core.regularizers.regularizer import StateTensor
from core.tensors import torch
from core.term import Knob, Knobs


class Ema(Average):
    """Exponential moving average of the weights: it is what is scored, stored and reported.

    Formula: a <- decay a + (1 - decay) w after every step; a = w after the first

    Convention: running statistics are averaged too. Validation scores, the best epoch, early
    stopping and all stored weights are of a; training goes on at w.

    Reference: Polyak and Juditsky 1992; torch.optim.swa_utils.get_ema_multi_avg_fn
    """

    kind: Literal["ema"] = "ema"
    decay: Annotated[
        float,
        Knob(ge=0, lt=1, neutral=0.0, simpler="high"),
        Field(description="share of the average that a step leaves"),
    ] = 0.99

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({"decay": 0.9}, {"decay": 0.99}, {"decay": 0.0})

    def states(self) -> tuple[StateTensor, ...]:
        return (StateTensor("average", "row"),)

    def after_step(self, w_RP: torch.Tensor, state: States, moment: Moment, knobs: Knobs) -> None:
        weight_R1 = (1 - knobs.decay)[:, None]
        if isinstance(moment.step, torch.Tensor):
            weight_R1 = torch.where(moment.step == 1, 1.0, weight_R1)
        elif moment.step == 1:
            weight_R1 = torch.ones_like(weight_R1)
        state["average"].lerp_(w_RP, weight_R1)

    def reported(self, w_RP: torch.Tensor, state: States, knobs: Knobs) -> torch.Tensor:
        return state["average"]

    def reference(self, plain: Plain) -> None:
        from torch.optim.swa_utils import get_ema_multi_avg_fn

        reference_average(plain, get_ema_multi_avg_fn(self.decay))


def reference_average(plain: Plain, combine: Any) -> None:  # Any: torch's own, of many types
    """torch.optim.swa_utils.AveragedModel over the weights of a plain run."""
    from torch.optim.swa_utils import AveragedModel

    model = torch.nn.ParameterList([torch.nn.Parameter(w) for w in plain.weights])
    averaged = plain.kept.setdefault("averaged", AveragedModel(model, multi_avg_fn=combine))
    assert isinstance(averaged, AveragedModel)
    averaged.update_parameters(model)
    plain.reported = [p.detach().clone() for p in averaged.module.parameters()]
