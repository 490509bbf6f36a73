from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from core.regularizers.regularizer import Procedure, Seen
from core.term import Knob, Knobs

if TYPE_CHECKING:
    import torch


class EarlyStopping(Procedure):
    """Early stopping: a run ends when its validation metric has not improved for a while.

    Formula: stop at the first logged epoch with no improvement > min_delta in `patience` epochs

    Convention: metric null watches val_loss; patience counts epochs, not logged points. With
    restore_best the run's reported weights are those of its best epoch, else those of its last.

    Reference: Prechelt 1998; keras.callbacks.EarlyStopping
    """

    kind: Literal["early_stopping"] = "early_stopping"
    patience: Annotated[
        int,
        Knob(ge=1, le=1_000_000, integer=True, neutral=math.inf, simpler="low"),
        Field(description="epochs without improvement before the run ends"),
    ] = 5
    min_delta: Annotated[
        float, Knob(ge=0, neutral=0.0), Field(description="smallest change that counts")
    ] = 0.0
    metric: Annotated[
        str | None, Field(max_length=64, description="validation metric to watch; null: val_loss")
    ] = None
    restore_best: bool = True

    @property
    def watched(self) -> str:
        return self.metric or "val_loss"

    @property
    def restores(self) -> bool:
        return self.restore_best

    def margin(self, knobs: Knobs) -> torch.Tensor:
        return knobs.min_delta

    def after_epoch(self, seen: Seen, knobs: Knobs) -> torch.Tensor:
        return seen.since_R >= knobs.patience
