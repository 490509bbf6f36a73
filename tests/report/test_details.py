from __future__ import annotations

from typing import Any

import pytest

from core.report.records import no_rows
from core.report.report import Report
from tests.report.conftest import ARMS


def report(studio: Any, changes: Any = None, **more: Any) -> Report:
    return studio.world(ARMS | (changes or {}), lambda arm, setting: 0.9, **more).report()


def test_every_pair_is_a_fact(studio: Any) -> None:
    found = report(studio)
    assert found.details[0] == found.pairs[0].sentence
    assert found.details[0].startswith("l2 against none: ")


def test_what_each_fold_chose_is_told_beside_what_all_together_choose(studio: Any) -> None:
    found = report(studio)
    (told,) = [fact for fact in found.details if "each of 5 folds" in fact]
    chosen = found.arms[1]
    counts = {one.label: one.count for one in chosen.chosen_counts}
    assert sum(counts.values()) == 5
    assert told.startswith(
        f"l2: over all folds {chosen.chosen.min.label} is chosen by validation accuracy; "
    )
    for label, count in counts.items():
        assert f"{label} in {count}" in told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "Intervals cover new rows and training again, with other seeds and training rows."),
        (
            {"folds": 1, "seeds": 3},
            "Intervals cover new rows and other seeds, but not other training rows.",
        ),
    ],
)
def test_what_intervals_cover_is_always_told(studio: Any, changes: Any, told: str) -> None:
    assert told in report(studio, changes).details


def test_without_rows_and_folds_there_are_said_to_be_no_intervals(studio: Any) -> None:
    world = studio.world(ARMS | {"folds": 1, "seeds": 3}, lambda arm, setting: 0.9)
    found = studio.build([world.job], world.runs, no_rows)
    assert "There are no intervals: seeds on one split tell nothing of other rows." in found.details


def test_the_rows_of_every_part_are_told(studio: Any) -> None:
    found = report(studio, {"repeats": 2})
    assert (
        "500 rows tested: 5 folds × 2 repeats × 1 seed; each training has 320 rows, 80 validate "
        "and 100 test."
    ) in found.details
    assert found.rows.model_dump() == {"train": 320, "validation": 80, "test": 100, "tested": 500}


def test_stability_is_told_where_rows_were_tested_more_than_once(studio: Any) -> None:
    once, twice = report(studio), report(studio, {"repeats": 2}, own=0.3)
    assert [arm.seed for arm in once.stability] == [None, None]
    assert any("repeats would tell" in fact for fact in once.details)
    for arm in twice.stability:
        assert 0.1 < arm.seed < 0.6
        assert arm.seed + arm.fold + arm.rows == pytest.approx(1)
    (told,) = [fact for fact in twice.details if "training it again makes" in fact]
    assert told.endswith("the rest is the rows'.")
