"""Dealing rows to bins: in given shares, classes in proportion, rows that belong together kept so.

A *unit* is a set of rows that stay together; most hold one row. Units of several rows go first,
each to the bin whose wants it fills best, and single rows fill what is left over, class by class.
Whole numbers and raw random words alone decide, so a deal is the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Rows to deal: of each its class and its unit, both numbered from 0, and a random word."""

    label_N: Whole
    unit_N: Whole
    word_N: NDArray[np.uint64]

    @classmethod
    def drawn(cls, label_N: Whole, unit_N: Whole, entropy: list[int]) -> Rows:
        """With words of the bit generator, whose stream numpy promises never to change;
        `Generator.permutation` carries no such promise. Units are numbered anew from 0."""
        words = np.random.PCG64(np.random.SeedSequence(entropy)).random_raw(len(label_N))
        return cls(label_N, np.unique(unit_N, return_inverse=True)[1], words)

    @property
    def count_C(self) -> Whole:
        return np.bincount(self.label_N)


def folds_of(rows: Rows, folds: int) -> Whole:
    """(N,) the fold of each row: sizes, and each class's counts, as even as units allow.

    Without units of several rows both are within one of each other.
    """
    return _dealt(rows, even(rows.count_C, folds), largest_first=True)


def share_of(rows: Rows, share: float) -> NDArray[np.bool_]:
    """(N,) the rows of a part of this share: a random one, with classes in proportion."""
    taken_C = apportioned(share, rows.count_C)
    wanted_CB = np.stack([taken_C, rows.count_C - taken_C], 1)
    taken_N: NDArray[np.bool_] = _dealt(rows, wanted_CB, largest_first=False) == 0
    return taken_N


def even(counts: Whole, folds: int) -> Whole:
    """(C, K) how many of each class a fold takes; within one of each other, as their sums are."""
    first = np.cumsum(counts) - counts  # one class goes on where the one before it stopped
    turn_CB = (np.arange(folds) - first[:, None]) % folds
    return counts[:, None] // folds + (turn_CB < (counts % folds)[:, None])


def apportioned(share: float, counts: Whole) -> Whole:
    """How many of each class to take: largest remainders, always leaving one of each class."""
    quota = share * counts
    most = np.maximum(counts - 1, 0)
    taken: Whole = np.minimum(np.floor(quota).astype(np.int64), most)
    remainder = np.where(taken < most, quota - taken, -1.0)
    missing = round(share * int(counts.sum())) - int(taken.sum())
    best_first = np.argsort(-remainder, kind="stable")[: max(missing, 0)]
    taken[best_first[remainder[best_first] > 0]] += 1
    return taken


def _dealt(rows: Rows, wanted_CB: Whole, *, largest_first: bool) -> Whole:
    """(N,) the bin of each row, of B bins that want so many rows of each class."""
    size_U = np.bincount(rows.unit_N)
    several_N = size_U[rows.unit_N] > 1
    bin_N = np.full(len(rows.label_N), -1, np.int64)
    left_CB = wanted_CB.copy()
    if several_N.any():
        _deal_units(rows, several_N, left_CB, bin_N, largest_first=largest_first)
    _fill(rows, np.flatnonzero(~several_N), np.maximum(left_CB, 0), bin_N)
    return bin_N


def _deal_units(
    rows: Rows,
    several_N: NDArray[np.bool_],
    left_CB: Whole,
    bin_N: Whole,
    *,
    largest_first: bool,
) -> None:
    """Give units of several rows a bin; what bins still want is left in `left_CB`.

    A unit goes where the squared distance to what is wanted shrinks most, rare classes weighing as
    much as common ones. Largest first is the evenest; where bins differ in size it would keep small
    bins from ever having a large unit, and only units that no small bin can hold go first.
    """
    members = np.flatnonzero(several_N)
    units, first, local = np.unique(rows.unit_N[members], return_index=True, return_inverse=True)
    count_UC = np.zeros((len(units), len(left_CB)), np.int64)
    np.add.at(count_UC, (local, rows.label_N[members]), 1)
    size_U = count_UC.sum(1)
    least = int(left_CB.sum(0).min())
    early_U = size_U if largest_first else np.where(size_U > least, size_U, 0)
    total_C = left_CB.sum(1)
    weight_C = total_C.sum() // np.maximum(total_C, 1)
    empty_B = left_CB.sum(0) > 0
    rest = len(units) + int((~several_N).sum())
    bin_U = np.empty(len(units), np.int64)
    for unit in np.lexsort((rows.word_N[members][first], -early_U)):
        count_C = count_UC[unit]
        gain_B = (weight_C * count_C) @ left_CB
        if rest <= empty_B.sum():  # each bin is to have something
            gain_B = np.where(empty_B, gain_B, np.iinfo(np.int64).min)
        bin_U[unit] = chosen = int(np.argmax(gain_B))
        left_CB[:, chosen] -= count_C
        empty_B[chosen] = False
        rest -= 1
    bin_N[members] = bin_U[local]


def _fill(rows: Rows, singles: Whole, wanted_CB: Whole, bin_N: Whole) -> None:
    """Deal single rows, in random order within their class, to the bins that want them."""
    label = rows.label_N[singles]
    count_C = np.bincount(label, minlength=len(wanted_CB))
    order = singles[np.lexsort((rows.word_N[singles], label))]
    taken_CB = _in_proportion(wanted_CB, count_C)
    bins = np.tile(np.arange(wanted_CB.shape[1]), len(wanted_CB))
    bin_N[order] = np.repeat(bins, taken_CB.ravel())


def _in_proportion(wanted_CB: Whole, count_C: Whole) -> Whole:
    """So many of each class, as the bins want them; fewer than wanted where units took their place.

    Whole numbers only: largest remainders, the first bin on ties.
    """
    total_C1 = np.maximum(wanted_CB.sum(1, keepdims=True), 1)
    taken_CB, remainder_CB = np.divmod(wanted_CB * count_C[:, None], total_C1)
    place_CB = np.argsort(np.argsort(-remainder_CB, axis=1, kind="stable"), axis=1, kind="stable")
    missing_C = count_C - taken_CB.sum(1)
    taken_CB += place_CB < missing_C[:, None]
    return taken_CB
