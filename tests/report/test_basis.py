from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from core.report.basis import Basis, gather
from core.report.build import build_report
from core.report.entries import entries_of, tables_of
from core.report.records import RowBatch, no_rows
from core.report.together import selection_of
from core.rows import PADDING, RowScores

BODY = {
    "dataset": "breast_cancer",
    "architecture": "linear",
    "loss": "cross_entropy",
    "folds": 4,
    "repeats": 2,
    "seeds": 2,
    "compare": [
        {"name": "none"},
        {"name": "l2", "regularizers": [{"kind": "l2", "lambda": {"values": [0.01, 0.1]}}]},
    ],
}


def basis_of(world: Any, rows_of: Any = None, metric: str = "test_accuracy") -> Basis:
    selection = selection_of([world.job])
    tables = tables_of([world.job], world.runs)
    entries = entries_of([world.job], tables, selection)
    return gather(entries, metric, "min", rows_of or world.rows_of)


@pytest.fixture(scope="module")
def world(studio: Any) -> Any:
    return studio.world(BODY, lambda arm, setting: 0.8, rows=101)


def test_every_row_is_scored_once_in_each_pass(world: Any) -> None:
    scored = basis_of(world).scored
    assert scored.score_APN.shape == (2, 4, 101)  # 2 repeats × 2 seeds
    assert np.isfinite(scored.score_APN).all()
    assert scored.repeat_P.tolist() == [0, 0, 1, 1]
    assert {tuple(np.bincount(fold_N)) for fold_N in scored.fold_PN} == {(26, 25, 25, 25)}
    assert scored.cluster_N is None


def test_a_row_has_the_score_of_the_setting_that_its_fold_chose(world: Any) -> None:
    scored = basis_of(world).scored
    val = {
        (run.arm, lam, run.seed, run.repeat, run.fold): run
        for run in world.runs
        for lam in (run.setting.get("/regularizers/0/lambda"),)
    }
    for repeat, seed, fold in ((0, 0, 0), (1, 1, 3)):
        means = {
            lam: np.mean([val["l2", lam, s, repeat, fold].final["val_accuracy"] for s in (0, 1)])
            for lam in (0.01, 0.1)
        }
        best = max(means, key=lambda lam: (means[lam], lam))  # of equal ones the stronger
        index, right = world._right[val["l2", best, seed, repeat, fold].id]
        assert scored.score_APN[1, 2 * repeat + seed, index].tolist() == right.tolist()


def test_padding_is_no_row_and_a_group_is_a_cluster(world: Any) -> None:
    def rows_of(ids: Any) -> Any:
        for batch in world.rows_of(ids):
            old = batch.scores
            yield RowBatch(
                batch.runs,
                RowScores(
                    index_SN=np.pad(old.index_SN, ((0, 0), (0, 3)), constant_values=PADDING),
                    stream_R=old.stream_R,
                    target_SN=np.pad(old.target_SN, ((0, 0), (0, 3)), constant_values=PADDING),
                    row={
                        name: np.pad(value, ((0, 0), (0, 3)), constant_values=np.nan)
                        for name, value in old.row.items()
                    },
                    group_SN=np.pad(old.index_SN // 5, ((0, 0), (0, 3)), constant_values=PADDING),
                ),
            )

    scored = basis_of(world, rows_of).scored
    assert np.array_equal(scored.score_APN, basis_of(world).scored.score_APN)
    assert np.array_equal(scored.cluster_N, np.arange(101) // 5)


def test_without_scores_by_row_there_are_folds(world: Any) -> None:
    basis = basis_of(world, no_rows)
    assert (basis.source, basis.scored, basis.one_part) == ("folds", None, False)
    assert basis.fold_AR.shape == (2, 16)


def test_an_arm_whose_scores_by_row_are_gone_takes_them_from_all(world: Any) -> None:
    of_none = {run.id for run in world.runs if run.arm == "none"}
    basis = basis_of(world, lambda ids: world.rows_of([i for i in ids if i in of_none]))
    assert basis.source == "folds"


def test_a_metric_that_is_no_mean_over_rows_is_taken_from_the_answers(studio: Any) -> None:
    """An arm that ranks with more noise than another; sklearn has the number."""
    body = BODY | {"repeats": 1, "seeds": 1, "select": {"metric": "val_roc_auc"}}
    world = studio.world(body, lambda arm, setting: 0.8, rows=400)
    rng = np.random.default_rng(0)
    target_N = rng.integers(0, 2, 400)
    noise = {"none": 2.0, "l2": 0.5}
    score = {run.id: target_N + noise[run.arm] * rng.normal(size=400) for run in world.runs}

    def probability(run: str) -> np.ndarray:
        second = 1 / (1 + np.exp(-score[run][world._right[run][0]]))
        return np.stack([1 - second, second], axis=-1)

    def rows_of(ids: Any) -> Any:
        for run in ids:
            index = world._right[run][0]
            yield RowBatch(
                [run],
                RowScores(
                    index[None],
                    np.zeros(1, np.int64),
                    target_N[index][None],
                    {"accuracy": np.ones((1, len(index)), np.float32)},
                    probability_RNC=probability(run)[None].astype(np.float32),
                ),
            )

    def auc(run: str) -> float:
        return float(roc_auc_score(target_N[world._right[run][0]], probability(run)[:, 1]))

    for run in world.runs:
        run.final.update(test_roc_auc=auc(run.id), val_roc_auc=auc(run.id))
    report = build_report([world.job], world.runs, rows_of)
    assert report.method.source == "rows"
    arm = next(arm for arm in report.arms if arm.name == "none")
    parts = [(auc(run.id), len(world._right[run.id][0])) for run in world.runs if run.arm == "none"]
    assert arm.scores["test_roc_auc"].mean == pytest.approx(
        sum(value * n for value, n in parts) / 400, abs=1e-6
    )
    (pair,) = report.pairs
    assert (pair.a, pair.b, pair.verdict, pair.n) == ("l2", "none", "better", 400)
    assert pair.rows is None


def test_r2_has_intervals_of_rows_taken_from_the_answers(studio: Any) -> None:
    """Against sklearn's R² of each fold, averaged by its rows."""
    body = BODY | {"repeats": 1, "seeds": 1, "dataset": "diabetes", "loss": "mse"}
    body["select"] = {"metric": "val_r2"}
    world = studio.world(body, lambda arm, setting: 0.8, rows=400)
    rng = np.random.default_rng(0)
    target_N = rng.normal(size=400)
    noise = {"none": 0.8, "l2": 0.3}
    said = {run.id: target_N + noise[run.arm] * rng.normal(size=400) for run in world.runs}

    def rows_of(ids: Any) -> Any:
        for run in ids:
            index = world._right[run][0]
            answer = said[run][index].astype(np.float32)
            yield RowBatch(
                [run],
                RowScores(
                    index[None],
                    np.zeros(1, np.int64),
                    target_N[index].astype(np.float32)[None, :, None],
                    {"loss": ((answer - target_N[index]) ** 2)[None].astype(np.float32)},
                    prediction_RNO=answer[None, :, None],
                ),
            )

    def r2(run: str) -> float:
        index = world._right[run][0]
        return float(r2_score(target_N[index], said[run][index]))

    for run in world.runs:
        run.final.update(test_r2=r2(run.id), val_r2=r2(run.id))
    report = build_report([world.job], world.runs, rows_of)
    assert report.method.source == "rows"
    assert not any("of its own" in note for note in report.notes)
    arm = next(arm for arm in report.arms if arm.name == "none")
    parts = [(r2(run.id), len(world._right[run.id][0])) for run in world.runs if run.arm == "none"]
    score = arm.scores["test_r2"]
    assert score.mean == pytest.approx(sum(value * n for value, n in parts) / 400, abs=1e-6)
    assert score.ci95 is not None
    assert score.ci95[0] < score.mean < score.ci95[1] < 1
    (pair,) = report.pairs
    assert (pair.a, pair.b, pair.verdict, pair.n) == ("l2", "none", "better", 400)
