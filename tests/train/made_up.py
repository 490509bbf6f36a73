"""A second member of each family that had one, registered as a plug-in is: by its class.

Only in a process of its own: imported beside other tests, they would be in their catalogue.
`python -m tests.train.made_up` says as JSON what a job with each of them comes to.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import torch

from core.datasets import facts_of
from core.layers.block import Block
from core.layers.dense import Dense
from core.layers.dropout import DropoutLayer
from core.layers.layer import Alone, Example, LayerRegularizers, Ref, Wiring
from core.regularizers.passes import (
    Augmentation,
    Average,
    Draw,
    GradientChange,
    Minibatch,
    Moment,
    Pass,
    Plain,
    Regradient,
    States,
)
from core.regularizers.regularizer import (
    Noise,
    Procedure,
    Pull,
    Regularizer,
    Seen,
    StateTensor,
    Target,
)
from core.term import Knob, Knobs


class Shaken(Noise):
    """Adds noise of one size to every activation; its only knob has no neutral value."""

    kind: Literal["shaken"] = "shaken"
    size: Annotated[float, Knob(gt=0)] = 0.5

    def disturb(
        self, h_RB: torch.Tensor, u_RB: torch.Tensor, knobs: Knobs
    ) -> tuple[torch.Tensor, Pull]:
        size = knobs.size.view(-1, *[1] * (h_RB.dim() - 1))
        return h_RB + size * (2 * u_RB - 1), lambda dy: dy


class Soften(Target):
    """Sets the same knob as label smoothing."""

    kind: Literal["soften"] = "soften"
    share: Annotated[float, Knob(ge=0, lt=1)] = 0.6
    loss_kinds: ClassVar[tuple[str, ...]] = ("cross_entropy",)

    def loss_knobs(self) -> Mapping[str, float]:
        return {"label_smoothing": self.share}


class Robust(Target):
    """Sets a knob of another loss, which has no neutral value."""

    kind: Literal["robust"] = "robust"
    delta: Annotated[float, Knob(gt=0)] = 0.01
    loss_kinds: ClassVar[tuple[str, ...]] = ("huber",)

    def loss_knobs(self) -> Mapping[str, float]:
        return {"delta": self.delta}


class Goal(Procedure):
    """Ends a run once its validation accuracy is good enough."""

    kind: Literal["goal"] = "goal"
    enough: Annotated[float, Knob(ge=0, le=1)] = 0.5

    @property
    def watched(self) -> str:
        return "val_accuracy"

    def after_epoch(self, seen: Seen, knobs: Knobs) -> torch.Tensor:
        return seen.value_R >= knobs.enough


class Mirrored(Augmentation):
    """Turns the sign of whole examples; with it every target is also asked for as class 0."""

    kind: Literal["mirrored"] = "mirrored"
    share: Annotated[float, Knob(gt=0, le=1)] = 0.4

    def on_batch(self, batch: Minibatch, draw: Draw, knobs: Knobs) -> Minibatch:
        turned_RB = draw.uniform("which") < knobs.share[:, None]
        sign_RB = 1.0 - 2.0 * turned_RB
        inputs = {
            name: x_RB * sign_RB.view(*sign_RB.shape, *[1] * (x_RB.dim() - 2))
            for name, x_RB in batch.inputs.items()
        }
        ((_, y_RB),) = batch.targets
        half_RB = torch.full_like(sign_RB, 0.75)
        targets = [(half_RB, y_RB), (1 - half_RB, torch.zeros_like(y_RB))]
        return replace(batch, inputs=inputs, targets=targets)

    def reference(self, plain: Plain) -> None:
        raise AssertionError("compared with itself alone")


class Lookahead(Regradient):
    """The gradient where the last one it took would lead."""

    kind: Literal["lookahead"] = "lookahead"
    size: Annotated[float, Knob(gt=0)] = 0.3

    @property
    def passes(self) -> int:
        return 1

    def states(self) -> tuple[StateTensor, ...]:
        return (StateTensor("before", "trained"),)

    def regradient(self, at: Pass, state: States, knobs: Knobs) -> None:
        here = at.w.clone()
        at.w.sub_(knobs.size[:, None] * state["before"])
        at.gradient()
        at.w.copy_(here)
        state["before"].copy_(at.grad)

    def reference(self, plain: Plain) -> None:
        raise AssertionError("compared with itself alone")


class Sluggish(GradientChange):
    """Trains by the mean of all gradients so far."""

    kind: Literal["sluggish"] = "sluggish"
    factor: Annotated[float, Knob(gt=0)] = 1.0

    def states(self) -> tuple[StateTensor, ...]:
        return (StateTensor("sum", "trained"), StateTensor("count", "scalar"))

    def on_gradient(self, at: Pass, state: States, knobs: Knobs) -> None:
        state["sum"].add_(at.grad)
        state["count"].add_(1)
        at.grad.copy_(knobs.factor[:, None] * state["sum"] / state["count"])

    def reference(self, plain: Plain) -> None:
        raise AssertionError("compared with itself alone")


class Halved(Average):
    """Reports half of the weights before the last step of each epoch."""

    kind: Literal["halved"] = "halved"
    share: Annotated[float, Knob(gt=0)] = 0.5

    def states(self) -> tuple[StateTensor, ...]:
        return (StateTensor("kept", "row"),)

    def after_step(self, w_RP: torch.Tensor, state: States, moment: Moment, knobs: Knobs) -> None:
        if not moment.last:
            state["kept"].copy_(knobs.share[:, None] * w_RP)

    def reported(self, w_RP: torch.Tensor, state: States, knobs: Knobs) -> torch.Tensor:
        return state["kept"]

    def reference(self, plain: Plain) -> None:
        raise AssertionError("compared with itself alone")


class Idle(Regularizer):
    """Of no family that training calls."""

    kind: Literal["idle"] = "idle"
    hook: ClassVar[str] = "idle"


class Hidden(Block):
    """A hidden layer and its dropout."""

    kind: Literal["hidden"] = "hidden"
    units: int = 12
    p: Annotated[float, Knob(ge=0, lt=1)] = 0.3
    regularizers: LayerRegularizers = ()

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return ()

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        raise AssertionError("what it lowers to is compared")

    def lower(self, graph: Wiring, inputs: Sequence[Ref]) -> Ref:
        dense = Dense(units=self.units, activation="relu", regularizers=self.regularizers)
        return graph(DropoutLayer(p=self.p), graph(dense, *inputs))


def main() -> None:
    """For each (name, body): weights and final scores of its runs by arm, or its faults."""
    from core.errors import InvalidSpec
    from core.spec import Limits, resolve, runs_of
    from core.train import Cohort, Ended, Epoch, Finished, train

    def done(name: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            resolved = resolve(body, lambda source: facts_of(source, None), Limits())
        except InvalidSpec as error:
            return {"faults": [(fault.pointer, fault.detail) for fault in error.faults]}
        members = [
            (arm, setting, at.seed, at.repeat, at.fold, at.inner_fold)
            for arm, setting, at in runs_of(resolved)
        ]
        ends: dict[int, int] = {}
        scores: list[float] = []  # of the first run, epoch by epoch
        for event in train(
            Cohort.of(resolved.document, members), resolved.spec.dataset.load(), device="cpu"
        ):
            if isinstance(event, Epoch) and event.rows[0] == 0:
                scores.append(event.metrics.get("val_accuracy", event.metrics["val_loss"])[0])
            if isinstance(event, Ended):
                ends[event.row] = event.epoch
            if isinstance(event, Finished):
                event.write_weights(Path(sys.argv[1]) / name)
                final = {metric: list(column) for metric, column in event.final.items()}
        return {"ends": ends, "scores": scores, "final": final}

    torch.set_num_threads(1)
    print(json.dumps({name: done(name, body) for name, body in json.load(sys.stdin).items()}))


if __name__ == "__main__":
    main()
