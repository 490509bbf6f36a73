"""Every metric of the catalogue against scikit-learn, or numpy by hand, run by run."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    roc_auc_score,
)

from core.metrics import Metric
from core.metrics.ece import BINS
from tests.stacks import generator

R, N = 3, 40
COUNTS = (40, 25, 1)  # examples that each run really has; r2 needs two
NAN = float("nan")


@dataclass
class Split:
    """Outputs of three runs, targets and probabilities; what lies beyond a run's count is NaN."""

    prediction: torch.Tensor
    target: torch.Tensor
    present: torch.Tensor
    probabilities: torch.Tensor | None

    def score(self, metric: Metric) -> torch.Tensor:
        return metric.value(self.prediction, self.target, self.present, self.probabilities)


def brier_by_hand(y: np.ndarray, prediction: np.ndarray, p: np.ndarray) -> float:
    return float(np.mean(((p - np.eye(p.shape[1])[y]) ** 2).sum(1)))


def ece_by_hand(y: np.ndarray, prediction: np.ndarray, p: np.ndarray) -> float:
    confidence, right = p.max(1), p.argmax(1) == y
    total = 0.0
    for k in range(BINS):
        inside = (confidence > k / BINS) & (confidence <= (k + 1) / BINS)
        if inside.any():
            gap = abs(confidence[inside].mean() - right[inside].mean())
            total += inside.mean() * gap
    return total


def decided(prediction: np.ndarray) -> np.ndarray:
    return prediction[:, 0] > 0 if prediction.shape[1] == 1 else prediction.argmax(1)


def balanced_accuracy(y: np.ndarray, prediction: np.ndarray, p: np.ndarray) -> float:
    with warnings.catch_warnings():  # that an answer is a class which no example here has
        warnings.simplefilter("ignore", UserWarning)
        return float(balanced_accuracy_score(y, decided(prediction)))


def area_under_roc(y: np.ndarray, z: np.ndarray, p: np.ndarray) -> float:
    if len(np.unique(y)) < p.shape[1]:
        return NAN  # sklearn refuses
    return roc_auc_score(y, p[:, 1] if p.shape[1] == 2 else p.astype(np.float64), multi_class="ovr")


def average_precision(y: np.ndarray, z: np.ndarray, p: np.ndarray) -> float:
    wanted = [1] if p.shape[1] == 2 else range(p.shape[1])
    each = [average_precision_score(y == c, p[:, c]) if (y == c).any() else NAN for c in wanted]
    return float(np.mean(each))


REFERENCE: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], float]] = {
    "accuracy": lambda y, z, p: accuracy_score(y, decided(z)),
    "balanced_accuracy": balanced_accuracy,
    "f1": lambda y, z, p: f1_score(y, decided(z), average="macro"),
    "mse": lambda y, z, p: mean_squared_error(y, z),
    "mae": lambda y, z, p: mean_absolute_error(y, z),
    "r2": lambda y, z, p: r2_score(y, z),
    "brier": brier_by_hand,
    "ece": ece_by_hand,
    "log_loss": lambda y, z, p: log_loss(y, y_proba=p, labels=range(p.shape[1])),
    "roc_auc": area_under_roc,
    "average_precision": average_precision,
}


def drawn(metric: type[Metric], outputs: int, counts: tuple[int, ...]) -> Split:
    present = torch.stack([(torch.arange(N) < count).float() for count in counts])
    prediction = 2 * torch.randn(R, N, outputs, generator=generator(0))
    probabilities = None
    if "classification" in metric.tasks:
        target = torch.randint(max(outputs, 2), (R, N), generator=generator(1))
        logits = torch.cat([-prediction, prediction], -1) / 2 if outputs == 1 else prediction
        probabilities = torch.softmax(logits, -1)
        probabilities[present == 0] = NAN
    else:
        target = prediction + torch.randn(R, N, outputs, generator=generator(1))
        target[present == 0] = NAN
    prediction[present == 0] = NAN
    return Split(prediction, target, present, probabilities)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("kind", Metric.members())
def test_every_run_scores_as_the_reference_says_whatever_its_padding_holds(kind, outputs):
    member = Metric.members()[kind]
    counts = (40, 25, 2) if kind == "r2" else COUNTS
    split = drawn(member, outputs, counts)

    found = split.score(member())

    assert found.shape == (R,)
    for r, count in enumerate(counts):
        y, z = split.target[r, :count].numpy(), split.prediction[r, :count].numpy()
        p = None if split.probabilities is None else split.probabilities[r, :count].numpy()
        assert found[r].item() == pytest.approx(
            REFERENCE[kind](y, z, p), rel=1e-5, abs=1e-6, nan_ok=True
        )


@pytest.mark.parametrize("kind", Metric.members())
def test_a_perfect_split_scores_best(kind):
    member = Metric.members()[kind]
    split = drawn(member, 3, (N, N, N))
    if "classification" in member.tasks:
        truth = torch.eye(3)[split.target]
        perfect = Split(truth, split.target, split.present, truth)
    else:
        perfect = Split(split.target, split.target, split.present, None)
    sign = 1 if member.direction == "max" else -1
    assert (sign * perfect.score(member()) > sign * split.score(member())).all()


MEANS = [kind for kind, member in Metric.members().items() if member.mean_of_examples]


def test_means_over_examples_are_those_that_score_each_example():
    assert MEANS == ["accuracy", "brier", "log_loss", "mae", "mse"]


@pytest.mark.parametrize("kind", MEANS)
def test_a_score_is_the_mean_of_its_rows(kind):
    member = Metric.members()[kind]
    split = drawn(member, 3, COUNTS)
    row_RN = member().rows(split.prediction, split.target, split.probabilities)
    assert row_RN.dtype == torch.float32
    means = [row_RN[r, :count].double().mean().item() for r, count in enumerate(COUNTS)]
    assert split.score(member()).tolist() == pytest.approx(means, rel=1e-6)


@pytest.mark.parametrize("kind", MEANS)
def test_a_mean_of_examples_may_be_averaged_over_minibatches(kind):
    member = Metric.members()[kind]
    split = drawn(member, 3, (N, N, N))
    p = split.probabilities
    parts = [
        Split(
            split.prediction[:, a:b],
            split.target[:, a:b],
            split.present[:, a:b],
            None if p is None else p[:, a:b],
        )
        for a, b in ((0, 16), (16, 32), (32, N))
    ]
    averaged = sum(part.score(member()) * part.present.shape[1] / N for part in parts)
    torch.testing.assert_close(averaged, split.score(member()))


@pytest.mark.parametrize("kind", Metric.members())
def test_a_diverged_run_leaves_the_scores_of_its_neighbours_untouched(kind):
    member = Metric.members()[kind]
    split = drawn(member, 3, (N, N, N))
    before = split.score(member())
    split.prediction[1] = NAN
    if split.probabilities is not None:
        split.probabilities[1] = NAN
    assert torch.equal(split.score(member())[[0, 2]], before[[0, 2]])


RANKING = {"average_precision", "roc_auc"}  # of outputs, where there are no probabilities


@pytest.mark.parametrize("kind", sorted(Metric.members().keys() - RANKING))
def test_a_score_of_probabilities_is_nan_where_the_loss_gives_none(kind):
    member = Metric.members()[kind]
    split = drawn(member, 3, COUNTS)
    before = split.score(member())
    split.probabilities = None
    after = split.score(member())
    assert after.isnan().all() if member.of_probabilities else torch.equal(after, before)


@pytest.mark.parametrize("kind", Metric.members())
def test_no_presence_means_that_every_example_is_there(kind):
    member = Metric.members()[kind]
    split = drawn(member, 3, (N, N, N))
    torch.testing.assert_close(
        member().value(split.prediction, split.target, None, split.probabilities),
        split.score(member()),
    )


@pytest.mark.parametrize("kind", Metric.members())
def test_scores_lie_within_the_bounds_that_the_metric_declares(kind):
    member = Metric.members()[kind]
    least, most = member.bounds
    found = drawn(member, 3, (N, N, N)).score(member())
    assert ((least <= found) & (found <= most)).all()
