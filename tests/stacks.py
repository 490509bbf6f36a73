"""What tests of the plug-in families share: knobs stacked as the engine stacks them, one thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch

from core.stack import Stack
from core.term import Knobs, Term

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """OpenMP threads of several processes spin against each other on a shared machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def stacked(terms: Sequence[Term | None], dtype: torch.dtype = torch.float32) -> Knobs:
    """The knobs of these instances of one kind, (R,) each; None is a neighbour that lacks it.

    In float64 from the numbers themselves, so that a reference can be met to the last digits.
    """
    if dtype == torch.float32:
        return Stack(terms, CPU).knobs
    kind = type(next(term for term in terms if term is not None))
    return Knobs(
        {
            name: torch.tensor(
                [knob.neutral if term is None else getattr(term, name) for term in terms],
                dtype=dtype,
            )
            for name, knob in kind.knobs().items()
            if not knob.structural
        }
    )


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
