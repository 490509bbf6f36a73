"""Which rows belong together, so that no split comes between them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.datasets.source import Inputs

Whole = NDArray[np.int64]
PRIME = np.uint64(0x100000001B3)  # FNV-1a, over 32-bit words and all rows at once


def alike(inputs: Inputs) -> Whole:
    """(N,) the number of the first row that is the same byte for byte; its own where none is."""
    first, *others = map(_words_of, inputs.values())
    words = np.concatenate([first, *others], axis=1) if others else first
    suspects = _of_one_hash(words)
    number: Whole = np.arange(len(words))
    if len(suspects):  # rows of one hash are compared in full
        whole = np.ascontiguousarray(words[suspects]).view(f"V{4 * words.shape[1]}").ravel()
        _, index, inverse = np.unique(whole, return_index=True, return_inverse=True)
        number[suspects] = suspects[index[inverse]]
    return number


def duplicates(inputs: Inputs) -> int:
    """How many rows are the same as an earlier one."""
    first = alike(inputs)
    return int((first != np.arange(len(first))).sum())


def joined(first: Whole, second: Whole) -> Whole:
    """(N,) unit numbers: rows that share a number in either labelling, and what hangs on them."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows = len(first)
    _, left = np.unique(first, return_inverse=True)
    _, right = np.unique(second, return_inverse=True)
    edges = coo_array(
        (np.ones(rows, np.int8), (left, right + left.max() + 1)),
        shape=(left.max() + right.max() + 2,) * 2,
    )
    _, component = connected_components(edges, directed=False)
    return np.unique(component[left], return_inverse=True)[1].astype(np.int64)


def _words_of(array: NDArray[Any]) -> NDArray[np.uint32]:  # Any: float32, int32 or uint8
    rows = np.ascontiguousarray(array).reshape(len(array), -1)
    if rows.dtype.itemsize == 1:
        rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))
    return rows.view(np.uint32)


def _of_one_hash(words: NDArray[np.uint32]) -> Whole:
    """Rows whose hash another row has too, ascending."""
    hashes = np.full(len(words), 0xCBF29CE484222325, np.uint64)
    for column in words.T:
        hashes = (hashes ^ column) * PRIME
    _, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    return np.flatnonzero(counts[inverse] > 1)
