from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.datasets.together import alike, duplicates, joined

SMALL = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 30), st.integers(1, 3)),
    elements=st.sampled_from([0.0, -0.0, 1.0, 2.5]),
)


@given(SMALL)
def test_rows_are_alike_where_every_byte_is(features: np.ndarray) -> None:
    found = alike({"x": features})

    rows = [row.tobytes() for row in features]
    assert found.tolist() == [rows.index(row) for row in rows]
    assert duplicates({"x": features}) == len(rows) - len(set(rows))


def test_rows_of_one_hash_are_still_compared(monkeypatch) -> None:
    features = np.array([[1, 2], [3, 4], [1, 2], [5, 6]], np.float32)
    monkeypatch.setattr("core.datasets.together.PRIME", np.uint64(0))

    assert alike({"x": features}).tolist() == [0, 1, 0, 3]


@settings(deadline=None)  # the first call imports scipy
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_rows_that_a_chain_of_labels_links_are_one_unit(pairs: list[tuple[int, int]]) -> None:
    first, second = (np.array(column) for column in zip(*pairs, strict=True))

    units = joined(first, second)

    linked = (first[:, None] == first) | (second[:, None] == second)
    for _ in pairs:  # the transitive closure, by hand
        linked = linked | (linked.astype(int) @ linked.astype(int) > 0)
    np.testing.assert_array_equal(units[:, None] == units, linked)
