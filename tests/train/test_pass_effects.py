"""What hooks of a step leave alone, and what they are for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from core.architectures import Architecture
from core.regularizers.regularizer import Ground
from core.train import Epoch
from core.train.trainer import Trainer
from tests.fields import viewed
from tests.train.conftest import (
    cohort,
    device,
    experiment,
    finished,
    rows,
    run_of,
    tolerance,
    trained,
)
from tests.train.test_passes import MEMBERS, ONE_EACH, first, interleaved, using

CNN = {"kind": "cnn", "filters": [4], "hidden": [8], "batch_norm": True}
NEUTRAL = [
    pytest.param(
        {
            "kind": kind,
            **{
                name: knob.neutral if math.isfinite(knob.neutral) else 1e30
                for name, knob in member.knobs().items()
                if knob.neutral is not None
            },
        },
        id=kind,
    )
    for kind, member in MEMBERS.items()
]


@pytest.mark.parametrize("term", NEUTRAL)
def test_at_its_neutral_value_it_changes_no_bit(term, digits, weights) -> None:
    """Gradients taken anew draw the same dropout, and running statistics move once a step."""
    terms = [{"kind": "dropout", "p": 0.3}, term]
    made = {"architecture": CNN, "epochs": 2}
    found = weights(trained(cohort([run_of(using(*terms, **made), 0)]), first(digits, 300)))
    plain = weights(trained(cohort([run_of(using(*terms[:1], **made), 0)]), first(digits, 300)))
    assert any("running_var" in name for name in plain)
    assert all(np.array_equal(found[name], plain[name]) for name in plain)


@pytest.mark.parametrize("terms", ONE_EACH)
def test_a_run_that_diverges_leaves_its_neighbours_bits_alone(terms, digits, weights) -> None:
    data, tame = first(digits, 300), using(*terms, epochs=2)
    wild = using(*terms, epochs=2, optimizer={"kind": "sgd", "lr": 1e30})

    def beside(middle: Any) -> Any:
        return trained(cohort([run_of(tame, 0), run_of(middle, 1), run_of(tame, 2)]), data)

    with_wild, without = beside(wild), beside(tame)
    one, two = weights(with_wild), weights(without)
    assert np.isnan(finished(with_wild).final["val_loss"][1])
    for row in (0, 2):
        assert np.array_equal(rows(one, "reported", row), rows(two, "reported", row))


@pytest.mark.parametrize("terms", ONE_EACH)
def test_padding_of_rows_and_of_their_states_stays_zero(terms, digits) -> None:
    made = cohort(interleaved(terms, architecture={"kind": "mlp", "hidden": [5]}), folds=3)
    trainer = Trainer(made, first(digits, 300), torch.device(device()))
    network = trainer.program.network
    taken = torch.zeros(network.size, dtype=torch.bool)
    for place in network.places:
        taken[place.start : place.stop] = True
    assert all(trainer.run_epoch(lambda: False) for _ in range(2))
    rows_of = [trainer.state.w, *(v for v in trainer.state.terms.values() if v.shape[1] > 1)]
    for value in rows_of:
        assert not value[:, ~taken[: value.shape[1]]].any()
        assert value[:, taken[: value.shape[1]]].any()


@pytest.mark.parametrize("average", [{"kind": "ema", "decay": 0.95}, {"kind": "swa", "start": 0.3}])
def test_an_average_is_what_is_logged_stopped_by_stored_and_reported(
    average, digits, weights
) -> None:
    stop = {"kind": "early_stopping", "patience": 2, "min_delta": 0.02}
    made = cohort([run_of(using(average, stop, epochs=12), 0), run_of(using(epochs=12), 0)])
    events = trained(made, digits)
    logged = [e.metrics["val_loss"][0] for e in events if isinstance(e, Epoch) and 0 in e.rows]
    assert 3 <= len(logged) < 12, "it stops, by the average"
    best = 0
    for epoch, loss in enumerate(logged):
        best = epoch if loss < logged[best] - 0.02 else best
    assert len(logged) == best + 3
    final = finished(events).final
    assert final["val_loss"][0] == pytest.approx(logged[best], rel=1e-6)
    stored = weights(events)
    assert np.isfinite(rows(stored, "last", 0)).all()
    assert not np.array_equal(rows(stored, "last", 0), rows(stored, "reported", 0))


def test_the_gradient_norm_is_logged_before_it_is_clipped(digits) -> None:
    clip = {"kind": "grad_clip", "norm": 1e-3}
    events = trained(cohort([run_of(using(clip, epochs=1), 0)]), digits)
    assert events[0].metrics["grad_norm"][0] > 0.01


def test_a_clipped_gradient_moves_the_weights_by_no_more_than_its_norm(digits) -> None:
    made = experiment(
        epochs=1,
        batch_size="full",
        optimizer={"kind": "sgd", "lr": 0.5, "momentum": 0.0},
        regularizers=[{"kind": "grad_clip", "norm": 0.01}],
    )
    trainer = Trainer(cohort([run_of(made, 0)]), digits, torch.device(device()))
    before = trainer.state.w.clone()
    assert trainer.run_epoch(lambda: False)
    assert (trainer.state.w - before).norm().item() == pytest.approx(0.5 * 0.01, rel=1e-3)


def attacked(w: dict[str, np.ndarray], x: torch.Tensor, y: torch.Tensor, epsilon: float) -> float:
    """Accuracy of an MLP on inputs that one signed step of plain torch moved against it."""
    layers = sorted({name.split("/")[1] for name in w if name.startswith("reported/dense")})
    parts = [
        [torch.from_numpy(w[f"reported/{layer}/{part}"][0]) for part in ("weight", "bias")]
        for layer in layers
    ]

    def outputs(x: torch.Tensor) -> torch.Tensor:
        for index, (weight, bias) in enumerate(parts):
            x = torch.relu(x) if index else x.flatten(1)
            x = x @ weight + bias
        return x

    x = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(torch.nn.functional.cross_entropy(outputs(x), y), x)
    moved = (x + epsilon * slope.sign()).detach()
    return (outputs(moved).argmax(1) == y).float().mean().item()


@pytest.mark.parametrize("kind", ["fgsm", "pgd"])
def test_adversarial_training_withstands_what_breaks_plain_training(kind, digits, weights) -> None:
    epsilon, seed = 0.3, 0
    changes = {"epochs": 20, "batch_size": 64, "architecture": {"kind": "mlp", "hidden": [64]}}
    arms = [[], [{"kind": kind, "epsilon": epsilon}]]
    made = cohort([run_of(using(*terms, **changes), seed) for terms in arms])
    stored = weights(trained(made, digits))
    feed = Trainer(made, digits, torch.device("cpu")).feed
    tested = feed.chunk("test", 0, feed.length("test"))
    x, y = tested.inputs["x"][0], tested.y_RB[0]
    clean, robust = (
        [attacked({n: v[row : row + 1] for n, v in stored.items()}, x, y, e) for row in (0, 1)]
        for e in (0.0, epsilon)
    )
    assert min(clean) > 0.9, clean
    assert robust[1] - robust[0] >= 0.2, (clean, robust)


TEXTS = next(a for a in Architecture.members().values() if a.examples()[0].coded)
ON_TEXTS = [
    pytest.param(use.values[0], id=use.id)
    for use in ONE_EACH
    if MEMBERS[use.id]().fits(Ground(None, ("text",), "classification", 32)) is None
]


@pytest.mark.parametrize("terms", ON_TEXTS)
def test_it_acts_on_words_as_alone(terms, digits, weights) -> None:
    example = TEXTS.examples()[0]
    data = viewed(digits, example, 200)
    body = {"kind": TEXTS.wire_kind(), **example.body}
    runs = interleaved(terms, architecture=body, epochs=2)[:3]
    fused = weights(trained(cohort(runs, folds=3), data))
    for row in (0, 1):
        alone = weights(trained(cohort([runs[row]], folds=3), data))
        assert (
            np.abs(rows(fused, "reported", row) - rows(alone, "reported", 0)).max() <= tolerance()
        )
