from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.datasets import Replicate
from core.report.choose import Picked, Standing, edge_of, order_of, simplicity_of, standing_of
from core.report.choose import choose as choose_by
from core.report.layout import Layout, summarise_over
from core.report.statistics import Summary, summarise
from core.term import Knob

LAM = "/regularizers/0/lambda"
LR = "/optimizer/lr"
STRONGER = {LAM: Knob(ge=0, simpler="high")}


def lams(*values: float) -> list[tuple[tuple[str, float], ...]]:
    return [((LAM, value),) for value in values]


def choose(summary: Summary, direction: str, settings: list, knobs: dict) -> Picked | None:
    order = order_of(settings, knobs)
    standing = Standing(summary.n[None], summary.mean[None], summary.error[None])
    (picked,) = choose_by(standing, direction=direction, order=order)
    return picked


def around(means: list[float], spread: float, n: int = 4) -> np.ndarray:
    """Scores with these means and a standard error of spread."""
    wave = np.array([1.0, -1.0] * (n // 2))
    return np.array(means)[:, None] + wave * spread * np.sqrt(n) / wave.std(ddof=1)


def test_min_takes_the_best_mean_in_either_direction() -> None:
    scores = summarise(around([0.1, 0.3, 0.2], 0.001))
    settings = lams(0.001, 0.01, 0.1)
    assert choose(scores, "max", settings, STRONGER).best == 1
    assert choose(scores, "min", settings, STRONGER).best == 0


def test_1se_takes_the_strongest_penalty_within_one_standard_error() -> None:
    # best 0.90, standard error 0.01: 0.895 is within, 0.889 is not
    scores = summarise(around([0.85, 0.90, 0.895, 0.889], 0.01))
    picked = choose(scores, "max", lams(0.001, 0.01, 0.1, 1.0), STRONGER)
    assert (picked.best, picked.simplest) == (1, 2)


def test_1se_runs_the_other_way_where_lower_is_simpler() -> None:
    scores = summarise(around([0.895, 0.90, 0.899], 0.01))
    picked = choose(scores, "max", lams(1, 2, 3), {LAM: Knob(simpler="low")})
    assert (picked.best, picked.simplest) == (1, 0)


def test_1se_counts_folds_where_seeds_share_them() -> None:
    # three folds at 0.80, 0.90, 1.00, four seeds each alike: the standard error is 0.1 / sqrt(3)
    # = 0.0577 over folds, but 0.0853 / sqrt(12) = 0.0246 over all twelve. 0.86 lies between.
    best = np.repeat([0.80, 0.90, 1.00], 4)
    scores = np.stack([best, best - 0.04])
    settings = lams(0.01, 0.1)
    layout = Layout(tuple(Replicate(seed, 0, fold, None) for fold in range(3) for seed in range(4)))
    assert choose(summarise(scores), "max", settings, STRONGER).simplest == 0
    by_fold = summarise_over(scores, layout, "val_accuracy")
    assert by_fold.error == pytest.approx([0.1 / 3**0.5] * 2)
    assert choose(by_fold, "max", settings, STRONGER).simplest == 1


def test_1se_is_min_where_no_parameter_says_which_way_is_simpler() -> None:
    scores = summarise(around([0.90, 0.899], 0.01))
    picked = choose(scores, "max", [((LR, 0.1),), ((LR, 1.0),)], {LR: Knob(gt=0)})
    assert picked.best == picked.simplest == 0


def test_1se_is_min_with_a_single_replicate() -> None:
    scores = summarise(np.array([[0.9], [0.899]]))
    picked = choose(scores, "max", lams(0.1, 1.0), STRONGER)
    assert picked.best == picked.simplest == 0


def test_a_tie_goes_to_the_simpler_setting() -> None:
    scores = summarise(around([0.9, 0.9, 0.8], 0.001))
    assert choose(scores, "max", lams(0.01, 0.1, 1.0), STRONGER).best == 1


def test_a_setting_that_lost_a_replicate_does_not_compete_with_whole_ones() -> None:
    values = around([0.90, 0.95], 0.001)
    values[1, 0] = np.nan
    assert choose(summarise(values), "max", lams(0.01, 0.1), STRONGER).best == 0


def test_a_rounding_of_float32_decides_nothing() -> None:
    # 0.966 in float32 against 0.966 in float64: 1e-8 apart
    values = np.array([[float(np.float32(0.966))] * 4, [0.966] * 4])
    for settings in (lams(0.01, 0.1), lams(0.1, 0.01)):
        assert choose(summarise(values), "max", settings, STRONGER).best == int(
            settings[1] == ((LAM, 0.1),)
        )


def test_inside_a_fold_only_its_own_scores_choose() -> None:
    layout = Layout(tuple(Replicate(seed, 0, fold, None) for fold in range(2) for seed in range(2)))
    # fold 0 likes the first setting, fold 1 the second; over all the second is best
    scores = np.array([[0.9, 0.8, 0.1, 0.2], [0.7, 0.8, 0.9, 0.9]])
    order = order_of(lams(0.01, 0.1), {})
    together, *inside = choose_by(
        standing_of(scores, layout, "val_accuracy"), direction="max", order=order
    )
    assert [one.best for one in inside] == [0, 1]
    assert together.best == choose(summarise(scores), "max", lams(0.01, 0.1), {}).best == 1


def test_inside_a_fold_the_standard_error_is_that_of_its_inner_folds() -> None:
    layout = Layout(tuple(Replicate(0, 0, 0, inner) for inner in range(4)))
    # best 0.90 with a standard error of 0.01 over inner folds; 0.895 is within it, 0.885 is not
    order = order_of(lams(0.001, 0.01, 0.1), STRONGER)
    standing = standing_of(around([0.90, 0.895, 0.885], 0.01), layout, "val_accuracy")
    _, inside = choose_by(standing, direction="max", order=order)
    assert (inside.best, inside.simplest) == (0, 1)


def test_inside_a_fold_of_one_part_the_error_of_an_accuracy_is_that_of_its_rows() -> None:
    layout = Layout((Replicate(0, 0, 0, None),))
    order = order_of(lams(0.01, 0.1), STRONGER)
    scores = np.array([[0.90], [0.88]])
    # sqrt(0.9 * 0.1 / 100) = 0.03, and / 1000 = 0.0095
    for rows, simplest in ((100, 1), (1000, 0)):
        standing = standing_of(scores, layout, "val_accuracy", rows=rows)
        _, inside = choose_by(standing, direction="max", order=order)
        assert (inside.best, inside.simplest) == (0, simplest)


def test_nothing_is_chosen_where_nothing_is_scored() -> None:
    assert choose(summarise(np.full((2, 3), np.nan)), "max", lams(0.1, 1.0), STRONGER) is None


def test_the_ranks_of_several_parameters_are_summed_with_equal_weight() -> None:
    width = "/architecture/hidden/0"
    settings = [((width, w), (LAM, lam)) for w in (8, 16, 32) for lam in (0.1, 1.0)]
    knobs = {LAM: Knob(simpler="high"), width: Knob(simpler="low")}
    # λ counts 0 or 1, width 1, 1/2, 0
    assert simplicity_of(settings, knobs).tolist() == [1, 2, 0.5, 1.5, 0, 1]


@pytest.mark.parametrize(("row", "edge"), [(0, "low"), (1, None), (2, "high")])
def test_the_edge_is_told(row: int, edge: str | None) -> None:
    found = edge_of(row, lams(0.001, 0.01, 0.1), STRONGER)
    assert (found[0] if found else None) == edge
    if found:
        assert "λ = 0." in found[1]


def test_an_edge_of_a_range_that_is_not_all_scored_is_not_told_as_final() -> None:
    edge, sentence, pointer = edge_of(2, lams(0.001, 0.01, 0.1), STRONGER, scored=2)
    assert (edge, pointer) == ("high", LAM)
    assert sentence == (
        "the chosen λ = 0.1 is the highest of its range, but only 2 of 3 settings have scores yet"
    )


def test_the_parameters_own_bound_is_no_edge() -> None:
    assert edge_of(0, lams(0.0, 0.01, 0.1), STRONGER) is None


def test_a_parameter_with_one_value_has_no_edge() -> None:
    assert edge_of(0, lams(0.1), STRONGER) is None


@given(st.lists(st.floats(0.1, 0.9), min_size=2, max_size=8), st.floats(-5, 5))
def test_adding_a_constant_changes_no_choice(means: list[float], constant: float) -> None:
    rounded = [round(mean, 3) for mean in means]
    scores = around(rounded, 0.0105)
    settings = lams(*(10.0**-i for i in range(len(means))))
    here = choose(summarise(scores), "max", settings, STRONGER)
    there = choose(summarise(np.round(scores + round(constant, 3), 9)), "max", settings, STRONGER)
    assert scores[here.best].mean() == pytest.approx(scores[there.best].mean(), abs=1e-8)
