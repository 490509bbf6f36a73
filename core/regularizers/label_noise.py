from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from core.regularizers.passes import Augmentation, Draw, Minibatch, Plain
from core.regularizers.regularizer import Ground
from core.tensors import torch
from core.term import Knob, Knobs, Task


class LabelNoise(Augmentation):
    """Label noise: at every step some examples are given a class drawn evenly from all.

    Formula: y <- c with probability p, c ~ U{1..C}; the true class may be drawn again

    Convention: drawn anew at every step, so no label is wrong for good. Train metrics ask for the
    classes that were drawn. A larger p changes a superset of the labels.

    Reference: Xie et al. 2016, DisturbLabel
    """

    kind: Literal["label_noise"] = "label_noise"
    p: Annotated[
        float,
        Knob(ge=0, le=1, neutral=0.0, simpler="high"),
        Field(description="probability that an example's class is drawn"),
    ] = 0.1
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({"p": 0.1}, {"p": 0.6}, {"p": 0.0})

    def fits(self, ground: Ground) -> str | None:
        if ground.task in self.tasks:
            return None
        return f"label_noise draws classes, and this dataset is {ground.task}; use gaussian_noise"

    def on_batch(self, batch: Minibatch, draw: Draw, knobs: Knobs) -> Minibatch:
        hit_RB = draw.uniform("which") < knobs.p[:, None]
        drawn_RB = (draw.uniform("class") * batch.classes).long().clamp_(max=batch.classes - 1)
        targets = [(share, torch.where(hit_RB, drawn_RB, y_RB)) for share, y_RB in batch.targets]
        return replace(batch, targets=targets)

    def reference(self, plain: Plain) -> None:
        hit_B = plain.draw.uniform("which") < self.p
        drawn_B = (plain.draw.uniform("class") * plain.classes).long()
        plain.targets = [(share, torch.where(hit_B, drawn_B, y)) for share, y in plain.targets]
