from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from core.regularizers.fgsm import along
from core.regularizers.passes import Augmentation, Draw, Minibatch, Plain, needs_numbers
from core.regularizers.regularizer import Ground
from core.tensors import torch
from core.term import Knob, Knobs

MIXES = "mixes the targets"
MixAlpha = Annotated[
    float,
    Knob(ge=0, le=100, neutral=0.0, simpler="high"),
    Field(description="the share is drawn from Beta(alpha, alpha); 0 mixes nothing"),
]


class Mixup(Augmentation):
    """Mixup: examples and targets are convex mixtures of pairs from one minibatch.

    Formula: x' = a x_i + (1 - a) x_j; J = mean(a loss(z, y_i) + (1 - a) loss(z, y_j)),
    a ~ Beta(alpha, alpha) once a minibatch, j a permutation of it

    Convention: the loss is mixed, not the target, so any loss will do; where targets enter it
    linearly the two are one. train_loss is of the mixture, and other train metrics ask for the
    target with the larger share. Validation and test rows are never mixed.

    Reference: Zhang et al. 2018, mixup: Beyond Empirical Risk Minimization
    """

    kind: Literal["mixup"] = "mixup"
    alpha: MixAlpha = 0.2
    claim: ClassVar[str | None] = MIXES

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({"alpha": 0.2}, {"alpha": 1.0}, {"alpha": 0.0})

    def fits(self, ground: Ground) -> str | None:
        return needs_pairs(self.kind, ground)

    def on_batch(self, batch: Minibatch, draw: Draw, knobs: Knobs) -> Minibatch:
        share_R = beta_share(draw.once("share"), knobs.alpha)
        other_RB = draw.order("pairs")
        mixed = {
            name: partners(x_RB, other_RB).lerp_(x_RB, along(share_R, x_RB))
            for name, x_RB in batch.inputs.items()
        }
        return replace(batch, inputs=mixed, targets=mixed_targets(batch, share_R, other_RB))

    def reference(self, plain: Plain) -> None:
        share = beta_share(plain.draw.once("share")[None], torch.tensor([self.alpha])).item()
        other_B = plain.draw.order("pairs")
        ((_, y_B),) = plain.targets
        one_B = torch.full((len(y_B),), share)
        plain.x_B = share * plain.x_B + (1 - share) * plain.x_B[other_B]
        plain.targets = [(one_B, y_B), (1 - one_B, y_B[other_B])]


def needs_pairs(kind: str, ground: Ground) -> str | None:
    """Why it cannot act, where examples cannot be mixed or a minibatch holds one alone."""
    if ground.batch_size != 1:
        return needs_numbers(kind, ground)
    return f"{kind} mixes the examples of a minibatch, and batch_size is 1; use 2 or more"


def beta_share(u_R: torch.Tensor, alpha_R: torch.Tensor) -> torch.Tensor:
    """(R,) the quantile u of Beta(alpha, alpha), on the host in float64; 1 where alpha is 0."""
    from scipy.special import betaincinv  # late: it takes a tenth of a second to import

    alpha = alpha_R.double().cpu()
    drawn = torch.from_numpy(betaincinv(alpha.numpy(), alpha.numpy(), u_R.double().cpu().numpy()))
    return torch.where(alpha > 0, drawn, 1.0).to(u_R)


def partners(x_RB: torch.Tensor, other_RB: torch.Tensor) -> torch.Tensor:
    """x with the examples of each run in another order."""
    run_R1 = torch.arange(len(x_RB), device=x_RB.device)[:, None]
    return x_RB[run_R1, other_RB]


def mixed_targets(
    batch: Minibatch, share_R: torch.Tensor, other_RB: torch.Tensor
) -> tuple[tuple[torch.Tensor, torch.Tensor], ...]:
    """Each target in its share, and its partner's in the rest."""
    ((_, y_RB),) = batch.targets
    share_RB = share_R[:, None].expand(other_RB.shape)
    return (share_RB, y_RB), (1 - share_RB, partners(y_RB, other_RB))
