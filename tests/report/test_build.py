from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.errors import InvalidSpec
from core.report.build import build_report
from core.report.evidence import Evidence
from core.report.figures import with_figures
from core.report.render import to_json, to_markdown
from core.report.report import Report
from tests.counting import calls

SWEEP = {
    "dataset": "digits",
    "architecture": "mlp",
    "loss": "cross_entropy",
    "regularizer": "l2",
    "lambda": {"values": [0.01, 0.1, 1.0]},
    "seeds": 4,
}


def arm(report: Report, name: str) -> Any:
    return next(arm for arm in report.arms if arm.name == name)


def test_scores_are_those_of_the_runs(studio: Any, comparison: Any) -> None:
    job, runs, _ = comparison
    report = build_report([job], runs)
    l2 = arm(report, "l2")
    for setting in l2.settings:
        mine = [
            r.final["val_accuracy"]
            for r in runs
            if r.arm == "l2" and dict(r.setting) == setting.setting
        ]
        score = setting.scores["val_accuracy"]
        assert score.n == 5
        assert score.mean == pytest.approx(np.mean(mine))
        assert score.sd == pytest.approx(np.std(mine, ddof=1))
    best = max(l2.settings, key=lambda s: s.scores["val_accuracy"].mean)
    assert l2.chosen.min.setting == best.setting
    assert report.metric == "val_accuracy"
    assert report.direction == "max"


def test_the_wire_shape_is_the_one_promised(comparison: Any) -> None:
    job, runs, _ = comparison
    report = build_report([job], runs)
    wire = json.loads(to_json(report))
    assert wire["object"] == "report"
    assert set(wire) >= {
        "jobs",
        "metric",
        "direction",
        "headline",
        "best_arm",
        "best_bet",
        "proven",
        "action",
        "outcome",
        "verdict",
        "details",
        "rows",
        "stability",
        "partial",
        "arms",
        "pairs",
        "figures",
        "method",
        "reproduce",
    }
    chosen = wire["arms"][1]["chosen"]
    assert set(chosen) == {"min", "1se"}
    assert set(chosen["min"]) >= {"setting", "scores", "zeros", "at_edge"}
    assert set(chosen["min"]["scores"]["test_accuracy"]) == {"mean", "sd", "ci95", "n"}
    assert set(wire["pairs"][0]) >= {
        "a",
        "b",
        "difference",
        "ci95",
        "p",
        "p_adjusted",
        "test",
        "verdict",
        "needed",
        "family",
    }
    listed = with_figures(report, Evidence()).figures
    assert {link.name for link in listed} >= {"score", "learning", "gap"}
    assert listed[0].links["svg"] == f"/v1/jobs/{job.id}/figures/{listed[0].name}.svg"
    assert wire["reproduce"]["jobs"][0]["body"] == job.document
    assert Report.model_validate_json(to_json(build_report([job], runs)))


def test_the_order_of_the_runs_does_not_matter(comparison: Any) -> None:
    job, runs, _ = comparison
    shuffled = random.Random(0).sample(runs, len(runs))
    assert to_json(build_report([job], runs)) == to_json(build_report([job], shuffled))


def test_1se_uses_the_direction_that_the_plug_in_declares(studio: Any) -> None:
    means = {0.01: 0.899, 0.1: 0.90, 1.0: 0.898}

    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        return {"val_accuracy": means[setting["/regularizers/0/lambda"]] + 0.01 * (-1) ** seed}

    report = build_report([studio.job(SWEEP)], studio.runs(SWEEP, score))
    chosen = report.arms[0].chosen
    assert chosen.min.setting == {"/regularizers/0/lambda": 0.1}
    assert chosen.one_se.setting == {"/regularizers/0/lambda": 1.0}
    assert chosen.one_se.at_edge == "high"
    assert chosen.min.at_edge is None


def test_test_scores_never_choose(studio: Any) -> None:
    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        lam = setting["/regularizers/0/lambda"]
        return {"val_accuracy": 0.9 if lam == 0.01 else 0.8, "test_accuracy": lam / 2}

    report = build_report([studio.job(SWEEP)], studio.runs(SWEEP, score))
    chosen = report.arms[0].chosen.min
    assert chosen.setting == {"/regularizers/0/lambda": 0.01}
    assert chosen.optimism == pytest.approx(0.9 - 0.005)
    with pytest.raises(InvalidSpec, match="would choose by the test score"):
        build_report([studio.job(SWEEP)], [], metric="test_accuracy")


def test_one_setting_is_chosen_by_both_rules(comparison: Any) -> None:
    job, runs, _ = comparison
    none = arm(build_report([job], runs), "none")
    assert none.baseline
    assert none.chosen.min == none.chosen.one_se
    assert none.chosen.min.setting == {}


def test_diverged_failed_and_nan_runs_give_no_score_and_are_told(studio: Any) -> None:
    runs = list(studio.runs(studio.body, studio.lifelike))
    at = next(i for i, run in enumerate(runs) if run.arm == "l1")
    runs[at] = replace(runs[at], stop_reason="diverged", final={"val_accuracy": math.nan})
    runs[at + 1] = replace(runs[at + 1], status="failed", final={}, stop_reason=None)
    report = build_report([studio.job(studio.body)], runs)
    l1 = arm(report, "l1")
    assert l1.settings[0].diverged == 1
    assert l1.settings[0].missing == 1
    assert l1.settings[0].scores["val_accuracy"].n == 3
    assert "l1: 1 of 45 runs diverged." in report.notes
    assert not report.partial
    assert "NaN" not in to_json(report)


def test_a_running_job_gives_a_partial_report(studio: Any) -> None:
    runs = list(studio.runs(studio.body, studio.lifelike))
    runs[3:] = [replace(run, status="running", final={}, stop_reason=None) for run in runs[3:]]
    report = build_report([studio.job(studio.body, status="running")], runs)
    assert report.partial
    assert report.headline.startswith("So far, ")
    assert report.action.kind == "wait"
    assert report.notes[0].startswith(
        "112 of 115 runs have not finished, and 1 of 23 settings have scores so far"
    )


def test_nothing_is_claimed_of_arms_while_their_runs_are_training(studio: Any) -> None:
    """Who looks often finds by chance; and these are scores of models that nobody will use."""

    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        gap = 0.2 if arm == "l2" else 0.0
        noise = 0.01 * np.random.default_rng([seed, fold or 0, *arm.encode()]).random()
        return {"val_accuracy": 0.7 + gap + noise, "test_accuracy": 0.7 + gap + noise}

    body = {**studio.body, "folds": 5}
    runs = list(studio.runs(body, score))
    assert build_report([studio.job(body)], runs).outcome == "better"
    runs[-1] = replace(runs[-1], status="running", final={}, stop_reason=None)

    report = build_report([studio.job(body, status="running")], runs)

    assert report.best_arm == "l2"
    assert (report.outcome, report.proven) == ("undecided", "Proven: nothing yet.")
    assert report.headline == "So far, l2 looks best; not proven."
    for pair in report.pairs:
        assert pair.difference is not None
        assert (pair.verdict, pair.ci95, pair.p, pair.needed) == ("undecided", None, None, None)
    assert any("until then nothing is claimed" in note for note in report.notes)


def test_a_job_without_any_score_still_has_a_report(studio: Any) -> None:
    runs = [
        replace(run, status="queued", final={}, stop_reason=None)
        for run in studio.runs(studio.body, studio.lifelike)
    ]
    report = build_report([studio.job(studio.body, status="queued")], runs)
    assert report.headline == "No run has a score yet."
    assert (report.best_arm, report.best_bet) == (None, None)
    assert report.arms[0].chosen.min is None
    assert json.loads(to_json(report))["arms"][0]["chosen"] == {"min": None, "1se": None}
    assert report.figures == []


def test_a_job_whose_every_run_diverged_says_so(studio: Any) -> None:
    report = build_report([studio.job(SWEEP)], studio.runs(SWEEP, lambda *_: {}))
    assert report.headline == "No run gave a finite score."
    assert report.notes[0] == "base: 12 of 12 runs diverged."


def test_a_metric_and_rule_may_be_overridden(comparison: Any) -> None:
    job, runs, _ = comparison
    report = build_report([job], runs, metric="val_loss", rule="1se", practical=0.25)
    assert (report.metric, report.direction) == ("val_loss", "min")
    assert report.method.rule == "1se"
    assert report.method.compared_metric == "test_loss"
    assert report.method.practical == 0.25


def test_a_metric_that_no_run_has_is_refused_naming_those_there_are(comparison: Any) -> None:
    job, runs, _ = comparison
    with pytest.raises(InvalidSpec, match="val_nonsense; there is val_accuracy, val_ece, val_loss"):
        build_report([job], runs, metric="nonsense")


def test_without_a_test_part_arms_are_compared_on_validation(studio: Any) -> None:
    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        return {"val_accuracy": 0.9 + 0.01 * seed}

    body = SWEEP | {"folds": 5}
    report = build_report([studio.job(body)], studio.runs(body, score))
    assert report.method.compared_metric == "val_accuracy"
    assert report.method.folds == 5
    assert report.method.source == "folds"


def test_intervals_of_scores_count_folds_where_seeds_share_them(studio: Any) -> None:
    def score(arm: str, setting: Any, seed: int, fold: int) -> dict[str, float]:
        return {"val_accuracy": 0.3 + 0.1 * fold}  # 0.3, 0.4, 0.5, whatever the seed

    body = SWEEP | {"folds": 3, "seeds": 4}
    report = build_report([studio.job(body)], studio.runs(body, score))
    found = report.arms[0].settings[0].scores["val_accuracy"]
    assert found.n == 12
    assert found.sd == pytest.approx((0.08 / 11) ** 0.5)
    # t(0.975, 2 degrees) = 4.302653; standard error 0.1 / sqrt(3)
    assert found.ci95[1] - found.mean == pytest.approx(4.302653 * 0.1 / 3**0.5, rel=1e-6)


def test_the_region_is_one_per_cent_of_other_metrics(studio: Any) -> None:
    body = {"dataset": "diabetes", "architecture": "linear", "loss": "mse"}
    report = build_report(
        [studio.job(body)], studio.runs(body, lambda *_: {"val_mse": 0.5, "test_mse": 0.6})
    )
    assert report.method.practical == pytest.approx(0.006)


def test_a_document_of_another_version_still_gives_numbers(studio: Any) -> None:
    job = studio.job(SWEEP)
    job.document.pop("loss")
    report = build_report([job], studio.runs(SWEEP, lambda *_: {"val_accuracy": 0.9}))
    assert report.arms[0].chosen.min is not None
    assert any("another version" in note for note in report.notes)


@pytest.mark.parametrize(("seeds", "values"), [(25, 44), (1, 1000)])
def test_ten_thousand_runs_are_not_compared_with_each_other(
    studio: Any, seeds: int, values: int
) -> None:
    strengths = {"log_range": [1e-5, 1], "num": values}
    arms = [
        {"name": f"l2 {i}", "regularizers": [{"kind": "l2", "lambda": strengths}]}
        for i in range(10 if seeds == 1 else 9)
    ]
    body = studio.body | {"seeds": seeds, "compare": arms}
    job, runs = studio.job(body), list(studio.runs(body, studio.lifelike))
    assert len(runs) > 9_800
    assert calls(lambda: to_json(build_report([job], runs))) < 10_000_000


def test_the_json_path_loads_neither_renderer_nor_torch() -> None:
    code = (
        "import sys; import core.report.build, core.report.render, core.report.figures, "
        "core.report.statistics as s, numpy as np; s.summarise(np.eye(3)); "
        "bad = {'vl_convert', 'scipy.stats', 'torch', 'jinja2', 'altair'} & set(sys.modules); "
        "sys.exit(str(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("data", "metric", "scores", "expected"),
    [
        ("digits", "accuracy", [0.97, 1.0, 0.99], (None, 1.0)),
        ("diabetes", "mse", [0.01, 0.5, 0.1], (0.0, None)),
        ("diabetes", "r2", [0.99, 0.5, 0.99], (None, 1.0)),
        ("diabetes", "loss", [0.01, 0.5, 0.1], (0.0, None)),
    ],
)
def test_intervals_of_scores_end_where_scores_do(
    studio: Any, data: str, metric: str, scores: list[float], expected: Any
) -> None:
    loss = "mse" if data == "diabetes" else "cross_entropy"
    body = {"dataset": data, "architecture": "linear", "loss": loss, "seeds": 1, "folds": 3}
    runs = studio.runs(body, lambda arm, s, seed, fold: {f"val_{metric}": scores[fold]})
    ends = build_report([studio.job(body)], runs, metric=metric).arms[0].settings[0].scores
    interval = ends[f"val_{metric}"].ci95
    for end, bound in zip(interval, expected, strict=True):
        assert bound is None or end == bound
    assert interval[0] < interval[1]


def test_folds_that_all_score_the_same_have_no_interval(studio: Any) -> None:
    body = SWEEP | {"folds": 4, "seeds": 1}
    report = build_report([studio.job(body)], studio.runs(body, lambda *_: {"val_accuracy": 0.9}))
    score = report.arms[0].settings[0].scores["val_accuracy"]
    assert (score.sd, score.ci95, score.n) == (0.0, None, 4)
    assert "90.0 % (no spread over 4 replicates)" in to_markdown(report)


def test_seeds_on_one_split_give_an_accuracy_the_interval_of_its_rows(studio: Any) -> None:
    # 0.2 of 1,797 rows test: 359; the seeds' own error is zero
    runs = studio.runs(SWEEP, lambda *_: {"val_accuracy": 0.9, "test_accuracy": 0.9})
    found = build_report([studio.job(SWEEP)], runs).arms[0].scores["test_accuracy"]
    half = 1.9666 * (0.9 * 0.1 / 359) ** 0.5  # t with 358 degrees
    assert found.ci95 == pytest.approx((0.9 - half, 0.9 + half), abs=1e-5)


def test_seeds_on_one_split_give_a_loss_no_interval(studio: Any) -> None:
    scores = lambda arm, s, seed, fold: {"val_loss": 0.5 + 0.01 * seed}  # noqa: E731
    body = SWEEP | {"select": {"metric": "val_loss"}}
    found = build_report([studio.job(body)], studio.runs(body, scores)).arms[0].settings[0]
    assert found.scores["val_loss"].ci95 is None
    assert found.scores["val_loss"].sd > 0


def test_imbalanced_classes_are_told_with_the_metric_that_weighs_them_alike(studio: Any) -> None:
    job = studio.job(SWEEP)
    job.facts["class_counts"] = [300] + [100] * 9
    score = lambda *_: {"val_accuracy": 0.9, "val_balanced_accuracy": 0.8}  # noqa: E731
    runs = list(studio.runs(SWEEP, score))
    assert not any("imbalanced" in words for words in build_report([job], runs).method.words)
    job.facts["class_counts"] = [301] + [100] * 9
    words = build_report([job], runs).method.words[-1]
    assert words.startswith(
        "Classes are imbalanced: the largest has 301 examples, the smallest 100"
    )
    assert words.endswith("val_balanced_accuracy weighs all classes alike.")
    by_class = build_report([job], runs, metric="balanced_accuracy")
    assert not any("imbalanced" in words for words in by_class.method.words)
    assert by_class.metric == "val_balanced_accuracy"


def test_a_regression_whose_every_run_diverged_is_told_to_have_a_test_part(studio: Any) -> None:
    body = {"dataset": "diabetes", "architecture": "linear", "loss": "mse"}
    words = build_report([studio.job(body)], studio.runs(body, lambda *_: {})).method.words
    assert not any("no test" in line or "±0" in line for line in words)
    assert any("lies within ±1 % of the mean mse" in line for line in words)


@pytest.mark.parametrize(("standardize", "unit"), [(True, " (standardised)"), (False, "")])
def test_a_regression_tells_the_units_of_its_errors(
    studio: Any, standardize: bool, unit: str
) -> None:
    body = {"dataset": "diabetes", "architecture": "linear", "loss": "mse"}
    body |= {"standardize": standardize}
    runs = list(studio.runs(body, lambda *_: {"val_mse": 0.5, "val_r2": 0.5}))
    report = build_report([studio.job(body)], runs)
    assert any("standardised units" in words for words in report.method.words) is standardize
    assert f"| validation mse{unit} |" in to_markdown(report)
    by_r2 = build_report([studio.job(body)], runs, metric="r2")
    assert "| validation r2 |" in to_markdown(by_r2)


def test_seconds_are_one_measurement_and_no_sample(comparison: Any) -> None:
    job, runs, _ = comparison
    seconds = arm(build_report([job], runs), "l1").settings[0].measures["seconds"]
    assert (seconds.mean, seconds.sd, seconds.ci95) == (1.5, None, None)


def test_an_arm_has_the_terms_of_its_own_penalties(comparison: Any) -> None:
    job, runs, _ = comparison
    report = build_report([job], runs)
    terms = {
        found.name: [name for name in found.settings[0].measures if name.startswith("term/")]
        for found in report.arms
    }
    assert terms == {"none": [], "l1": ["term/l1"], "l2": ["term/l2"], "dropout": []}


def test_an_arm_is_scored_by_the_settings_that_its_folds_chose(studio: Any) -> None:
    # in folds 0 and 1 the first value validates best, elsewhere the second
    liked = {0: 0.01, 1: 0.01, 2: 0.1, 3: 0.1, 4: 0.1}

    def score(arm: str, setting: Any, seed: int, fold: int) -> dict[str, float]:
        lam = setting["/regularizers/0/lambda"]
        return {
            "val_accuracy": 0.9 if liked[fold] == lam else 0.8,
            "test_accuracy": 0.5 + 0.01 * fold + lam,
        }

    body = SWEEP | {"folds": 5, "seeds": 1}
    found = build_report([studio.job(body)], studio.runs(body, score)).arms[0]
    assert [(one.label, one.count) for one in found.chosen_counts] == [
        ("λ = 0.1", 3),
        ("λ = 0.01", 2),
    ]
    assert found.chosen.min.label == "λ = 0.1"
    tested = [0.5 + 0.01 * fold + liked[fold] for fold in range(5)]
    assert found.scores["test_accuracy"].mean == pytest.approx(np.mean(tested))
    assert found.chosen.min.scores["test_accuracy"].mean == pytest.approx(0.62)
    assert found.scores["val_accuracy"].mean == pytest.approx(0.9)


def test_scores_by_row_of_no_run_but_the_chosen_are_asked_for(studio: Any) -> None:
    asked: list[str] = []
    body = SWEEP | {"folds": 5, "seeds": 1}
    world = studio.world(body, lambda arm, setting: 0.9)

    def rows_of(runs: Any) -> Any:
        asked.extend(runs)
        return world.rows_of(runs)

    report = build_report([world.job], world.runs, rows_of)
    assert len(asked) == 5
    assert report.method.source == "rows"
    assert report.rows.model_dump() == {"train": 320, "validation": 80, "test": 100, "tested": 500}


def test_the_interval_of_an_arms_test_score_covers_its_rows(studio: Any) -> None:
    body = {**SWEEP, "lambda": 0.01, "folds": 5, "seeds": 1}
    found = studio.world(body, lambda arm, setting: 0.8, rows=2000).report().arms[0].scores
    score = found["test_accuracy"]
    of_rows = 1.96 * (score.mean * (1 - score.mean) / 2000) ** 0.5
    assert score.ci95[1] - score.mean > of_rows
    assert score.ci95[1] - score.mean < 2 * of_rows
