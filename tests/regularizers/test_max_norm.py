import numpy as np
import torch

from core.regularizers.max_norm import MaxNorm
from tests.stacks import generator, stacked


def projected(w: torch.Tensor, fan_in: tuple[int, ...], *c: float) -> torch.Tensor:
    made = w.clone()
    terms = [MaxNorm(c=x) for x in c]
    terms[0].project(made, fan_in, stacked(terms))
    return made


def by_keras(w: np.ndarray, axes: tuple[int, ...], c: float) -> np.ndarray:
    """keras.constraints.MaxNorm(c, axis), whose epsilon of 1e-7 ours has not."""
    norm = np.sqrt((w**2).sum(axes, keepdims=True))
    return w * np.clip(norm, 0, c) / (1e-7 + norm)


def test_each_unit_of_a_dense_layer_is_scaled_into_the_ball():
    # columns of norm 5 and 0.5: only the first is over 1
    w = torch.tensor([[[3.0, 0.3], [4.0, 0.4]]])
    expected = torch.tensor([[[0.6, 0.3], [0.8, 0.4]]])
    torch.testing.assert_close(projected(w, (1,), 1.0), expected)


def test_dense_weights_are_those_of_keras_with_another_norm_for_each_run():
    w = torch.randn(3, 6, 4, generator=generator(0))
    bounds = (0.5, 2.0, 100.0)
    found = projected(w, (1,), *bounds)
    for r, c in enumerate(bounds):
        np.testing.assert_allclose(found[r], by_keras(w[r].numpy(), (0,), c), rtol=1e-6)
    assert torch.equal(found[2], w[2]), "inside the ball nothing moves"


def test_the_norm_of_a_filter_is_over_its_channels_and_its_window():
    w = torch.randn(3, 4, 2, 3, 3, generator=generator(0))  # (R, filters, channels, kh, kw)
    bounds = (0.5, 2.0, 100.0)
    found = projected(w, (2, 3, 4), *bounds)
    for r, c in enumerate(bounds):
        keras = w[r].permute(2, 3, 1, 0).numpy()  # (kh, kw, channels, filters), axis [0, 1, 2]
        expected = by_keras(keras, (0, 1, 2), c)
        np.testing.assert_allclose(found[r].permute(2, 3, 1, 0), expected, rtol=1e-6)


def test_a_second_projection_moves_nothing_beyond_rounding():
    w = torch.randn(1, 6, 4, generator=generator(0))
    once = projected(w, (1,), 0.7)
    torch.testing.assert_close(projected(once, (1,), 0.7), once, rtol=1e-6, atol=0)


def test_a_unit_without_weights_stays_as_it_is():
    w = torch.zeros(1, 3, 2)
    assert torch.equal(projected(w, (1,), 1e-3), w)
