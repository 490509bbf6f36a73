"""What the runs of a block are given in one step, and the data term of J on it.

A run whose targets are mixed has several of them: J = mean_b sum_k share_k loss(z, y_k). Others
have one, and what is computed for them is what is computed without such a neighbour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from core.losses import Loss
from core.regularizers.passes import Targets
from core.stack import Span
from core.term import Knobs
from core.train.data import Batch


@dataclass(frozen=True)
class Given:
    """A minibatch, and for some segments of its rows [lo, hi) other targets than the batch's."""

    batch: Batch
    others: tuple[tuple[Span, Targets], ...] = ()

    def metric_targets(self) -> torch.Tensor:
        """(R, B, …) what metrics ask for: of several targets the one with the largest share."""
        if not self.others:
            return self.batch.y_RB
        y_RB = self.batch.y_RB.clone()
        for (lo, hi), targets in self.others:
            y_RB[lo:hi] = _largest(targets)
        return y_RB

    def loss(
        self, loss: Loss, output: torch.Tensor, knobs: Knobs, rows: slice | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(r, B) of these rows, whose outputs and knobs are given, and the slope of its mean.

        Without `rows`, of all. Padding has no slope; the mean is over what is present.
        """
        y_RB, present_RB = self.batch.y_RB, self.batch.present_RB
        if rows is not None:
            y_RB, present_RB = y_RB[rows], None if present_RB is None else present_RB[rows]
        loss_RB, slope = loss.value_and_grad(output, y_RB, knobs)
        for at, targets in self._others(rows):
            loss_RB[at], slope[at] = _mixture(loss, output[at], targets, knobs.of(at))
        if present_RB is None:
            return loss_RB, slope
        # from the mean over all B to that over the examples present
        share_RB = present_RB * (self.batch.examples / present_RB.sum(1, keepdim=True).clamp(min=1))
        return loss_RB, slope * share_RB.unsqueeze(-1)

    def _others(self, rows: slice | None) -> Iterator[tuple[slice, Targets]]:
        """Where among these rows there are other targets, and those."""
        for (start, stop), targets in self.others:
            if rows is None:
                yield slice(start, stop), targets
                continue
            lo, hi = max(rows.start, start), min(rows.stop, stop)
            if lo < hi:
                some = slice(lo - start, hi - start)
                theirs = [(None if s is None else s[some], y[some]) for s, y in targets]
                yield slice(lo - rows.start, hi - rows.start), theirs


def _mixture(
    loss: Loss, output: torch.Tensor, targets: Targets, knobs: Knobs
) -> tuple[torch.Tensor, torch.Tensor]:
    """sum_k share_k loss(z, y_k), and the slope of its mean."""
    losses, slopes = list[torch.Tensor](), list[torch.Tensor]()
    for share_RB, y_RB in targets:
        loss_RB, slope_RB = loss.value_and_grad(output, y_RB, knobs)
        losses.append(loss_RB if share_RB is None else share_RB * loss_RB)
        slopes.append(slope_RB if share_RB is None else share_RB.unsqueeze(-1) * slope_RB)
    return torch.stack(losses).sum(0), torch.stack(slopes).sum(0)


def _largest(targets: Targets) -> torch.Tensor:
    """Of each example the target with the largest share, the first among equals."""
    share_RB, y_RB = targets[0]
    for other_RB, next_RB in targets[1:]:
        assert share_RB is not None, "a whole target before another"
        assert other_RB is not None, "a whole target after another"
        more_RB = other_RB > share_RB
        share_RB = torch.where(more_RB, other_RB, share_RB)
        axes = next_RB.dim() - more_RB.dim()
        y_RB = torch.where(more_RB.view(*more_RB.shape, *[1] * axes), next_RB, y_RB)
    return y_RB
