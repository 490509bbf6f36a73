"""Hyper-parameters of several runs as tensors of shape (R,)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.tensors import torch
from core.term import Knob, Knobs, Term

Span = tuple[int, int]
"""Places [start, stop)."""


class Stack:
    """Knobs of R instances of one kind: host arrays, and tensors of the rows now training."""

    def __init__(self, terms: Sequence[Term | None], device: torch.device) -> None:
        one = next(t for t in terms if t is not None)
        kind = type(one)
        self._device = device
        self._host = {
            name: _within(knob, [_value(knob, name, t, one) for t in terms])
            for name, knob in kind.knobs().items()
            if not knob.structural
        }
        neutral = [
            self._host[name] == knob.neutral
            for name, knob in kind.knobs().items()
            if knob.neutral is not None and name in self._host
        ]
        # a run that has the term acts, unless all knobs that can be neutral are
        self._acts = np.array([t is not None for t in terms], bool)
        if neutral:
            self._acts &= ~np.logical_and.reduce(neutral)
        self.knobs = Knobs({})
        self.acting: tuple[Span, ...] = ()
        self.select(range(len(terms)))

    def select(self, rows: Sequence[int]) -> None:
        index = np.asarray(rows, np.int64)
        self.acting = segments(self._acts[index])
        self.knobs = Knobs(
            {n: torch.from_numpy(v[index]).to(self._device) for n, v in self._host.items()}
        )


def segments(chosen: np.ndarray) -> tuple[Span, ...]:
    """The longest [lo, hi) of which every place is true, in order."""
    edges = np.flatnonzero(np.diff(chosen, prepend=False, append=False)).tolist()
    return tuple(zip(edges[::2], edges[1::2], strict=True))


def _value(knob: Knob, name: str, term: Term | None, other: Term) -> float:
    """A knob of a run's term; of a run that lacks it one that harms nothing, and is not used."""
    if term is None and knob.neutral is not None:
        return knob.neutral
    value: float = getattr(other if term is None else term, name)
    return value


def _within(knob: Knob, values: Sequence[float]) -> np.ndarray:
    """As float32, whose rounding must not step on an open bound: p = 0.99999999 is not 1."""
    rounded = np.array(values, np.float32)
    if knob.gt is not None:
        rounded = np.maximum(rounded, np.nextafter(np.float32(knob.gt), np.float32(np.inf)))
    if knob.lt is not None:
        rounded = np.minimum(rounded, np.nextafter(np.float32(knob.lt), np.float32(-np.inf)))
    return rounded
