import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.datasets.numbers import FLOAT32_MAX, is_number, parse_numbers
from core.errors import InvalidSpec


def where(row: int, column: int) -> str:
    return f"cell {row},{column}"


@pytest.mark.parametrize("text", ["1", "-1.5", "+.5", "5.", " 7 ", "1e-3", "6.02E23", "-0", "007"])
def test_decimal_numbers_are_read(text: str) -> None:
    assert is_number(text)
    assert parse_numbers([["0", text]], where).tolist() == [0.0, float(text)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "cell 1,0 is empty"),
        ("  ", "cell 1,0 is empty"),
        ("abc", "cell 1,0: 'abc' is not a number"),
        ("1_000", "'1_000' is not a number"),
        ("1,5", "'1,5' is not a number"),
        ("0x10", "'0x10' is not a number"),
        ("\N{ARABIC-INDIC DIGIT THREE}", "is not a number"),
        ("NaN", "'NaN' is not a finite number"),
        ("-inf", "'-inf' is not a finite number"),
        ("N/A", "'N/A' is not a finite number"),
        ("1e999", "'1e999' is too large for a 32-bit float"),
        ("-1e39", "'-1e39' is too large for a 32-bit float"),
        ("12345678901234567890", "is a whole number too large to be exact"),
        ("x" * 500, r"'x{37}\.\.\.' is not a number"),
    ],
)
def test_what_is_not_data_is_refused_by_its_place(text: str, sentence: str) -> None:
    with pytest.raises(InvalidSpec, match=sentence):
        parse_numbers([["1"], [text], ["oops"]], where)


@given(st.lists(st.floats(-FLOAT32_MAX, FLOAT32_MAX), min_size=1))
def test_whatever_python_writes_is_read_back(values: list[float]) -> None:
    read = parse_numbers([[repr(value) for value in values]], where)

    np.testing.assert_array_equal(read, values)


@given(st.text(max_size=12))
def test_any_text_is_a_finite_number_or_refused(text: str) -> None:
    try:
        value = parse_numbers([[text]], where)
    except InvalidSpec:
        return
    assert abs(value[0]) <= FLOAT32_MAX
