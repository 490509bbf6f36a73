"""A field of the data on its device: once, as each training part standardises or codes it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce

import numpy as np
import torch

from core.plan import COPIES_BYTES_MAX

Normal = tuple[tuple[float, ...], tuple[float, ...]]  # mean and deviation of each channel
SCALING_NUMBERS = 2**20
"""So many are taken to float64, or scaled, at once: 8 MB, whatever the data."""


def shared(array: np.ndarray) -> torch.Tensor:
    """The same memory as a tensor. Datasets are shared and read-only: nobody may write to it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array)


class Scaled:
    """A tensor (N, …) as each of U training parts scales it."""

    def __init__(
        self,
        x: torch.Tensor,
        scales_U: Sequence[tuple[torch.Tensor, torch.Tensor]],
        device: torch.device,
    ) -> None:
        self._examples = len(x)
        self._mean_U: torch.Tensor | None = None
        self._deviation_U: torch.Tensor | None = None
        ahead = 4 * x.numel() * len(scales_U) <= COPIES_BYTES_MAX
        self._copies = len(scales_U) if ahead else 0
        if self._copies:
            x = _copies(x, scales_U)
        elif scales_U:
            self._mean_U = torch.cat([mean for mean, _ in scales_U]).to(device)
            self._deviation_U = torch.cat([deviation for _, deviation in scales_U]).to(device)
        self._x = x.to(device)

    def take(self, index_SB: torch.Tensor, part_S: torch.Tensor) -> torch.Tensor:
        """(S, B, …): examples `index_SB`, scaled as part_S[s] says."""
        if self._copies > 1:
            index_SB = index_SB + (part_S * self._examples)[:, None]
        taken = self._x.index_select(0, index_SB.flatten())
        x: torch.Tensor = torch.unflatten(_as_numbers(taken), 0, index_SB.shape)
        if self._mean_U is None or self._deviation_U is None:
            return x
        mean, deviation = self._mean_U[part_S], self._deviation_U[part_S]
        return x.sub_(mean.unsqueeze(1)).div_(deviation.unsqueeze(1))


class Coded:
    """Ids or tokens (N, ...) as each of U training parts tells them apart."""

    def __init__(
        self, x: torch.Tensor, coded_UV: Sequence[np.ndarray], device: torch.device
    ) -> None:
        self._x = x.to(device)
        self._known = len(coded_UV[0])
        self._coded_UV = torch.from_numpy(np.concatenate(coded_UV)).to(device).long()

    def take(self, index_SB: torch.Tensor, part_S: torch.Tensor) -> torch.Tensor:
        """(S, B, …) int64: examples `index_SB`, as part_S[s] says."""
        x = self._x.index_select(0, index_SB.flatten()).unflatten(0, index_SB.shape)
        first_S = (part_S * self._known).reshape(-1, *[1] * (x.dim() - 1))
        return self._coded_UV[x + first_S]


def scales(x: torch.Tensor, train: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation over the training part, per feature, or per channel of an image.

    A feature that does not vary keeps its scale. Biased deviation, as scikit-learn's scaler.
    """
    axes = (0,) if x.dim() == 2 else (0, *range(2, x.dim()))
    count = len(train) * math.prod(x.shape[axis] for axis in axes[1:])
    mean = _total(part.sum(axes, keepdim=True) for part in _in_float64(x, train)) / count
    squares = (part.sub_(mean).square_().sum(axes, keepdim=True) for part in _in_float64(x, train))
    deviation = (_total(squares) / count).sqrt()
    return mean.float(), torch.where(deviation > 0, deviation, 1.0).float()


def _as_numbers(x: torch.Tensor) -> torch.Tensor:
    """Bytes of images are kept as bytes, and are numbers from 0 to 1 where they are used."""
    return x.float().div_(255) if x.dtype == torch.uint8 else x


def by_channel(given: Normal) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation as `scales` gives them, (1, C, 1, 1)."""
    mean, deviation = (torch.tensor(part).reshape(1, -1, 1, 1) for part in given)
    return mean, deviation


def _total(parts: Iterable[torch.Tensor]) -> torch.Tensor:
    return reduce(torch.add, parts)


def _in_float64(x: torch.Tensor, rows: torch.Tensor) -> Iterator[torch.Tensor]:
    """x at these rows, some at a time: the whole would take three times as much as x."""
    return (_as_numbers(x[some]).double() for some in rows.split(_rows_at_once(x)))


def _copies(x: torch.Tensor, scales_U: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
    """(U N, …): x as each training part scales it, one after another."""
    made = torch.empty(len(scales_U) * len(x), *x.shape[1:])
    for copy_N, (mean, deviation) in zip(made.split(len(x)), scales_U, strict=True):
        step = _rows_at_once(x)
        for into, part in zip(copy_N.split(step), x.split(step), strict=True):
            torch.sub(_as_numbers(part), mean, out=into).div_(deviation)
    return made


def _rows_at_once(x: torch.Tensor) -> int:
    return max(1, SCALING_NUMBERS // max(1, math.prod(x.shape[1:])))
