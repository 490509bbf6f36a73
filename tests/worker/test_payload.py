from __future__ import annotations

import math

import numpy as np

from worker.payload import columns, numbers


def test_a_value_is_written_with_the_fewest_digits_that_give_the_same_float32():
    ready, kinds = columns({"a": [0.1, 1 / 3, 1e-12, 5.0]})
    assert ready == {"a": [0.1, 0.33333334, 1e-12, 5.0]}
    assert kinds == {}


def test_what_is_not_finite_is_null_with_its_kind_beside_it():
    ready, kinds = columns({"a": [1.0, math.nan, math.inf], "b": [-math.inf, 1e39, 2.0]})
    assert ready == {"a": [1.0, None, None], "b": [None, None, 2.0]}
    assert kinds == {"a": {"1": "nan", "2": "inf"}, "b": {"0": "-inf", "1": "inf"}}


def test_reading_back_gives_the_same_float32():
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    values[[3, 7, 9]] = np.nan, np.inf, -np.inf
    ready, kinds = columns({"a": values})
    again = np.asarray(numbers(ready["a"], kinds["a"]), np.float32)
    np.testing.assert_array_equal(again, values)
