"""What more would decide an undecided pair.

The truth is taken to lie where the scores leave it: normal around the difference found, with its
error. More of something shrinks the error and moves the difference; the smallest amount is taken
at which the interval then excludes zero, or lies within the margin, with probability POWER
(a predictive power: Spiegelhalter, Freedman and Blackburn 1986, Monitoring Clinical Trials:
Conditional or Predictive Power?).

Repeats average what differs from training to training; rows all but what is common to the rows that
one model tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.report.statistics.compare import differences
from core.report.statistics.replicates import ALPHA, Array
from core.report.statistics.scored import Scored
from core.report.statistics.simultaneous import Pair
from core.report.statistics.spread import Spread, luck, spread

POWER = 0.8
REASON = 10  # times what there is; more is no advice
FARTHEST = 1000
ALIKE = 0.25  # of the variance in one pass, what every pass shows; typical, where there is only one


@dataclass(frozen=True)
class Needed:
    """How many more of what. kind None: nothing within reason; count then says how many rows, 0
    where not even they would.

    repeats: on one held-out part, trainings with other seeds. rows: more to be tested, so that with
    one held-out part the job needs 1 / (its share) times as many.
    """

    kind: Literal["repeats", "rows"] | None
    count: int


def to_decide(scored: Scored, pair: Pair, *, margin: float, level: float = ALPHA) -> Needed:
    """What would probably decide a pair of arms.

    level: of the family, as in Contrasts.
    """
    found = spread(differences(scored, [pair]), scored)
    if not found.df[0] or found.se[0] == 0:
        return Needed(None, 0)
    passes = len(scored.repeat_P)
    repeats = len(np.unique(scored.repeat_P)) if scored.folds > 1 else passes
    times_M = np.arange(repeats + 1, REASON * repeats + 1) / repeats
    enough = _first(_decides(found, *_repeated(found, times_M, passes, level), margin))
    if enough is not None:
        return Needed("repeats", enough + 1)
    times_M = np.geomspace(1.05, FARTHEST, 400)
    enough = _first(_decides(found, *_enlarged(found, times_M, level), margin))
    if enough is None:
        return Needed(None, 0)
    rows = int(np.ceil(found.n[0] * (times_M[enough] - 1)))
    return Needed("rows" if times_M[enough] <= REASON else None, rows)


def _repeated(found: Spread, times_M: Array, passes: int, level: float) -> tuple[Array, Array]:
    """(M,) half width after, and deviation of the difference's move until, `times` the passes."""
    single = found.single[0]
    shared = ALIKE * single if np.isnan(found.shared[0]) else found.shared[0]
    unseen = luck(np.array([single]), np.array([shared]))[0] if found.luck[0] else 0.0
    changing = (single - shared) / passes
    rows_M = shared + unseen + changing / times_M
    moved_M = np.sqrt((changing + found.training[0]) * (1 - 1 / times_M))
    return _half(found, rows_M, times_M, np.ones(len(times_M)), level), moved_M


def _enlarged(found: Spread, times_M: Array, level: float) -> tuple[Array, Array]:
    """As _repeated, for `times` the rows."""
    rows = found.rows[0] + found.luck[0]
    moved_M = np.sqrt(rows * (1 - 1 / times_M))
    return _half(found, rows / times_M, np.ones(len(times_M)), times_M, level), moved_M


def _half(
    found: Spread, rows_M: Array, repeats_M: Array, rows_times_M: Array, level: float
) -> Array:
    """(M,) half width to be expected, with so many times the repeats and the rows.

    Where training adds nothing it will still seem to: of a variance known from df folds, the part
    above what rows explain averages sqrt(2 / df) / sqrt(2 pi) of that.
    """
    from scipy.special import stdtrit  # late: it takes a tenth of a second to import

    df_M = found.training_df * repeats_M
    seeming_M = found.rows[0] / rows_times_M / repeats_M * np.sqrt(1 / (np.pi * df_M))
    training_M = np.maximum(found.training[0] / repeats_M, seeming_M)
    of_rows = stdtrit(found.rows_df[0], 1 - level / 2) ** 2
    half_M: Array = np.sqrt(of_rows * rows_M + stdtrit(df_M, 1 - level / 2) ** 2 * training_M)
    return half_M


def _decides(found: Spread, half_M: Array, moved_M: Array, margin: float) -> Array:
    """(M,) probability that the interval then lies beyond zero or within the margin."""
    from scipy.special import ndtr

    mean, moved_M = abs(float(found.mean[0])), np.maximum(moved_M, 1e-300)
    beyond_M = ndtr((mean - half_M) / moved_M) + ndtr((-mean - half_M) / moved_M)
    room_M = margin - half_M
    within_M = ndtr((room_M - mean) / moved_M) - ndtr((-room_M - mean) / moved_M)
    decided: Array = np.where(room_M > half_M, 1.0, beyond_M + np.where(room_M > 0, within_M, 0.0))
    return decided


def _first(decided_M: Array) -> int | None:
    enough = np.flatnonzero(decided_M >= POWER)
    return int(enough[0]) if len(enough) else None
