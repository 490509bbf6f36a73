"""What every loss says of itself: tasks, width of the last layer, probabilities."""

from typing import get_args

import pytest
import torch

from core.losses import Loss
from core.metrics.metric import decide
from core.term import Task
from tests.stacks import generator

MEMBERS = Loss.members()
CLASSIFIERS = [kind for kind, loss in MEMBERS.items() if "classification" in loss.tasks]


@pytest.mark.parametrize("task", get_args(Task))
@pytest.mark.parametrize("kind", MEMBERS)
def test_a_loss_fits_its_tasks_and_names_both_sides_where_it_does_not(kind, task):
    loss = MEMBERS[kind]()
    reason = loss.fits(task, 3 if task == "classification" else 0)
    if task in loss.tasks:
        assert reason is None
    else:
        assert kind in reason
        assert task in reason
        assert loss.tasks[0] in reason


@pytest.mark.parametrize("kind", MEMBERS)
def test_the_network_has_one_output_per_target_or_class(kind):
    loss = MEMBERS[kind]()
    if "regression" in loss.tasks:
        assert loss.outputs(0, 4) == 4
    if "classification" in loss.tasks:
        assert loss.outputs(5, 1) == 5
        assert loss.outputs(2, 1) == (1 if kind == "bce" else 2)


@pytest.mark.parametrize("classes", [2, 3, 40])
@pytest.mark.parametrize("scale", [1.0, 1e4])
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_probabilities_are_a_distribution_that_agrees_with_the_decision(kind, scale, classes):
    loss = MEMBERS[kind]()
    z = scale * torch.randn(2, 50, loss.outputs(classes, 1), generator=generator(0))
    z[0, 0] = -scale  # every one-against-rest output says no
    p = loss.probabilities(z)
    if p is None:
        return  # outputs that are not logits
    assert p.shape == (2, 50, classes)
    assert (p >= 0).all()
    torch.testing.assert_close(p.sum(-1), torch.ones(2, 50))
    chosen = p.gather(-1, decide(z).unsqueeze(-1)).squeeze(-1)
    assert torch.equal(chosen, p.max(-1).values)  # of equal ones either may be chosen


def test_logits_have_probabilities_and_values_have_none():
    have = {k for k in MEMBERS if MEMBERS[k]().probabilities(torch.zeros(1, 1, 3)) is not None}
    assert have == {"bce", "cross_entropy", "focal"}


def test_one_against_the_rest_probabilities_are_sigmoids_over_their_sum():
    z = torch.tensor([[[0.0, 1.0, -2.0]]])
    sigmoid = 1 / (1 + torch.exp(-z))
    torch.testing.assert_close(MEMBERS["bce"]().probabilities(z), sigmoid / sigmoid.sum())


def test_one_output_gives_the_probability_of_class_one():
    z = torch.tensor([[[0.0], [2.0], [-1e4]]])
    p = torch.tensor([[[0.5, 0.5], [0.1192029, 0.8807971], [1.0, 0.0]]])
    torch.testing.assert_close(MEMBERS["bce"]().probabilities(z), p)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_loss_says_beforehand_whether_it_gives_probabilities(kind):
    loss = MEMBERS[kind]()
    output = torch.zeros(1, 1, loss.outputs(3, 1))
    assert loss.gives_probabilities == (loss.probabilities(output) is not None)
