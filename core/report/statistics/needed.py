"""What more would decide an undecided pair.

The truth is taken to lie where the scores leave it: normal around the difference found, with its
error. More of something shrinks the error and moves the difference; the smallest amount is taken
at which the interval then excludes zero, or lies within the margin, with probability POWER
(a predictive power: Spiegelhalter, Freedman and Blackburn 1986, Monitoring Clinical Trials:
Conditional or Predictive Power?).

Repeats average what differs from training to training; rows all but what is common to the rows that
one model tests. Of that last part five folds know little: it may seem nil and not be. The
probability is therefore taken over all that it may be (`training.Belief`), and over what the folds
to come will make of it. Where it hides what would decide, no number is given; nor a number of
repeats from a single pass, which cannot tell what differs from training to training.

Axes: M amounts, G sizes that training's part may have, H what folds to come may show of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from core.report.statistics.compare import differences
from core.report.statistics.replicates import ALPHA, Array
from core.report.statistics.scored import Scored
from core.report.statistics.simultaneous import Pair
from core.report.statistics.spread import Spread, luck, spread
from core.report.statistics.training import Belief, believed, shown

POWER = 0.8
REASON = 10  # times what there is; more is no advice
FARTHEST = 1000
ALIKE = 0.25  # of the variance in one pass, what every pass shows; typical, where there is only one
AMOUNTS = 100  # numbers of rows tried


@dataclass(frozen=True)
class Needed:
    """How many more of what. kind None: nothing within reason; count then says how many rows, 0
    where not even they would.

    repeats: on one held-out part, trainings with other seeds. rows: more to be tested, so that with
    one held-out part the job needs 1 / (its share) times as many.
    unsteady: nothing is advised since folds tell too little of what training adds; were it known to
    add nothing, something would be.
    """

    kind: Literal["repeats", "rows"] | None
    count: int
    unsteady: bool = False


def to_decide(scored: Scored, pair: Pair, *, margin: float, level: float = ALPHA) -> Needed:
    """What would probably decide a pair of arms.

    level: of the family, as in Contrasts.
    """
    found = spread(differences(scored, [pair]), scored)
    if not found.df[0] or found.se[0] == 0:
        return Needed(None, 0)
    belief = believed(found)
    needed = _advised(found, belief, scored, margin, level)
    if needed.kind == "repeats" and len(scored.repeat_P) == 1:
        return Needed(None, 0, unsteady=True)
    if needed.kind is None:
        steady = _advised(found, belief.steady(), scored, margin, level)
        return replace(needed, unsteady=steady.kind is not None)
    return needed


def _advised(found: Spread, belief: Belief, scored: Scored, margin: float, level: float) -> Needed:
    passes = len(scored.repeat_P)
    repeats = len(np.unique(scored.repeat_P)) if scored.folds > 1 else passes
    times_M = np.arange(repeats + 1, REASON * repeats + 1) / repeats
    parts = _Parts.of(found, passes)
    enough = _first(_repeated(found, parts, belief, times_M, margin, level))
    if enough is not None:
        return Needed("repeats", enough + 1)
    times_M = np.geomspace(1.05, FARTHEST, AMOUNTS)
    enough = _first(_enlarged(found, parts, belief, times_M, margin, level))
    if enough is None:
        return Needed(None, 0)
    rows = int(np.ceil(found.n[0] * (times_M[enough] - 1)))
    return Needed("rows" if times_M[enough] <= REASON else None, rows)


@dataclass(frozen=True)
class _Parts:
    """Of the variance of the mean over all passes: what every pass shows alike, what no pass shows,
    and what rows show otherwise each time."""

    shared: float
    unseen: float
    changing: float

    @classmethod
    def of(cls, found: Spread, passes: int) -> _Parts:
        single = found.single[0]
        shared = ALIKE * single if np.isnan(found.shared[0]) else found.shared[0]
        unseen = luck(np.array([single]), np.array([shared]))[0] if found.luck[0] else 0.0
        return cls(shared, unseen, (single - shared) / passes)


def _repeated(
    found: Spread, parts: _Parts, belief: Belief, times_M: Array, margin: float, level: float
) -> Array:
    """(M,) probability that so many times the repeats decide."""
    times_M1 = times_M[:, None]
    rows_M1 = parts.shared + parts.unseen + parts.changing / times_M1
    moved_MG = np.sqrt((parts.changing + belief.training_G) * (1 - 1 / times_M1))
    df_M1 = found.training_df * times_M1
    # the folds there are stay, and more come
    coming_MGH = shown(belief.apart_G[:, None], found.training_df * (times_M1 - 1)[..., None])
    apart_MGH = found.apart[0] + (times_M1 - 1)[..., None] * coming_MGH
    excess_MGH = np.maximum(apart_MGH / times_M1[..., None] - found.explained[0], 0.0)
    training_MGH = excess_MGH / belief.times / times_M1[..., None]
    half_MGH = _half(found, rows_M1[..., None], training_MGH, df_M1[..., None], level)
    return belief.mean(_decides(found, half_MGH, moved_MG[..., None], margin))


def _enlarged(
    found: Spread, parts: _Parts, belief: Belief, times_M: Array, margin: float, level: float
) -> Array:
    """As _repeated, for so many times the rows, with all trainings anew."""
    times_M1 = times_M[:, None]
    rows = found.rows[0] + found.luck[0]
    kept = rows - parts.changing
    explained_M1 = found.explained[0] / times_M1
    apart_MG = explained_M1 + belief.times * belief.training_G
    moved_MG = np.sqrt(
        kept * (1 - 1 / times_M1) + parts.changing * (1 + 1 / times_M1) + 2 * belief.training_G
    )
    apart_MGH = shown(apart_MG[..., None], np.full((1, 1, 1), found.training_df))
    training_MGH = np.maximum(apart_MGH - explained_M1[..., None], 0.0) / belief.times
    df_111 = np.full((1, 1, 1), found.training_df)
    half_MGH = _half(found, rows / times_M1[..., None], training_MGH, df_111, level)
    return belief.mean(_decides(found, half_MGH, moved_MG[..., None], margin))


def _half(
    found: Spread, rows_MGH: Array, training_MGH: Array, df_MGH: Array, level: float
) -> Array:
    """Half width of an interval with these parts."""
    from scipy.special import stdtrit  # late: it takes a tenth of a second to import

    of_rows = stdtrit(found.rows_df[0], 1 - level / 2) ** 2
    of_training_MGH = stdtrit(df_MGH, 1 - level / 2) ** 2
    half_MGH: Array = np.sqrt(of_rows * rows_MGH + of_training_MGH * training_MGH)
    return half_MGH


def _decides(found: Spread, half_MGH: Array, moved_MGH: Array, margin: float) -> Array:
    """Probability that the interval then lies beyond zero or within the margin."""
    from scipy.special import ndtr

    mean, moved_MGH = abs(float(found.mean[0])), np.maximum(moved_MGH, 1e-300)
    beyond = ndtr((mean - half_MGH) / moved_MGH) + ndtr((-mean - half_MGH) / moved_MGH)
    room = margin - half_MGH
    within = ndtr((room - mean) / moved_MGH) - ndtr((-room - mean) / moved_MGH)
    decided: Array = np.where(room > half_MGH, 1.0, beyond + np.where(room > 0, within, 0.0))
    return decided


def _first(decided_M: Array) -> int | None:
    enough = np.flatnonzero(decided_M >= POWER)
    return int(enough[0]) if len(enough) else None
