"""Which replicates share what: the seeds of a fold its rows, the repeats the sample.

A replicate is a training with a seed, on a repeat's partition, tested on an outer fold and
validated on an inner one. What counts as one observation of new rows is an outer fold (inside one,
an inner fold), with its seeds averaged. A repeat cuts the same rows again: it makes no new ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.datasets import Replicate
from core.report.statistics import ROUNDING, Array, Summary, half_width, moments

Whole = NDArray[np.int64]


def part_of(replicate: Replicate) -> tuple[int, int]:
    """(repeat, fold): where a setting is chosen before the fold's rows are read."""
    return replicate.repeat, number_of(replicate.fold)


def in_order(replicate: Replicate) -> tuple[int, int, int, int]:
    """What replicates are sorted by."""
    return (replicate.seed, *part_of(replicate), number_of(replicate.inner_fold))


def number_of(fold: int | None) -> int:
    """A fold's number; -1 for the only part."""
    return -1 if fold is None else fold


@dataclass(frozen=True)
class Layout:
    """The columns R of a table, as arrays of numbers."""

    replicates: tuple[Replicate, ...]

    @cached_property
    def parts(self) -> tuple[tuple[int, int], ...]:
        """Every (repeat, fold), sorted."""
        return tuple(sorted({part_of(replicate) for replicate in self.replicates}))

    @cached_property
    def part_R(self) -> Whole:
        """The number of each replicate's part in `parts`."""
        number = {part: i for i, part in enumerate(self.parts)}
        return np.array([number[part_of(r)] for r in self.replicates], np.int64)

    @cached_property
    def repeat_R(self) -> Whole:
        return np.array([r.repeat for r in self.replicates], np.int64)

    @cached_property
    def fold_R(self) -> Whole:
        return np.array([number_of(r.fold) for r in self.replicates], np.int64)

    @cached_property
    def inner_R(self) -> Whole:
        return np.array([number_of(r.inner_fold) for r in self.replicates], np.int64)

    def of_part(self, part: int) -> tuple[Whole, Layout]:
        """(R',) columns of one part, and their layout."""
        columns = np.flatnonzero(self.part_R == part)
        return columns, Layout(tuple(self.replicates[column] for column in columns))

    def unit_R(self, metric: str) -> Whole | None:
        """What counts as one observation of a repeat's rows; None where there is but one part.

        Of one held-out part, inner folds are other validation rows but the same test rows.
        """
        if len(np.unique(self.fold_R)) > 1:
            return self.fold_R
        other_rows = len(np.unique(self.inner_R)) > 1 and not metric.startswith("test_")
        return self.inner_R if other_rows else None


def summarise_over(
    values_SR: Array, layout: Layout, metric: str, *, rows: int | None = None
) -> Summary:
    """Each setting's mean over replicates, with the error and interval that new rows would give.

    With two folds or more: t over a repeat's folds, seeds averaged, the variance averaged over
    repeats. With one part of `rows` whose scores are right or wrong: binomial, plus the seeds'
    variance of their mean. Else the error is that of the seeds alone, and there is no interval.
    """
    n, mean, sd = moments(values_SR)
    error, units = error_over(values_SR, layout, metric, rows=rows)
    half = half_width(error * np.sqrt(np.maximum(units, 1)), units)
    return Summary(n, mean, sd, error, half)


def error_over(
    values_SR: Array, layout: Layout, metric: str, *, rows: int | None = None
) -> tuple[Array, Whole]:
    """Standard error of each setting's mean, and how many observations its interval counts."""
    unit_R = layout.unit_R(metric)
    if unit_R is not None:
        return _over_units(values_SR, layout.repeat_R, unit_R)
    n, mean, sd = moments(values_SR)
    of_seeds = np.where(n > 1, sd / np.sqrt(np.maximum(n, 1)), np.nan)
    if rows is None:
        return of_seeds, np.zeros(len(n), np.int64)
    wrong = np.clip(mean * (1 - mean), 0.0, None) / rows
    return np.sqrt(wrong + np.where(n > 1, of_seeds, 0.0) ** 2), np.full(len(n), rows)


def _over_units(values_SR: Array, repeat_R: Whole, unit_R: Whole) -> tuple[Array, Whole]:
    """A repeat's units are averaged over seeds first; repeats then only average the variance."""
    cells, cell_R = np.unique(np.stack([repeat_R, unit_R]), axis=1, return_inverse=True)
    mean_SC, _ = _grouped(values_SR, cell_R.ravel())
    repeat_C = np.unique(cells[0], return_inverse=True)[1]
    mean_SP, n_SP = _grouped(mean_SC, repeat_C)
    square_SP, _ = _grouped((mean_SC - mean_SP[:, repeat_C]) ** 2, repeat_C)
    enough_SP = n_SP > 1
    variance_SP = np.where(enough_SP, square_SP / np.maximum(n_SP - 1, 1), np.nan)
    noise_S = ROUNDING * np.abs(np.nan_to_num(values_SR)).max(axis=1, initial=0.0)
    variance_SP = np.where(variance_SP <= noise_S[:, None] ** 2, 0.0 * variance_SP, variance_SP)
    variance_S1, _ = _grouped(variance_SP, np.zeros(variance_SP.shape[1], np.int64))
    return np.sqrt(variance_S1[:, 0]), n_SP.max(axis=1)


def _grouped(values_SR: Array, group_R: Whole) -> tuple[Array, Whole]:
    """(S, G) means of what is there in each group, NaN for none; and how many there are."""
    there = np.isfinite(values_SR)
    member_RG = (group_R[:, None] == np.arange(group_R.max(initial=-1) + 1)).astype(np.float64)
    count_SG = there.astype(np.float64) @ member_RG
    total_SG = np.where(there, values_SR, 0.0) @ member_RG
    mean_SG = np.where(count_SG > 0, total_SG / np.maximum(count_SG, 1), np.nan)
    return mean_SG, count_SG.astype(np.int64)
