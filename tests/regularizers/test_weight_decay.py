import pytest
import torch

from core.optimizers.adam import Adam
from core.optimizers.optimizer import Optimizer
from core.optimizers.sgd import Sgd
from core.regularizers.l2 import L2
from core.regularizers.weight_decay import WeightDecay
from core.term import Knobs
from tests.stacks import generator, stacked

DECAYS = (0.0, 0.1, 1.0)
K, STEPS = 8, 60


def slope(w: torch.Tensor) -> torch.Tensor:
    """A gradient that depends on w, of no quadratic."""
    return torch.sin(3 * w) + w - 0.5


def start() -> torch.Tensor:
    return torch.randn(3, K, generator=generator(0), dtype=torch.float64)


def trained(optimizer: Optimizer, *, decay: bool) -> torch.Tensor:
    """Sixty steps of three runs: each with its own decay, or with the l2 penalty instead."""
    kind = WeightDecay if decay else L2
    terms = [kind(lam=x) for x in DECAYS]
    knobs = stacked([optimizer] * 3, torch.float64)
    of_term: Knobs = stacked(terms, torch.float64)
    w, lr = start(), knobs.lr[:, None]
    state = {name: torch.zeros_like(w) for name in optimizer.states()}
    for t in range(1, STEPS + 1):
        grad = slope(w)
        if decay:
            terms[0].shrink(w, lr, of_term)
        else:
            terms[0].add_gradient(grad, w, of_term)
        optimizer.step(w, grad, state, knobs, lr, t)
    return w


def test_weight_decay_with_adam_is_adamw_of_torch():
    found = trained(Adam(lr=0.05), decay=True)
    for r, decay in enumerate(DECAYS):
        w = start()[r].clone().requires_grad_()
        reference = torch.optim.AdamW([w], lr=0.05, weight_decay=decay)
        for _ in range(STEPS):
            w.grad = slope(w.detach())
            reference.step()
        torch.testing.assert_close(found[r], w.detach(), rtol=1e-9, atol=1e-10)


def test_under_plain_sgd_weight_decay_is_the_l2_penalty():
    sgd = Sgd(lr=0.05)
    torch.testing.assert_close(trained(sgd, decay=True), trained(sgd, decay=False))


@pytest.mark.parametrize("optimizer", [Adam(lr=0.05), Sgd(lr=0.05, momentum=0.9)])
def test_under_adam_and_momentum_it_is_not(optimizer):
    decayed, penalised = (trained(optimizer, decay=choice) for choice in (True, False))
    assert torch.equal(decayed[0], penalised[0]), "strength 0"
    assert (decayed[1:] - penalised[1:]).abs().max() > 1e-3
