"""What a stored run's network says of inputs that a client sends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from api.deps import Services
from api.runs import stored_weights
from api.schemas.requests import PredictionRequest
from api.schemas.runs import Prediction
from api.weights import row_of
from core.datasets import DatasetFacts
from core.errors import InvalidSpec, TooLarge
from core.spec import experiment_at
from core.spec.pointer import shown
from core.store import jobs, runs


def predict(house: Services, run_id: str, request: PredictionRequest) -> Prediction:
    """Outputs for each input, and class probabilities where there are classes.

    Raises NotFound, Conflict while there are no weights yet, and what `inputs_of` raises.
    """
    with house.database.read() as session:
        run = runs.get_run(session, run_id)
        job = jobs.get_job(session, run.job_id)
    facts = DatasetFacts.of(job.facts)
    inputs = inputs_of(request, facts, house.settings.predict_inputs_max)
    experiment = experiment_at(job.document, run.arm, run.setting)
    with stored_weights(house, run_id) as (path, row):
        tensors = row_of(path, row, prefix=f"{request.which}/")
    from core.architectures.predictor import predictions  # imports torch at its first use

    outputs, probabilities = predictions(
        experiment.architecture, experiment.loss, facts, tensors, inputs
    )
    return Prediction(
        run=run_id,
        outputs=_rows(outputs),
        probabilities=None if probabilities is None else _rows(probabilities),
        classes=list(facts.classes) or None,
        labels=None if probabilities is None else _labels(probabilities, facts.classes),
    )


def _labels(probabilities: NDArray[np.float32], classes: Sequence[str]) -> list[str | None]:
    """The likeliest class of each input; null where the network overflowed, and none is likelier.

    Row by row, so that one input of many costs a client the answer to that one only.
    """
    likeliest = probabilities.argmax(1)
    return [
        classes[int(place)] if np.isfinite(row).all() else None
        for place, row in zip(likeliest, probabilities, strict=True)
    ]


def _rows(values: NDArray[np.float32]) -> list[list[float | None]]:
    """As JSON numbers; what is not finite is null."""
    return [[v if np.isfinite(v) else None for v in row] for row in values.tolist()]


def inputs_of(
    request: PredictionRequest, facts: DatasetFacts, inputs_max: int
) -> NDArray[np.float32]:
    """The inputs as (N, *shape). Each may be flat or have the shape of an example.

    Raises TooLarge, and InvalidSpec pointing at the first input that does not fit.
    """
    if len(request.inputs) > inputs_max:
        raise TooLarge(
            f"{len(request.inputs)} inputs are more than the {inputs_max} that"
            " OCCAM_PREDICT_INPUTS_MAX allows at once."
        )
    return np.stack([_row(request.inputs, i, facts) for i in range(len(request.inputs))])


def _row(inputs: Sequence[object], i: int, facts: DatasetFacts) -> NDArray[np.float32]:
    value = inputs[i]
    try:
        row = np.asarray(_checked(value, f"/inputs/{i}"), np.float64)
    except ValueError:
        raise InvalidSpec.at(f"/inputs/{i}", "The rows of this input differ in length.") from None
    if row.shape not in (facts.shape, (facts.features,)):
        raise _misshapen(inputs, i, row.shape, facts)
    with np.errstate(over="ignore"):  # found in the next line, and named
        small = row.astype(np.float32).reshape(facts.shape)
    if not np.isfinite(small).all():
        raise InvalidSpec.at(f"/inputs/{i}", "A number here is too large for a 32-bit float.")
    return small


def _checked(value: object, pointer: str) -> object:
    """The same value: numbers in lists, however deep. NumPy would read texts and truths too."""
    if isinstance(value, list):
        if not set(map(type, value)) <= {int, float}:
            for i, item in enumerate(value):
                _checked(item, f"{pointer}/{i}")
    elif type(value) not in (int, float):
        raise InvalidSpec.at(pointer, f"An input is made of numbers, not {shown(value)}.")
    return value


def _misshapen(
    inputs: Sequence[object], i: int, shape: tuple[int, ...], facts: DatasetFacts
) -> InvalidSpec:
    """Of one example that is not in a list of its own, it says so: that is the usual mistake."""
    takes = f"this network takes {facts.features} numbers"
    if len(facts.shape) > 1:
        takes += f" in a row, or the shape {'×'.join(str(side) for side in facts.shape)}"
    if shape == () or _same_shape(inputs, facts):
        return InvalidSpec.at(
            "/inputs",
            f"inputs is a list of examples, and this looks like one example; wrap it in a list:"
            f" [{shown(inputs)}]. For each example {takes}.",
        )
    found = "×".join(str(side) for side in shape)
    return InvalidSpec.at(f"/inputs/{i}", f"This input has the shape {found}; {takes}.")


def _same_shape(inputs: Sequence[object], facts: DatasetFacts) -> bool:
    """Whether all inputs together have the shape of one example."""
    try:
        return np.shape(inputs) == facts.shape  # type: ignore[arg-type]  # ragged ones raise
    except ValueError:
        return False
