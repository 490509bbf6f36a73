import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from core.losses.cross_entropy import CrossEntropy
from core.term import Knobs
from tests.stacks import generator, stacked

WEIGHTS_RC = torch.tensor([[1.0, 1.0, 1.0], [0.2, 3.0, 1.5], [4.0, 0.1, 1e-3]])


def with_weights(epsilons: list[float]) -> tuple[CrossEntropy, Knobs]:
    """A weighted loss, whose runs have other weights: those of their own training parts."""
    of_run = [CrossEntropy(label_smoothing=e, class_weights="balanced") for e in epsilons]
    return of_run[0], Knobs({**vars(stacked(of_run)), "class_weights": WEIGHTS_RC})


@pytest.mark.parametrize("scale", [1.0, 1e4])
@pytest.mark.parametrize("epsilons", [[0.0, 0.0, 0.0], [0.0, 0.3, 0.9]])
def test_class_weights_and_label_smoothing_are_those_of_torch(epsilons, scale):
    loss, knobs = with_weights(epsilons)
    z = (scale * torch.randn(3, 20, 3, generator=generator(0))).requires_grad_()
    y = torch.randint(3, (3, 20), generator=generator(1))

    ours = loss.rows(z, y, knobs)
    (grad,) = torch.autograd.grad(ours.sum(), z)

    for r, epsilon in enumerate(epsilons):
        reference = nn.CrossEntropyLoss(WEIGHTS_RC[r], reduction="none", label_smoothing=epsilon)
        theirs = z[r].detach().requires_grad_()
        expected = reference(theirs, y[r])
        torch.testing.assert_close(ours[r], expected)
        torch.testing.assert_close(grad[r], torch.autograd.grad(expected.sum(), theirs)[0])


def test_weights_of_one_are_no_weights():
    plain = CrossEntropy(label_smoothing=0.3)
    loss, knobs = with_weights([0.3] * 3)
    knobs.class_weights = torch.ones(3, 3)
    z = torch.randn(3, 20, 3, generator=generator(0))
    y = torch.randint(3, (3, 20), generator=generator(1))
    expected = plain.rows(z, y, stacked([plain] * 3))
    torch.testing.assert_close(loss.rows(z, y, knobs), expected)


def test_balanced_weights_are_those_of_scikit_learn():
    targets = np.array([0] * 7 + [1] * 2 + [2] * 1)
    weights = CrossEntropy(class_weights="balanced").constants(targets, 3)["class_weights"]
    expected = compute_class_weight("balanced", classes=np.arange(3), y=targets)
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    assert weights[targets].mean() == pytest.approx(1)


def test_balanced_weights_stay_finite_where_a_class_has_no_example():
    weights = CrossEntropy(class_weights="balanced").constants(np.array([0, 0, 2]), 3)
    assert np.isfinite(weights["class_weights"]).all()


def test_given_weights_are_used_as_they_are_and_none_adds_nothing():
    given = CrossEntropy(class_weights=(0.5, 2.0)).constants(np.array([0, 1]), 2)
    np.testing.assert_array_equal(given["class_weights"], np.float32([0.5, 2.0]))
    assert CrossEntropy().constants(np.array([0, 1]), 2) == {}


def test_too_few_weights_for_the_classes_are_refused_with_both_numbers():
    reason = CrossEntropy(class_weights=(1.0, 2.0)).fits("classification", 3)
    assert reason == "class_weights has 2 weights for 3 classes"
    assert CrossEntropy(class_weights=(1.0, 2.0)).fits("classification", 2) is None
    assert "regression" in CrossEntropy(class_weights=(1.0, 2.0)).fits("regression", 0)


@pytest.mark.parametrize("weights", [(0.0, 1.0), (-1.0, 1.0), (1.0,), "even", (1.0, float("inf"))])
def test_weights_that_are_no_weights_are_refused(weights):
    with pytest.raises(ValidationError):
        CrossEntropy(class_weights=weights)


def test_the_smoothed_loss_is_the_one_worked_by_hand():
    # z = (ln 1, ln 2, ln 5): softmax (1/8, 2/8, 5/8); y = 2, e = 0.3: q = (0.1, 0.1, 0.8)
    z = torch.log(torch.tensor([[[1.0, 2.0, 5.0]]]))
    term = CrossEntropy(label_smoothing=0.3)
    by_hand = -(0.1 * np.log(1 / 8) + 0.1 * np.log(2 / 8) + 0.8 * np.log(5 / 8))
    found = term.rows(z, torch.tensor([[2]]), stacked([term]))
    assert found.item() == pytest.approx(by_hand, rel=1e-6)
