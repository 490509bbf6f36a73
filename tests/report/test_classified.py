"""Confusion, calibration and curves of test rows, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from core.report.classified import (
    confusion,
    per_class,
    positive_share,
    precision_recall,
    reliability,
    roc,
)
from core.report.evidence import Predictions


def made(rows: int, classes: int, *, parts: int = 1, seed: int = 0) -> Predictions:
    """Probabilities of two digits, so that many are equal."""
    rng = np.random.default_rng(seed)
    target_M = rng.integers(0, classes, rows)
    weight_MC = rng.random((rows, classes)) + 1.2 * np.eye(classes)[target_M]
    probability_MC = np.round(weight_MC / weight_MC.sum(1, keepdims=True), 2)
    part_M = np.arange(rows) % parts
    return Predictions(part_M, np.arange(rows), target_M=target_M, probability_MC=probability_MC)


def test_confusion_and_scores_of_classes_are_those_of_scikit_learn() -> None:
    answers = made(400, 4)
    guess_M = answers.probability_MC.argmax(1)
    cells_CC = confusion(answers, 4)
    assert np.array_equal(cells_CC, metrics.confusion_matrix(answers.target_M, guess_M))
    found = per_class(cells_CC)
    precision_C, recall_C, f1_C, rows_C = metrics.precision_recall_fscore_support(
        answers.target_M, guess_M
    )
    assert found.precision_C == pytest.approx(precision_C)
    assert found.recall_C == pytest.approx(recall_C)
    assert found.f1_C == pytest.approx(f1_C)
    assert found.rows_C == pytest.approx(rows_C)


def test_a_row_that_two_repeats_tested_counts_once() -> None:
    answers = Predictions(
        part_M=np.array([0, 0, 1, 1]),
        index_M=np.array([7, 8, 7, 8]),
        target_M=np.array([0, 1, 0, 1]),
        probability_MC=np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7]]),
    )
    assert confusion(answers, 2).tolist() == [[0.5, 0.5], [0.0, 1.0]]


def test_a_class_that_nothing_is_taken_for_has_no_precision() -> None:
    found = per_class(np.array([[2.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    assert found.precision_C.tolist()[0] == pytest.approx(2 / 3)
    assert np.isnan(found.precision_C[1:]).all()
    assert found.recall_C.tolist()[:2] == [1.0, 0.0]
    assert np.isnan(found.recall_C[2])
    assert np.isnan(found.f1_C[2])


def test_without_probabilities_the_largest_output_is_the_class() -> None:
    answers = Predictions(
        part_M=np.zeros(2, np.int64),
        index_M=np.arange(2),
        target_M=np.array([1, 0]),
        prediction_MO=np.array([[-1.0, 2.0], [-3.0, -2.0]]),
    )
    assert confusion(answers, 2).tolist() == [[0, 1], [0, 1]]


def test_the_expected_calibration_error_is_that_of_its_definition() -> None:
    answers = Predictions(
        part_M=np.zeros(4, np.int64),
        index_M=np.arange(4),
        target_M=np.array([0, 0, 1, 1]),
        probability_MC=np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.4, 0.6]]),
    )
    found = reliability(answers, bins=5)
    # (0.8, 1]: 0.9, right; (0.6, 0.8]: 0.8 right, 0.7 wrong; (0.4, 0.6]: 0.6, right
    assert found.share_K.tolist() == [0, 0, 0.25, 0.5, 0.25]
    assert found.confidence_K[2:] == pytest.approx([0.6, 0.75, 0.9])
    assert found.accuracy_K[2:].tolist() == [1, 0.5, 1]
    assert found.ece == pytest.approx((0.4 + 2 * 0.25 + 0.1) / 4)


def test_the_area_of_a_roc_curve_is_that_of_scikit_learn_and_the_curve_passes_its_points() -> None:
    answers = made(300, 2)
    score_M = answers.probability_MC[:, 1]
    found = roc(answers)
    assert found is not None
    assert found.area == pytest.approx(metrics.roc_auc_score(answers.target_M, score_M))
    alarm_T, hit_T, _ = metrics.roc_curve(answers.target_M, score_M)
    assert found.y_G[1:] == pytest.approx(np.interp(found.x_G[1:], alarm_T, hit_T))


def test_the_area_of_a_precision_recall_curve_is_the_average_precision() -> None:
    answers = made(300, 2)
    score_M = answers.probability_MC[:, 1]
    found = precision_recall(answers)
    assert found is not None
    assert found.area == pytest.approx(metrics.average_precision_score(answers.target_M, score_M))
    precision_T, recall_T, _ = metrics.precision_recall_curve(answers.target_M, score_M)
    for recall, precision in zip(found.x_G[1:], found.y_G[1:], strict=True):
        reached = np.flatnonzero(recall_T >= recall - 1e-12)[-1]  # the highest threshold that does
        assert precision == pytest.approx(precision_T[reached])
    assert positive_share(answers) == pytest.approx(answers.target_M.mean())


def test_several_classes_and_parts_are_averaged_one_against_the_rest() -> None:
    answers = made(600, 3, parts=2)
    parts = [answers.part_M == part for part in (0, 1)]
    area = np.mean(
        [
            metrics.roc_auc_score(answers.target_M[m] == c, answers.probability_MC[m, c])
            for m in parts
            for c in range(3)
        ]
    )
    precision = np.mean(
        [
            metrics.average_precision_score(answers.target_M[m] == c, answers.probability_MC[m, c])
            for m in parts
            for c in range(3)
        ]
    )
    found = roc(answers), precision_recall(answers)
    assert all(curve is not None and curve.curves == 6 for curve in found)
    assert [curve.area for curve in found if curve] == pytest.approx([area, precision])


def test_a_part_without_both_sides_has_no_curve() -> None:
    answers = Predictions(
        part_M=np.array([0, 0]),
        index_M=np.array([0, 1]),
        target_M=np.array([1, 1]),
        probability_MC=np.array([[0.1, 0.9], [0.2, 0.8]]),
    )
    assert roc(answers) is None
    assert precision_recall(answers) is None
