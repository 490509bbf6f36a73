from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.errors import InvalidSpec
from core.report.build import build_report

L2 = {
    "name": "ridge",
    "dataset": "digits",
    "architecture": "mlp",
    "loss": "cross_entropy",
    "regularizer": "l2",
    "lambda": 0.01,
}
L1 = L2 | {"name": "lasso", "regularizer": "l1"}


def flat(level: float) -> Any:
    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        value = level + 0.01 * [0, 2, 1, 3, 5][seed] + 0.001 * level * seed
        return {"val_accuracy": value, "test_accuracy": value}

    return score


def both(studio: Any, other: dict[str, Any] = L1) -> tuple[list[Any], list[Any]]:
    jobs = [studio.job(L2, "job_1"), studio.job(other, "job_2")]
    runs = [*studio.runs(L2, flat(0.8), "job_1"), *studio.runs(other, flat(0.9), "job_2")]
    return jobs, runs


def test_two_jobs_are_paired_by_seed(studio: Any) -> None:
    jobs, runs = both(studio)
    report = build_report(jobs, runs)
    assert report.jobs == ["job_1", "job_2"]
    assert [arm.name for arm in report.arms] == ["base (ridge)", "base (lasso)"]
    assert report.pairs[0].a == "base (lasso)"
    assert report.pairs[0].verdict == "undecided"  # seeds on one split, and no scores by row
    assert all(link.links == {} for link in report.figures)


def test_arms_of_one_name_in_jobs_of_one_name_are_told_apart_by_job_id(studio: Any) -> None:
    jobs, runs = both(studio, L1 | {"name": "ridge"})
    assert [arm.name for arm in build_report(jobs, runs).arms] == ["base (job_1)", "base (job_2)"]


def test_jobs_pair_row_by_row(studio: Any) -> None:
    worlds = [
        studio.world(
            body | {"folds": 5, "seeds": 1}, lambda arm, setting, level=level: level, job=job
        )
        for body, level, job in ((L2, 0.8, "job_1"), (L1, 0.9, "job_2"))
    ]
    report = build_report(
        [world.job for world in worlds],
        [run for world in worlds for run in world.runs],
        lambda ids: [
            batch
            for world in worlds
            for batch in world.rows_of([run for run in ids if world.job.id in run])
        ],
    )
    (pair,) = report.pairs
    assert (pair.a, pair.b, pair.n) == ("base (lasso)", "base (ridge)", 500)
    assert pair.verdict == "better"


def test_jobs_with_no_seed_in_common_cannot_be_paired(studio: Any) -> None:
    jobs, runs = both(studio, L1 | {"seeds": [3, 4]})
    pair = build_report(jobs, runs).pairs[0]
    assert (pair.n, pair.difference) == (0, None)
    assert pair.note == "No test: no seed, repeat and fold in common; use the same in both."


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"split": {"validation": 0.1}}, "the split"),
        ({"folds": 5}, "the folds"),
    ],
)
def test_jobs_on_another_split_are_refused_with_a_sentence(
    studio: Any, change: dict[str, Any], word: str
) -> None:
    jobs, runs = both(studio, L1 | change)
    with pytest.raises(InvalidSpec, match=word) as refusal:
        build_report(jobs, runs)
    assert refusal.value.faults[0].pointer == "/jobs/1"


def test_jobs_on_another_dataset_are_refused(studio: Any) -> None:
    jobs, runs = both(studio)
    jobs[1] = replace(jobs[1], facts={**jobs[1].facts, "sha256": "cd" * 32})
    with pytest.raises(InvalidSpec, match="the dataset"):
        build_report(jobs, runs)


def test_jobs_that_select_by_other_metrics_need_one_to_be_named(studio: Any) -> None:
    jobs, runs = both(studio, L1 | {"select": {"metric": "val_loss"}})
    with pytest.raises(InvalidSpec, match="say which metric"):
        build_report(jobs, runs)
    assert build_report(jobs, runs, metric="val_accuracy").metric == "val_accuracy"


def test_regressions_with_other_target_scales_are_refused(studio: Any) -> None:
    ridge = {"dataset": "diabetes", "architecture": "linear", "loss": "mse"}
    raw = ridge | {"standardize": False}
    with pytest.raises(InvalidSpec, match="standardize"):
        build_report([studio.job(ridge, "job_1"), studio.job(raw, "job_2")], [])


def test_more_arms_than_one_report_compares_are_refused_naming_the_limit(studio: Any) -> None:
    arms = [{"name": f"arm {i}"} for i in range(26)]
    body = {k: v for k, v in L2.items() if k not in ("regularizer", "lambda")} | {"compare": arms}
    jobs = [studio.job(body, f"job_{i}") for i in range(4)]
    with pytest.raises(InvalidSpec, match="have 104 arms, and one report compares at most 100"):
        build_report(jobs, [])


def test_no_job_and_a_job_twice_are_refused(studio: Any) -> None:
    with pytest.raises(InvalidSpec, match="at least one"):
        build_report([], [])
    with pytest.raises(InvalidSpec, match="twice"):
        build_report([studio.job(L2), studio.job(L2)], [])


def test_losses_in_different_units_choose_between_no_jobs(studio: Any) -> None:
    jobs, runs = both(
        studio,
        {k: v for k, v in L2.items() if k not in ("regularizer", "lambda")}
        | {"regularizers": ["label_smoothing"]},
    )
    sentence = r"losses differ; choose by one that is, such as val_accuracy$"
    with pytest.raises(InvalidSpec, match=sentence) as refusal:
        build_report(jobs, runs, metric="val_loss")
    assert refusal.value.faults[0].pointer == "/metric"
    assert build_report(jobs, runs).metric == "val_accuracy"


def test_jobs_that_each_select_by_their_own_loss_are_refused(studio: Any) -> None:
    select = {"select": {"metric": "val_loss"}}
    ridge = {"dataset": "diabetes", "architecture": "linear", "loss": "mse", **select}
    jobs = [studio.job(ridge, "job_1"), studio.job(ridge | {"loss": "mae"}, "job_2")]
    with pytest.raises(InvalidSpec, match=r"such as val_mse$") as refusal:
        build_report(jobs, [])
    assert refusal.value.faults[0].pointer == "/jobs"


@pytest.mark.parametrize(
    "change",
    [
        {"loss": "mse"},
        {"loss": {"kind": "cross_entropy", "class_weights": "balanced"}},
        {"regularizers": [{"kind": "label_smoothing", "epsilon": {"values": [0.1, 0.2]}}]},
    ],
)
def test_arms_of_one_job_are_not_compared_by_losses_that_differ(
    studio: Any, change: dict[str, Any]
) -> None:
    body = studio.body | {"compare": [{"name": "none"}, {"name": "other", **change}]}
    with pytest.raises(InvalidSpec, match="not the same measure") as refusal:
        build_report([studio.job(body)], [], metric="loss")
    assert refusal.value.faults[0].pointer == "/metric"
