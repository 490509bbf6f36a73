from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from core.report.build import build_report
from core.report.figures import FIGURES, curves_wanted, figure, figures
from core.report.figures.theme import POINTS_MAX
from core.report.image import figure_png, figure_svg
from core.report.records import CurveRecord


@pytest.fixture(scope="module")
def drawn(comparison: Any) -> Any:
    job, runs, curves = comparison
    report = build_report([job], runs)
    return report, figures(report, curves)


def values_of(node: Any) -> list[list[Any]]:
    """Every inline data set of a Vega-Lite document."""
    if isinstance(node, list):
        return [found for item in node for found in values_of(item)]
    if not isinstance(node, dict):
        return []
    own = [node["data"]["values"]] if "data" in node else []
    return own + [found for key, item in node.items() if key != "data" for found in values_of(item)]


def test_a_comparison_has_every_figure(drawn: Any) -> None:
    report, found = drawn
    assert list(found) == list(FIGURES)
    assert len(found) >= 5
    assert [(link.name, link.title) for link in report.figures] == [
        (name, figure.title) for name, figure in found.items()
    ]


@pytest.mark.parametrize("name", list(FIGURES))
def test_every_figure_is_strict_json_and_renders(drawn: Any, name: str) -> None:
    _, found = drawn
    json.dumps(found[name].spec, allow_nan=False)
    svg = figure_svg(found[name])
    assert svg.startswith("<svg")
    width = float(svg.split('width="')[1].split('"')[0])
    assert 400 < width < 720
    for word in found[name].title.split():
        assert word in svg


def test_png_bytes_are_a_png(drawn: Any) -> None:
    assert figure_png(drawn[1]["gap"], scale=1).startswith(b"\x89PNG")


@pytest.mark.parametrize("name", list(FIGURES))
def test_an_arm_has_the_same_colour_in_every_figure(drawn: Any, name: str) -> None:
    spec = json.dumps(drawn[1][name].spec)
    if '"field": "arm"' in spec and '"color"' in spec and name not in ("gap", "pairs", "objective"):
        assert '"domain": ["none", "l1", "l2", "dropout"]' in spec
        assert '"range": ["#6f7782", "#0072b2", "#d55e00", "#009e73"]' in spec


def test_the_choices_are_marked_in_the_score_figure(drawn: Any) -> None:
    report, found = drawn
    rows = [row for values in values_of(found["score"].spec) for row in values]
    for arm in report.arms:
        marked = {row["x"] for row in rows if row["arm"] == arm.name and row.get("min")}
        assert marked == set(arm.chosen.min.setting.values())
        simplest = {row["x"] for row in rows if row["arm"] == arm.name and row.get("1se")}
        assert simplest == set(arm.chosen.one_se.setting.values())


def test_the_objective_is_split_into_its_parts(drawn: Any) -> None:
    _, found = drawn
    (rows,) = values_of(found["objective"].spec)
    parts = {row["part"]: row["value"] for row in rows if row["arm"] == "l1"}
    assert parts == {"data term": pytest.approx(0.07), "l1": pytest.approx(0.03)}
    assert found["objective"].title == "The penalty is 30 % of what l1 minimises"


def test_lambda_zero_has_a_place_on_the_logarithmic_axis(studio: Any) -> None:
    body = studio.body | {
        "compare": [
            {
                "name": "l2",
                "regularizers": [{"kind": "l2", "lambda": {"values": [0, 1e-4, 1e-2, 1]}}],
            }
        ]
    }
    report = build_report([studio.job(body)], studio.runs(body, studio.lifelike))
    spec = figure(report, [], "score").spec
    view = spec["hconcat"][0]
    axis = view["layer"][0]["encoding"]["x"]["axis"]
    assert view["data"]["values"][0]["x"] == 1e-5
    assert "'0'" in axis["labelExpr"]
    assert figure_svg(figure(report, [], "score")).count(">0<") == 1


def test_long_curves_are_decimated_and_keep_their_ends(comparison: Any) -> None:
    job, runs, _ = comparison
    report = build_report([job], runs)
    ids, names = curves_wanted(report)
    epochs = np.arange(1, 20_001)
    curves = [CurveRecord(run, name, epochs, 1 / epochs) for run in ids for name in names]
    rows = values_of(figure(report, curves, "learning").spec)[0]
    one = [row for row in rows if row["arm"] == "l1" and row["split"] == "validation accuracy"]
    assert len(one) <= POINTS_MAX
    assert (one[0]["epoch"], one[-1]["epoch"]) == (1, 20_000)


def test_a_run_that_stopped_early_keeps_its_last_value(comparison: Any) -> None:
    job, runs, _ = comparison
    report = build_report([job], runs)
    (first, second, *_), _ = curves_wanted(report)
    curves = [
        CurveRecord(first, "val_accuracy", np.array([1, 2]), np.array([0.5, 0.6])),
        CurveRecord(second, "val_accuracy", np.array([1, 2, 3]), np.array([0.5, 0.8, np.nan])),
    ]
    rows = values_of(figure(report, curves, "learning").spec)[0]
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert rows[1]["y"] == pytest.approx(0.7)
    assert rows[2]["y"] == pytest.approx(0.6)  # a NaN is left out, not drawn


def test_ten_thousand_settings_are_decimated_with_the_choice_kept(studio: Any) -> None:
    body = studio.body | {
        "seeds": 1,
        "search": {"method": "random", "trials": 3000},
        "compare": [
            {"name": "l2", "regularizers": [{"kind": "l2", "lambda": {"log_range": [1e-5, 1]}}]}
        ],
    }
    report = build_report([studio.job(body)], studio.runs(body, studio.lifelike))
    rows = values_of(figure(report, [], "score").spec)[0]
    assert len(report.arms[0].settings) == 3000
    assert len(rows) <= POINTS_MAX
    assert any(row["min"] for row in rows)


def test_more_arms_than_colours_show_the_best_and_the_baseline(studio: Any) -> None:
    body = studio.body | {"compare": [{"name": f"arm {i}"} for i in range(11)] + [{"name": "none"}]}

    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        level = 0.5 if arm == "none" else 0.8 + 0.01 * int(arm[4:])
        return {"val_accuracy": level + 0.001 * seed, "test_accuracy": level + 0.002 * seed}

    report = build_report([studio.job(body)], studio.runs(body, score))
    spec = figure(report, [], "pairs").spec
    assert "4 more arms" in " ".join(spec["title"]["subtitle"])
    shown = {row["a"] for row in values_of(spec)[0]}
    assert shown == {"none", *(f"arm {i}" for i in range(4, 11))}


def test_client_strings_are_data_and_never_code(studio: Any) -> None:
    evil = "</text><script>alert(1)</script> a.b[0] \x01\x1f\ufffe\uffff datum.x"
    body = studio.body | {
        "compare": [
            {"name": "none"},
            {"name": evil, "regularizers": [{"kind": "l1", "lambda": {"values": [1e-4, 1e-3]}}]},
        ]
    }
    runs = list(studio.runs(body, studio.lifelike))
    report = build_report([studio.job(body)], runs)
    for found in figures(report, list(studio.curves(runs))).values():
        svg = figure_svg(found)
        assert "<script" not in svg
        assert "\x01" not in svg


def test_a_report_with_one_setting_draws_what_it_can(studio: Any) -> None:
    body = {"dataset": "digits", "architecture": "mlp", "loss": "cross_entropy", "seeds": 1}
    runs = list(studio.runs(body, studio.lifelike))
    report = build_report([studio.job(body)], runs)
    found = figures(report, list(studio.curves(runs)))
    assert set(found) == {"learning", "gap"}
    for one in found.values():
        figure_svg(one)
    with pytest.raises(KeyError):
        figure(report, [], "pairs")


def test_figures_without_curves_still_render(comparison: Any) -> None:
    job, runs, _ = comparison
    for one in figures(build_report([job], runs), []).values():
        figure_svg(one)


def test_settings_that_differ_in_two_parameters_are_joined_by_no_line(studio: Any) -> None:
    body = {
        "dataset": "digits",
        "architecture": "linear",
        "loss": "cross_entropy",
        "optimizer": {"kind": "sgd", "lr": {"log_range": [1e-3, 0.3]}},
        "search": {"method": "random", "trials": 20},
        "regularizers": [{"kind": "l2", "lambda": {"log_range": [1e-5, 1]}}],
    }
    report = build_report([studio.job(body)], studio.runs(body, studio.lifelike))
    views = figure(report, [], "score").spec["hconcat"]
    axes = [view["layer"][0]["encoding"]["x"]["axis"]["title"] for view in views]
    assert axes == ["λ", "learning rate"]
    for view in views:
        assert len(view["data"]["values"]) == 20
        assert {row["joined"] for row in view["data"]["values"]} == {0}


def test_a_better_arm_with_nothing_varied_is_named_by_the_score_figure(studio: Any) -> None:
    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        return {"val_accuracy": (0.98 if arm == "none" else 0.9) + 0.001 * seed}

    report = build_report([studio.job(studio.body)], studio.runs(studio.body, score))
    title = figure(report, [], "score").title
    assert title.startswith("none reaches 98.2 % validation accuracy; the best of what is varied, ")


def sparse(studio: Any, levels: dict[str, float]) -> str:
    """The title of the sparsity figure where l1's settings have 0, 49 and 90 % zeros."""
    l1 = [{"kind": "l1", "lambda": {"values": [0.001, 0.01, 0.1]}}]
    body = studio.body | {
        "compare": [{"name": "none"}, {"name": "best"}, {"name": "l1", "regularizers": l1}]
    }

    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        lam = setting.get("/regularizers/0/lambda", 0)
        key = f"l1 {lam}" if lam else arm
        zeros = {0.01: 0.49, 0.1: 0.9}.get(lam, 0.0)
        return {"val_accuracy": levels[key] + 0.001 * seed, "zeros": zeros}

    return figure(build_report([studio.job(body)], studio.runs(body, score)), [], "sparsity").title


def test_zeros_cost_nothing_where_an_arm_with_them_scores_as_the_baseline(studio: Any) -> None:
    levels = {"none": 0.93, "best": 0.97, "l1 0.001": 0.94, "l1 0.01": 0.95, "l1 0.1": 0.8}
    title = "49 % of the weights can be zero (l1) at 95.2 % validation accuracy; none has 93.2 %"
    assert sparse(studio, levels) == title
    levels |= {"l1 0.01": 0.9}
    assert sparse(studio, levels) == "No setting with zeros keeps none's validation accuracy"


def test_the_learning_figure_claims_nothing_of_scores_that_it_does_not_draw(drawn: Any) -> None:
    assert drawn[1]["learning"].title == "How training and validation accuracy develop"


def test_the_learning_figure_names_training_only_where_it_is_drawn(studio: Any) -> None:
    runs = studio.runs(studio.body, lambda *_: {"val_balanced_accuracy": 0.9})
    report = build_report([studio.job(studio.body)], runs, metric="balanced_accuracy")
    assert figure(report, [], "learning").title == "How validation balanced accuracy develops"


def test_no_band_and_no_axis_reaches_beyond_what_a_score_can_be(studio: Any) -> None:
    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        return {"val_accuracy": [1.0, 0.98, 1.0, 0.96, 1.0][seed]}

    runs = list(studio.runs(studio.body, score))
    report = build_report([studio.job(studio.body)], runs)
    for name in ("score", "learning"):
        spec = figure(report, list(studio.curves(runs)), name).spec
        view = spec["hconcat"][0] if name == "score" else spec
        assert max(row["high"] for row in view["data"]["values"]) <= 1
        assert view["layer"][0]["encoding"]["y"]["scale"]["domain"][1] == 1


def test_an_arm_that_scores_no_better_in_training_is_not_told_to_overfit(studio: Any) -> None:
    scores = {"train_accuracy": 0.9, "val_accuracy": 0.91}
    runs = studio.runs(studio.body, lambda *_: scores)
    title = figure(build_report([studio.job(studio.body)], runs), [], "gap").title
    assert title == "No arm scores better in training than in validation"
