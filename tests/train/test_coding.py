"""What a network is given for ids and words: by its own training part, and by nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from core.datasets import Dataset, DatasetFacts
from core.datasets.fields import Field
from core.network.predict import fitted
from core.train.coding import coding
from core.train.data import Feed
from tests.train.conftest import cohort, device, experiment, finished, run_of, trained

FIELD = Field("text", "tokens", (6,), known=12, size=6)
BAG = {"architecture": {"kind": "embedding_bag", "width": 3}, "epochs": 4, "batch_size": 16}
ARMS = [{}, {"regularizers": [{"kind": "l2", "lambda": 0.1}]}]


def texts(rows: int = 61, seed: int = 3) -> Dataset:
    rng = np.random.default_rng(seed)
    token = rng.integers(2, FIELD.known, (rows, 6)).astype(np.int32)
    token[np.arange(6) >= rng.integers(1, 7, (rows, 1))] = 0
    target = (token == 4).any(1).astype(np.int64)
    counts = tuple(np.bincount(target, minlength=2).tolist())
    facts = DatasetFacts("classification", rows, (FIELD,), ("no", "yes"), counts)
    words = {"text": tuple(f"w{i}" for i in range(FIELD.known - 2))}
    return Dataset(facts, {"text": token}, target, words=words)


def test_the_commonest_of_the_training_part_are_told_apart_and_the_others_are_one() -> None:
    field = replace(FIELD, size=4, known=7)
    value = np.array([[6, 6, 5, 0], [5, 6, 3, 3], [4, 2, 2, 2]], np.int32)
    # in the first two rows: 6 three times, 5 and 3 twice; the first of those is 3
    assert coding(field, value, np.array([0, 1])).tolist() == [0, 1, 1, 3, 1, 1, 2]
    # in the last row 2 is the only one that is there twice
    assert coding(field, value, np.array([2])).tolist() == [0, 1, 2, 1, 1, 1, 1]


def test_rows_outside_a_training_part_change_nothing_of_it() -> None:
    data = texts()
    made = cohort([run_of(experiment(**BAG), 0, fold) for fold in range(3)], folds=3)
    feed = Feed(made, data, torch.device(device()))
    for stream, scales in zip(feed.streams, feed.scales, strict=True):
        other = data.inputs["text"].copy()
        outside = np.setdiff1d(np.arange(len(other)), stream.train)
        other[outside] = np.random.default_rng(0).integers(2, FIELD.known, other[outside].shape)
        again = coding(FIELD, other, stream.train)
        assert again.tolist() == scales["text/codes"].tolist()


def test_runs_of_unequal_folds_see_the_words_of_their_own_part() -> None:
    data = texts()
    runs = [run_of(experiment(**BAG, **arm), 0, fold) for fold in range(3) for arm in ARMS]
    feed = Feed(cohort(runs, folds=3), data, torch.device(device()))
    assert len(set(feed.lengths)) > 1
    batch = feed.chunk("test", 0, 100)
    for row, stream in enumerate(feed.stream_of_run):
        rows = feed.streams[stream].test
        codes = {"standardize/text/codes": feed.scales[stream]["text/codes"].numpy()}
        expected = fitted(data.inputs["text"][rows], "text", codes)
        assert batch.inputs["text"][row, : len(rows)].cpu().tolist() == expected.tolist()


def test_a_run_among_others_learns_what_it_learns_alone(weights) -> None:
    data = texts()
    runs = [run_of(experiment(**BAG, **arm), 0, fold) for fold in range(3) for arm in ARMS]
    together = trained(cohort(runs, folds=3), data)
    for row, run in enumerate(runs):
        alone = weights(trained(cohort([run], folds=3), data))
        for name, value in weights(together).items():
            np.testing.assert_allclose(value[row], alone[name][0], atol=1e-5, err_msg=name)
    assert all(np.isfinite(finished(together).final["test_loss"]))
