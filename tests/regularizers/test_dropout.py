from itertools import pairwise

import pytest
import torch

from core.regularizers.dropout import kept
from tests.stacks import generator

P = torch.tensor([0.0, 0.1, 0.5, 0.9])
SHAPE = (200, 100)


def factors() -> torch.Tensor:
    """(R, B, F) of four runs of one seed: the same draws, other probabilities."""
    uniform = torch.rand(SHAPE, generator=generator(0))
    return kept(uniform.expand(len(P), *SHAPE), P)


def test_units_are_dropped_at_the_rate_asked_for():
    dropped = (factors() == 0).float().mean((1, 2))
    deviation = (P * (1 - P) / (SHAPE[0] * SHAPE[1])).sqrt()
    assert ((dropped - P).abs() <= 4 * deviation).all()


def test_kept_units_are_scaled_so_that_the_mean_stays():
    made = factors()
    for r, p in enumerate(P.tolist()):
        torch.testing.assert_close(made[r].max().item(), 1 / (1 - p), rtol=1e-6, atol=0)
        assert set(made[r].unique().tolist()) <= {0.0, made[r].max().item()}
    torch.testing.assert_close(made.mean((1, 2)), torch.ones(4), rtol=0.1, atol=0)


def test_a_larger_probability_drops_a_superset_of_the_units():
    dropped = factors() == 0
    for smaller, larger in pairwise(dropped):
        assert (larger | ~smaller).all()
        assert larger.sum() > smaller.sum()


def test_probability_zero_keeps_all_bit_for_bit_even_at_the_smallest_draw():
    uniform = torch.zeros(1, 4, 3)
    assert torch.equal(kept(uniform, torch.zeros(1)), torch.ones(1, 4, 3))
    assert torch.equal(factors()[0], torch.ones(SHAPE))


@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 5, 3, 4, 4)])
def test_each_run_has_its_own_probability_whatever_the_shape_of_an_example(shape):
    uniform = torch.full(shape, 0.4)
    made = kept(uniform, torch.tensor([0.2, 0.6]))
    assert torch.equal(made[0], torch.full(shape[1:], 1.25))
    assert torch.equal(made[1], torch.zeros(shape[1:]))
