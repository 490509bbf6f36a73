from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from core.regularizers.mixup import (
    MIXES,
    MixAlpha,
    beta_share,
    mixed_targets,
    needs_pairs,
    partners,
)
from core.regularizers.passes import Augmentation, Draw, Minibatch, Plain
from core.regularizers.regularizer import Ground
from core.tensors import torch
from core.term import Knobs

IMAGE_AXES = 3  # (C, H, W)


class Cutmix(Augmentation):
    """CutMix: a rectangle of each image, and its share of the target, come from another image.

    Formula: x' = x_j inside a rectangle, x_i outside; J = mean(a loss(z, y_i) +
    (1 - a) loss(z, y_j)), a the share outside it

    Convention: a rectangle once a minibatch, of the image's proportions and of a share 1 - s,
    s ~ Beta(alpha, alpha), around a place drawn evenly and cut off at the edges; j a permutation.
    Metrics as mixup has them.

    Shapes: images (C, H, W) only

    Reference: Yun et al. 2019, CutMix
    """

    kind: Literal["cutmix"] = "cutmix"
    alpha: MixAlpha = 1.0
    claim: ClassVar[str | None] = MIXES

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({"alpha": 1.0}, {"alpha": 0.3}, {"alpha": 0.0})

    def fits(self, ground: Ground) -> str | None:
        if ground.shape is None:
            return "cutmix cuts from images (C, H, W), and examples here are none; use dropout"
        if len(ground.shape) != IMAGE_AXES:
            return (
                f"cutmix cuts from images (C, H, W), and an example here has shape {ground.shape}; "
                "use mixup"
            )
        return needs_pairs(self.kind, ground)

    def on_batch(self, batch: Minibatch, draw: Draw, knobs: Knobs) -> Minibatch:
        other_RB = draw.order("pairs")
        share_R = beta_share(draw.once("share"), knobs.alpha)
        ((name, x_RB),) = batch.inputs.items()
        rows = _cut(x_RB.shape[-2], share_R, draw.once("row"))
        columns = _cut(x_RB.shape[-1], share_R, draw.once("column"))
        inside = rows[:, None, None, :, None] & columns[:, None, None, None, :]
        cut_RB = torch.where(inside, partners(x_RB, other_RB), x_RB)
        outside_R = 1 - rows.float().mean(1) * columns.float().mean(1)
        targets = mixed_targets(batch, outside_R, other_RB)
        return replace(batch, inputs={name: cut_RB}, targets=targets)

    def reference(self, plain: Plain) -> None:
        share = beta_share(plain.draw.once("share")[None], torch.tensor([self.alpha])).item()
        other_B = plain.draw.order("pairs")
        height, width = plain.x_B.shape[-2:]
        at = int(plain.draw.once("row") * height), int(plain.draw.once("column") * width)
        half = int(height * (1 - share) ** 0.5) // 2, int(width * (1 - share) ** 0.5) // 2
        top, bottom = max(at[0] - half[0], 0), min(at[0] + half[0], height)
        left, right = max(at[1] - half[1], 0), min(at[1] + half[1], width)
        x_B = plain.x_B.clone()
        x_B[:, :, top:bottom, left:right] = plain.x_B[other_B][:, :, top:bottom, left:right]
        outside = 1 - (bottom - top) * (right - left) / (height * width)
        ((_, y_B),) = plain.targets
        one_B = torch.full((len(y_B),), outside)
        plain.x_B, plain.targets = x_B, [(one_B, y_B), (1 - one_B, y_B[other_B])]


def _cut(length: int, share_R: torch.Tensor, u_R: torch.Tensor) -> torch.Tensor:
    """(R, length) true inside the rectangle along one axis, as the paper's code rounds it."""
    middle_R = (u_R * length).floor()
    half_R = ((length * (1 - share_R).sqrt()).floor() / 2).floor()
    place = torch.arange(length, device=u_R.device)
    return (place >= (middle_R - half_R)[:, None]) & (place < (middle_R + half_R)[:, None])
