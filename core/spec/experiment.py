"""What an arm of a comparison may change: the model, its training and its regularization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from core.architectures import Architecture
from core.losses import Loss
from core.optimizers import Optimizer
from core.optimizers.sgd import Sgd
from core.regularizers import Regularizer
from core.regularizers.regularizer import Target
from core.schedules import Schedule
from core.schedules.constant import Constant
from core.term import Knob, Wire

BATCH_MAX = 1_000_000
REGULARIZERS_MAX = 20
# gently: at lr 0.1 a cnn on 28 x 28 digits stays at chance, and linear regression on diabetes
# ends at a validation mse of 0.87 instead of 0.57
GENTLE = Sgd(lr=0.02, momentum=0.9)


def _full_or_number(value: Any) -> str:  # Any: whatever the client sent
    return "full" if isinstance(value, str) else "number"


BatchSize = Annotated[
    Annotated[int, Knob(ge=1, le=BATCH_MAX, integer=True, structural=True), Tag("number")]
    | Annotated[Literal["full"], Tag("full")],
    Discriminator(_full_or_number),
    Field(description='examples per minibatch, or "full" for all of the training part'),
]


class Experiment(Wire):
    """One way to train: everything that two arms of a comparison may do differently."""

    architecture: Annotated[Architecture, Field(description="the network")]
    loss: Annotated[Loss, Field(description="what is minimised, besides the penalties")]
    regularizers: Annotated[
        tuple[Regularizer, ...],
        Field(max_length=REGULARIZERS_MAX, description="penalties, noise, constraints, procedures"),
    ] = ()
    optimizer: Annotated[
        Optimizer,
        Field(
            description=f"the update rule; left out, it is sgd with lr {GENTLE.lr} and momentum"
            f" {GENTLE.momentum}, while a kind that is named has its own defaults:"
            f' "sgd" alone has lr {Sgd().lr} and momentum {Sgd().momentum:g}'
        ),
    ] = GENTLE
    schedule: Annotated[Schedule, Field(description="factor of the learning rate over time")] = (
        Constant()
    )
    epochs: Annotated[int, Field(ge=1, description="passes over the training part")] = 30
    batch_size: BatchSize = 64
    evaluate_every: Annotated[
        int, Field(ge=1, description="epochs between logged points; the last is always logged")
    ] = 1

    @property
    def trained_loss(self) -> Loss:
        """The loss with the knobs that target regularizers set."""
        targets = [r for r in self.regularizers if isinstance(r, Target)]
        changes = {name: value for r in targets for name, value in r.loss_knobs().items()}
        return self.loss.model_copy(update=changes) if changes else self.loss


def wire_names(model: type[Wire]) -> dict[str, str]:
    """Wire name of each field -> its Python name."""
    return {info.alias or name: name for name, info in model.model_fields.items()}


def is_range(value: Any) -> bool:  # Any: JSON
    """Whether this JSON value means to be a range of numbers."""
    return isinstance(value, Mapping) and not value.keys().isdisjoint(
        ("values", "range", "log_range")
    )
