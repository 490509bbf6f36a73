"""What intervals are made of: the chosen runs' scores on single test rows.

In each part of the data (repeat and outer fold) an arm is scored by the setting that was chosen
there, so a row's score is that of the whole procedure, choice included. Jobs that stored no scores
by row still have the means of their folds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from core.datasets import Replicate
from core.report.arms import Entry
from core.report.layout import Layout, Whole, in_order, number_of
from core.report.records import Lacking, RowBatch, RowsOf
from core.report.report import Rule
from core.report.statistics import RANKED, VALUED, Array, Scored, pseudo_values
from core.report.words import base_of
from core.rows import PADDING, RowScores

Pass = tuple[int, int, int]  # repeat, seed, inner fold


@dataclass(frozen=True, eq=False)
class Tested:
    """A run that tested rows: whose it is, where, and what its rows scored."""

    arm: int
    replicate: Replicate
    scores: RowScores
    place: int


@dataclass(frozen=True, eq=False)
class Placed:
    """The chosen runs that one cohort tested on one part: whose they are, and in which passes.

    arm_R, replicate_R, turn_R: of each, the last is its pass; place_R: where it is in `scores`.
    at: where the rows of the part are among all tested rows.
    """

    scores: RowScores
    stream: int
    at: Whole
    arm_R: Sequence[int]
    replicate_R: Sequence[Replicate]
    turn_R: Sequence[int]
    place_R: Sequence[int]

    def of(self, kind: str) -> Array:
        """(R, len(at)) what rows scored; pseudo-values of a metric that is no mean over rows."""
        there_N = self.scores.index_SN[self.stream] != PADDING
        if kind in self.scores.row:
            found_RN: Array = self.scores.row[kind][self.place_R][:, there_N].astype(np.float64)
            return found_RN
        answer_RNC = self.scores.answers
        assert answer_RNC is not None, f"no answers to take {kind} from"
        taken_RN: Array = pseudo_values(
            kind, answer_RNC[self.place_R][:, there_N], self.scores.target_SN[self.stream][there_N]
        )
        return taken_RN


@dataclass(frozen=True, eq=False)
class ByRow:
    """Where each arm's chosen runs tested which rows, and how they scored there.

    row_N: numbers of the tested rows in the dataset. kinds: what the rows of all runs scored, or
    what their answers tell of them.
    """

    row_N: Whole
    fold_PN: Whole
    repeat_P: Whole
    cluster_N: Whole | None
    arms: int
    placed: Sequence[Placed]
    kinds: frozenset[str]

    def scored(self, kind: str) -> Scored:
        """Of one of the kinds; made when asked for, since large data has many rows."""
        score_APN = np.full((self.arms, *self.fold_PN.shape), np.nan)
        for part in self.placed:
            arm_R1, turn_R1 = np.array([part.arm_R, part.turn_R])[..., None]
            score_APN[arm_R1, turn_R1, part.at] = part.of(kind)
        return Scored(score_APN, self.fold_PN, self.repeat_P, self.cluster_N)


@dataclass(frozen=True, eq=False)
class Basis:
    """Scores of the arms' procedures: by fold always, by row where the jobs stored them.

    fold_AR: over all jobs' replicates, of the compared metric. expected_AR: which of them each
    arm was meant to have. lacking: why scores by row that could be recomputed are not there.
    """

    layout: Layout
    fold_AR: Array
    expected_AR: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
    by_row: ByRow | None = None
    scored: Scored | None = None
    lacking: str | None = None

    @property
    def source(self) -> Literal["rows", "folds", "none"]:
        """What intervals come from; seeds on one split tell nothing of other rows."""
        if self.scored is not None:
            return "rows"
        return "none" if self.one_part else "folds"

    @property
    def one_part(self) -> bool:
        """Whether one held-out part tests, instead of folds."""
        return len({fold for _, fold in self.layout.parts}) < 2


def gather(entries: Sequence[Entry], metric: str, rule: Rule, rows_of: RowsOf) -> Basis:
    """Scores of the settings chosen inside folds, under the compared metric."""
    layout = _layout(entries)
    fold_AR, expected_AR = _by_fold(entries, layout, metric, rule)
    runs = [entry.runs_R(rule) for entry in entries]
    ids = [run for of_arm in runs for run in of_arm if run is not None]
    found = list(rows_of(ids)) if ids else []
    batches = [batch for batch in found if isinstance(batch, RowBatch)]
    why = next((batch.why for batch in found if isinstance(batch, Lacking)), None)
    plain = Basis(layout, fold_AR, expected_AR, lacking=why)
    if not batches or not metric.startswith("test_"):
        return plain
    by_row = _by_row(entries, runs, batches)
    if base_of(metric) not in by_row.kinds or _lacks(entries, by_row, metric, rule):
        return replace(plain, by_row=by_row)
    return replace(plain, by_row=by_row, scored=by_row.scored(base_of(metric)))


def _layout(entries: Sequence[Entry]) -> Layout:
    every = {replicate for entry in entries for replicate in entry.table.layout.replicates}
    return Layout(tuple(sorted(every, key=in_order)))


def _by_fold(
    entries: Sequence[Entry], layout: Layout, metric: str, rule: Rule
) -> tuple[Array, np.ndarray[tuple[int, int], np.dtype[np.bool_]]]:
    column_of = {replicate: column for column, replicate in enumerate(layout.replicates)}
    fold_AR = np.full((len(entries), len(layout.replicates)), np.nan)
    expected_AR = np.zeros(fold_AR.shape, dtype=np.bool_)
    for row, entry in enumerate(entries):
        columns = [column_of[replicate] for replicate in entry.table.layout.replicates]
        fold_AR[row, columns] = entry.scores_R(metric, rule)
        expected_AR[row, columns] = True
    return fold_AR, expected_AR


def _by_row(
    entries: Sequence[Entry], runs: Sequence[Sequence[str | None]], batches: Sequence[RowBatch]
) -> ByRow:
    found = {run: (batch.scores, j) for batch in batches for j, run in enumerate(batch.runs)}
    tested = [
        Tested(arm, replicate, *found[run])
        for arm, (entry, of_arm) in enumerate(zip(entries, runs, strict=True))
        for replicate, run in zip(entry.table.layout.replicates, of_arm, strict=True)
        if run is not None and run in found
    ]
    every = {_pass(r) for entry in entries for r in entry.table.layout.replicates}
    return lay_out(tested, arms=len(entries), passes=sorted(every))


def lay_out(tested: Sequence[Tested], *, arms: int, passes: Sequence[Pass] | None = None) -> ByRow:
    """Runs by pass and row. passes: all there are to be, where some may have no run."""
    passes = passes or sorted({_pass(one.replicate) for one in tested})
    number = {one: turn for turn, one in enumerate(passes)}
    scores = list({id(one.scores): one.scores for one in tested}.values())
    row_N = np.unique(np.concatenate([found.index_SN.ravel() for found in scores]))
    row_N = row_N[row_N != PADDING]
    fold_PN = np.full((len(passes), len(row_N)), PADDING, np.int64)
    placed = []
    for (_, stream), some in _by_part(tested).items():
        index_N = some[0].scores.index_SN[stream]
        at = np.searchsorted(row_N, index_N[index_N != PADDING])
        turns = [number[_pass(one.replicate)] for one in some]
        for turn, one in zip(turns, some, strict=True):
            fold_PN[turn, at] = max(number_of(one.replicate.fold), 0)
        placed.append(
            Placed(
                some[0].scores,
                stream,
                at,
                [one.arm for one in some],
                [one.replicate for one in some],
                turns,
                [one.place for one in some],
            )
        )
    return ByRow(
        row_N=row_N,
        fold_PN=fold_PN,
        repeat_P=np.array([repeat for repeat, _, _ in passes], np.int64),
        cluster_N=_clusters(scores, row_N),
        arms=arms,
        placed=placed,
        kinds=frozenset.intersection(*map(_kinds, scores)),
    )


def _by_part(tested: Sequence[Tested]) -> dict[tuple[int, int], list[Tested]]:
    """The runs that one cohort tested on one part."""
    found: dict[tuple[int, int], list[Tested]] = {}
    for one in tested:
        found.setdefault((id(one.scores), int(one.scores.stream_R[one.place])), []).append(one)
    return found


def _kinds(scores: RowScores) -> frozenset[str]:
    """What the rows scored, and what can be taken from their answers."""
    if scores.answers is None:
        return frozenset(scores.row)
    return frozenset([*scores.row, *(RANKED if scores.target_SN.dtype.kind == "i" else VALUED)])


def _pass(replicate: Replicate) -> Pass:
    """Within one every row is tested at most once."""
    return replicate.repeat, replicate.seed, number_of(replicate.inner_fold)


def _clusters(scores: Iterable[RowScores], row_N: Whole) -> Whole | None:
    found = [one for one in scores if one.group_SN is not None]
    if not found:
        return None
    cluster_N = np.full(len(row_N), PADDING, np.int64)
    for one in found:
        _mark(one, row_N, cluster_N)
    alone = np.flatnonzero(cluster_N == PADDING)  # of a job that keeps none together
    cluster_N[alone] = cluster_N.max(initial=0) + 1 + np.arange(len(alone))
    return cluster_N


def _mark(scores: RowScores, row_N: Whole, cluster_N: Whole) -> None:
    assert scores.group_SN is not None
    there = scores.index_SN != PADDING
    cluster_N[np.searchsorted(row_N, scores.index_SN[there])] = scores.group_SN[there]


def _lacks(entries: Sequence[Entry], by_row: ByRow, metric: str, rule: Rule) -> bool:
    """Whether an arm has test scores but none by row: then its folds are all that there is."""
    shown = {arm for part in by_row.placed for arm in part.arm_R}
    return any(
        bool(np.isfinite(entry.scores_R(metric, rule)).any()) and arm not in shown
        for arm, entry in enumerate(entries)
    )
