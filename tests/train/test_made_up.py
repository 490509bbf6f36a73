"""A plug-in of a family acts through the family's hook, with no other file knowing of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

ROOT = Path(__file__).parents[2]
DIGITS: dict[str, Any] = {
    "dataset": "digits",
    "architecture": {"kind": "mlp", "hidden": [16]},
    "loss": "cross_entropy",
    "epochs": 3,
    "folds": 1,
    "seeds": 1,
}
PLAIN: dict[str, Any] = {"name": "plain", "regularizers": []}


def between(kind: str) -> list[dict[str, Any]]:
    """Arms that have it, with one between them that has not."""
    return [
        {"name": "one", "regularizers": [kind]},
        PLAIN,
        {"name": "two", "regularizers": [kind, "l2"]},
    ]


def layered(*layers: Any, **changes: Any) -> dict[str, Any]:
    listed = ["flatten", *layers, {"kind": "dense", "units": 10}]
    return {**DIGITS, "architecture": {"kind": "layers", "layers": listed}, **changes}


HIDDEN = {"kind": "hidden", "p": 0.4, "regularizers": [{"kind": "l1", "lambda": 0.01}]}
LOWERED = [
    {
        "kind": "dense",
        "units": 12,
        "activation": "relu",
        "regularizers": [{"kind": "l1", "lambda": 0.01}],
    },
    {"kind": "dropout", "p": 0.4},
]
HUBER = {**DIGITS, "dataset": "diabetes", "architecture": "linear", "loss": "huber"}
IN_STEPS = ("mirrored", "lookahead", "sluggish", "halved")
JOBS: dict[str, dict[str, Any]] = {
    "plain": {**DIGITS, "regularizers": []},
    "plain huber": {**HUBER, "regularizers": []},
    "shaken": {**DIGITS, "compare": between("shaken")},
    "shaken alone": {**DIGITS, "regularizers": ["shaken"]},
    "shaken and dropout": {
        **DIGITS,
        "compare": [*between("shaken"), {"name": "three", "regularizers": ["dropout"]}],
    },
    "soften": {**DIGITS, "compare": between("soften")},
    "soften alone": {**DIGITS, "regularizers": ["soften"]},
    "robust": {**HUBER, "compare": between("robust")},
    "robust alone": {**HUBER, "regularizers": ["robust"]},
    "goal": {**DIGITS, "compare": between("goal")},
    "goal alone": {**DIGITS, "regularizers": ["goal"]},
    "hidden": layered(HIDDEN),
    "lowered": layered(*LOWERED),
    "hidden, varied": layered({**HIDDEN, "p": {"values": [0.0, 0.4]}}),
    **{kind: {**DIGITS, "compare": between(kind)} for kind in IN_STEPS},
    **{f"{kind} alone": {**DIGITS, "regularizers": [kind]} for kind in IN_STEPS},
    "lookahead and sam": {**DIGITS, "regularizers": ["lookahead", "sam"]},
    "ema and halved": {**DIGITS, "regularizers": ["ema", "halved"]},
    "idle": {**DIGITS, "regularizers": ["l1", "idle"]},
    "soften twice": {**DIGITS, "regularizers": ["soften", "label_smoothing"]},
    "soften and the loss": {
        **DIGITS,
        "loss": {"kind": "cross_entropy", "label_smoothing": 0.1},
        "regularizers": ["soften"],
    },
    "robust with another loss": {**DIGITS, "regularizers": ["robust"]},
    "goal of no class": {**HUBER, "loss": "mse", "regularizers": ["goal"]},
}


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("made_up")
    done = subprocess.run(
        [sys.executable, "-m", "tests.train.made_up", str(folder)],
        input=json.dumps(JOBS),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    for name, answer in found.items():
        if "final" in answer:
            answer["weights"] = load_file(folder / name)
    return found


def row(answer: dict[str, Any], place: int) -> dict[str, np.ndarray]:
    return {n: v[place] for n, v in answer["weights"].items() if n.startswith("last/")}


def differ(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> float:
    """The largest difference between any two weights."""
    assert [v.shape for v in one.values()] == [v.shape for v in two.values()]
    return max(float(np.abs(a - b).max()) for a, b in zip(one.values(), two.values(), strict=True))


@pytest.mark.parametrize("kind", ["shaken", "soften", "robust", *IN_STEPS])
def test_it_acts_on_the_runs_that_have_it_as_alone_and_on_none_between(said, kind) -> None:
    plain = row(said["plain huber" if kind == "robust" else "plain"], 0)
    alone = row(said[f"{kind} alone"], 0)
    assert differ(alone, plain) > 1e-3, "it acts"
    assert differ(row(said[kind], 0), alone) <= 1e-5
    assert differ(row(said[kind], 1), plain) <= 1e-5, "the run between is as without it"


def test_two_kinds_of_noise_share_a_cohort_and_each_acts_on_its_own_run(said) -> None:
    both = said["shaken and dropout"]
    assert differ(row(both, 0), row(said["shaken alone"], 0)) <= 1e-5
    assert differ(row(both, 1), row(said["plain"], 0)) <= 1e-5
    assert differ(row(both, 3), row(both, 1)) > 1e-3


def test_a_procedure_ends_the_runs_that_have_it_and_none_between(said) -> None:
    whole = said["plain"]
    reached = 1 + next(i for i, score in enumerate(whole["scores"]) if score >= 0.5)
    assert reached < 3
    assert whole["ends"] == {"0": 3}
    assert said["goal alone"]["ends"] == {"0": reached}
    ends = said["goal"]["ends"]
    assert (ends["0"], ends["1"]) == (reached, 3)
    assert ends["2"] < 3


def test_a_composite_layer_trains_as_its_inner_layers_with_their_penalties_and_draws(said) -> None:
    names = [n for n in said["hidden"]["weights"] if n.startswith("last/") and "dense" in n]
    assert "last/hidden_1/dense_0/weight" in names
    final = said["hidden"]["final"]
    assert final["term/l1@hidden_1/dense_0"][0] > 0
    assert "term/l1@dense_1" in said["lowered"]["final"]
    assert (said["hidden"]["weights"]["last/hidden_1/dense_0/weight"] == 0).mean() > 0.05


def test_a_knob_of_a_composite_layer_differs_between_runs_of_a_cohort(said) -> None:
    varied = said["hidden, varied"]
    assert differ(row(varied, 1), row(said["hidden"], 0)) <= 1e-5
    assert differ(row(varied, 0), row(varied, 1)) > 1e-3


@pytest.mark.parametrize(
    ("job", "pointer", "words"),
    [
        ("idle", "/regularizers/1", "idle acts in no part of training; leave it out"),
        (
            "soften twice",
            "/regularizers/1",
            "label_smoothing sets the loss's label_smoothing, as soften does; keep one of them",
        ),
        (
            "soften and the loss",
            "/regularizers/0",
            "soften sets the loss's label_smoothing, which the loss gives too; keep one of them",
        ),
        (
            "robust with another loss",
            "/regularizers/0",
            "robust works with the loss huber, and this one is cross_entropy",
        ),
        (
            "lookahead and sam",
            "/regularizers/1",
            "sam takes the gradient anew, as lookahead does; "
            "keep one of them, or compare them as arms",
        ),
        (
            "ema and halved",
            "/regularizers/1",
            "halved says which weights a run reports, as ema does; "
            "keep one of them, or compare them as arms",
        ),
        ("goal of no class", "/regularizers/0", '"val_accuracy" is not a metric of regression'),
    ],
)
def test_what_would_do_nothing_is_refused_with_a_way_out(said, job, pointer, words) -> None:
    ((where, detail),) = said[job]["faults"]
    assert where == pointer
    assert words in detail
