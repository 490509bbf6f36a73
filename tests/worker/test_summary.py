from __future__ import annotations

import pytest

from worker.summary import Summary


def test_best_is_the_first_of_the_greatest_or_smallest_by_the_metrics_direction():
    summary = Summary(1)
    for epoch, accuracy, loss in ((1, 0.5, 0.9), (2, 0.8, 0.3), (3, 0.8, 0.3), (4, 0.7, 0.6)):
        summary.add(epoch, [0], {"val_accuracy": [accuracy], "val_loss": [loss]}, {})
    assert summary.changed() == {
        0: {
            "val_accuracy": {"last": 0.7, "best": 0.8, "best_epoch": 2},
            "val_loss": {"last": 0.6, "best": 0.3, "best_epoch": 2},
        }
    }


@pytest.mark.parametrize("name", ["weight_norm", "zeros", "lr", "term/l1", "epoch_s"])
def test_what_has_no_better_direction_has_no_best(name):
    summary = Summary(1)
    summary.add(1, [0], {name: [2.0]}, {})
    assert summary.changed()[0][name] == {"last": 2.0, "best": None, "best_epoch": None}


def test_a_not_a_number_never_is_best_and_shows_as_last_with_its_kind():
    summary = Summary(1)
    summary.add(1, [0], {"val_loss": [None]}, {"val_loss": {"0": "nan"}})
    summary.add(2, [0], {"val_loss": [0.5]}, {})
    summary.add(3, [0], {"val_loss": [None]}, {"val_loss": {"0": "inf"}})
    assert summary.changed()[0]["val_loss"] == {
        "last": None,
        "best": 0.5,
        "best_epoch": 2,
        "kind": "inf",
    }


def test_a_best_value_that_is_infinite_is_told_from_none():
    summary = Summary(1)
    summary.add(1, [0], {"val_r2": [None]}, {"val_r2": {"0": "-inf"}})
    assert summary.changed()[0]["val_r2"] == {
        "last": None,
        "best": None,
        "best_epoch": 1,
        "kind": "-inf",
        "best_kind": "-inf",
    }


def test_rows_that_left_keep_their_scores_and_are_not_told_again():
    summary = Summary(3)
    summary.add(1, [0, 1, 2], {"val_loss": [3.0, 2.0, 1.0]}, {})
    summary.settle()
    summary.add(2, [0, 2], {"val_loss": [0.5, 4.0]}, {})
    changed = summary.changed()
    assert sorted(changed) == [0, 2]
    assert changed[2]["val_loss"] == {"last": 4.0, "best": 1.0, "best_epoch": 1}
