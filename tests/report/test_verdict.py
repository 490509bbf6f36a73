"""What is said, in the situations a person meets. Rows are right or wrong by a known level."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.report.arm_words import name_at
from core.report.build import build_report
from core.report.report import Report

ARMS = {
    "dataset": "digits",
    "architecture": "mlp",
    "loss": "cross_entropy",
    "seeds": 1,
    "folds": 5,
    "compare": [
        {"name": "none"},
        {"name": "l1", "regularizers": [{"kind": "l1", "lambda": {"values": [0.001, 0.01, 0.1]}}]},
        {"name": "l2", "regularizers": [{"kind": "l2", "lambda": 0.01}]},
    ],
}
LAM = "/regularizers/0/lambda"


def told(studio: Any, levels: dict[str, float], changes: Any = None, **more: Any) -> Report:
    """The report on arms at these levels; l1's fall off beside λ = 0.01."""

    def level(arm: str, setting: Any) -> float:
        return levels[arm] - 0.03 * (setting.get(LAM, 0.01) != 0.01)

    options = {"rows": 1800} | more
    return studio.world(ARMS | (changes or {}), level, **options).report()


def test_a_clear_winner_is_named_with_its_lambda_its_gain_and_how_sure(studio: Any) -> None:
    report = told(studio, {"none": 0.90, "l1": 0.95, "l2": 0.93})
    assert report.outcome == "better"
    assert report.headline == "l1 beats none by 4.9 points, and l2."
    (pair,) = [pair for pair in report.pairs if (pair.a, pair.b) == ("l1", "none")]
    low, high = (100 * end for end in pair.ci95)
    assert report.best_bet == (
        f"Use l1 (λ = 0.01): +4.9 points over none, 95 % simultaneous interval {low:.1f} to "
        f"{high:.1f} on 1,800 rows."
    )
    assert report.proven == "Proven: l1 and l2 are better than none; l1 beats l2."
    assert (report.action.kind, report.action.sentence) == ("ship", "Ship l1.")
    assert report.verdict == " ".join(
        [report.headline, report.best_bet, report.proven, report.action.sentence]
    )


def test_what_is_not_proven_is_said_not_to_be_and_what_would_decide(studio: Any) -> None:
    report = told(
        studio, {"none": 0.90, "l1": 0.925, "l2": 0.905}, {"repeats": 3}, rows=400, seed=2
    )
    assert report.outcome == "undecided"
    assert report.headline == "l1 looks best; not proven."
    assert report.best_bet.startswith("Use l1 (λ = 0.01) if its cost is nil: +")
    assert report.proven == "Proven: nothing yet."
    assert report.action.kind == "collect_rows"
    assert report.action.sentence.endswith("more rows would decide; repeats would not.")
    assert "keep" not in report.verdict


def test_repeats_that_would_decide_are_priced_by_what_the_job_took(studio: Any) -> None:
    # an arm whose gain is another one in each fold, twice over: training decides, not rows
    report = told(
        studio,
        {"none": 0.80, "l1": 0.84, "l2": 0.80},
        {"compare": ARMS["compare"][:2], "repeats": 2},
        rows=20_000,
        own=0.02,
        shift=lambda arm, fold: 0.0 if arm == "none" else (fold - 2) * 0.04,
    )
    assert report.outcome == "undecided"
    (pair,) = report.pairs
    assert pair.needed.kind == "repeats"
    assert report.action.kind == "add_repeats"
    assert report.action.body == {"repeats": pair.needed.count}
    # 1.5 s a run: 4 settings in 5 folds are one repeat
    assert report.action.seconds == pytest.approx(pair.needed.count * 4 * 5 * 1.5)
    assert any("The folds disagree about l1 against none" in note for note in report.notes)


@pytest.mark.parametrize(
    ("repeats", "kind", "sentence"),
    [
        (1, "add_repeats", "Add 2 repeats: they tell how steady training is (60 s)."),
        (3, "change_training", "Make training steadier: folds disagree too much to say what "),
    ],
)
def test_folds_that_tell_too_little_of_training_give_no_number(
    studio: Any, repeats: int, kind: str, sentence: str
) -> None:
    report = told(
        studio,
        {"none": 0.80, "l1": 0.82, "l2": 0.80},
        {"compare": ARMS["compare"][:2], "repeats": repeats},
        rows=20_000,
        own=0.02,
        shift=lambda arm, fold: 0.0 if arm == "none" else (fold - 2) * 0.04,
    )
    (pair,) = report.pairs
    assert report.outcome == "undecided"
    assert pair.needed is None
    assert pair.unsteady
    assert pair.sentence.endswith(
        "undecided; folds tell too little of training to say what would decide."
    )
    assert report.action.kind == kind
    assert report.action.sentence.startswith(sentence)
    assert len(report.verdict.split()) <= 72


def test_a_baseline_that_nothing_beats_is_told_to_be_that(studio: Any) -> None:
    report = told(studio, {"none": 0.95, "l1": 0.9502, "l2": 0.92}, rows=50_000, own=0.02)
    assert report.outcome == "nothing_beats_baseline"
    assert report.headline == "Nothing beats none; l1 is equivalent."
    assert report.action.sentence == "Ship none."


def test_a_validation_winner_behind_on_test_rows_is_told_with_the_reason(studio: Any) -> None:
    report = told(studio, {"none": 0.95, "l1": 0.9502, "l2": 0.92}, rows=50_000, own=0.02)
    assert report.best_arm == "none"
    assert report.best_bet.startswith(
        "Use none: validation rows, used for choosing, favour it, though 0.02 points behind l1 on "
        "test rows, 95 % "
    )


def test_arms_without_a_baseline_may_be_equivalent_and_the_simplest_is_shipped(
    studio: Any,
) -> None:
    networks = [
        {"name": "deep", "architecture": {"kind": "mlp", "hidden": [64, 64]}},
        {"name": "linear", "architecture": "linear"},
    ]
    levels = {"deep": 0.9502, "linear": 0.95}
    report = told(studio, levels, {"compare": networks}, rows=50_000, own=0.02)
    assert report.outcome == "equivalent"
    assert report.headline in (
        "deep and linear are equivalent within 0.50 points.",
        "linear and deep are equivalent within 0.50 points.",
    )
    assert report.action.sentence.startswith("Ship linear")


def test_only_one_that_is_known_to_be_simpler_is_preferred(studio: Any) -> None:
    arms = [{"name": k, "optimizer": {"kind": k, "lr": 0.01}} for k in ("sgd", "adam")]
    levels = {"sgd": 0.95, "adam": 0.95}
    report = told(studio, levels, {"compare": arms}, rows=50_000, own=0.0)
    assert report.outcome == "equivalent"
    assert report.action.sentence == f"Ship {report.best_arm}."
    assert "simpler" not in " ".join(report.details)


def test_of_one_penalty_the_stronger_is_simpler(studio: Any) -> None:
    arms = [
        {"name": "light", "regularizers": [{"kind": "l2", "lambda": 0.001}]},
        {"name": "strong", "regularizers": [{"kind": "l2", "lambda": 0.1}]},
    ]
    world = studio.world(
        ARMS | {"compare": arms},
        lambda arm, setting: {"light": 0.95, "strong": 0.9499}[arm],
        rows=50_000,
        own=0.0,
    )
    assert world.report().action.sentence == (
        "Ship strong: it has stronger regularization and is not worse."
    )


def test_a_choice_at_the_edge_of_its_range_asks_for_a_wider_one(studio: Any) -> None:
    def level(arm: str, setting: Any) -> float:
        return 0.9 + 0.02 * (setting.get(LAM) == 0.1)

    report = studio.world(ARMS, level, rows=3000).report()
    assert report.best_arm == "l1"
    assert report.action.kind == "widen_range"
    assert report.action.sentence == "Try λ above 0.1: the best may lie there."
    assert any(note.startswith("l1: the chosen λ = 0.1 is the highest") for note in report.notes)


def test_one_arm_alone_is_told_with_its_interval_and_its_lambda(studio: Any) -> None:
    report = told(studio, {"l1": 0.93}, {"compare": ARMS["compare"][1:2]}, rows=400)
    score = report.arms[0].scores["test_accuracy"]
    assert report.outcome == "single"
    low, high = (100 * end for end in score.ci95)
    assert report.headline == (
        f"{100 * score.mean:.1f} % test accuracy ({low:.1f} to {high:.1f}) at λ = 0.01."
    )
    assert report.best_bet == "Use l1 (λ = 0.01), chosen in 4 of 5 folds."
    assert report.action.kind == "add_arm"
    assert report.action.body == {"compare": [{"name": "none", "regularizers": []}]}
    assert report.pairs == []


def test_a_rival_without_a_score_is_to_be_trained_otherwise(studio: Any) -> None:
    body = ARMS | {"compare": [{"name": "none"}, {"name": "hot"}]}
    world = studio.world(body, lambda arm, setting: 0.9)
    world.runs = [
        replace(run, final={}, stop_reason="diverged") if run.arm == "hot" else run
        for run in world.runs
    ]
    report = world.report()
    assert report.outcome == "single"
    assert report.action.sentence == "Train hot otherwise: none of its runs has a score."


def test_arms_that_only_answer_the_commonest_class_are_told_to_have_learned_nothing(
    studio: Any,
) -> None:
    report = told(studio, {"none": 0.09, "l1": 0.1, "l2": 0.08}, rows=1797)
    assert report.headline == "No arm is shown to beat a constant answer."
    assert report.best_bet is None
    assert report.action.kind == "change_training"
    assert all(arm.at_chance for arm in report.arms)
    assert sum("always answering the commonest class" in note for note in report.notes) == 3


def test_a_single_arm_that_is_stuck_is_named_with_a_way_out(studio: Any) -> None:
    body = {"compare": [{"name": "good"}, {"name": "stuck"}]}
    report = told(studio, {"good": 0.9, "stuck": 0.1}, body, rows=1797)
    assert report.outcome == "better"
    assert [arm.at_chance for arm in report.arms] == [False, True]
    (note,) = [note for note in report.notes if note.startswith("stuck")]
    assert "better than always answering the commonest class" in note
    assert note.endswith("try other learning rates, less regularization or more epochs.")


def test_an_arm_that_weighs_classes_alike_may_score_below_the_commonest(studio: Any) -> None:
    body = {key: value for key, value in ARMS.items() if key != "compare"}
    score = {"test_accuracy": 0.1, "test_balanced_accuracy": 0.3, "val_accuracy": 0.1}
    report = build_report([studio.job(body)], studio.runs(body, lambda *_: score))
    assert not report.arms[0].at_chance


def test_a_regression_without_any_share_of_variance_learned_nothing(studio: Any) -> None:
    body = {"dataset": "diabetes", "architecture": "linear", "loss": "mse", "seeds": 3}

    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        return {"val_mse": 1 + 0.01 * seed, "test_mse": 1 + 0.01 * seed, "test_r2": -0.01 * seed}

    report = build_report([studio.job(body)], studio.runs(body, score))
    assert report.headline == "It is not shown to beat a constant answer."
    assert report.proven == "Nothing beats always answering the mean of the targets."
    assert "no better than always answering the mean of the targets; try" in report.notes[0]


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("running", "No run has a score yet."),
        ("cancelled", "It was cancelled before any run had a score."),
        ("failed", "It failed before any run had a score."),
        ("succeeded", "No run gave a finite score."),
    ],
)
def test_without_any_score_the_sentence_says_why(studio: Any, status: str, why: str) -> None:
    runs = [
        replace(run, status=status, final={}, stop_reason=None)
        for run in studio.runs(ARMS, studio.lifelike)
    ]
    report = build_report([studio.job(ARMS, status=status)], runs)
    assert report.headline == why
    assert report.proven == "Proven: nothing yet."


LONG = "elastic net with a name that goes on and on until nobody can read it any more"


@pytest.mark.parametrize("rows", [60, 400, 5000])
@pytest.mark.parametrize("best", ["none", "l1", "l2"])
@pytest.mark.parametrize("gain", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("name", ["l1", LONG])
def test_it_is_at_most_12_words_and_60_more(
    studio: Any, rows: int, best: str, gain: float, name: str
) -> None:
    levels = {"none": 0.6, "l1": 0.6, "l2": 0.6}
    levels[best] += gain
    arms = [
        {**arm, "name": name if arm["name"] == "l1" else arm["name"]} for arm in ARMS["compare"]
    ]
    levels[name] = levels["l1"]
    report = told(studio, levels, {"compare": arms}, rows=rows)
    assert 0 < len(report.headline.split()) <= 12, report.headline
    assert len(report.verdict.split()) - len(report.headline.split()) <= 60, report.verdict
    assert " 0.0 points" not in report.verdict
    assert "0.00 points" not in report.verdict
    assert "until" not in report.verdict.replace(LONG, "")


def test_no_name_is_told_twice(studio: Any) -> None:
    body = ARMS | {
        "compare": [
            {"name": "none"},
            {"name": "dropout", "regularizers": [{"kind": "dropout", "p": 0.5}]},
            {"name": "strong", "regularizers": [{"kind": "l1", "lambda": 0.05}]},
        ]
    }
    levels = {"none": 0.8, "dropout": 0.9, "strong": 0.85}
    report = studio.world(body, lambda arm, setting: levels[arm]).report()
    found = {arm.name: name_at(arm, arm.chosen.min) for arm in report.arms}
    assert found == {
        "none": "none",
        "dropout": "dropout at p = 0.5",
        "strong": "strong at l1 λ = 0.05",
    }


def test_arms_that_answer_alike_are_level_and_no_interval_is_told_of_no_width(
    studio: Any,
) -> None:
    report = told(studio, {"none": 0.9, "l1": 0.9, "l2": 0.9}, own=0.0)
    (pair,) = [pair for pair in report.pairs if (pair.a, pair.b) == ("l2", "none")]
    assert (pair.difference, pair.verdict) == (0.0, "equivalent")
    assert pair.sentence == "l2 against none: level (the same on all 1,800 rows): equivalent."


def test_a_lead_on_validation_rows_alone_is_said_to_be_that(studio: Any) -> None:
    world = studio.world(
        ARMS | {"compare": ARMS["compare"][:2]}, lambda arm, setting: 0.9, rows=400, own=0.2
    )
    report = world.report()
    (pair,) = report.pairs
    behind = pair.difference * (1 if report.best_arm == "l1" else -1) <= 0
    confirmed = not report.headline.startswith("Test rows do not confirm that ")
    assert confirmed != behind
    assert ("validation rows, used for choosing, favour it" in report.best_bet) == behind
    assert "simultaneous" not in report.verdict  # there is but one pair


def test_a_loss_is_told_by_how_far_it_is_below(studio: Any) -> None:
    world = studio.world(ARMS, lambda arm, setting: 0.95 if arm == "l2" else 0.85, rows=2000)
    for run in world.runs:
        run.final["val_loss"] = 1.5 - run.final["val_accuracy"]
    report = world.report(metric="val_loss")
    assert report.best_bet.startswith("Use l2 (λ = 0.01): loss lower by 0.")
    assert " than with none, 95 % simultaneous interval 0.0" in report.best_bet


def test_one_small_held_out_part_that_decides_nothing_asks_for_folds(studio: Any) -> None:
    levels = {"none": 0.9, "l1": 0.91, "l2": 0.9}
    report = told(studio, levels, {"folds": 1, "seeds": 3}, rows=400)
    assert report.outcome == "undecided"
    assert report.action.kind == "run_again"
    assert any(note.startswith("One held-out part of 80 rows tests") for note in report.notes)
    assert "more seeds" not in report.model_dump_json()
