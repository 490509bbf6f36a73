"""Row scores of cohorts as one arm's list of predictions."""

from __future__ import annotations

import numpy as np

from core.report.evidence import predictions_of
from core.report.records import RowBatch
from core.rows import RowScores

CLASSES = RowScores(
    index_SN=np.array([[7, 9, 11], [8, 10, -1]]),
    stream_R=np.array([0, 1]),
    target_SN=np.array([[1, 0, 1], [0, 1, -1]]),
    probability_RNC=np.array(
        [[[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]], [[0.9, 0.1], [0.3, 0.7], [np.nan, np.nan]]],
        np.float32,
    ),
)


def batch(scores: RowScores, *runs: str) -> RowBatch:
    return RowBatch(runs, scores)


def test_padding_is_left_out_and_parts_are_numbered_by_run() -> None:
    found = predictions_of([batch(CLASSES, "a", "b")], {"a", "b"})
    assert found is not None
    assert found.part_M.tolist() == [0, 0, 0, 1, 1]
    assert found.index_M.tolist() == [7, 9, 11, 8, 10]
    assert found.target_M.tolist() == [1, 0, 1, 0, 1]
    assert np.array_equal(
        found.probability_MC[:, 1], np.array([0.8, 0.4, 0.5, 0.1, 0.7], np.float32)
    )
    assert (found.target_MO, found.prediction_MO) == (None, None)
    assert found.rows == 5


def test_parts_of_another_cohort_go_on_counting() -> None:
    found = predictions_of([batch(CLASSES, "a", "b"), batch(CLASSES, "c", "d")], set("abcd"))
    assert found is not None
    assert found.part_M.tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]
    assert found.rows == 5


def test_a_run_that_diverged_is_left_out() -> None:
    diverged = np.array(CLASSES.probability_RNC)
    diverged[1] = np.nan
    scores = RowScores(
        CLASSES.index_SN, CLASSES.stream_R, CLASSES.target_SN, probability_RNC=diverged
    )
    found = predictions_of([batch(scores, "a", "b")], {"a", "b"})
    assert found is not None
    assert found.index_M.tolist() == [7, 9, 11]


def test_values_stay_values() -> None:
    scores = RowScores(
        index_SN=np.array([[3, 4]]),
        stream_R=np.array([0]),
        target_SN=np.array([[[0.5], [-1.0]]], np.float32),
        prediction_RNO=np.array([[[0.25], [-0.75]]], np.float32),
    )
    found = predictions_of([batch(scores, "a")], {"a"})
    assert found is not None
    assert found.target_M is None
    assert found.target_MO.tolist() == [[0.5], [-1.0]]
    assert found.prediction_MO.tolist() == [[0.25], [-0.75]]


def test_runs_of_other_arms_are_left_out() -> None:
    found = predictions_of([batch(CLASSES, "a", "b")], {"b"})
    assert found is not None
    assert found.index_M.tolist() == [8, 10]
    assert found.part_M.tolist() == [0, 0]


def test_scores_without_answers_are_no_predictions() -> None:
    bare = RowScores(CLASSES.index_SN, CLASSES.stream_R, CLASSES.target_SN)
    assert predictions_of([batch(bare, "a", "b")], {"a", "b"}) is None
    assert predictions_of([], {"a"}) is None
