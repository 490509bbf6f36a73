"""Predictions from stored weights are what training scored."""

from __future__ import annotations

import numpy as np
import pytest

from core.datasets import Protocol, Replicate, parts_of
from core.network.predict import predictions
from tests.train.conftest import cohort, experiment, finished, run_of, trained


@pytest.mark.parametrize(
    "architecture", ["mlp", "cnn", {"kind": "mlp", "batch_norm": True, "hidden": [8]}]
)
def test_stored_weights_give_the_accuracy_that_training_reported(
    digits, weights, architecture
) -> None:
    made = experiment(architecture=architecture, regularizers=["dropout"], epochs=2)
    events = trained(cohort([run_of(made, 0), run_of(made, 1)]), digits)
    stored = weights(events)
    tensors = {n.removeprefix("last/"): v[1] for n, v in stored.items() if n.startswith("last/")}
    test = parts_of(digits, Protocol(), [Replicate(0)])[Replicate(0)].test

    outputs, probabilities = predictions(
        made.architecture, made.loss, digits.facts, tensors, {"x": digits.features[test]}
    )

    accuracy = (outputs.argmax(1) == digits.targets[test]).mean()
    assert accuracy == pytest.approx(finished(events).final["test_accuracy"][1], abs=1e-6)
    assert probabilities is not None
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)


def test_a_regression_predicts_in_the_units_of_its_targets(diabetes, weights) -> None:
    made = experiment(architecture="linear", loss="mse", epochs=30)
    stored = weights(trained(cohort([run_of(made, 0)]), diabetes))
    tensors = {n.removeprefix("last/"): v[0] for n, v in stored.items() if n.startswith("last/")}

    outputs, probabilities = predictions(
        made.architecture, made.loss, diabetes.facts, tensors, {"x": diabetes.features}
    )

    assert probabilities is None
    assert outputs.mean() == pytest.approx(diabetes.targets.mean(), rel=0.05)
