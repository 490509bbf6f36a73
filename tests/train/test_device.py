"""Training touches the host once an event: every other tensor of it lies on the device.

torch's meta device stands for an accelerator: it computes shapes alone, and refuses, as CUDA does,
an operation that mixes its tensors with the host's.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from core.train import Run
from core.train.trainer import Trainer
from tests.train.conftest import cohort, experiment

META = torch.device("meta")
WAYS: list[dict[str, Any]] = [
    {"regularizers": ["l1"]},
    {"regularizers": ["l2", "max_norm", "weight_decay", "early_stopping"]},
    {"optimizer": "adam", "regularizers": ["elastic_net"]},
    {"optimizer": "rmsprop", "loss": "huber", "schedule": "cosine"},
    {"architecture": {"kind": "cnn", "batch_norm": True}},
    {"loss": {"kind": "cross_entropy", "class_weights": "balanced"}},
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seeds", [(0, 0), (0, 1)])
def test_no_step_mixes_host_and_device(digits, way, seeds) -> None:
    made = experiment(**way, epochs=6, evaluate_every=3)
    trainer = Trainer(cohort([Run(made, seed) for seed in seeds]), digits, META)

    assert trainer.run_epoch(lambda: False)

    block = trainer._serve(0, 0, 2)
    values = block.measure(trainer.metrics)
    assert {value.device for value in values.values()} == {META}
    assert trainer._watch(block, values, 1, 0, 2).device == META
    assert trainer.state.w.device == META
