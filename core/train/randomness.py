"""Common random numbers: every draw is a function of (seed, purpose, step), of nothing else.

Not of a run's place in its cohort, nor of its neighbours, nor of a restart. Runs of one replicate
share a draw, so that differences between their settings are paired; its seed is `draw_seed`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import torch


def generator(seed: int, purpose: str, step: int, device: torch.device) -> torch.Generator:
    """A generator for one draw. The device kind is part of the stream: CPU and CUDA differ."""
    key = hashlib.blake2b(f"{seed}/{purpose}/{step}".encode(), digest_size=8).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(key, "little") >> 1)


def order(seed: int, epoch: int, count: int) -> torch.Tensor:
    """A permutation of `count` training examples; always drawn on the host."""
    made = generator(seed, "order", epoch, torch.device("cpu"))
    return torch.randperm(count, generator=made)


def initial(seed: int, name: str, shape: tuple[int, ...], bound: float) -> torch.Tensor:
    """Initial values in U(-bound, bound); always drawn on the host, so devices agree."""
    made = generator(seed, f"initial/{name}", 0, torch.device("cpu"))
    return torch.empty(shape).uniform_(-bound, bound, generator=made)


def uniforms(
    seeds: Sequence[int],
    purpose: str,
    steps: Sequence[int],
    shape: tuple[int, ...],
    device: torch.device,
    counts: Sequence[int] | None = None,
) -> torch.Tensor:
    """U[0, 1), shape (S, *shape): one draw per seed, at that seed's step.

    `counts` says how long each draw is, of shape[0]; zeros fill up the rest.
    """
    return _drawn(torch.Tensor.uniform_, seeds, purpose, steps, shape, device, counts)


def normals(
    seeds: Sequence[int],
    purpose: str,
    steps: Sequence[int],
    shape: tuple[int, ...],
    device: torch.device,
    counts: Sequence[int] | None = None,
) -> torch.Tensor:
    """N(0, 1), as `uniforms`."""
    return _drawn(torch.Tensor.normal_, seeds, purpose, steps, shape, device, counts)


def _drawn(
    fill: Callable[..., torch.Tensor],
    seeds: Sequence[int],
    purpose: str,
    steps: Sequence[int],
    shape: tuple[int, ...],
    device: torch.device,
    counts: Sequence[int] | None,
) -> torch.Tensor:
    drawn = torch.empty(len(seeds), *shape, device=device)
    for i, (row, seed, step) in enumerate(zip(drawn, seeds, steps, strict=True)):
        count = shape[0] if counts is None else counts[i]
        # not a part of a longer draw, which is another stream of numbers on some devices
        fill(row[:count], 0, 1, generator=generator(seed, purpose, step, device))
        row[count:].zero_()
    return drawn
