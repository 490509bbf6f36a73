"""What figures draw besides the numbers of a report: curves, and predictions on test rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from core.report.classified import Curve, Real, Whole, precision_recall, roc
from core.report.records import CurveRecord, RowBatch
from core.rows import PADDING, RowScores

if TYPE_CHECKING:
    from core.report.importance import Importances

Kind = TypeVar("Kind", Whole, Real)


@dataclass(frozen=True, eq=False)
class Predictions:
    """An arm's predictions on its test rows, M of them: those of one run after those of another.

    part_M: which run a prediction is of, from 0. index_M: the row of the dataset.
    target_M: the class, for classification; target_MO: the values, for regression, as trained
    (standardised where the job says so). probability_MC and prediction_MO: either may be missing.
    """

    part_M: Whole
    index_M: Whole
    target_M: Whole | None = None
    target_MO: Real | None = None
    probability_MC: Real | None = None
    prediction_MO: Real | None = None

    @cached_property
    def rows(self) -> int:
        """Different rows of the dataset among them."""
        return len(np.unique(self.index_M))

    @cached_property
    def roc(self) -> Curve | None:
        """Sorted once for all that look."""
        return roc(self)

    @cached_property
    def precision_recall(self) -> Curve | None:
        return precision_recall(self)


@dataclass(frozen=True)
class Evidence:
    """curves: of the settings that the report chose. predictions: of those on test rows, by arm.

    classes: names in the order of the target's numbers. importance: of features, where the models
    were asked again.
    """

    curves: Sequence[CurveRecord] = ()
    predictions: Mapping[str, Predictions] = field(default_factory=dict)
    classes: Sequence[str] = ()
    importance: Importances | None = None


def predictions_of(batches: Iterable[RowBatch], runs: Collection[str]) -> Predictions | None:
    """What these runs answered, one after the other; None where no answer was kept.

    Padding is left out, and so is a run that diverged.
    """
    pieces = [
        piece
        for batch in batches
        for place, run in enumerate(batch.runs)
        if run in runs and (piece := _of_run(batch.scores, place)) is not None
    ]
    if not pieces:
        return None
    parts = [np.full(len(piece.index_M), part) for part, piece in enumerate(pieces)]
    return Predictions(
        part_M=np.concatenate(parts),
        index_M=np.concatenate([piece.index_M for piece in pieces]),
        target_M=_joined([piece.target_M for piece in pieces]),
        target_MO=_joined([piece.target_MO for piece in pieces]),
        probability_MC=_joined([piece.probability_MC for piece in pieces]),
        prediction_MO=_joined([piece.prediction_MO for piece in pieces]),
    )


def _of_run(scores: RowScores, place: int) -> Predictions | None:
    stream = scores.stream_R[place]
    here_N = scores.index_SN[stream] != PADDING
    answers = [
        None if answer is None else answer[place][here_N].astype(np.float64)
        for answer in (scores.probability_RNC, scores.prediction_RNO)
    ]
    known = [answer for answer in answers if answer is not None]
    if not known or not all(np.isfinite(answer).all() for answer in known):
        return None
    target = scores.target_SN[stream][here_N]
    classes = scores.target_SN.dtype.kind == "i"
    return Predictions(
        part_M=np.zeros(len(target), np.int64),
        index_M=scores.index_SN[stream][here_N],
        target_M=target.astype(np.int64) if classes else None,
        target_MO=None if classes else target.astype(np.float64),
        probability_MC=answers[0],
        prediction_MO=answers[1],
    )


def _joined(pieces: Sequence[Kind | None]) -> Kind | None:
    """None unless every run has it."""
    known = [piece for piece in pieces if piece is not None]
    return np.concatenate(known) if len(known) == len(pieces) else None
