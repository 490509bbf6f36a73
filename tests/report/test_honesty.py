"""The gate of `python -m benchmarks.honesty` in small: claims where the truth is known.

A count may be as large as chance allows at the promised rate, once in a thousand.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks.honesty.judge import judge_report, judge_scored, margin_of, tally
from benchmarks.honesty.power import power_of
from benchmarks.honesty.reported import job_of, report_of, scored_of, truth_of
from benchmarks.honesty.trained import Lesson, lessons
from benchmarks.honesty.winner import taken_of
from benchmarks.honesty.world import World, play

JOBS = 200
FALSE, COVERED = 0.05, 0.93
ONCE = 0.999

WORLDS = [
    World("noise", "classification", 150, hidden=12, arms=3),
    World("noise", "classification", 150, arms=6),
    World("twin", "classification", 150, hidden=64),
    World("twin", "regression", 500, hidden=12),
    World("twin", "regression", 150, hidden=64, repeats=3),
    World("mirror", "classification", 150, arms=4),
    World("mirror", "regression", 150, hidden=12),
    World("mirror", "regression", 150, repeats=3),
    World("mirror", "classification", 300, cluster=3),
    World("mirror", "classification", 2000, folds=1, repeats=3),
]


@pytest.mark.parametrize(
    "world", WORLDS, ids=lambda w: f"{w.kind}-{w.task[:5]}-{w.rows}-{w.hidden}"
)
def test_equal_arms_are_rarely_told_apart_and_intervals_hold_the_truth(world: World) -> None:
    outcomes = [play(world, job) for job in range(JOBS)]
    truth_A = np.mean([outcome.fresh_A for outcome in outcomes], axis=0)
    truth_A[:] = 0.5 if world.kind == "noise" else truth_A.mean()
    metric = "accuracy" if world.sign > 0 else "mse"
    margin = margin_of(metric, truth_A.tolist())
    found = tally(
        judge_scored(one.scored, truth_A, sign=world.sign, margin=margin) for one in outcomes
    )
    assert JOBS * found.false <= stats.binom.ppf(ONCE, JOBS, FALSE)
    least = stats.binom.ppf(1 - ONCE, JOBS, COVERED) / JOBS
    assert found.pairs >= least
    assert found.singles >= least


def test_the_gate_catches_a_plain_t_over_rows() -> None:
    world = World("twin", "regression", 500, hidden=12)
    false = 0
    for job in range(JOBS):
        score_AN = play(world, job).scored.score_APN[:, 0]
        false += stats.ttest_rel(score_AN[0], score_AN[1]).pvalue < FALSE
    assert false > stats.binom.ppf(ONCE, JOBS, FALSE)


def test_a_true_difference_is_found_more_often_than_by_the_corrected_t() -> None:
    found = power_of(World("planted", "classification", 500, missing=10), range(JOBS))
    assert found.truth == pytest.approx(0.075, abs=0.01)
    assert found.found >= 0.6
    assert found.found >= 1.5 * found.resampled - 0.1
    assert found.found >= 2 * found.corrected - 0.1
    assert found.covered >= stats.binom.ppf(1 - ONCE, JOBS, COVERED) / JOBS


def test_test_rows_that_overrule_validation_hardly_add_to_what_the_winner_promises() -> None:
    found = taken_of(World("mirror", "classification", 150), range(JOBS // 2))
    assert found.overruled <= stats.binom.ppf(ONCE, JOBS // 2, FALSE) / (JOBS // 2)
    assert 0 <= found.by_both - found.by_validation < 0.005
    assert found.covered_both >= stats.binom.ppf(1 - ONCE, JOBS // 2, COVERED) / (JOBS // 2)


def test_reports_of_trained_jobs_hold_the_truth_and_say_what_the_gate_counts() -> None:
    lesson = Lesson("twin", "linear", "classification", 150, arms=3)
    jobs = list(lessons(lesson, range(30)))
    job, truth = job_of(lesson), truth_of(lesson, jobs)
    margin = margin_of("accuracy", truth.values())
    reports = [report_of(job, runs) for runs in jobs]
    said = tally(
        judge_report(one, truth, metric="accuracy", sign=1, margin=margin) for one in reports
    )
    counted = tally(
        judge_scored(scored_of(job, runs), np.array(list(truth.values())), sign=1, margin=margin)
        for runs in jobs
    )
    assert 30 * said.false <= stats.binom.ppf(ONCE, 30, FALSE)
    assert said.singles >= stats.binom.ppf(1 - ONCE, 30, COVERED) / 30
    assert said.singles == pytest.approx(counted.singles)
    assert said.false == counted.false
