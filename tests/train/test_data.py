"""How a cohort's data is scaled."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.datasets.builtin import Builtin
from core.train import data
from core.train.data import scales, shared

WHOLE = data.SCALING_NUMBERS


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
    monkeypatch.setattr(data, "SCALING_NUMBERS", numbers)
    x = shared(Builtin(name=name).load().features)
    order = np.random.default_rng(0).permutation(len(x))[: len(x) * 2 // 3]
    train = torch.from_numpy(np.sort(order))
    for found, expected in zip(scales(x, train), in_one(x, train), strict=True):
        assert found.shape == expected.shape
        assert torch.equal(found, expected)


def test_a_feature_that_does_not_vary_keeps_its_scale_however_large_it_is(monkeypatch) -> None:
    monkeypatch.setattr(data, "SCALING_NUMBERS", 7)
    x = torch.tensor([[0.1, 1e8, 3e38]]).repeat(1000, 1)
    mean, deviation = scales(x, torch.arange(1000))
    assert torch.equal(mean, x[:1])
    assert torch.equal(deviation, torch.ones(1, 3))
