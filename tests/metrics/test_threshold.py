"""The threshold that makes a metric of decisions highest, against trying every one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from core.metrics import Metric
from core.metrics.threshold import best_threshold, metric_decided

SCORES = {
    "accuracy": accuracy_score,
    "balanced_accuracy": balanced_accuracy_score,
    "f1": lambda y, said: f1_score(y, said, average="macro"),
}
DECIDED = [k for k, m in Metric.members().items() if m.of_counts is not Metric.of_counts]


def tried(kind: str, p: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The best score of all thresholds there can be, and the one nearest to 0.5 that has it."""
    edges = np.unique([0.0, *p.astype(np.float64), 1.0])
    between = {*((edges[1:] + edges[:-1]) / 2).tolist(), 0.5}
    if p.max() == 1:
        between.add(1.0)
    scores = {t: SCORES[kind](y, (p > t).astype(int)) for t in between}
    best = max(scores.values())
    near = min((abs(t - 0.5), t) for t, score in scores.items() if score > best - 1e-9)
    return best, near[1]


def found(kind: str, p: np.ndarray, y: np.ndarray, present: np.ndarray | None = None) -> np.ndarray:
    metric = metric_decided(f"val_{kind}")
    there = None if present is None else torch.from_numpy(present)
    return best_threshold(torch.from_numpy(p), torch.from_numpy(y), there, metric).numpy()


@pytest.mark.parametrize("kind", DECIDED)
def test_no_other_threshold_does_better(kind: str) -> None:
    rng = np.random.default_rng(0)
    y = (rng.random((24, 60)) < 0.2).astype(np.int64)
    p = np.clip(0.25 * y + rng.random((24, 60)) * 0.6, 0, 1).astype(np.float32)
    p[14:] = np.round(p[14:], 1)  # many alike
    p[19:] = np.round(p[19:])  # nothing but 0 and 1
    thresholds = found(kind, p, y)
    for threshold, p_N, y_N in zip(thresholds, p, y, strict=True):
        best, near = tried(kind, p_N, y_N)
        assert SCORES[kind](y_N, (p_N > threshold).astype(int)) == pytest.approx(best)
        assert abs(threshold - 0.5) == pytest.approx(abs(near - 0.5))
    assert len(np.unique(thresholds)) > 10


@pytest.mark.parametrize("kind", DECIDED)
def test_padding_takes_no_part(kind: str) -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, (3, 30))
    p = rng.random((3, 30)).astype(np.float32)
    present = (np.arange(30) < 25).astype(np.float32) * np.ones((3, 1), np.float32)
    garbled = p.copy()
    garbled[:, 25:] = np.nan
    assert np.array_equal(found(kind, garbled, y, present), found(kind, p[:, :25], y[:, :25]))


@pytest.mark.parametrize("kind", DECIDED)
def test_a_metric_of_counts_is_the_metric_of_rows(kind: str) -> None:
    rng = np.random.default_rng(2)
    output = torch.from_numpy(rng.normal(size=(5, 40, 2)).astype(np.float32))
    target = torch.from_numpy(rng.integers(0, 2, (5, 40)))
    said = output.argmax(-1)
    counts = torch.stack(
        [torch.stack([((target == a) & (said == b)).sum(1) for b in (0, 1)], -1) for a in (0, 1)],
        -2,
    ).double()
    metric = metric_decided(f"val_{kind}")
    value = metric.value(output, target, None, None)
    of_counts = metric.of_counts(counts)
    assert of_counts is not None
    assert of_counts.numpy() == pytest.approx(value.numpy(), abs=1e-6)


def test_where_nothing_can_be_learned_it_is_a_half() -> None:
    p = np.array([[0.1, 0.2, 0.7], [0.1, 0.2, 0.7], [0.1, 0.2, np.nan]], np.float32)
    y = np.array([[0, 0, 0], [1, 1, 1], [0, 1, 1]])
    thresholds = found("f1", p, y)
    assert thresholds[:2].tolist() == [0.5, 0.5]
    assert np.isnan(thresholds[2])


def test_a_metric_that_no_threshold_decides_gives_way_to_f1() -> None:
    names = ["val_roc_auc", "val_loss", "val_f1", "val_accuracy", "val_balanced_accuracy"]
    assert [metric_decided(name).kind for name in names] == [
        "f1", "f1", "f1", "accuracy", "balanced_accuracy",
    ]  # fmt: skip
