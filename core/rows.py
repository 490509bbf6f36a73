"""Scores of single test rows: the artifact of a cohort that every interval comes from.

One safetensors file. S replicates (*streams*) of the cohort, R runs in row order, N rows in the
longest test part; shorter parts are padded.

    index        int64    (S, N)     numbers of rows in the dataset; -1 is padding
    stream       int64    (R,)       which of the S parts tested each run
    target       int64    (S, N)     classes; -1 is padding
              or float32  (S, N, O)  values as trained, standardised where the job says so
    group        int64    (S, N)     only where the split keeps rows together; -1 is padding
    row/loss     float32  (R, N)     the run's own loss, without penalties
    row/<metric> float32  (R, N)     each metric that is a mean over rows
    probability  float32  (R, N, C)  where the loss gives any; two classes are two columns
    prediction   float32  (R, N, O)  where it gives none

Padding of float32 is NaN, and so is all of a run that diverged. What was over the budget when it
was written is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

Whole = NDArray[np.int64]
Real = NDArray[np.float32]

ROW = "row/"  # before the name of what a row scored
PADDING = -1


@dataclass(frozen=True, eq=False)
class RowScores:
    """Some runs of a cohort on each of their test rows; the module says what each array is.

    `stream_R` numbers the S parts that are here. `row` has `loss` and metrics by their kinds.
    """

    index_SN: Whole
    stream_R: Whole
    target_SN: Whole | Real
    row: Mapping[str, Real] = field(default_factory=dict)
    group_SN: Whole | None = None
    probability_RNC: Real | None = None
    prediction_RNO: Real | None = None

    @property
    def answers(self) -> Real | None:
        """(R, N, C) what is said of each class, probabilities or else outputs; (R, N, O) of
        values."""
        return self.prediction_RNO if self.probability_RNC is None else self.probability_RNC

    @property
    def nbytes(self) -> int:
        """Of all arrays."""
        arrays = (self.index_SN, self.stream_R, self.target_SN, self.group_SN, self.answers)
        return sum(a.nbytes for a in (*arrays, *self.row.values()) if a is not None)


def write_rows(path: Path, scores: RowScores) -> None:
    """The same scores give the same bytes."""
    named = {
        "index": scores.index_SN,
        "stream": scores.stream_R,
        "target": scores.target_SN,
        "group": scores.group_SN,
        **{f"{ROW}{name}": value_RN for name, value_RN in scores.row.items()},
        "probability": scores.probability_RNC,
        "prediction": scores.prediction_RNO,
    }
    found = {name: np.ascontiguousarray(a) for name, a in named.items() if a is not None}
    save_file(found, path)


def read_rows(path: Path, runs: Sequence[int]) -> RowScores:
    """The scores of these rows of the cohort, in this order; nothing is read of other runs.

    The parts are those of these runs only, numbered by their first run.
    """
    with safe_open(path, framework="numpy") as file:
        names = set(file.keys())

        def some(name: str, which: Sequence[int]) -> Any:  # Any: an array as the module says
            stacked = file.get_slice(name)
            return np.concatenate([stacked[one : one + 1] for one in which])

        def perhaps(name: str, which: Sequence[int]) -> Any:  # Any: as above, or None
            return some(name, which) if name in names else None

        stream_of_all = file.get_tensor("stream")
        wanted = [int(stream_of_all[run]) for run in runs]
        streams = list(dict.fromkeys(wanted))
        return RowScores(
            index_SN=some("index", streams),
            stream_R=np.array([streams.index(stream) for stream in wanted], np.int64),
            target_SN=some("target", streams),
            row={n.removeprefix(ROW): some(n, runs) for n in sorted(names) if n.startswith(ROW)},
            group_SN=perhaps("group", streams),
            probability_RNC=perhaps("probability", runs),
            prediction_RNO=perhaps("prediction", runs),
        )
