"""A cohort's data on its device: once, whatever the number of runs; parts are index sets.

A *stream* is what runs of one replicate share: their minibatches, in the same order. Features
are kept once for every distinct training part, scaled by its mean and deviation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from core.datasets import Dataset
from core.datasets.fields import TARGET, fitted_name
from core.datasets.splits import Parts, padded, parts_of
from core.errors import InvalidSpec
from core.network.run import Given
from core.rows import PADDING
from core.train.coding import coding
from core.train.cohort import Cohort
from core.train.fields import Coded, Normal, Scaled, by_channel, scales, shared
from core.train.randomness import order

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class Batch:
    """inputs (R, B, *shape) of each field, and y (R, B) or (R, B, O).

    `present_RB` is 1 for an example and 0 for padding, None when nothing is padding. Of a padded
    minibatch `counts` has the examples of each active stream, and `absent` the runs with none.
    """

    inputs: Given
    y_RB: torch.Tensor
    present_RB: torch.Tensor | None = None
    counts: tuple[int, ...] | None = None
    absent: torch.Tensor | None = None

    @property
    def examples(self) -> int:
        """B, padding included."""
        return self.y_RB.shape[1]


class Feed:
    """Minibatches and parts for every run of a cohort."""

    def __init__(self, cohort: Cohort, dataset: Dataset, device: torch.device) -> None:
        self.replicates = list(dict.fromkeys(run.replicate for run in cohort.runs))
        try:
            found = parts_of(dataset, cohort.protocol, self.replicates)
        except ValueError as error:  # a part is empty, or a class absent from a training part
            place = "/folds" if cohort.protocol.folds > 1 else "/split"
            raise InvalidSpec.at(place, str(error)) from error
        self.device = device
        self.classes = len(dataset.facts.classes)
        self.streams = [found[replicate] for replicate in self.replicates]
        place_of = {replicate: place for place, replicate in enumerate(self.replicates)}
        self.stream_of_run = [place_of[run.replicate] for run in cohort.runs]
        self._load(dataset, standardize=cohort.standardize)
        self.select(range(len(cohort.runs)))

    def fork(self) -> Feed:
        """Another that can serve other rows at the same time, from the same data."""
        return copy(self)

    def select(self, rows: Sequence[int]) -> None:
        """Serve only these rows of the cohort from now on, in this order."""
        streams = [self.stream_of_run[row] for row in rows]
        self.active = sorted(set(streams))
        self._shared = len(self.active) == 1
        place = {stream: i for i, stream in enumerate(self.active)}
        self.places = [place[s] for s in streams]  # of each run's stream among the active
        self._place_R = torch.tensor(self.places, device=self.device)
        # of each active stream, the examples that it trains on
        self.lengths = tuple(len(self.streams[s].train) for s in self.active)
        self.longest = max(self.lengths)
        # (S,) by which training part each active stream's data is scaled
        self._data_S = torch.tensor([self._all_data[s] for s in self.active], device=self.device)
        self.rows = len(rows)
        self._parts: dict[Part, tuple[torch.Tensor, torch.Tensor | None]] = {}

    def seeds(self) -> tuple[int, ...]:
        """What each active stream draws from."""
        return tuple(self.replicates[s].draw_seed for s in self.active)

    def to_runs(self, value_S: torch.Tensor, lo: int = 0, hi: int | None = None) -> torch.Tensor:
        """(S, …) per active stream to (R, …) per run, or to rows [lo, hi) of them.

        A view where all runs share one stream.
        """
        places = self._place_R[lo:hi]
        if self._shared:
            return value_S.expand(len(places), *value_S.shape[1:])
        return value_S.index_select(0, places)

    def per_run(self, of_stream: Sequence[int]) -> torch.Tensor:
        """(R,) float32 from one number for each active stream."""
        return self.to_runs(torch.tensor(of_stream, dtype=torch.float32, device=self.device))

    def shuffle(self, epoch: int) -> None:
        """Draw the order of an epoch (from 1), once per stream, and take it to the device."""
        drawn = []
        for stream, length in zip(self.active, self.lengths, strict=True):
            train, seed = self.streams[stream].train, self.replicates[stream].draw_seed
            turn = torch.from_numpy(train)[order(seed, epoch, length)]
            drawn.append(torch.cat([turn, turn[-1:].expand(self.longest - length)]))
        self._order_SN = torch.stack(drawn).to(self.device)

    def minibatch(self, start: int, stop: int) -> Batch:
        """Examples [start, stop) of the epoch's order, for every run; padded where it has fewer."""
        index_SB = self._order_SN[:, start:stop]
        inputs, y_RB = self._gather(index_SB)
        width = index_SB.shape[1]
        counts = tuple(min(max(length - start, 0), width) for length in self.lengths)
        if min(counts) == width:
            return Batch(inputs, y_RB)
        count_S1 = torch.tensor(counts, device=self.device)[:, None]
        present_SB = (torch.arange(width, device=self.device) < count_S1).float()
        absent = [row for row, place in enumerate(self.places) if counts[place] == 0]
        return Batch(
            inputs,
            y_RB,
            self.to_runs(present_SB),
            counts,
            torch.tensor(absent, device=self.device) if absent else None,
        )

    def length(self, part: Part) -> int:
        """Examples in a part: of the longest of the streams."""
        return self._part(part)[0].shape[1]

    def chunk(self, part: Part, start: int, stop: int) -> Batch:
        """Examples [start, stop) of a part in ascending order, padded where a stream has fewer."""
        index_SN, present_SN = self._part(part)
        inputs, y_RB = self._gather(index_SN[:, start:stop])
        present_RB = None if present_SN is None else self.to_runs(present_SN[:, start:stop])
        return Batch(inputs, y_RB, present_RB)

    def _part(self, part: Part) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Index and presence (1 or 0; None without padding) of a part by active stream: (S, N)."""
        if part not in self._parts:
            index, present = padded([_indices(self.streams[s], part) for s in self.active])
            self._parts[part] = (
                torch.from_numpy(index).to(self.device),
                None if present.all() else torch.from_numpy(present).to(self.device, torch.float32),
            )
        return self._parts[part]

    def tested(self) -> tuple[np.ndarray, np.ndarray]:
        """On the host, of each active stream: numbers of its test rows (S, N), -1 where it has
        fewer; and their targets as it is trained on them (S, N) or (S, N, O), padded likewise or
        with NaN."""
        index_SN, present_SN = self._part("test")
        target_SN = self._targets.take(index_SN, self._data_S).cpu().numpy()
        index = index_SN.cpu().numpy()
        if present_SN is None:
            return index, target_SN
        padding = present_SN.cpu().numpy() == 0
        target_SN[padding] = np.nan if self.classes == 0 else PADDING
        return np.where(padding, PADDING, index), target_SN

    def constants(self, of_stream: Sequence[np.ndarray]) -> torch.Tensor:
        """(R, …) from one array for each of `streams`."""
        stacked = np.stack([of_stream[s] for s in self.active])
        return self.to_runs(torch.from_numpy(stacked).to(self.device))

    def _gather(self, index_SB: torch.Tensor) -> tuple[Given, torch.Tensor]:
        """Inputs and targets of the runs. One stream is gathered once, and all runs see a view."""
        of_data_S = self._data_S
        if not self._shared:
            index_SB = index_SB.index_select(0, self._place_R)
            of_data_S = of_data_S[self._place_R]
        inputs = {name: of.take(index_SB, of_data_S) for name, of in self._fields.items()}
        y = self._targets.take(index_SB, of_data_S)
        if self._shared:
            return {name: self._shown(x) for name, x in inputs.items()}, self._shown(y)
        return inputs, y

    def _shown(self, of_stream: torch.Tensor) -> torch.Tensor:
        return of_stream.expand(self.rows, *of_stream.shape[1:])

    def _load(self, dataset: Dataset, *, standardize: bool) -> None:
        """The data on the device, and what scales it for every distinct training part."""
        fields, y = dataset.facts.inputs, shared(dataset.targets)
        parts: dict[bytes, int] = {}
        fitted = standardize or any(field.coded for field in fields)
        self._all_data = [
            parts.setdefault(r.train.tobytes(), len(parts)) if fitted else 0 for r in self.streams
        ]
        trains = dict(zip(self._all_data, (r.train for r in self.streams), strict=True))
        train_U = [trains[k] for k in range(len(parts))]
        scaled_U = train_U if standardize else []
        self._fields: dict[str, Scaled | Coded] = {}
        self.scales: list[dict[str, torch.Tensor]] = [{} for _ in self.streams]
        for field in fields:
            x = shared(dataset.inputs[field.name])
            if field.coded:
                of = [coding(field, dataset.inputs[field.name], train) for train in train_U]
                self._fields[field.name] = Coded(x, of, self.device)
                self._keep({"codes": [torch.from_numpy(coded_V) for coded_V in of]}, field.name)
            else:
                self._fields[field.name] = self._scaled(x, scaled_U, field.name, field.given)
        self._targets = self._scaled(y, scaled_U if y.is_floating_point() else [], TARGET)

    def _scaled(
        self,
        x: torch.Tensor,
        train_U: Sequence[np.ndarray],
        name: str,
        given: Normal | None = None,
    ) -> Scaled:
        of = [
            scales(x, torch.from_numpy(train)) if given is None else by_channel(given)
            for train in train_U
        ]
        if of:
            means, deviations = ([tensor[0] for tensor in some] for some in zip(*of, strict=True))
            self._keep({"mean": means, "deviation": deviations}, name)
        return Scaled(x, of, self.device)

    def _keep(self, named: Mapping[str, Sequence[torch.Tensor]], field: str) -> None:
        """What was fitted on each training part, for predictions of the runs that train on it."""
        for scales_, part in zip(self.scales, self._all_data, strict=True):
            scales_ |= {fitted_name(field, name): of[part] for name, of in named.items()}


def _indices(parts: Parts, part: Part) -> np.ndarray:
    named = {"train": parts.train, "val": parts.validation, "test": parts.test}
    return named[part]
