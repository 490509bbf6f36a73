"""How a cohort's data is scaled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.datasets import Dataset
from core.datasets.builtin import Builtin
from core.datasets.fields import as_numbers
from core.train import fields
from core.train.data import Feed
from core.train.fields import scales, shared
from tests.train.conftest import cohort, experiment, run_of, trained

WHOLE = fields.SCALING_NUMBERS


def in_one(x: torch.Tensor, train: torch.Tensor) -> list[torch.Tensor]:
    """The same from the whole part in float64, which takes three times its memory."""
    axes = (0,) if x.dim() == 2 else (0, *range(2, x.dim()))
    var, mean = torch.var_mean(x[train].double(), axes, correction=0, keepdim=True)
    deviation = var.sqrt()
    return [mean.float(), torch.where(deviation > 0, deviation, 1.0).float()]


@pytest.mark.parametrize("numbers", [1, 1000, WHOLE])
@pytest.mark.parametrize("name", ["digits", "diabetes", "breast_cancer", "iris", "wine"])
def test_scales_of_some_rows_at_a_time_are_those_of_the_whole_to_the_last_bit(
    name, numbers, monkeypatch
) -> None:
    monkeypatch.setattr(fields, "SCALING_NUMBERS", numbers)
    x = shared(Builtin(name=name).load().features)
    order = np.random.default_rng(0).permutation(len(x))[: len(x) * 2 // 3]
    train = torch.from_numpy(np.sort(order))
    for found, expected in zip(scales(x, train), in_one(x, train), strict=True):
        assert found.shape == expected.shape
        assert torch.equal(found, expected)


def test_a_feature_that_does_not_vary_keeps_its_scale_however_large_it_is(monkeypatch) -> None:
    monkeypatch.setattr(fields, "SCALING_NUMBERS", 7)
    x = torch.tensor([[0.1, 1e8, 3e38]]).repeat(1000, 1)
    mean, deviation = scales(x, torch.arange(1000))
    assert torch.equal(mean, x[:1])
    assert torch.equal(deviation, torch.ones(1, 3))


def test_images_kept_as_bytes_train_as_their_numbers_do_bit_for_bit(digits, weights) -> None:
    pixels = (digits.features[:90] * 255).astype(np.uint8)
    few = replace(digits.facts, examples=90, class_counts=())
    (field,) = few.inputs
    kept = replace(few, inputs=(replace(field, stored="uint8"),))
    made = cohort(
        [run_of(experiment(architecture="cnn", epochs=2), 0, fold) for fold in range(3)], folds=3
    )
    plain = Dataset(few, {"x": as_numbers(pixels)}, digits.targets[:90])
    as_bytes = Dataset(kept, {"x": pixels}, digits.targets[:90])
    ours, theirs = weights(trained(made, as_bytes)), weights(trained(made, plain))
    for name, value in theirs.items():
        assert np.array_equal(ours[name], value), name


def test_a_mean_and_deviation_that_are_given_are_used_and_travel_with_the_weights(
    digits, weights
) -> None:
    pixels = (digits.features[:90] * 255).astype(np.uint8)
    (field,) = digits.facts.inputs
    given = replace(field, stored="uint8", given=((0.5,), (0.25,)))
    facts = replace(digits.facts, examples=90, class_counts=(), inputs=(given,))
    data = Dataset(facts, {"x": pixels}, digits.targets[:90])
    made = cohort([run_of(experiment(epochs=1), 0)])
    feed = Feed(made, data, torch.device("cpu"))
    batch = feed.chunk("test", 0, 5)
    rows = feed.streams[0].test[:5]
    np.testing.assert_allclose(
        batch.inputs["x"][0], (pixels[rows] / 255 - 0.5) / 0.25, rtol=1e-5, atol=1e-6
    )
    assert weights(trained(made, data))["last/standardize/mean"].ravel() == [0.5]
