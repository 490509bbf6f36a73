"""Against scikit-learn, against DeLong's formula, and against a Poisson bootstrap that draws."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from core.report.statistics import RANKED, Scored, contrasts, pseudo_values


def probabilities(rng: np.random.Generator, target: np.ndarray, classes: int) -> np.ndarray:
    """Of one run, better than chance, rounded so that there are ties."""
    raw = rng.normal(size=(len(target), classes)) + 1.2 * (target[:, None] == np.arange(classes))
    return (np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)).round(2)


def by_sklearn(
    metric: str, target: np.ndarray, p: np.ndarray, weight: np.ndarray | None = None
) -> float:
    classes, said = p.shape[1], p.argmax(axis=1)
    if metric == "f1":
        return metrics.f1_score(target, said, average="macro", sample_weight=weight)
    if metric == "balanced_accuracy":
        return metrics.balanced_accuracy_score(target, said, sample_weight=weight)
    one = {"roc_auc": metrics.roc_auc_score, "average_precision": metrics.average_precision_score}
    which = (1,) if classes == 2 else range(classes)
    scores = [one[metric](target == c, p[:, c], sample_weight=weight) for c in which]
    return float(np.mean(scores))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("metric", RANKED)
def test_pseudo_values_average_to_the_metric(metric: str, classes: int) -> None:
    rng = np.random.default_rng(classes)
    target = rng.integers(0, classes, 90)
    runs = np.stack([probabilities(rng, target, classes) for _ in range(3)])
    found = pseudo_values(metric, runs, target)
    expected = [by_sklearn(metric, target, p) for p in runs]
    np.testing.assert_allclose(found.mean(axis=1), expected, rtol=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("metric", RANKED)
def test_a_pseudo_value_is_the_change_by_the_weight_of_its_row(metric: str, classes: int) -> None:
    rng = np.random.default_rng(10 + classes)
    target = rng.integers(0, classes, 40)
    p = probabilities(rng, target, classes)
    found = pseudo_values(metric, p[None], target)[0]
    step = 1e-6
    for row in range(0, 40, 7):
        more, less = np.ones(40), np.ones(40)
        more[row] += step
        less[row] -= step
        slope = by_sklearn(metric, target, p, more) - by_sklearn(metric, target, p, less)
        change = 40 * slope / (2 * step)
        assert found[row] == pytest.approx(found.mean() + change, abs=1e-5)


@pytest.mark.parametrize("metric", RANKED)
def test_their_variance_is_that_of_a_poisson_bootstrap_of_the_rows(metric: str) -> None:
    rng = np.random.default_rng(3)
    target = (rng.random(400) < 0.4).astype(np.int64)
    p = probabilities(rng, target, 2)
    drawn = [by_sklearn(metric, target, p, rng.poisson(1.0, 400).astype(float)) for _ in range(300)]
    expected = float(np.std(drawn))
    found = pseudo_values(metric, p[None], target)[0]
    # 300 draws know a deviation to within 4 %
    assert found.std() / 20 == pytest.approx(expected, rel=0.15)


def delong(target: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Difference of areas and its error, by the formula of 1988 with its double loop."""
    hits, misses = np.flatnonzero(target == 1), np.flatnonzero(target == 0)
    psi = np.array(
        [
            [[(s[i] > s[j]) + 0.5 * (s[i] == s[j]) for j in misses] for i in hits]
            for s in (first, second)
        ]
    )
    of_hits, of_misses = np.cov(psi.mean(axis=2)), np.cov(psi.mean(axis=1))
    covariance = of_hits / len(hits) + of_misses / len(misses)
    areas = psi.mean(axis=(1, 2))
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return float(areas[0] - areas[1]), float(np.sqrt(variance))


def test_two_areas_on_a_held_out_part_are_compared_as_by_delong() -> None:
    rng = np.random.default_rng(4)
    target = (rng.random(300) < 0.3).astype(np.int64)
    runs = np.stack([probabilities(rng, target, 2), probabilities(rng, target, 2)])
    score_AN = pseudo_values("roc_auc", runs, target)
    one_pass = np.zeros((1, 300), dtype=np.int64)
    scored = Scored(score_AN[:, None], one_pass, np.zeros(1, dtype=np.int64))
    found = contrasts(scored, [(0, 1)], margin=0.01, sign=1)
    difference, error = delong(target, runs[0, :, 1], runs[1, :, 1])
    assert found.difference_C[0] == pytest.approx(difference)
    assert found.se_C[0] == pytest.approx(error, rel=0.01)


def test_padding_and_what_is_undefined_are_nan() -> None:
    rng = np.random.default_rng(5)
    target = np.array([0, 1, 0, 1, -1])
    runs = rng.random((2, 5, 2))
    runs[1, 2] = np.nan
    found = pseudo_values("roc_auc", runs, target)
    assert np.isfinite(found[0, :4]).all()
    assert np.isnan(found[0, 4])
    assert np.isnan(found[1]).all()
    assert np.isnan(pseudo_values("roc_auc", runs[:1], np.zeros(5, dtype=np.int64))).all()


def values(rng: np.random.Generator, rows: int, outputs: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Targets with a long tail, and answers of one run that miss the more the larger they are."""
    target = rng.gamma(2.0, size=(rows, outputs))
    return target, target + rng.normal(size=target.shape) * (0.3 + 0.3 * target)


def r2(target: np.ndarray, answer: np.ndarray, weight: np.ndarray | None = None) -> float:
    return float(metrics.r2_score(target, answer, sample_weight=weight))


def test_pseudo_values_of_r2_by_hand() -> None:
    # targets 0, 2, 4 answered 1, 2, 2: SSE 5, SST 8, so R² = 3/8; a row adds
    # 3 (5/8 (y - 2)² - miss²) / 8
    found = pseudo_values("r2", np.array([[[1.0], [2.0], [2.0]]]), np.array([[0.0], [2.0], [4.0]]))
    assert found[0] == pytest.approx([3 / 8 + 9 / 16, 3 / 8, 3 / 8 - 9 / 16])


@pytest.mark.parametrize("outputs", [1, 3])
def test_pseudo_values_of_r2_average_to_it_and_are_its_change_by_a_row(outputs: int) -> None:
    target, answer = values(np.random.default_rng(outputs), 40, outputs)
    found = pseudo_values("r2", answer[None], target)[0]
    assert found.mean() == pytest.approx(r2(target, answer))
    step = 1e-5
    for row in range(0, 40, 7):
        more, less = np.ones(40), np.ones(40)
        more[row] += step
        less[row] -= step
        slope = r2(target, answer, more) - r2(target, answer, less)
        assert found[row] == pytest.approx(found.mean() + 40 * slope / (2 * step), abs=1e-6)


def test_the_variance_of_r2_is_that_of_a_poisson_bootstrap_also_of_a_difference() -> None:
    rng = np.random.default_rng(6)
    target, answer = values(rng, 600)
    other = 0.6 * answer + 0.4 * target.mean()
    drawn = [
        (r2(target, answer, weight), r2(target, other, weight))
        for weight in rng.poisson(1.0, (500, 600)).astype(float)
    ]
    found = pseudo_values("r2", np.stack([answer, other]), target)
    # 500 draws know a deviation to within 3 %; the rest is what first order leaves out
    assert found.std(axis=1) / 600**0.5 == pytest.approx(np.std(drawn, axis=0), rel=0.12)
    deviation = float(np.std(np.diff(drawn, axis=1)))
    assert (found[1] - found[0]).std() / 600**0.5 == pytest.approx(deviation, rel=0.12)


def test_r2_of_equal_targets_and_of_padding() -> None:
    target = np.array([[0.1], [0.1], [0.1], [np.nan]])
    met = np.array([[[0.1], [0.1], [0.1], [np.nan]], [[0.1], [0.1], [0.2], [np.nan]]])
    found = pseudo_values("r2", met, target)
    assert found[:, :3].tolist() == [[1.0] * 3, [0.0] * 3]
    assert np.isnan(found[:, 3]).all()
    met[0, 1] = np.inf
    assert np.isnan(pseudo_values("r2", met, target)[0]).all()
