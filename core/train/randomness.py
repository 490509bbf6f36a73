"""Common random numbers: every draw is a function of (seed, purpose, step), of nothing else.

Not of a run's place in its cohort, nor of its neighbours, nor of a restart. Runs of one seed share
a draw, so that differences between their settings are paired.
"""

from __future__ import annotations

import hashlib

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
    seeds: tuple[int, ...], purpose: str, step: int, shape: tuple[int, ...], device: torch.device
) -> torch.Tensor:
    """U[0, 1), shape (S, *shape): one draw per seed."""
    drawn = torch.empty(len(seeds), *shape, device=device)
    for row, seed in zip(drawn, seeds, strict=True):
        row.uniform_(0, 1, generator=generator(seed, purpose, step, device))
    return drawn
