"""Arms against each other: each against the baseline, and the best against the rest.

All intervals and adjusted p of a report come from one procedure and hold together, over every pair
that there is, since the best is picked from the same data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.report.basis import Basis
from core.report.choose import sign_of
from core.report.fold_means import contrasts_of_folds
from core.report.measure import counts_rows
from core.report.report import Direction, Family, Needed, Pair
from core.report.statistics import ALPHA, Contrasts, Verdict, contrasts, to_decide
from core.report.words import (
    counted,
    differences,
    interval,
    listed,
    p_words,
    unit_of_difference,
)

TESTS = {
    "rows": "paired rows with a training component, max-t",
    "folds": "Nadeau-Bengio corrected paired t over folds, Bonferroni",
    "none": None,
}
UNTOLD = "folds tell too little of training to say what would decide"
NO_ROWS = (
    "No test: no scores by row are stored, and seeds on one split tell nothing of other rows; "
    "run it again, or with folds."
)


@dataclass(frozen=True)
class Terms:
    """What a comparison goes by. metric: that is compared. margin: up to it nothing matters.

    ratio: rows of the test part over those of the training part.
    """

    metric: str
    direction: Direction
    margin: float
    ratio: float


@dataclass(frozen=True)
class Comparison:
    """best: the arm to take. validated: the one that validation would take, where that is another
    one, which the tested rows show to be worse."""

    pairs: list[Pair]
    best: int | None
    validated: int | None = None


def compare(
    names: Sequence[str],
    basis: Basis,
    terms: Terms,
    *,
    order: Sequence[int],
    baseline: int | None,
    training: bool = False,
) -> Comparison:
    """The report's pairs. order: arms with a choice, the best by validation first.

    training: it goes on, so that there are differences but neither intervals nor verdicts: the
    scores are of models that nobody will use, and who looks often would find one by chance.
    """
    if not order:
        return Comparison([], None)
    best = order[0]
    if len(names) < 2:
        return Comparison([], best)
    ends = _families(len(names), best, baseline)
    found = _contrasts(names, basis, list(ends), terms)
    if training:
        open_ = _unknown(len(ends))
        found = replace(open_, difference_C=found.difference_C)
    # a winner on validation may be shown to be worse by the tested rows
    while (better := _beaten_by(list(ends), found, best)) is not None:
        best = better
        ends = _families(len(names), best, baseline)
        found = _contrasts(names, basis, list(ends), terms)
    pairs = [
        _pair(names, basis, terms, end, family, found, i)
        for i, (end, family) in enumerate(ends.items())
    ]
    return Comparison(pairs, best, None if best == order[0] else order[0])


def _families(arms: int, best: int, baseline: int | None) -> dict[tuple[int, int], Family]:
    ends: dict[tuple[int, int], Family] = {}
    if baseline is not None:
        ends |= {(arm, baseline): "baseline" for arm in range(arms) if arm != baseline}
    for arm in range(arms):
        if arm != best and (arm, best) not in ends and (best, arm) not in ends:
            ends[best, arm] = "best"
    return ends


def _contrasts(
    names: Sequence[str], basis: Basis, ends: list[tuple[int, int]], terms: Terms
) -> Contrasts:
    """Of all pairs; an arm without a score takes no part, and widens no other's interval.

    Arms go in by name, since what is drawn for them depends on their order.
    """
    scored_A = _scored(basis)
    by_name = sorted(np.flatnonzero(scored_A).tolist(), key=lambda arm: names[arm])
    place = {arm: i for i, arm in enumerate(by_name)}
    known = [i for i, (a, b) in enumerate(ends) if a in place and b in place]
    if not known:
        return _unknown(len(ends))
    moved = [(place[ends[i][0]], place[ends[i][1]]) for i in known]
    sign = sign_of(terms.direction)
    if basis.scored is not None:
        scored = replace(basis.scored, score_APN=basis.scored.score_APN[by_name])
        found = contrasts(scored, moved, margin=terms.margin, sign=sign)
    else:
        found = contrasts_of_folds(
            basis.fold_AR[by_name],
            basis.layout,
            moved,
            margin=terms.margin,
            sign=sign,
            ratio=terms.ratio,
        )
    return _spread(found, known, len(ends))


def _scored(basis: Basis) -> NDArray[np.bool_]:
    """(A,) which arms have a score to compare."""
    scores = basis.fold_AR if basis.scored is None else basis.scored.score_APN
    return np.array([bool(np.isfinite(of_arm).any()) for of_arm in scores], dtype=np.bool_)


def _unknown(pairs: int) -> Contrasts:
    none = np.full(pairs, np.nan)
    verdict: Verdict = "undecided"
    return Contrasts(none, none, none, none, none, none, none, (verdict,) * pairs, ALPHA)


def _spread(found: Contrasts, known: Sequence[int], pairs: int) -> Contrasts:
    """Found of some of the pairs, at their places among all."""
    whole: dict[str, Any] = {}  # Any: fields of Contrasts
    for name, values in vars(found).items():
        if name == "verdict_C":
            told = dict(zip(known, values, strict=True))
            whole[name] = tuple(told.get(i, "undecided") for i in range(pairs))
        elif name == "level":
            whole[name] = values
        else:
            whole[name] = np.full(pairs, np.nan)
            whole[name][known] = values
    return Contrasts(**whole)


def _beaten_by(ends: Sequence[tuple[int, int]], found: Contrasts, best: int) -> int | None:
    """The arm that is shown to be most above the best, if any is."""
    size_C = np.abs(found.difference_C)  # NaN where one has no score, which is no verdict either
    above: dict[int, float] = {}
    for i, (a, b) in enumerate(ends):
        if a == best and found.verdict_C[i] == "worse":
            above[b] = float(size_C[i])
        if b == best and found.verdict_C[i] == "better":
            above[a] = float(size_C[i])
    return max(above, key=lambda arm: above[arm]) if above else None


def _pair(
    names: Sequence[str],
    basis: Basis,
    terms: Terms,
    end: tuple[int, int],
    family: Family,
    found: Contrasts,
    i: int,
) -> Pair:
    a, b = end
    low, high = _known(found.low_C[i]), _known(found.high_C[i])
    difference, p = _known(found.difference_C[i]), _known(found.p_C[i])
    tested = low is not None and high is not None
    n = _common(basis, end)
    verdict = found.verdict_C[i]
    open_ = verdict == "undecided" and tested
    needed, unsteady = _needed(basis, end, terms, found.level) if open_ else (None, False)
    pair = Pair(
        a=names[a],
        b=names[b],
        family=family,
        difference=difference,
        ci95=(low, high) if low is not None and high is not None else None,
        error=_known(found.se_C[i]),
        degrees=_known(found.df_C[i]),
        p=p,
        p_adjusted=_known(found.p_adjusted_C[i]) if p is not None else None,
        test=TESTS[basis.source] if tested else None,
        verdict=verdict,
        needed=needed,
        unsteady=unsteady,
        n=n,
        rows=_rows_apart(basis, terms.metric, difference, n),
        note=_note(names, basis, end, tested=tested),
    )
    told = sentence_of(pair, terms.metric, terms.direction, alone=len(names) == 2)
    return pair.model_copy(update={"sentence": told})


def sentence_of(pair: Pair, metric: str, direction: Direction, *, alone: bool) -> str:
    """`l2 against none: 0.7 points better (95 % simultaneous interval −0.4 to 1.8 …): …`.

    alone: there is no other pair that the interval would hold together with.
    """
    against = f"{pair.a} against {pair.b}"
    if pair.difference is None:
        return f"{against}: cannot be compared, since no part scored both."
    told = gain_words(pair, metric, direction)
    ends = interval_words(pair, metric, direction, alone=alone)
    name = "p" if alone else "adjusted p"
    odds = "" if pair.p_adjusted is None else p_words(pair.p_adjusted, name)
    sure = ", ".join(filter(None, [ends, "" if ends.startswith("the same") else odds]))
    open_ = f"; {open_words(pair)}" if open_words(pair) else ""
    return f"{against}: {told}{f' ({sure})' if sure else ''}: {pair.verdict}{open_}."


def open_words(pair: Pair) -> str:
    """`about 1,900 more rows would decide`, or why no number is given; "" of neither."""
    return pair.needed.sentence if pair.needed else UNTOLD if pair.unsteady else ""


def gain_of(pair: Pair, direction: Direction) -> float:
    """By how much a is better than b, whichever way the score runs."""
    return sign_of(direction) * (pair.difference or 0.0)


def gain_words(pair: Pair, metric: str, direction: Direction) -> str:
    """`0.7 points better`; `level` where that would say 0.0."""
    gain = gain_of(pair, direction)
    size = differences(metric, [abs(gain)])[0]
    if not float(size.replace("−", "-")):
        return "level"
    side = "better" if gain > 0 else "worse"
    return f"{size}{unit_of_difference(metric, size)} {side}"


def interval_words(pair: Pair, metric: str, direction: Direction, *, alone: bool) -> str:
    """`95 % simultaneous interval −0.4 to 1.8` of the gain; "" without a test."""
    if pair.ci95 is None:
        return ""
    if pair.ci95[0] == pair.ci95[1]:
        return f"the same on all {counted(pair.n, 'row')}"
    low, high = sorted(sign_of(direction) * end for end in pair.ci95)
    kind = "" if alone else "simultaneous "
    return f"95 % {kind}interval {interval(metric, (low, high))}"


def _known(value: object) -> float | None:
    number = float(value)  # type: ignore[arg-type]  # a numpy scalar
    return number if isfinite(number) else None


def _common(basis: Basis, end: tuple[int, int]) -> int:
    """Rows that both were tested on; without scores by row, folds."""
    ends = list(end)
    if basis.scored is not None:
        score_2PN = basis.scored.score_APN[ends]
        return int(np.isfinite(score_2PN).all(axis=0).any(axis=0).sum())
    both_R = np.isfinite(basis.fold_AR[ends]).all(axis=0)
    return len(np.unique(basis.layout.part_R[both_R]))


def _rows_apart(basis: Basis, metric: str, difference: float | None, n: int) -> float | None:
    counts = counts_rows(metric) and basis.scored is not None
    return difference * n if counts and difference is not None else None


def _needed(
    basis: Basis, end: tuple[int, int], terms: Terms, level: float
) -> tuple[Needed | None, bool]:
    """What would decide, and whether it is training that hides it."""
    if basis.scored is None:
        return None, False
    found = to_decide(basis.scored, end, margin=terms.margin, level=level)
    if found.kind is None or found.count < 1:
        return None, found.unsteady and not basis.one_part
    if found.kind == "repeats" and basis.one_part:
        return None, False  # other seeds on one split would decide about that split alone
    what = "repeat" if found.kind == "repeats" else "row"
    count = found.count if what == "repeat" else _rounded(found.count)
    instead = "; repeats would not" if what == "row" else ""
    told = f"about {counted(count, f'more {what}')} would decide{instead}"
    return Needed(kind=found.kind, count=count, sentence=told), False


def _rounded(count: int) -> int:
    """Up to two digits: more would promise too much."""
    step = int(10 ** max(len(str(count)) - 2, 0))
    return -(-count // step) * step


def _note(names: Sequence[str], basis: Basis, end: tuple[int, int], *, tested: bool) -> str | None:
    ends = list(end)
    expected_2R, score_2R = basis.expected_AR[ends], basis.fold_AR[ends]
    common_R = expected_2R.all(axis=0)
    if not common_R.any():
        return "No test: no seed, repeat and fold in common; use the same in both."
    if basis.source == "none":
        return NO_ROWS
    lost = [int((common_R & ~np.isfinite(score_R)).sum()) for score_R in score_2R]
    missing = [f"{names[arm]} lacks {n}" for arm, n in zip(end, lost, strict=True) if n]
    both = int((common_R & np.isfinite(score_2R).all(axis=0)).sum())
    if missing:
        return f"Paired on {both} of {int(common_R.sum())} replicates: {listed(missing)}."
    return None if tested else "No test: fewer than 3 folds scored both; use more folds."
