"""Every arm against every other, replicate by replicate.

A verdict is `better` or `worse` where Holm's adjusted p is below ALPHA, `equivalent` where the
95 % interval lies inside the region of practical equivalence (which goes before: a difference
that is real but too small to matter is no reason to choose), else `undecided`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isfinite

import numpy as np

from core.report.choose import sign_of
from core.report.report import Direction, Pair, PairVerdict
from core.report.statistics import (
    ALPHA,
    FEWEST,
    MOST,
    ROUNDING,
    Array,
    holm,
    largest_variance_that_decides,
    replicates_to_decide,
    summarise,
    two_sided_p,
)
from core.report.units import Replicate, fold_of
from core.report.words import counted, listed


@dataclass(frozen=True)
class Design:
    """How the replicates came about, which decides what counts as one observation.

    ratio: scored part over training part where replicates share training data, else 0.
    blocked: the folds are the same for every seed, so a fold's seeds are averaged to one unit.
    per_seed: replicates that one more seed would add.
    """

    replicates: tuple[Replicate, ...]
    ratio: float
    blocked: bool
    per_seed: int

    @property
    def unit(self) -> str:
        return "fold" if self.blocked else "seed" if self.per_seed == 1 else "replicate"

    @property
    def test(self) -> str:
        return "Nadeau-Bengio corrected paired t" if self.ratio else "paired t"


@dataclass(frozen=True)
class _Differences:
    """Arrays over pairs (P,), and what lies behind them."""

    first: tuple[int, ...]
    second: tuple[int, ...]
    n: Array
    mean: Array
    sd: Array
    half: Array
    p: Array
    p_adjusted: Array
    within: Array  # pooled variance over the seeds of a fold; NaN where there are no repeats
    repeats: Array  # seeds per fold


def compare(
    names: Sequence[str],
    scores_AR: Array,
    expected_AR: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
    *,
    design: Design,
    direction: Direction,
    region: float,
) -> list[Pair]:
    """All pairs a < b. expected_AR: which replicates each arm was meant to have."""
    if len(names) < 2:
        return []
    found = _differences(scores_AR, design)
    tests = int(np.isfinite(found.p).sum())
    enough = _seeds_to_decide(found, design, region=region, tests=max(tests, 1))
    moving_A = summarise(scores_AR).sd > 0
    pairs = []
    for i, (a, b) in enumerate(zip(found.first, found.second, strict=True)):
        moving = bool(moving_A[a] or moving_A[b])
        verdict = _verdict(found, i, moving, sign=sign_of(direction), region=region)
        seeds = enough[i] if verdict == "undecided" else None
        notes = (
            _why_untested(found, i, design, moving, apart=_apart(expected_AR[[a, b]])),
            _why_unpaired(names, (a, b), scores_AR, expected_AR),
            _why_never(found, i, design, seeds) if verdict == "undecided" else None,
        )
        same = found.sd[i] == 0 and found.mean[i] == 0 and verdict == "equivalent"
        half = 0.0 if same else float(found.half[i])
        tested = isfinite(found.p[i])
        mean = float(found.mean[i])
        pairs.append(
            Pair(
                a=names[a],
                b=names[b],
                difference=mean if isfinite(mean) else None,
                ci95=(mean - half, mean + half) if tested or same else None,
                p=float(found.p[i]) if tested else None,
                p_adjusted=float(found.p_adjusted[i]) if tested else None,
                test=design.test if tested else None,
                verdict=verdict,
                seeds_to_decide=seeds,
                n=int(found.n[i]),
                note=" ".join(filter(None, notes)) or None,
            )
        )
    return pairs


def _differences(scores_AR: Array, design: Design) -> _Differences:
    arms = len(scores_AR)
    parts = []
    for a in range(arms - 1):  # one arm against the rest at a time, so that memory stays small
        difference_PR = scores_AR[a] - scores_AR[a + 1 :]
        unit_PU, within, repeats = _units(difference_PR, design)
        found = summarise(unit_PU, ratio=design.ratio)
        # a difference of scores keeps the rounding of the scores, so noise is judged by theirs
        noise = ROUNDING * np.nanmax(np.abs(scores_AR[a:]), initial=0.0)
        sd = np.where(found.sd <= noise, 0.0 * found.sd, found.sd)
        mean = np.where(np.abs(found.mean) <= noise, 0.0 * found.mean, found.mean)
        p = two_sided_p(mean, sd, found.n, ratio=design.ratio)
        parts.append((found.n.astype(float), mean, sd, found.half, p, within, repeats))
    n, mean, sd, half, p, within, repeats = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    first, second = np.triu_indices(arms, k=1)
    ends = tuple(first.tolist()), tuple(second.tolist())
    return _Differences(*ends, n, mean, sd, half, p, holm(p), within, repeats)


def _units(difference_PR: Array, design: Design) -> tuple[Array, Array, Array]:
    """What a test counts as observations, (P, U), and the variance inside them."""
    unknown = np.full(len(difference_PR), np.nan)
    if not design.blocked:
        return difference_PR, unknown, unknown
    fold_R = fold_of(design.replicates)
    per_fold = [summarise(difference_PR[:, fold_R == fold]) for fold in np.unique(fold_R)]
    mean_PU = np.stack([part.mean for part in per_fold], axis=1)
    n_PU = np.stack([part.n for part in per_fold], axis=1)
    squares_PU = np.stack([np.nan_to_num(part.sd) ** 2 for part in per_fold], axis=1)
    degrees_P = np.maximum(n_PU - 1, 0).sum(axis=1)
    pooled = unknown.copy()
    np.divide(
        (squares_PU * (n_PU - 1)).clip(0).sum(axis=1), degrees_P, out=pooled, where=degrees_P > 0
    )
    repeats = n_PU.sum(axis=1) / np.maximum((n_PU > 0).sum(axis=1), 1)
    return mean_PU, pooled, repeats


def _verdict(found: _Differences, i: int, moving: bool, *, sign: int, region: float) -> PairVerdict:
    if found.n[i] < FEWEST:
        return "undecided"
    if found.sd[i] == 0:
        return "equivalent" if moving and found.mean[i] == 0 else "undecided"
    if abs(found.mean[i]) + found.half[i] <= region:
        return "equivalent"
    if found.p_adjusted[i] < ALPHA:
        return "better" if sign * found.mean[i] > 0 else "worse"
    return "undecided"


def _seeds_to_decide(
    found: _Differences, design: Design, *, region: float, tests: int
) -> list[int | None]:
    if design.blocked:
        return [
            _seeds_per_fold(found, i, design, region=region, tests=tests)
            for i in range(len(found.n))
        ]
    usable = (found.n >= 2) & (found.sd > 0)
    needed = replicates_to_decide(
        np.where(usable, found.mean, 0.0),
        np.where(usable, found.sd, 1.0),
        region=region,
        ratio=design.ratio,
        tests=tests,
    )
    return [
        ceil(n / design.per_seed) if ok and isfinite(n) else None
        for n, ok in zip(needed.tolist(), usable.tolist(), strict=True)
    ]


def _seeds_per_fold(
    found: _Differences, i: int, design: Design, *, region: float, tests: int
) -> int | None:
    """More seeds shrink only the part of the variance that lies inside the folds."""
    within, units = found.within[i], int(found.n[i])
    if units < FEWEST or not isfinite(within) or found.sd[i] == 0:
        return None
    between = max(found.sd[i] ** 2 - within / found.repeats[i], 0.0)
    allowed = largest_variance_that_decides(
        found.mean[i], units=units, region=region, ratio=design.ratio, tests=tests
    )
    if allowed <= between:
        return None
    seeds = ceil(within / (allowed - between))
    return seeds if seeds <= MOST else None


def _apart(expected_2R: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> bool:
    """Whether two arms were meant to have other replicates."""
    return bool(expected_2R.all(axis=0).sum() < expected_2R.sum(axis=1).min())


def _why_untested(
    found: _Differences, i: int, design: Design, moving: bool, *, apart: bool
) -> str | None:
    n = int(found.n[i])
    if n < FEWEST:
        way_out = f"use the same {design.unit}s in both, at least" if apart else "run at least"
        return (
            f"No test: {counted(n, f'common {design.unit}')} scored by both, and a deviation from "
            f"fewer than {FEWEST} says next to nothing; {way_out} {FEWEST}."
        )
    if found.sd[i] > 0:
        return None
    if not moving:
        return (
            f"No test: neither score changes from {design.unit} to {design.unit}, so {n} are worth "
            f"one; let the data vary instead, with folds or split.resample."
        )
    if found.mean[i] == 0:
        return f"No test needed: both score the same in each of {counted(n, design.unit)}."
    return (
        f"No test: the difference is the same in each of {counted(n, design.unit)}, so there is no "
        f"deviation to measure it by; run more."
    )


def _why_unpaired(
    names: Sequence[str],
    ends: tuple[int, int],
    scores_AR: Array,
    expected_AR: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
) -> str | None:
    common = expected_AR[ends[0]] & expected_AR[ends[1]]
    lost = [(names[arm], int((common & ~np.isfinite(scores_AR[arm])).sum())) for arm in ends]
    both = int((common & np.isfinite(scores_AR[list(ends)]).all(axis=0)).sum())
    missing = [f"{name} lacks {count}" for name, count in lost if count]
    if not missing:
        return None
    return f"Paired on {both} of {int(common.sum())} replicates: {listed(missing)}."


def _why_never(found: _Differences, i: int, design: Design, seeds: int | None) -> str | None:
    if seeds is not None or found.n[i] < FEWEST or found.sd[i] == 0:
        return None
    if design.blocked and not isfinite(found.within[i]):
        return "Whether more seeds would decide needs a second seed; more folds may."
    if design.ratio:
        return "More seeds alone would not decide: the replicates share training data."
    return f"More than {MOST:,} seeds would be needed: for all practical purposes they are alike."
