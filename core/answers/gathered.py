"""Each run's scores on each of its test rows, gathered as they are scored, within a budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.answers.answered import Answered
from core.losses import Loss
from core.metrics import Metric
from core.metrics.metric import mean_present
from core.rows import PADDING, Real, RowScores, Whole
from core.tensors import torch

BYTES = 4  # float32


@dataclass(frozen=True)
class Tested:
    """Which rows test runs, as `RowScores` has them: numbers and targets of S parts, and the part
    of each run. unit_N: by row of the dataset, equal for rows that the split keeps together."""

    index_SN: Whole
    target_SN: Whole | Real
    stream_of_run: Sequence[int]
    unit_N: Whole


class Answers:
    """Room on the host for a cohort's row scores, within a budget.

    What the job chooses by is kept longest: of a mean over rows its own rows, of a ranking the
    probabilities. First go the probabilities, or the other metrics' rows where those rank; then
    all but the loss and the rows of the metric; then all.
    """

    def __init__(
        self,
        tested: Tested,
        loss: Loss,
        outputs: int,
        metrics: Sequence[Metric],
        *,
        chosen: str,
        bytes_max: float,
    ) -> None:
        """outputs: of the network. chosen: the kind of metric that the job chooses by."""
        self._metrics = {m.kind: m for m in metrics}
        self._index_SN, self._target_SN = tested.index_SN, tested.target_SN
        unit_N = tested.unit_N
        self._group_SN: Whole | None = None
        if len(np.unique(unit_N)) < len(unit_N):
            self._group_SN = np.where(self._index_SN < 0, PADDING, unit_N[self._index_SN])
        self._stream_R = np.array(tested.stream_of_run, np.int64)
        shape = len(self._stream_R), self._index_SN.shape[1]
        kinds, wide, width = self._kinds(loss, outputs)
        described = self._index_SN, self._target_SN, self._stream_R, self._group_SN
        fixed = sum(array.nbytes for array in described if array is not None)
        each = BYTES * shape[0] * shape[1]
        self._rows: dict[str, Real] = {}
        self._wide: dict[str, Real] = {}
        for names, has_wide in _ways(kinds, chosen):
            if fixed + each * (len(names) + has_wide * width) <= bytes_max:
                self._rows = {name: np.full(shape, np.nan, np.float32) for name in names}
                if has_wide:
                    self._wide = {wide: np.full((*shape, width), np.nan, np.float32)}
                break

    @property
    def nothing(self) -> bool:
        """Whether not even the rows of one metric are within the budget."""
        return not self._rows

    def _kinds(self, loss: Loss, outputs: int) -> tuple[list[str], str, int]:
        """What has rows, as one example tells; and what a prediction is called, and its width."""
        output_11O = torch.zeros(1, 1, outputs)
        target = torch.from_numpy(np.zeros_like(self._target_SN[:1, :1]))
        classes = self._target_SN.dtype.kind == "i"
        p_11C = loss.probabilities(output_11O) if classes else None
        kinds = [
            kind
            for kind, metric in self._metrics.items()
            if metric.rows(output_11O, target, p_11C) is not None
        ]
        if p_11C is None:
            return ["loss", *kinds], "prediction", output_11O.shape[-1]
        return ["loss", *kinds], "probability", p_11C.shape[-1]

    def take(self, lo: int, hi: int, part: Answered) -> None:
        """What runs [lo, hi) say of their test parts."""
        loss_R = mean_present(part.loss_RN, part.present_RN)
        blank_RN = loss_R.isnan()[:, None].expand(part.loss_RN.shape)
        if part.present_RN is not None:
            blank_RN = blank_RN | (part.present_RN == 0)
        length = blank_RN.shape[1]

        def keep(into: Real, value: torch.Tensor) -> None:
            blank = blank_RN if value.dim() == 2 else blank_RN.unsqueeze(-1)
            into[lo:hi, :length] = value.masked_fill(blank, torch.nan).cpu().numpy()

        for name, into in self._rows.items():
            keep(into, part.loss_RN if name == "loss" else self._row(name, part))
        for name, into in self._wide.items():
            said = part.probability_RNC if name == "probability" else part.output_RNO
            assert said is not None, "the loss gives probabilities of one example only"
            keep(into, said)

    def _row(self, kind: str, part: Answered) -> torch.Tensor:
        row_RN = self._metrics[kind].rows(part.output_RNO, part.target_RN, part.probability_RNC)
        assert row_RN is not None, f"{kind} has rows of one example only"
        return row_RN

    def scores(self) -> RowScores | None:
        """All of it; None where there is nothing."""
        if self.nothing:
            return None
        return RowScores(
            self._index_SN,
            self._stream_R,
            self._target_SN,
            self._rows,
            self._group_SN,
            probability_RNC=self._wide.get("probability"),
            prediction_RNO=self._wide.get("prediction"),
        )


def _ways(kinds: list[str], chosen: str) -> list[tuple[list[str], bool]]:
    """(names of rows, whether with predictions), the fullest first."""
    if chosen in kinds:
        return [(kinds, True), (kinds, False), (list(dict.fromkeys(["loss", chosen])), False)]
    return [(kinds, True), (["loss"], True), (kinds, False), (["loss"], False)]
