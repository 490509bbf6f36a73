from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from core.report.records import no_rows
from core.report.report import Pair, Report

ARMS = {
    "dataset": "digits",
    "architecture": "mlp",
    "loss": "cross_entropy",
    "seeds": 1,
    "folds": 5,
    "compare": [
        {"name": "none"},
        {"name": "l1", "regularizers": [{"kind": "l1", "lambda": 0.01}]},
        {"name": "l2", "regularizers": [{"kind": "l2", "lambda": 0.01}]},
    ],
}
NAMED = {"none": 0.85, "l1": 0.93, "l2": 0.87}


def world(studio: Any, levels: dict[str, float] = NAMED, **more: Any) -> Any:
    body = ARMS | more.pop("body", {})
    return studio.world(body, lambda arm, setting: levels[arm], **more)


def pair(report: Report, a: str, b: str) -> Pair:
    return next(pair for pair in report.pairs if (pair.a, pair.b) == (a, b))


def test_pairs_are_each_arm_against_the_baseline_and_the_best_against_the_rest(
    studio: Any,
) -> None:
    report = world(studio).report()
    assert [(pair.a, pair.b, pair.family) for pair in report.pairs] == [
        ("l1", "none", "baseline"),
        ("l2", "none", "baseline"),
        ("l1", "l2", "best"),
    ]


def test_without_a_declared_baseline_only_the_best_is_measured_against_the_rest(
    studio: Any,
) -> None:
    renamed = [{**arm, "name": arm["name"].replace("none", "plain")} for arm in ARMS["compare"]]
    levels = {"plain": 0.85, "l1": 0.93, "l2": 0.87}
    report = world(studio, levels, body={"compare": renamed}).report()
    assert {(pair.a, pair.b) for pair in report.pairs} == {("l1", "l2"), ("l1", "plain")}
    assert not any(arm.baseline for arm in report.arms)
    assert report.method.baseline is None


def test_an_arm_marked_as_the_baseline_is_it_whatever_its_name(studio: Any) -> None:
    found = world(studio)
    found.job.document["compare"][2]["baseline"] = True
    report = found.report()
    assert report.method.baseline == "l2"
    assert {(p.a, p.b) for p in report.pairs if p.family == "baseline"} == {
        ("none", "l2"),
        ("l1", "l2"),
    }


def test_the_order_of_the_arms_changes_nothing(studio: Any) -> None:
    def said(names: list[str], levels: dict[str, float]) -> tuple[Any, ...]:
        arms = {arm["name"]: arm for arm in ARMS["compare"]}
        renamed = [{**arms[old], "name": new} for old, new in zip(names, levels, strict=True)]
        report = world(studio, levels, body={"compare": renamed}).report()
        pairs = {
            frozenset([(p.a, p.difference), (p.b, -p.difference)]): (p.ci95, p.p_adjusted)
            for p in report.pairs
        }
        return report.headline, report.best_bet, report.proven, report.outcome, pairs

    levels = {"plain": 0.85, "l1": 0.93, "l2": 0.90}
    first = said(["none", "l1", "l2"], levels)
    turned = said(["l2", "l1", "none"], {name: levels[name] for name in ("l2", "l1", "plain")})
    assert first == turned
    assert first[0].startswith("l1 ")


def test_one_row_more_is_no_finding(studio: Any) -> None:
    # 0.97000003 against 0.96599996 in float32, seeds alike: by their means p was 2e-25
    found = world(studio, {"none": 0.9, "l1": 0.9, "l2": 0.9}, own=0.0)
    right = found._right
    ids = [run.id for run in found.runs if run.arm == "l1"]
    index, answers = right[ids[0]]
    wrong = int(np.flatnonzero(~answers)[0])
    right[ids[0]] = index, np.where(np.arange(len(index)) == wrong, True, answers)
    report = found.report()
    one = pair(report, "l1", "none")
    assert one.rows == pytest.approx(1)
    assert one.difference == pytest.approx(1 / 500)
    assert one.p is not None
    assert one.p > 0.3
    assert one.verdict in ("undecided", "equivalent")


def test_89_against_51_per_cent_of_500_rows_is_better_though_no_seed_changes_it(
    studio: Any,
) -> None:
    levels = {"none": 0.51, "l1": 0.89, "l2": 0.51}
    found = world(studio, levels, own=0.0, body={"folds": 1, "seeds": 3}, rows=2500)
    report = found.report()
    assert report.rows.tested == 500
    assert {s.scores["test_accuracy"].sd for arm in report.arms for s in arm.settings} == {0.0}
    assert pair(report, "l1", "none").verdict == "better"
    assert report.outcome == "better"


def test_intervals_and_adjusted_p_never_disagree(studio: Any) -> None:
    for seed in range(12):
        levels = {"none": 0.90, "l1": 0.93, "l2": 0.91}
        report = world(studio, levels, seed=seed, own=0.2, rows=400).report()
        for found in report.pairs:
            low, high = found.ci95
            beyond = low > 0 or high < 0
            assert beyond == (found.p_adjusted < 0.05), found
            assert found.p <= found.p_adjusted


def test_a_difference_too_small_to_matter_is_equivalent(studio: Any) -> None:
    levels = {"none": 0.95, "l1": 0.9502, "l2": 0.90}
    report = world(studio, levels, rows=50_000, own=0.02).report()
    assert pair(report, "l1", "none").verdict == "equivalent"
    assert pair(report, "l2", "none").verdict == "worse"
    assert report.outcome == "nothing_beats_baseline"


def test_the_difference_is_that_of_the_rows_that_both_were_tested_on(studio: Any) -> None:
    found = world(studio)
    lost = next(run for run in found.runs if run.arm == "l2" and run.fold == 3)
    at = found.runs.index(lost)
    found.runs[at] = type(lost)(**{**vars(lost), "final": {}, "stop_reason": "diverged"})
    index, _ = found._right[lost.id]
    found._right[lost.id] = index, np.full(len(index), np.nan)
    report = found.report()
    two = pair(report, "l2", "none")
    assert two.n == 400
    assert two.note == "Paired on 4 of 5 replicates: l2 lacks 1."
    ids = {
        arm: {run.fold: run.id for run in found.runs if run.arm == arm} for arm in ("l2", "none")
    }
    sums = [
        found._right[ids["l2"][fold]][1].sum() - found._right[ids["none"][fold]][1].sum()
        for fold in (0, 1, 2, 4)
    ]
    assert two.difference == pytest.approx(sum(map(float, sums)) / 400)


def test_a_winner_on_validation_that_the_tested_rows_show_worse_is_not_taken(studio: Any) -> None:
    found = world(studio, {"none": 0.80, "l1": 0.95, "l2": 0.80})
    for i, run in enumerate(found.runs):
        if run.arm == "l2":
            flattered = {**run.final, "val_accuracy": 0.99}
            found.runs[i] = type(run)(**{**vars(run), "final": flattered})
    report = found.report()
    assert report.best_arm == "l1"
    assert report.notes[0] == (
        "l2 scores best on validation rows, but the test rows show l1 to be better, so that is "
        "taken."
    )
    assert pair(report, "l1", "l2").verdict == "better"


def test_an_undecided_pair_says_what_would_decide_and_never_seeds(studio: Any) -> None:
    levels = {"none": 0.90, "l1": 0.93, "l2": 0.905}
    report = world(studio, levels, rows=400, body={"repeats": 3}).report()
    needed = [found.needed for found in report.pairs if found.needed]
    assert needed
    assert all(one.kind in ("repeats", "rows") and one.count > 0 for one in needed)
    assert "seeds would" not in report.model_dump_json()


def test_without_scores_by_row_folds_are_compared_with_bonferroni(studio: Any) -> None:
    found = world(studio)
    report = studio.build([found.job], found.runs, no_rows)
    assert report.method.source == "folds"
    one = pair(report, "l1", "none")
    scores = {
        arm: np.array([r.final["test_accuracy"] for r in found.runs if r.arm == arm])
        for arm in ("l1", "none")
    }
    difference = scores["l1"] - scores["none"]
    # 500 rows: 100 test, 80 validate, 320 train; Nadeau and Bengio's variance of the mean
    error = np.sqrt((1 / 5 + 100 / 320) * difference.var(ddof=1))
    t = difference.mean() / error
    assert one.n == 5
    assert one.p == pytest.approx(2 * stats.t.sf(abs(t), 4))
    assert one.p_adjusted == pytest.approx(min(3 * one.p, 1))
    half = stats.t.ppf(1 - 0.05 / 3 / 2, 4) * error
    assert one.ci95 == pytest.approx((difference.mean() - half, difference.mean() + half))
    assert "intervals and tests are from the means of folds" in " ".join(report.notes)


def test_seeds_on_one_split_without_scores_by_row_test_nothing(studio: Any) -> None:
    found = world(studio, body={"folds": 1, "seeds": 5})
    report = studio.build([found.job], found.runs, no_rows)
    assert report.method.source == "none"
    assert {found.verdict for found in report.pairs} == {"undecided"}
    assert all(one.ci95 is None and one.p is None for one in report.pairs)
    assert report.action.kind == "run_again"


def test_an_arm_without_a_score_widens_no_interval(studio: Any) -> None:
    alone = world(studio, body={"compare": ARMS["compare"][:2]}).report()
    found = world(studio)
    for i, run in enumerate(found.runs):
        if run.arm == "l2":
            found.runs[i] = type(run)(**{**vars(run), "final": {}, "stop_reason": "diverged"})
            index, _ = found._right[run.id]
            found._right[run.id] = index, np.full(len(index), np.nan)
    report = found.report()
    assert pair(report, "l1", "none").ci95 == pair(alone, "l1", "none").ci95
    lost = pair(report, "l2", "none")
    assert (lost.difference, lost.ci95, lost.verdict) == (None, None, "undecided")
    assert lost.sentence == "l2 against none: cannot be compared, since no part scored both."
