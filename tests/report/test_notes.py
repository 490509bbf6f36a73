from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.report.records import Lacking, no_rows
from tests.report.conftest import ARMS


def notes(studio: Any, changes: Any = None, *, level: Any = None, **more: Any) -> list[str]:
    world = studio.world(ARMS | (changes or {}), level or (lambda arm, setting: 0.9), **more)
    return world.report().notes


def test_a_lead_of_fewer_rows_than_fingers_is_told(studio: Any) -> None:
    found = notes(studio, level=lambda arm, s: 0.902 if arm == "l2" else 0.9, own=0.0, rows=1000)
    assert any("on 2 rows more than none, of 1,000: fewer than fingers." in note for note in found)


def test_a_choice_in_a_running_job_is_told_not_to_be_final(studio: Any) -> None:
    world = studio.world(ARMS, lambda arm, setting: 0.9, status="running")
    late = {"/regularizers/0/lambda": 0.1}
    world.runs = [
        replace(run, status="running", final={}, stop_reason=None) if run.setting == late else run
        for run in world.runs
    ]
    found = world.report().notes
    assert found[0] == (
        "5 of 15 runs have not finished, and 2 of 3 settings have scores so far; their scores are "
        "as last logged, and a choice may still change."
    )
    assert (
        "l2: the chosen λ = 0.001 is the lowest of its range, but only 1 of 2 settings have "
        "scores yet."
    ) in found
    assert "may lie beyond" not in " ".join(found)


@pytest.mark.parametrize(("counts", "told"), [([160, 40], False), ([161, 39], True)])
def test_a_majority_above_four_fifths_is_told(studio: Any, counts: list[int], told: bool) -> None:
    world = studio.world(ARMS, lambda arm, setting: 0.9)
    world.job.facts.update(class_counts=counts)
    found = [note for note in world.report().notes if "of one class" in note]
    assert bool(found) == told
    if told:
        assert found[0].startswith("80.5 % of the rows are of one class")
        assert found[0].endswith("; choose by val_balanced_accuracy.")


@pytest.mark.parametrize(("duplicates", "told"), [("apart", True), ("together", False)])
def test_rows_that_repeat_across_parts_are_told(studio: Any, duplicates: str, told: bool) -> None:
    world = studio.world(ARMS | {"split": {"duplicates": duplicates}}, lambda arm, setting: 0.9)
    world.job.facts.update(duplicates=7)
    found = [note for note in world.report().notes if "repeat the features" in note]
    assert bool(found) == told
    assert not told or found[0].startswith("7 rows repeat the features of another")


def test_one_small_held_out_part_is_told_with_what_it_cannot_show(studio: Any) -> None:
    split = {"folds": 1, "seeds": 3}
    told = "intervals cover other test rows and seeds, but not other training rows; folds would"
    assert any(told in note for note in notes(studio, split, rows=400))
    assert not any(told in note for note in notes(studio, split, rows=25_000))
    assert not any(told in note for note in notes(studio))


def test_folds_that_disagree_are_told_with_what_intervals_then_cover(studio: Any) -> None:
    def shift(arm: str, fold: int) -> float:
        return 0.05 * (fold - 2) if arm == "l2" else 0.0

    level = lambda arm, setting: 0.85  # noqa: E731
    told = "The folds disagree about "
    assert any(note.startswith(told) for note in notes(studio, rows=4000, level=level, shift=shift))
    assert not any(note.startswith(told) for note in notes(studio, rows=4000, level=level))


def test_runs_that_diverged_are_counted(studio: Any) -> None:
    world = studio.world(ARMS, lambda arm, setting: 0.9)
    world.runs[0] = replace(world.runs[0], stop_reason="diverged", final={})
    assert "none: 1 of 5 runs diverged." in world.report().notes


def test_rows_that_could_be_recomputed_are_told_with_why_they_are_not(studio: Any) -> None:
    world = studio.world(ARMS, lambda arm, setting: 0.9)
    report = studio.build([world.job], world.runs, lambda ids: [Lacking("that would take a day")])
    assert (
        "No scores by row are stored, and that would take a day, so intervals and tests are from "
        "the means of folds."
    ) in report.notes


def test_jobs_without_scores_by_row_say_so(studio: Any) -> None:
    world = studio.world(ARMS, lambda arm, setting: 0.9)
    report = studio.build([world.job], world.runs, no_rows)
    told = "No scores by row are stored, so intervals and tests are from the means of folds."
    assert told in report.notes
