"""What a stored run's network says of inputs that a client sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.coded_inputs import coded_inputs, image_of, words_of
from api.deps import Services
from api.runs import stored_weights
from api.schemas.requests import PredictionRequest
from api.schemas.runs import Prediction
from api.weights import row_of
from core.datasets import DatasetFacts
from core.datasets.fields import ONLY
from core.errors import InvalidSpec, TooLarge
from core.metrics.threshold import THRESHOLD
from core.spec import experiment_at
from core.spec.pointer import shown
from core.store import jobs, models, runs


def predict(house: Services, run_id: str, request: PredictionRequest) -> Prediction:
    """Outputs for each input, and class probabilities where there are classes.

    Raises NotFound, Conflict while there are no weights yet, and what `inputs_of` raises.
    """
    with house.database.read() as session:
        run = runs.get_run(session, run_id)
        job = jobs.get_job(session, run.job_id)
    facts = DatasetFacts.of(job.facts)
    _few(request, house.settings.predict_inputs_max)
    if facts.only is not None:
        inputs: Mapping[str, NDArray[Any]] = {ONLY: inputs_of(request, facts)}
    else:
        inputs = coded_inputs(request.inputs, facts, words_of(house, job))
    threshold = _threshold(request, run, facts)
    experiment = experiment_at(job.document, run.arm, run.setting)
    if threshold is not None and not experiment.loss.gives_probabilities:
        raise InvalidSpec.at(
            "/threshold",
            f"A threshold is of probabilities, and {experiment.loss.kind} gives none; leave it"
            " out.",
        )
    with stored_weights(house, run_id) as (path, row):
        tensors = row_of(path, row, prefix=f"{request.which}/")
    from core.network.predict import predictions  # imports torch at its first use

    outputs, probabilities = predictions(
        experiment.architecture, experiment.loss, facts, tensors, inputs
    )
    return Prediction(
        run=run_id,
        outputs=_rows(outputs),
        probabilities=None if probabilities is None else _rows(probabilities),
        classes=list(facts.classes) or None,
        labels=None if probabilities is None else _labels(facts, probabilities, threshold),
        threshold=threshold,
    )


def _labels(
    facts: DatasetFacts, p_NC: NDArray[np.float32], threshold: float | None
) -> list[str | None]:
    """Of each input; null where the network overflowed, and no class is likelier.

    Row by row, so that one input of many costs a client the answer to that one only.
    """
    said_N = p_NC.argmax(1) if threshold is None else p_NC[:, 1].astype(np.float64) > threshold
    return [
        facts.classes[int(said)] if np.isfinite(p_C).all() else None
        for said, p_C in zip(said_N, p_NC, strict=True)
    ]


def _threshold(request: PredictionRequest, run: models.Run, facts: DatasetFacts) -> float | None:
    """The number that was asked for. Raises InvalidSpec where there is none."""
    if request.threshold is None:
        return None
    if len(facts.classes) != 2:
        raise InvalidSpec.at(
            "/threshold",
            f"A threshold tells two classes apart, and this dataset has {len(facts.classes)}; leave"
            " it out.",
        )
    if request.threshold != "chosen":
        return request.threshold
    if request.which != "reported":
        raise InvalidSpec.at(
            "/threshold",
            f'"chosen" is the threshold of the reported weights, and which is "{request.which}";'
            ' give a number, or which "reported".',
        )
    stored = (run.final or {}).get(THRESHOLD)
    if stored is None:
        raise InvalidSpec.at(
            "/threshold", f"Run {run.id!r} stored no threshold; give a number, such as 0.5."
        )
    return float(stored)


def _rows(values: NDArray[np.float32]) -> list[list[float | None]]:
    """As JSON numbers; what is not finite is null."""
    return [[v if np.isfinite(v) else None for v in row] for row in values.tolist()]


def _few(request: PredictionRequest, inputs_max: int) -> None:
    if len(request.inputs) > inputs_max:
        raise TooLarge(
            f"{len(request.inputs)} inputs are more than the {inputs_max} that"
            " OCCAM_PREDICT_INPUTS_MAX allows at once."
        )


def inputs_of(request: PredictionRequest, facts: DatasetFacts) -> NDArray[np.float32]:
    """The inputs as (N, *shape). Each may be flat or have the shape of an example.

    Raises InvalidSpec pointing at the first input that does not fit.
    """
    return np.stack([_row(request.inputs, i, facts) for i in range(len(request.inputs))])


def _row(inputs: Sequence[object], i: int, facts: DatasetFacts) -> NDArray[np.float32]:
    value = inputs[i]
    assert facts.only is not None
    if isinstance(value, str) and facts.only.stored == "uint8":
        return image_of(value, facts.only, f"/inputs/{i}")
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
