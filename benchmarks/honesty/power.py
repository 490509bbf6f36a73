"""How often a true difference is found, beside the corrected resampled t; and whether what would
decide a pair does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import t

from benchmarks.honesty.judge import MARGIN, SURE
from benchmarks.honesty.world import TEST, VALIDATION, World, play
from core.report.statistics import Array, Scored, contrasts, to_decide

MOST_ROWS = 10_000  # advice beyond is not followed here: a run takes its time


@dataclass(frozen=True)
class Power:
    """Shares of jobs that tell two arms apart; truth in score units, first arm less second.

    found, covered: by the report's interval. resampled: by the corrected resampled t, over as many
    trainings. corrected: by its formula over the means of the folds.
    """

    world: World
    truth: float
    found: float
    covered: float
    resampled: float
    corrected: float


@dataclass(frozen=True)
class Kept:
    """Of undecided jobs with an advice of this kind: how many, the share that it decided, and the
    median of what it asked for. Of jobs without an advice, only how many: `unsteady` where folds
    tell too little of training, else `none`."""

    world: str
    kind: str
    margin: float
    jobs: int
    decided: float
    median: float


def power_of(world: World, jobs: range) -> Power:
    """A planted difference in many jobs."""
    outcomes = [play(world, job) for job in jobs]
    truth = float(np.mean([o.fresh_A[0] - o.fresh_A[-1] for o in outcomes]))
    last = world.arms - 1
    found = [_contrast(o.scored, last, world) for o in outcomes]
    return Power(
        world=world,
        truth=truth,
        found=float(np.mean([low > 0 or high < 0 for low, high in found])),
        covered=float(np.mean([low <= truth <= high for low, high in found])),
        resampled=float(np.mean([_resampled(world, job) for job in jobs])),
        corrected=float(np.mean([_corrected(o.scored) for o in outcomes])),
    )


def kept_of(world: World, jobs: range, *, margin: float = MARGIN) -> Iterator[Kept]:
    """Undecided jobs with differences from none to large, continued as advised."""
    without = {"unsteady": 0, "none": 0}
    asked: dict[str, list[int]] = {}
    decided: dict[str, list[bool]] = {}
    for job in jobs:
        mine = replace(world, missing=job % 11)
        scored = play(mine, job).scored
        if _decided(scored, mine, margin):
            continue
        needed = to_decide(scored, (0, 1), margin=margin)
        if needed.kind is None:
            without["unsteady" if needed.unsteady else "none"] += 1
            continue
        if world.rows + needed.count > MOST_ROWS:
            continue
        more = (
            play(mine, job, rows=world.rows + needed.count)
            if needed.kind == "rows"
            else play(mine, job, repeats=world.repeats + needed.count)
        )
        asked.setdefault(needed.kind, []).append(needed.count)
        decided.setdefault(needed.kind, []).append(_decided(more.scored, mine, margin))
    name = f"{world.rows} rows, {world.hidden} hidden, {world.repeats} repeats"
    for kind, jobs_without in without.items():
        yield Kept(name, kind, margin, jobs_without, float("nan"), float("nan"))
    for kind, counts in asked.items():
        share, median = float(np.mean(decided[kind])), float(np.median(counts))
        yield Kept(name, kind, margin, len(counts), share, median)


def _contrast(scored: Scored, last: int, world: World) -> tuple[float, float]:
    found = contrasts(scored, [(0, last)], margin=MARGIN, sign=world.sign, family=[])
    return float(found.low_C[0]), float(found.high_C[0])


def _decided(scored: Scored, world: World, margin: float) -> bool:
    found = contrasts(scored, [(0, 1)], margin=margin, sign=world.sign)
    return found.verdict_C[0] != "undecided"


def _resampled(world: World, job: int) -> bool:
    """Whether Nadeau and Bengio's test finds a difference: over random test parts of a fifth, as
    many as the world has trainings, all other rows counted as training ones."""
    trainings = world.folds * world.repeats
    scored = play(replace(world, folds=1, repeats=trainings, anew=True), job).scored
    return _is_apart(np.nanmean(scored.score_APN[0] - scored.score_APN[-1], axis=1), 1 / TEST - 1)


def _corrected(scored: Scored) -> bool:
    """The same over the means of folds, which overlap less, with the rows that trained."""
    difference_PN = scored.score_APN[0] - scored.score_APN[-1]
    means = [
        difference_N[fold_N == fold].mean()
        for difference_N, fold_N in zip(difference_PN, scored.fold_PN, strict=True)
        for fold in range(scored.folds)
    ]
    return _is_apart(np.array(means), (1 - VALIDATION) * (scored.folds - 1))


def _is_apart(means: Array, trained: float) -> bool:
    """trained: rows in units of one test part."""
    error = means.std(ddof=1) * np.sqrt(1 / len(means) + 1 / trained)
    reach = float(t.ppf((1 + SURE) / 2, len(means) - 1)) * error
    return bool(abs(means.mean()) > reach)
