"""The sentence, in the situations a person meets. Scores are level ± a pattern over the seeds."""

from __future__ import annotations

from typing import Any

import pytest

from core.report.build import build_report

ARMS = {
    "dataset": "digits",
    "architecture": "mlp",
    "loss": "cross_entropy",
    "seeds": 5,
    "compare": [
        {"name": "none"},
        {"name": "l1", "regularizers": [{"kind": "l1", "lambda": {"values": [0.001, 0.01, 0.1]}}]},
        {"name": "l2", "regularizers": [{"kind": "l2", "lambda": 0.01}]},
    ],
}
PATTERN = {
    "none": [0, 1, -1, 2, -2],
    "l1": [1, -1, 0, 2, -2],
    "l2": [2, 0, 1, -1, -2],
}


def verdict(studio: Any, levels: dict[str, float], noise: float, **changes: Any) -> str:
    body = ARMS | changes

    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        value = levels[arm] + noise * PATTERN[arm][seed % 5]
        value -= 0.01 * abs(setting.get("/regularizers/0/lambda", 0.01) != 0.01)
        return {"val_accuracy": value, "test_accuracy": value - 0.01, "zeros": 0.0}

    return build_report([studio.job(body)], studio.runs(body, score)).verdict


def test_a_clear_winner_is_named_with_its_lambda_its_gain_and_how_sure(studio: Any) -> None:
    said = verdict(studio, {"none": 0.90, "l1": 0.95, "l2": 0.93}, 0.001)
    assert said.startswith(
        "l1 at λ = 0.01 has the best validation accuracy and scores 94.0 % test accuracy: "
        "5.0 points better than none (95 % interval "
    )
    assert "2.0 points better than the runner-up l2 at l2 λ = 0.01 (95 % interval " in said
    assert "adjusted p < 0.001" in said
    assert said.endswith("; no simpler arm is as good.")


def test_a_simpler_arm_as_good_as_the_best_is_preferred(studio: Any) -> None:
    said = verdict(studio, {"none": 0.95, "l1": 0.9502, "l2": 0.93}, 0.0005)
    assert "equivalent to the runner-up none" in said
    assert said.endswith("the simplest arm not worse is none, so prefer it.")


def test_an_open_question_says_how_many_seeds_would_close_it(studio: Any) -> None:
    said = verdict(studio, {"none": 0.94, "l1": 0.95, "l2": 0.93}, 0.01)
    assert "undecided; about " in said
    assert "seeds would decide" in said
    assert said.startswith("Nothing is shown to beat none: l1 at λ = 0.01 has the best validation")
    assert said.endswith("; keep none, the simplest, until that is decided.")


def test_two_seeds_are_not_tested_and_the_sentence_says_so(studio: Any) -> None:
    said = verdict(studio, {"none": 0.90, "l1": 0.95, "l2": 0.93}, 0.001, seeds=2)
    assert "undecided: no test: 2 common seeds" in said
    assert "run at least 3" in said


def test_none_may_win(studio: Any) -> None:
    said = verdict(studio, {"none": 0.95, "l1": 0.90, "l2": 0.92}, 0.001)
    assert said.startswith("none has the best validation accuracy")
    assert "better than the runner-up l2" in said
    assert said.endswith("none is also the simplest arm.")


def test_one_arm_alone_is_told_without_rivals(studio: Any) -> None:
    body = {key: value for key, value in ARMS.items() if key != "compare"}
    report = build_report(
        [studio.job(body)],
        studio.runs(
            body,
            lambda arm, s, seed, f: {
                "val_accuracy": 0.9 + 0.01 * seed,
                "test_accuracy": 0.9 + 0.01 * seed,
            },
        ),
    )
    assert report.verdict == (
        "base scores 92.0 % test accuracy (95 % interval 90.0 % to 94.0 %, 5 replicates); there "
        "is no other arm to compare it with."
    )
    assert report.pairs == []


@pytest.mark.parametrize("best", ["none", "l1", "l2"])
@pytest.mark.parametrize("noise", [0.0, 0.001, 0.02])
def test_it_is_always_one_sentence(studio: Any, best: str, noise: float) -> None:
    levels = {"none": 0.9, "l1": 0.9, "l2": 0.9} | {best: 0.93}
    said = verdict(studio, levels, noise)
    assert said.count(". ") == 0, said
    assert said.endswith(".")
    assert best in said.split(" has ")[0].removeprefix("Nothing is shown to beat none: ")
