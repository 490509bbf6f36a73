"""Made-up comparisons whose truth is known, trained in closed form: thousands in a minute.

A procedure is ridge regression on the features or on random ones (ReLU, drawn anew for every
training), with λ chosen in every fold on an inner validation part. Classes are the sign of the
output. The truth of an arm is its mean score on many fresh rows, over fresh samples.

Kinds of worlds, by what is compared:
noise: labels independent of features; arms differ in λ and features, all classify half right.
twin: one procedure, its random features drawn apart for each arm.
mirror: arms that see other features, each worth as much: they differ on every row, not in mean.
planted: the second arm lacks some of the features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.report.statistics import Array, Scored

Kind = Literal["noise", "twin", "mirror", "planted"]
Task = Literal["classification", "regression"]
Integers = NDArray[np.int64]

FEATURES = 20
FRESH = 1000  # rows that measure the truth; over hundreds of samples
VALIDATION = 0.2
TEST = 0.2  # of the rows, where there is one held-out part
LAMBDAS = (1e-3, 1e-1, 1.0, 10.0, 100.0)


@dataclass(frozen=True)
class World:
    """One cell of the gate. folds 1: one held-out part and `repeats` seeds crossed with it.

    hidden: random features, 0 for none. missing: features that the second arm lacks (planted), the
    first ones, but the second of the two that the target bends in goes last.
    cluster: rows that share most of their features and their label's noise. anew: the held-out
    part is drawn anew for each seed.
    """

    kind: Kind
    task: Task
    rows: int
    hidden: int = 0
    arms: int = 2
    repeats: int = 1
    folds: int = 5
    missing: int = 0
    cluster: int = 1
    anew: bool = False

    @property
    def sign(self) -> int:
        return 1 if self.task == "classification" else -1

    @property
    def equal(self) -> bool:
        """Whether all arms have the same truth by design."""
        half_right = self.kind == "noise" and self.task == "classification"
        return half_right or self.kind in ("twin", "mirror")


@dataclass(frozen=True)
class Outcome:
    """What a job would store, and each arm's mean score on fresh rows and on validation rows (A,),
    the latter of the λ chosen there."""

    scored: Scored
    fresh_A: Array
    validation_A: Array


@dataclass(frozen=True)
class _Arm:
    lambdas: tuple[float, ...]
    draws: int  # arms with the same number share their random features
    columns: slice | Integers
    bent: bool = False


def play(
    world: World, seed: int, *, rows: int | None = None, repeats: int | None = None
) -> Outcome:
    """One job on one sample. More rows or repeats than the world's continue the same job."""
    rng = np.random.default_rng([seed, world.rows, world.hidden, len(world.kind)])
    x, y, cluster_N = _sample(world, rng, rows or world.rows)
    fresh = _sample(world, np.random.default_rng([seed, 1]), FRESH)[:2]
    arms = _arms(world)
    passes = repeats or world.repeats
    score_APN = np.full((len(arms), passes, len(y)), np.nan)
    fold_PN = np.full((passes, len(y)), -1, dtype=np.int64)
    fresh_A, validation_A = np.zeros(len(arms)), np.zeros(len(arms))
    for p in range(passes):
        split = np.random.default_rng([seed, 2, 0 if world.folds == 1 and not world.anew else p])
        of_fold_N = _folds(world, split, y, cluster_N)
        for fold in range(world.folds):
            test_N = of_fold_N == fold
            train, validation = _inner(split, np.flatnonzero(~test_N))
            fold_PN[p, test_N] = fold
            training = np.random.default_rng([seed, 3, p, fold])
            maps = _maps(world, arms, training, x, fresh[0])
            for a, arm in enumerate(arms):
                phi, phi_fresh = maps[a]
                weights = _fit(phi, y, train, arm.lambdas)
                validated = _scores(phi[validation], y[validation], weights, world)
                best = _best(validated, world)
                validation_A[a] += validated[:, best].mean()
                chosen = [part[..., best : best + 1] for part in weights]
                score_APN[a, p, test_N] = _scores(phi[test_N], y[test_N], chosen, world)[:, 0]
                fresh_A[a] += _scores(phi_fresh, fresh[1], chosen, world).mean()
    repeat_P = np.zeros(passes, dtype=np.int64) if world.folds == 1 else np.arange(passes)
    cluster = cluster_N if world.cluster > 1 else None
    scored, trainings = Scored(score_APN, fold_PN, repeat_P, cluster), passes * world.folds
    return Outcome(scored, fresh_A / trainings, validation_A / trainings)


def _arms(world: World) -> list[_Arm]:
    every = slice(0, FEATURES)
    if world.kind == "twin":
        return [_Arm(LAMBDAS, a, every) for a in range(world.arms)]
    if world.kind == "mirror":
        width = FEATURES // world.arms
        return [_Arm(LAMBDAS, 0, slice(a * width, (a + 1) * width)) for a in range(world.arms)]
    if world.kind == "planted":
        straight = np.delete(np.arange(FEATURES), FEATURES // 2)
        seen = np.sort(np.append(straight[world.missing :], FEATURES // 2))
        first, second = _Arm(LAMBDAS, 0, every), _Arm(LAMBDAS, 1, seen)
        return [first, second, *([second] * (world.arms - 2))]
    weak, strong = LAMBDAS[:1], LAMBDAS[-1:]
    arms = [
        _Arm(weak, 0, every),
        _Arm(LAMBDAS, 0, every),
        _Arm(strong, 0, every),
        _Arm(LAMBDAS[2:3], 1, every),
        _Arm(LAMBDAS[1:3], 1, every, bent=True),
        _Arm(LAMBDAS[3:4], 2, every, bent=True),
    ]
    return arms[: world.arms]


def _sample(world: World, rng: np.random.Generator, rows: int) -> tuple[Array, Array, Integers]:
    """x, y (-1 or 1 for classes), clusters; the first rows are the same however many are drawn."""
    drawn = rng.standard_normal((rows, FEATURES + 1))
    cluster_N = np.arange(rows) // world.cluster
    if world.cluster > 1:
        of_cluster = drawn[:: world.cluster][cluster_N]
        drawn = np.sqrt(0.8) * of_cluster + np.sqrt(0.2) * drawn
    x, noise = drawn[:, :FEATURES], drawn[:, FEATURES]
    if world.kind == "noise":
        value = noise
    else:
        parts = world.arms if world.kind == "mirror" else 2
        starts = np.arange(parts) * (FEATURES // parts)
        value = x.sum(axis=1) / np.sqrt(FEATURES) + 0.5 * np.sin(2 * x[:, starts]).sum(axis=1)
        value = value + noise
    return x, (np.sign(value) if world.task == "classification" else value), cluster_N


def _folds(world: World, rng: np.random.Generator, y: Array, cluster_N: Integers) -> Integers:
    """The fold of each row, dealt in turn within classes; clusters stay together."""
    heads = np.flatnonzero(np.diff(cluster_N, prepend=-1))
    order = rng.permutation(len(heads))
    if world.task == "classification":
        order = order[np.argsort(y[heads][order], kind="stable")]
    dealt = np.empty(len(heads), dtype=np.int64)
    decks = world.folds if world.folds > 1 else round(1 / TEST)
    dealt[order] = (np.arange(len(heads)) + rng.integers(decks)) % decks
    return dealt[cluster_N]


def _inner(rng: np.random.Generator, rest: Integers) -> tuple[Integers, Integers]:
    shuffled = rng.permutation(rest)
    cut = round(VALIDATION * len(rest))
    return shuffled[cut:], shuffled[:cut]


def _maps(
    world: World, arms: list[_Arm], rng: np.random.Generator, x: Array, fresh: Array
) -> list[tuple[Array, Array]]:
    """Features of the sample and of the fresh rows as each arm sees them in one training."""
    draws: dict[int, tuple[Array, Array]] = {}
    found = []
    for arm in arms:
        seen, seen_fresh = x[:, arm.columns], fresh[:, arm.columns]
        if world.hidden:
            if arm.draws not in draws:
                weight = rng.standard_normal((FEATURES, world.hidden))
                draws[arm.draws] = weight, rng.standard_normal(world.hidden)
            weight, bias = draws[arm.draws]
            used = 1.5 * weight[arm.columns] / np.sqrt(seen.shape[1])
            seen, seen_fresh = (np.maximum(z @ used + bias, 0) for z in (seen, seen_fresh))
        if arm.bent:
            centre = seen.mean()
            seen, seen_fresh = (np.tanh(2 * z) - centre for z in (seen, seen_fresh))
        found.append((seen, seen_fresh))
    return found


def _fit(phi: Array, y: Array, train: Integers, lambdas: tuple[float, ...]) -> list[Array]:
    """Weights (D, L) and intercepts (1, L) for each λ."""
    centre = phi[train].mean(axis=0)
    inputs, middle = phi[train] - centre, y[train].mean()
    values, vectors = np.linalg.eigh(inputs.T @ inputs)
    projected = vectors.T @ (inputs.T @ (y[train] - middle))
    shrunk = projected[:, None] / (np.maximum(values, 0)[:, None] + np.array(lambdas))
    weight = vectors @ shrunk
    return [weight, middle - centre @ weight[None]]


def _scores(phi: Array, y: Array, weights: list[Array], world: World) -> Array:
    """(N, L) score of every row."""
    weight, intercept = weights
    output = phi @ weight + intercept
    if world.task == "classification":
        right: Array = ((output > 0) == (y[:, None] > 0)).astype(np.float64)
        return right
    squared: Array = (output - y[:, None]) ** 2
    return squared


def _best(score_NL: Array, world: World) -> int:
    return int(np.argmax(world.sign * score_NL.mean(axis=0)))
