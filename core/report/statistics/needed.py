"""What more would decide an undecided pair.

The truth is taken to lie where the scores leave it: normal around the difference found, with its
error. More of something shrinks the error and moves the difference; the smallest amount is taken
at which the interval then excludes zero, or lies within the margin, with probability POWER
(a predictive power: Spiegelhalter, Freedman and Blackburn 1986, Monitoring Clinical Trials:
Conditional or Predictive Power?).

Repeats average what differs from training to training; rows all but what is common to the rows that
one model tests. Of that last part five folds know little: it may seem nil and not be. The
probability is therefore taken over all that it may be (`training.believed`), and over what the
folds to come will make of it. Where it hides what would decide, no number is given; nor a number of
repeats from a single pass, which cannot tell what differs from training to training.

Axes: G sizes that training's part may have, H what folds to come may show of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from core.report.statistics.compare import differences
from core.report.statistics.interval import error_of
from core.report.statistics.replicates import ALPHA, Array
from core.report.statistics.scored import Scored
from core.report.statistics.simultaneous import Pair
from core.report.statistics.spread import Spread, luck, spread
from core.report.statistics.training import believed, shown

POWER = 0.8
REASON = 10  # times what there is; more is no advice
FARTHEST = 1000
ALIKE = 0.25  # of the variance in one pass, what every pass shows; typical, where there is only one
AMOUNTS = 100  # numbers of rows that are told apart
SHOWN = np.geomspace(1.0, 1000.0, 16) - 1.0  # times what is usual: between, halves are interpolated


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
    if not error_of(found).se[0] > 0:
        return Needed(None, 0)
    belief = Belief.of(found)
    question = _Question(found, _Parts.of(found, len(scored.repeat_P)), belief, margin, level)
    needed = _advised(question, scored)
    if needed.kind == "repeats" and len(scored.repeat_P) == 1:
        return Needed(None, 0, unsteady=True)
    if needed.kind is None:
        steady = _advised(replace(question, belief=NOTHING), scored)
        return replace(needed, unsteady=steady.kind is not None)
    return needed


@dataclass(frozen=True)
class Belief:
    """What training may add to the variance of one pass's mean."""

    variance_G: Array
    weight_G: Array

    @classmethod
    def of(cls, found: Spread) -> Belief:
        """Of the first contrast."""
        variance_CG, weight_CG = believed(
            found.apart, found.explained, found.usual, found.training_df
        )
        return cls(variance_CG[0], weight_CG[0])

    def mean(self, value_GH: Array) -> float:
        """Over all that training may be and show."""
        return float(value_GH.mean(axis=1) @ self.weight_G)


NOTHING = Belief(np.zeros(1), np.ones(1))


def _advised(question: _Question, scored: Scored) -> Needed:
    passes = len(scored.repeat_P)
    repeats = len(np.unique(scored.repeat_P)) if scored.folds > 1 else passes
    times_M = np.arange(repeats + 1, REASON * repeats + 1) / repeats
    enough = _least(question.repeated, times_M)
    if enough is not None:
        return Needed("repeats", enough + 1)
    times_M = np.geomspace(1.05, FARTHEST, AMOUNTS)
    enough = _least(question.enlarged, times_M)
    if enough is None:
        return Needed(None, 0)
    rows = int(np.ceil(question.found.n[0] * (times_M[enough] - 1)))
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


@dataclass(frozen=True)
class _Question:
    """tables: by how many times the repeats there are, `_ratios` that were asked for."""

    found: Spread
    parts: _Parts
    belief: Belief
    margin: float
    level: float
    tables: dict[float, Array] = field(default_factory=dict)

    def repeated(self, times: float) -> float:
        """Probability that so many times the repeats decide."""
        found, parts, more = self.found, self.parts, times - 1
        training_G = self.belief.variance_G / found.times[0]
        moved_G = np.sqrt((parts.changing + training_G) * (1 - 1 / times))
        apart_G = found.explained[0] + self.belief.variance_G
        # the folds there are stay, and more come
        coming_GH = shown(apart_G[:, None], np.array(found.training_df * more))
        apart_GH = (found.apart[0] + more * coming_GH) / times
        then = replace(
            found,
            rows=np.full(1, parts.shared + parts.changing / times),
            luck=np.full(1, parts.unseen),
            times=found.times * times,
            training_df=found.training_df * times,
        )
        return self._decided(then, times, apart_GH, moved_G)

    def enlarged(self, times: float) -> float:
        """As repeated, for so many times the rows, with all trainings anew."""
        found, parts = self.found, self.parts
        training_G = self.belief.variance_G / found.times[0]
        kept = found.rows[0] + found.luck[0] - parts.changing
        changed = kept * (1 - 1 / times) + parts.changing * (1 + 1 / times)
        apart_G = found.explained[0] / times + self.belief.variance_G
        apart_GH = shown(apart_G[:, None], np.array(found.training_df))
        then = replace(
            found,
            rows=found.rows / times,
            luck=found.luck / times,
            explained=found.explained / times,
            usual=found.usual / times,
        )
        # all that rows give shrinks alike, and ratios stay
        return self._decided(then, 1.0, apart_GH, np.sqrt(changed + 2 * training_G))

    def _decided(self, then: Spread, repeats: float, apart_GH: Array, moved_G: Array) -> float:
        if repeats not in self.tables:
            self.tables[repeats] = _ratios(then, self.level)
        shown_GH = np.log1p(apart_GH / _unit(then))
        ratio_GH = np.interp(shown_GH, np.log1p(SHOWN), self.tables[repeats])
        half_GH = ratio_GH * _scale(then, apart_GH)
        mean = abs(float(self.found.mean[0]))
        return self.belief.mean(_decides(mean, half_GH, moved_G[:, None], self.margin))


def _ratios(then: Spread, level: float) -> Array:
    """Half widths of intervals with these parts, over `_scale`, where trainings lie SHOWN apart."""
    apart_C = _unit(then) * SHOWN
    many: dict[str, Any] = {  # Any: fields of Spread
        name: np.repeat(values[:1], len(SHOWN))
        for name, values in vars(then).items()
        if isinstance(values, np.ndarray)
    }
    half_C = error_of(replace(then, **many | {"apart": apart_C})).reach(level)
    ratio_C: Array = half_C / _scale(then, apart_C)
    return ratio_C


def _unit(then: Spread) -> float:
    return float(then.usual[0]) or 1.0


def _scale(then: Spread, apart: Array) -> Array:
    whole: Array = np.sqrt(then.rows[0] + then.luck[0] + apart / then.times[0])
    return whole


def _decides(mean: float, half_GH: Array, moved_GH: Array, margin: float) -> Array:
    """Probability that the interval then lies beyond zero or within the margin."""
    from scipy.special import ndtr  # late: it takes a tenth of a second to import

    moved_GH = np.maximum(moved_GH, 1e-300)
    beyond = ndtr((mean - half_GH) / moved_GH) + ndtr((-mean - half_GH) / moved_GH)
    room = margin - half_GH
    within = ndtr((room - mean) / moved_GH) - ndtr((-room - mean) / moved_GH)
    decided: Array = np.where(room > half_GH, 1.0, beyond + np.where(room > 0, within, 0.0))
    return decided


def _least(probability: Callable[[float], float], amount_M: Array) -> int | None:
    """Which is the first that is probable enough, as more always is more probable."""
    low, high = -1, len(amount_M) - 1
    if probability(float(amount_M[high])) < POWER:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        enough = probability(float(amount_M[middle])) >= POWER
        low, high = (low, middle) if enough else (middle, high)
    return high
