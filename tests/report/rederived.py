"""A report's numbers from nothing but its rows: numpy and scipy, and the formulas as documented.

Imports nothing of the report. Plain loops, so that it can be read beside the formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import stdtr

Line = Mapping[str, str]


SCALE = 0.4  # of rows' deviation, the half-Cauchy of training's


@dataclass(frozen=True)
class Spread:
    """A mean of n; the variance that rows and luck give it, with degrees; and that trainings lie
    `apart`, of which rows explain `explained`, where `times` repeats average it."""

    mean: float
    n: int
    rows: float
    rows_df: float
    apart: float
    explained: float
    times: float
    training_df: float

    def tail(self, size: float) -> float:
        """Probability of an error beyond a size, over all that training may add."""
        return self._integrated(lambda v: 2 * stdtr(self.rows_df, -size / np.sqrt(v)))

    def reach(self, level: float = 0.05) -> float:
        """Half of the interval."""
        least = np.sqrt(self.rows)
        return float(brentq(lambda x: self.tail(x) - level, least, 1e3 * least, rtol=1e-11))

    @property
    def se(self) -> float:
        return self._integrated(lambda v: 1 / v) ** -0.5

    @property
    def df(self) -> float:
        reach = self.reach() / self.se
        return float(brentq(lambda d: stats.t.ppf(0.975, d) - reach, 0.1, 1e7, rtol=1e-12))

    def _integrated(self, of_variance: Callable[[float], float]) -> float:
        """By the deviation of one pass as angle: prior times chi-square of the folds."""

        def weight(angle: float) -> float:
            ratio = self._whole(angle) / self.explained
            seen = self.apart / self.explained / ratio
            return float(np.exp(-self.training_df / 2 * (np.log(ratio) + seen)))

        def weighted(angle: float) -> float:
            whole = self._whole(angle) - self.explained
            return weight(angle) * of_variance(self.rows + whole / self.times)

        ends = 0, np.pi / 2 - 1e-12
        top, whole = (quad(f, *ends, epsabs=0, epsrel=1e-11)[0] for f in (weighted, weight))
        return float(top / whole)

    def _whole(self, angle: float) -> float:
        return self.explained * (1 + (SCALE * np.tan(angle)) ** 2)


class Table:
    """Scores by arm, pass and row, of the lines of GET …/report/rows."""

    def __init__(self, lines: Sequence[Line], metric: str) -> None:
        self.arms = sorted({line["arm"] for line in lines})
        self.passes = sorted({_pass(line) for line in lines})
        self.rows = sorted({int(line["row"]) for line in lines})
        place = {row: i for i, row in enumerate(self.rows)}
        shape = len(self.passes), len(self.rows)
        self.score = {arm: np.full(shape, np.nan) for arm in self.arms}
        self.fold = np.full(shape, -1)
        self.group = np.arange(len(self.rows))
        for line in lines:
            at = self.passes.index(_pass(line)), place[int(line["row"])]
            self.score[line["arm"]][at] = float(line[metric]) if line[metric] else np.nan
            self.fold[at] = int(line["fold"] or 0)
            if line["group"]:
                self.group[at[1]] = int(line["group"])

    def spread(self, value: np.ndarray) -> Spread:
        """Mean of values by pass and row, and what its error is made of."""
        row = _mean_over_passes(value)
        n = int(np.isfinite(row).sum())
        mean = float(np.nanmean(row))
        rows, rows_df = self._over_rows(row)
        single, shared = self._one_pass(value, rows, n)
        folds = self.fold.max() + 1
        luck = 0.0
        if folds > 1 and len(self.passes) == 1:
            luck = 0.35 * single
        elif folds > 1:
            luck = min(0.15 * single + 1.2 * shared, 0.55 * single)
        return Spread(mean, n, rows + luck, rows_df, *self._training(value))

    def _over_rows(self, row: np.ndarray) -> tuple[float, float]:
        there = np.isfinite(row)
        deviation = np.where(there, row - row[there].mean(), 0.0)
        units = [deviation[(self.group == g) & there].sum() for g in np.unique(self.group[there])]
        return _sandwich(np.array(units), int(there.sum()))

    def _one_pass(self, value: np.ndarray, rows: float, n: int) -> tuple[float, float]:
        if len(self.passes) == 1:
            return rows, np.nan
        counts = np.isfinite(value).sum(axis=1)
        singles = [
            self._over_rows(one)[0] * count / n
            for one, count in zip(value, counts, strict=True)
            if count > 1
        ]
        single, times = float(np.mean(singles)), counts.sum() / n
        shared = (times * rows - single) / (times - 1)
        return single, float(np.clip(shared, 0.0, single))

    def _training(self, value: np.ndarray) -> tuple[float, float, float, float]:
        repeats = sorted({repeat for repeat, _, _ in self.passes})
        folds, apart, explained = self.fold.max() + 1, [], []
        for repeat in repeats:
            mine = [i for i, one in enumerate(self.passes) if one[0] == repeat]
            row, fold = _mean_over_passes(value[mine]), self.fold[mine].max(axis=0)
            there = np.isfinite(row)
            deviation = np.where(there, row - row[there].mean(), 0.0)
            sums = np.array([deviation[there & (fold == k)].sum() for k in range(folds)])
            present = np.array([(there & (fold == k)).any() for k in range(folds)])
            apart.append(_sandwich(sums[present], int(there.sum()))[0])
            explained.append(self._over_rows(row)[0])
        times = len(repeats)
        return np.mean(apart), np.mean(explained), times, (folds - 1) * times

    def difference(self, a: str, b: str) -> np.ndarray:
        return self.score[a] - self.score[b]

    def bar(self) -> np.ndarray:
        """Sorted largest |z| over all pairs of arms, in draws that are fixed by their number."""
        centred = []
        for arm in self.arms:
            row = _mean_over_passes(self.score[arm])
            there = np.isfinite(row)
            deviation = np.where(there, row - row[there].mean(), 0.0) if there.any() else 0 * row
            centred.append([deviation[self.group == g].sum() for g in np.unique(self.group)])
        centred_AU = np.nan_to_num(np.array(centred))
        values, vectors = np.linalg.eigh(centred_AU @ centred_AU.T)
        root = vectors * np.sqrt(np.clip(values, 0.0, None))
        pairs = list(combinations(range(len(self.arms)), 2))
        rng = np.random.default_rng([*centred_AU.shape, len(pairs)])
        drawn = root @ rng.standard_normal((len(self.arms), 20_000))
        size = [np.linalg.norm(root[a] - root[b]) for a, b in pairs]
        least = 1e-6 * np.linalg.norm(centred_AU, axis=1).max()
        kept = [(a, b, s) for (a, b), s in zip(pairs, size, strict=True) if s > least]
        z = [abs(drawn[a] - drawn[b]) / s for a, b, s in kept]
        return np.sort(np.max(z, axis=0))


def wilson(found: Spread) -> tuple[float, float]:
    """The interval of a share, of as many rows as would give its error."""
    odd = found.mean * (1 - found.mean)
    squared = found.reach() ** 2 / odd  # t² / n
    centre = (found.mean + squared / 2) / (1 + squared)
    half = np.sqrt(odd * squared + squared**2 / 4) / (1 + squared)
    return centre - half, centre + half


def simultaneous(largest: np.ndarray, found: Spread, pairs: int) -> tuple[float, float, float]:
    """Adjusted p, and the ends of the interval, of one pair among so many."""
    p = found.tail(abs(found.mean))
    drawn = ((largest >= stats.norm.isf(p / 2)).sum() + 1) / (len(largest) + 1)
    adjusted = max(p, min(drawn, pairs * p, 1.0))
    allowed = int(0.05 * (len(largest) + 1)) - 1
    level = 2 * stats.norm.sf(largest[len(largest) - 1 - allowed])
    level = float(np.clip(level, 0.05 / pairs, 0.05))
    half = found.reach(level)
    return adjusted, found.mean - half, found.mean + half


def _pass(line: Line) -> tuple[int, int, int]:
    inner = line["inner_fold"]
    return int(line["repeat"]), int(line["seed"]), int(inner) if inner else -1


def _mean_over_passes(value: np.ndarray) -> np.ndarray:
    there = np.isfinite(value)
    count = there.sum(axis=0)
    return np.where(count > 0, np.where(there, value, 0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _sandwich(sums: np.ndarray, n: int) -> tuple[float, float]:
    squares, units = sums**2, len(sums)
    if not squares.any():
        return 0.0, units - 1.0
    variance = squares.sum() * units / (units - 1) / n**2
    alike = squares.sum() ** 2 / (squares**2).sum()
    return float(variance), float(min(alike, units - 1))
