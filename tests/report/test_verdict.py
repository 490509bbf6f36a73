"""The sentence, in the situations a person meets. Scores are level ± a pattern over the seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.report.build import build_report
from core.report.verdict import name_at

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


CAVEAT = " (over training seeds on one split; set split.resample to cover the split too)"


def verdict(
    studio: Any,
    levels: dict[str, float],
    noise: float,
    zeros: dict[str, float] | None = None,
    **changes: Any,
) -> str:
    body = ARMS | changes

    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        value = levels[arm] + noise * PATTERN[arm][seed % 5]
        value -= 0.01 * abs(setting.get("/regularizers/0/lambda", 0.01) != 0.01)
        share = (zeros or {}).get(arm, 0.0)
        return {"val_accuracy": value, "test_accuracy": value - 0.01, "zeros": share}

    return build_report([studio.job(body)], studio.runs(body, score)).verdict.replace(CAVEAT, "")


def test_a_clear_winner_is_named_with_its_lambda_its_gain_and_how_sure(studio: Any) -> None:
    said = verdict(studio, {"none": 0.90, "l1": 0.95, "l2": 0.93}, 0.001)
    assert said.startswith(
        "l1 at λ = 0.01 has the best validation accuracy and scores 94.0 % test accuracy: "
        "5.0 points better than none (95 % interval "
    )
    assert "2.0 points better than the runner-up l2 at λ = 0.01 (95 % interval " in said
    assert "adjusted p < 0.001" in said


def test_a_baseline_as_good_as_the_best_is_kept(studio: Any) -> None:
    said = verdict(studio, {"none": 0.95, "l1": 0.9502, "l2": 0.93}, 0.0005)
    assert said.startswith("Nothing is shown to beat none: l1 ")
    assert "equivalent to the runner-up none" in said
    assert said.endswith("; keep none.")


def test_an_arm_as_good_with_more_weights_at_zero_is_preferred(studio: Any) -> None:
    levels = {"none": 0.93, "l1": 0.9498, "l2": 0.95}
    said = verdict(studio, levels, 0.0005, {"l1": 0.4})
    assert said.endswith("; l1 has more weights at zero and is not worse, so prefer it.")
    assert verdict(studio, levels | {"l1": 0.94}, 0.0005, {"l1": 0.4}).endswith(
        "; no simpler arm is as good."
    )


NETWORKS = [
    {"name": "linear", "architecture": "linear"},
    {"name": "mlp", "architecture": {"kind": "mlp", "hidden": [16]}},
    {"name": "deep", "architecture": {"kind": "mlp", "hidden": [64, 64]}},
]


def of_levels(studio: Any, levels: dict[str, float], compare: list[Any], noise: float) -> str:
    """The verdict on arms of the body at these levels."""
    body = ARMS | {"compare": compare}

    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        value = levels[arm] + noise * [0, 1, -1, 2, -2][(seed + len(arm)) % 5]
        return {"val_accuracy": value, "test_accuracy": value, "zeros": 0.0}

    return build_report([studio.job(body)], studio.runs(body, score)).verdict.replace(CAVEAT, "")


@pytest.mark.parametrize(
    ("levels", "end"),
    [
        ({"linear": 0.9, "mlp": 0.92, "deep": 0.95}, "no simpler arm is as good."),
        (
            {"linear": 0.9, "mlp": 0.9496, "deep": 0.95},
            "mlp has fewer parameters and is not worse, so prefer it.",
        ),
        ({"linear": 0.95, "mlp": 0.92, "deep": 0.9}, "keep linear."),
    ],
)
def test_of_other_networks_the_one_with_fewer_parameters_is_simpler(
    studio: Any, levels: dict[str, float], end: str
) -> None:
    assert of_levels(studio, levels, NETWORKS, 0.0005).endswith(f"; {end}")


def test_the_best_is_called_the_simplest_only_when_all_others_are_known_to_be_larger(
    studio: Any,
) -> None:
    levels = {"linear": 0.95, "mlp": 0.9, "deep": 0.91}
    turned = NETWORKS[::-1]
    assert of_levels(studio, levels, turned, 0.0005).endswith("; linear is also the simplest arm.")


def test_arms_that_differ_in_the_optimizer_alone_have_no_simplest(studio: Any) -> None:
    arms = [
        {"name": kind, "optimizer": {"kind": kind, "lr": 0.01}} for kind in ("sgd", "adam", "adamw")
    ]
    levels = {"sgd": 0.9, "adam": 0.95, "adamw": 0.92}
    assert "simple" not in of_levels(studio, levels, arms, 0.0005)
    levels["adam"] = 0.9001
    assert of_levels(studio, levels | {"adamw": 0.9}, arms, 0.0005).endswith("; keep sgd.")


def test_of_one_penalty_the_stronger_is_simpler(studio: Any) -> None:
    def l2(value: float) -> list[Any]:
        return [{"kind": "l2", "lambda": value}]

    arms = [
        {"name": "none"},
        {"name": "light", "regularizers": l2(0.001)},
        {"name": "strong", "regularizers": l2(0.1)},
    ]
    levels = {"none": 0.9, "light": 0.95, "strong": 0.9499}
    assert of_levels(studio, levels, arms, 0.0005).endswith(
        "; strong has stronger regularization and is not worse, so prefer it."
    )


def test_an_open_question_says_how_many_seeds_would_close_it(studio: Any) -> None:
    said = verdict(studio, {"none": 0.94, "l1": 0.95, "l2": 0.93}, 0.01)
    assert "undecided; about " in said
    assert "seeds would decide" in said
    assert said.startswith("Nothing is shown to beat none: l1 at λ = 0.01 has the best validation")
    assert said.endswith("; keep none until that is decided.")


def test_two_seeds_are_not_tested_and_the_sentence_says_so(studio: Any) -> None:
    said = verdict(studio, {"none": 0.90, "l1": 0.95, "l2": 0.93}, 0.001, seeds=2)
    assert "undecided: no test: 2 common seeds" in said
    assert "run at least 3" in said


def test_none_may_win(studio: Any) -> None:
    said = verdict(studio, {"none": 0.95, "l1": 0.90, "l2": 0.92}, 0.001)
    assert said.startswith("none has the best validation accuracy")
    assert "better than the runner-up l2" in said
    assert said.endswith("; keep none.")


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
        "is no other arm to compare it with" + CAVEAT + "."
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


def test_arms_that_only_answer_the_commonest_class_are_told_to_have_learned_nothing(
    studio: Any,
) -> None:
    # digits: the commonest of ten classes is 183 of 1797; the test part has 359 examples
    said = verdict(studio, {"none": 0.1, "l1": 0.11, "l2": 0.09}, 0.0001)
    assert said.startswith(
        "No arm learned more than always answering the commonest class: l1 at λ = 0.01 has the "
        "best validation accuracy and scores 10.0 % test accuracy, "
    )
    assert "keep" not in said
    assert "learned" not in verdict(studio, {"none": 0.1, "l1": 0.13, "l2": 0.09}, 0.0001)


def test_a_setting_that_is_stuck_is_noted_with_a_way_out(studio: Any) -> None:
    body = ARMS | {"compare": [{"name": "good"}, {"name": "stuck"}]}
    scores = {"good": 0.9, "stuck": 0.1}
    report = build_report(
        [studio.job(body)],
        studio.runs(body, lambda arm, s, seed, f: {"val_accuracy": scores[arm] + 0.0001 * seed}),
    )
    (note,) = report.notes
    assert note == (
        "stuck: validation accuracy of 10.0 % is no better than always answering the commonest "
        "class (10.5 % at most); try other learning rates, less regularization or more epochs."
    )


def test_an_arm_that_weighs_classes_alike_may_score_below_the_commonest(studio: Any) -> None:
    body = {key: value for key, value in ARMS.items() if key != "compare"}
    score = {"test_accuracy": 0.1, "test_balanced_accuracy": 0.3, "val_accuracy": 0.1}
    report = build_report([studio.job(body)], studio.runs(body, lambda *_: score))
    assert report.notes == []


def test_a_regression_without_any_share_of_variance_learned_nothing(studio: Any) -> None:
    body = {"dataset": "diabetes", "architecture": "linear", "loss": "mse"}

    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        return {"val_mse": 1 + 0.01 * seed, "test_mse": 1 + 0.01 * seed, "test_r2": -0.01 * seed}

    report = build_report([studio.job(body)], studio.runs(body, score))
    assert report.verdict.startswith(
        "No arm learned more than always answering the mean of the targets: base scores "
    )
    assert "no better than always answering the mean of the targets; try" in report.notes[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [({}, True), ({"split": {"resample": True}}, False), ({"folds": 5}, False)],
)
def test_an_interval_over_seeds_of_one_split_is_told_to_be_that(
    studio: Any, change: dict[str, Any], told: bool
) -> None:
    body = ARMS | change
    runs = studio.runs(body, studio.lifelike)
    assert build_report([studio.job(body)], runs).verdict.endswith(f"{CAVEAT}.") is told


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("running", "no run has a score yet"),
        ("cancelled", "it was cancelled before any run had a score"),
        ("failed", "it failed before any run had a score"),
        ("succeeded", "no run gave a finite score"),
    ],
)
def test_without_any_score_the_sentence_says_why(studio: Any, status: str, why: str) -> None:
    runs = [
        replace(run, status=status, final={}, stop_reason=None)
        for run in studio.runs(ARMS, studio.lifelike)
    ]
    said = build_report([studio.job(ARMS, status=status)], runs).verdict
    assert said == f"Nothing can be said: {why} (validation accuracy)."


def test_no_name_is_told_twice(studio: Any) -> None:
    body = ARMS | {
        "compare": [
            {"name": "none"},
            {"name": "dropout", "regularizers": [{"kind": "dropout", "p": 0.5}]},
            {"name": "strong", "regularizers": [{"kind": "l1", "lambda": 0.05}]},
        ]
    }
    levels = {"none": 0.8, "dropout": 0.9, "strong": 0.85}
    runs = studio.runs(
        body, lambda arm, s, seed, f: {"val_accuracy": levels[arm] + 0.001 * (seed + len(arm)) % 3}
    )
    report = build_report([studio.job(body)], runs)
    found = {arm.name: name_at(arm, arm.chosen.min) for arm in report.arms}
    assert found == {
        "none": "none",
        "dropout": "dropout at p = 0.5",
        "strong": "strong at l1 λ = 0.05",
    }


def test_an_interval_without_width_is_not_told(studio: Any) -> None:
    levels = {"none": 0.9, "l1": 0.9, "l2": 0.9}

    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        return {"val_accuracy": levels[arm] + 0.01 * seed}

    said = build_report([studio.job(ARMS)], studio.runs(ARMS, score)).verdict
    assert "(the same score in every replicate)" in said
    assert "95 % interval" not in said
