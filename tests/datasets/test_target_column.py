import numpy as np
import pytest

from core.datasets.target_column import TargetColumn, column_of_numbers, column_of_text
from core.datasets.upload_spec import UploadLimits
from core.errors import InvalidSpec


def text(cells: list[str], task: str | None = None) -> TargetColumn:
    return column_of_text(cells, task, UploadLimits(), lambda i: f"example {i}")  # type: ignore[arg-type]


def numbers(values: list[float], task: str | None = None) -> TargetColumn:
    return column_of_numbers(
        np.array(values),
        task,
        UploadLimits(),
        lambda i: f"example {i}",  # type: ignore[arg-type]
    )


def test_classes_that_are_numbers_are_in_numeric_order() -> None:
    column = text(["10", "9", "2", "10.0"])

    assert column.classes == ("2", "9", "10")
    assert column.targets.tolist() == [2, 1, 0, 2]


def test_classes_that_are_text_are_in_alphabetical_order_without_outer_spaces() -> None:
    column = text(["b", " a", "a"])

    assert column.classes == ("a", "b")
    assert column.targets.tolist() == [1, 0, 0]


def test_a_few_whole_numbers_are_guessed_to_be_classes_and_the_guess_is_said() -> None:
    column = numbers([1, 0, 2] * 5)

    assert column.task == "classification"
    assert "3 different whole numbers and was taken for classification" in column.warnings[0]
    assert numbers([1, 0, 2] * 5, "regression").warnings == ()


def test_many_whole_numbers_are_guessed_to_be_quantities() -> None:
    column = numbers(list(range(21)))

    assert column.task == "regression"
    assert "taken for regression" in column.warnings[0]


def test_real_numbers_are_regression() -> None:
    column = text(["0.5", "1", "2"])

    assert (column.task, column.warnings) == ("regression", ())
    np.testing.assert_allclose(column.targets, [[0.5], [1], [2]])


def test_identifiers_too_long_for_a_float_stay_apart_as_classes() -> None:
    column = text(["9007199254740993", "9007199254740992"], "classification")

    assert column.classes == ("9007199254740992", "9007199254740993")


def test_real_numbers_may_name_classes_when_the_spec_says_so() -> None:
    assert numbers([0.5, 1.5, 0.5], "classification").classes == ("0.5", "1.5")


def test_text_among_classes_that_are_mostly_numbers_needs_the_spec_to_say_so() -> None:
    with pytest.raises(InvalidSpec, match="example 3: 'x' is not a number; most of the target"):
        text(["1", "2", "1", "x"])

    assert text(["1", "2", "1", "x"], "classification").classes == ("1", "2", "x")


def test_rare_classes_are_warned_of() -> None:
    column = text(["a"] * 9 + ["b"] * 2)

    assert column.warnings == (
        "1 of 2 classes have fewer than 5 examples, the first is 'b' with 2",
    )


def test_truth_values_are_two_classes() -> None:
    column = column_of_numbers(
        np.array([True, False] * 5), None, UploadLimits(), lambda i: f"example {i}"
    )

    assert column.classes == ("0", "1")
