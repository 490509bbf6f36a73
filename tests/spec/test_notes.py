from typing import Any

import pytest

from core.spec import Limits, resolve
from core.spec.notes import notes_of

GOOD = {"dataset": "digits", "architecture": "mlp", "loss": "cross_entropy"}
L1 = {"kind": "l1", "lambda": 0.01}


def notes(**fields: Any) -> tuple[str, ...]:
    return notes_of(resolve({**GOOD, **fields}, lambda source: source.facts(), Limits()))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"search": "random"}, "nothing to search, since no number is a range"),
        ({"folds": 3, "split": {"validation": 0.3}}, "split.validation 0.3 is not used"),
        (
            {"schedule": {"kind": "cosine", "warmup_epochs": 30}},
            "warmup_epochs 30 of 30 epochs: the learning rate never",
        ),
        ({"evaluate_every": 31}, "evaluate_every 31 is more than the 30 epochs"),
        ({"regularizers": [L1, {"kind": "l2", "lambda": 1}, L1]}, "l1 is listed 2 times"),
        ({"compare": [{}, {"evaluate_every": 99}]}, "evaluate_every 99"),
        ({"compare": [{}, {"epochs": 3}], "evaluate_every": 9}, "more than the 3 epochs"),
    ],
)
def test_what_is_likely_not_meant_is_noted_once(fields: dict[str, Any], words: str) -> None:
    (note,) = notes(**fields)

    assert words in note


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"search": "random", "regularizer": "l1", "lambda": {"log_range": [0.01, 1]}},
        {"folds": 3, "split": {"test": 0.3}},
        {"schedule": {"kind": "cosine", "warmup_epochs": 29}, "evaluate_every": 30},
        {"compare": [{"regularizers": [L1]}, {"name": "b", "regularizers": [L1]}]},
    ],
)
def test_what_may_well_be_meant_is_not_doubted(fields: dict[str, Any]) -> None:
    assert notes(**fields) == ()
