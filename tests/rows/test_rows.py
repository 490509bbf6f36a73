"""The artifact of row scores: what is written is what is read, run by run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.rows import RowScores, read_rows, write_rows

NAN = np.float32("nan")
SCORES = RowScores(
    index_SN=np.array([[7, 9, 11], [8, 10, -1]]),
    stream_R=np.array([0, 1, 0, 1]),
    target_SN=np.array([[1, 0, 1], [0, 1, -1]]),
    row={
        "loss": np.array([[1, 2, 3], [4, 5, NAN], [6, 7, 8], [9, 10, NAN]], np.float32),
        "accuracy": np.array([[1, 0, 1], [0, 0, NAN], [1, 1, 1], [1, 0, NAN]], np.float32),
    },
    probability_RNC=np.arange(24, dtype=np.float32).reshape(4, 3, 2),
)


def test_runs_are_read_in_the_order_asked_with_their_own_parts_only(tmp_path):
    path = tmp_path / "rows.safetensors"
    write_rows(path, SCORES)

    found = read_rows(path, [3, 1])

    assert found.index_SN.tolist() == [[8, 10, -1]]
    assert found.target_SN.tolist() == [[0, 1, -1]]
    assert found.stream_R.tolist() == [0, 0]
    assert np.array_equal(found.row["loss"], SCORES.row["loss"][[3, 1]], equal_nan=True)
    assert np.array_equal(found.probability_RNC, SCORES.probability_RNC[[3, 1]])
    assert found.prediction_RNO is None
    assert found.group_SN is None


def test_parts_are_numbered_by_their_first_run(tmp_path):
    path = tmp_path / "rows.safetensors"
    write_rows(path, replace(SCORES, group_SN=np.array([[1, 1, 2], [3, 3, -1]])))

    found = read_rows(path, [1, 0, 3])

    assert found.stream_R.tolist() == [0, 1, 0]
    assert found.index_SN.tolist() == [[8, 10, -1], [7, 9, 11]]
    assert found.group_SN.tolist() == [[3, 3, -1], [1, 1, 2]]


def test_equal_scores_give_equal_bytes(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    write_rows(one, SCORES)
    write_rows(two, replace(SCORES, row=dict(reversed(SCORES.row.items()))))
    assert one.read_bytes() == two.read_bytes()
