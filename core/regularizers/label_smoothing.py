from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from core.regularizers.regularizer import Target
from core.term import Knob


class LabelSmoothing(Target):
    """Label smoothing: the target keeps 1 - epsilon of its class and spreads the rest evenly.

    Formula: q = (1 - epsilon) onehot(y) + epsilon / C

    Convention: the true class also gets its epsilon / C, as torch does. train_loss, val_loss and
    test_loss are then of the smoothed targets; compare arms by accuracy, Brier score or ECE.

    Reference: Szegedy et al. 2016; torch.nn.CrossEntropyLoss(label_smoothing=...)
    """

    kind: Literal["label_smoothing"] = "label_smoothing"
    epsilon: Annotated[
        float,
        Knob(ge=0, lt=1, neutral=0.0, simpler="high"),
        Field(description="share of the target spread evenly over the classes"),
    ] = 0.1
    loss_kinds: ClassVar[tuple[str, ...]] = ("cross_entropy",)

    def loss_knobs(self) -> Mapping[str, float]:
        return {"label_smoothing": self.epsilon}
