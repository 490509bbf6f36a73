from typing import Any

import pytest

from core.datasets import DatasetFacts
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
        ({"folds": 3, "split": {"test": 0.3}}, "split.test 0.3 is not used"),
        ({"inner_folds": 3, "split": {"validation": 0.3}}, "split.validation 0.3 is not used"),
        ({"folds": 1}, "one held-out part of 359 rows tests: differences under about 3.3 points"),
        ({"dataset": "iris", "architecture": "linear"}, "1 of 150 rows has the features of an ear"),
        (
            {"dataset": "iris", "architecture": "linear", "split": {"duplicates": "apart"}},
            "may be tested by models that have trained on that one",
        ),
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
        {"folds": 3, "split": {"validation": 0.3}},
        {"schedule": {"kind": "cosine", "warmup_epochs": 29}, "evaluate_every": 30},
        {"compare": [{"regularizers": [L1]}, {"name": "b", "regularizers": [L1]}]},
    ],
)
def test_what_may_well_be_meant_is_not_doubted(fields: dict[str, Any]) -> None:
    assert notes(**fields) == ()


def notes_on(facts: DatasetFacts, **fields: Any) -> tuple[str, ...]:
    return notes_of(resolve({**GOOD, **fields}, lambda source: facts, Limits()))


def test_a_class_that_has_most_rows_is_noted_with_what_chooses_instead() -> None:
    facts = DatasetFacts.of_numbers("classification", 200, (3,), ("no", "yes", "?"), (180, 12, 8))

    (chosen,) = notes_on(facts)
    (asked,) = notes_on(facts, select={"metric": "val_accuracy"})

    assert chosen == (
        '90% of the rows are of class "no", and always answering it has that accuracy; '
        "val_balanced_accuracy chooses"
    )
    assert asked.endswith('"select": {"metric": "val_balanced_accuracy"}')


def test_groups_that_a_split_by_rows_ignores_are_noted() -> None:
    facts = DatasetFacts.of_numbers("regression", 200, (3,), groups=20)

    (note,) = notes_on(facts, loss="mse", split={"by": "rows"})

    assert "rows of one of the 20 groups may both train and test" in note
    assert notes_on(facts, loss="mse") == ()


def test_one_held_out_part_of_large_data_is_not_doubted() -> None:
    facts = DatasetFacts.of_numbers("regression", 25_000, (3,))

    assert notes_on(facts, loss="mse", folds=1) == ()
    (note,) = notes_on(DatasetFacts.of_numbers("regression", 400, (3,)), loss="mse", folds=1)
    assert note.startswith("one held-out part of 80 rows tests: which rows they are shows in every")
