from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.report.build import build_report
from core.report.evidence import Evidence
from core.report.figures import FIGURES, curves_wanted, figure, figures, with_figures
from core.report.figures.importance import BARS_MAX
from core.report.figures.theme import POINTS_MAX
from core.report.image import figure_png, figure_svg
from core.report.importance import Importances
from core.report.records import CurveRecord
from core.report.report import ChosenCount

CLASSIFIED = {"confusion", "classes", "roc", "precision_recall", "reliability"}
VALUED = {"predicted", "residuals"}


@pytest.fixture(scope="module")
def drawn(comparison: Any, studio: Any) -> Any:
    """The report of the comparison, whose folds chose, and all figures of its evidence."""
    job, runs, curves = comparison
    report = build_report([job], runs)
    counts = [
        ChosenCount(setting=s.setting, label=s.label, count=count)
        for s, count in zip(report.arms[1].settings, (3, 2), strict=False)
    ]
    chosen = [
        a.model_copy(update={"chosen_counts": counts * (a.name == "l1")}) for a in report.arms
    ]
    report = report.model_copy(update={"arms": chosen})
    classes = [str(number) for number in range(10)]
    predictions = {arm.name: studio.classified(i) for i, arm in enumerate(report.arms)}
    evidence = Evidence(predictions=predictions, classes=classes)
    return with_figures(report, evidence), figures(report, replace(evidence, curves=curves))


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
    assert list(found) == [name for name in FIGURES if name not in VALUED]
    assert {link.name: link.title for link in report.figures} == {
        name: figure.title for name, figure in found.items()
    } | {"learning": "Validation accuracy by epoch"}


@pytest.mark.parametrize("name", [name for name in FIGURES if name not in VALUED])
def test_every_figure_is_strict_json_and_fits_a_column(drawn: Any, name: str) -> None:
    fits_a_column(drawn[1][name])


def fits_a_column(figure: Any) -> None:
    json.dumps(figure.spec, allow_nan=False)
    svg = figure_svg(figure)
    width = float(svg.split('width="')[1].split('"')[0])
    assert 250 < width < 460
    for word in figure.title.split():
        assert word in svg
    assert 'aria-label="Title text' not in figure_svg(figure, titled=False)
    assert 'aria-label="Title text' in svg


def test_a_regression_has_its_predictions_drawn(comparison: Any, studio: Any) -> None:
    job, runs, _ = comparison
    report = build_report([job], runs)
    found = figures(report, Evidence(predictions={"l1": studio.valued()}))
    assert set(found) > VALUED
    assert not CLASSIFIED & set(found)
    for name in VALUED:
        fits_a_column(found[name])


@pytest.mark.parametrize("image", [False, True])
def test_importance_is_bars_or_a_map(comparison: Any, studio: Any, image: bool) -> None:
    job, runs, _ = comparison
    report = build_report([job], runs)
    told = studio.important("test_accuracy", image=image)
    evidence = Evidence(
        predictions={arm.name: studio.classified(0) for arm in report.arms},
        importance=Importances({str(report.best_arm): told}),
    )
    found = figure(report, evidence, "importance")
    fits_a_column(found)
    name = "row 0, column 0" if image else "a rather long name 0"
    assert found.title == (
        f"{report.best_arm} rests most on {name}: without it test accuracy falls by 5.0 points"
    )
    rows = values_of(found.spec)[0]
    assert len(rows) == (64 if image else BARS_MAX)
    strong = [row for row in rows if (row["told"] if image else row["strength"] == 1)]
    assert len(strong) == sum(told.stands_out(i) for i in range(len(told.loss_F)))


def test_importance_that_is_missing_is_a_sentence(comparison: Any, studio: Any) -> None:
    job, runs, _ = comparison
    report = build_report([job], runs)
    evidence = Evidence(
        predictions={"l1": studio.classified(0)}, importance=Importances({}, "They are gone.")
    )
    found = figure(report, evidence, "importance")
    fits_a_column(found)
    assert found.subtitle == "They are gone."
    assert "not known" in found.title


def test_png_bytes_are_a_png(drawn: Any) -> None:
    assert figure_png(drawn[1]["gap"], scale=1).startswith(b"\x89PNG")


ARMS = {"none": "#6f7782", "l1": "#0072b2", "l2": "#d55e00", "dropout": "#009e73"}


def channels(node: Any, name: str) -> list[Any]:
    """Every such channel of a Vega-Lite document."""
    if isinstance(node, list):
        return [found for item in node for found in channels(item, name)]
    if not isinstance(node, dict):
        return []
    own = [node["encoding"][name]] if name in node.get("encoding", {}) else []
    return own + [found for item in node.values() for found in channels(item, name)]


def test_an_arm_has_the_same_colour_in_every_figure_and_nothing_else_has_it(drawn: Any) -> None:
    for found in drawn[1].values():
        for channel in channels(found.spec, "color"):
            scale = channel.get("scale", {})
            if channel.get("field") == "arm":
                assert dict(zip(scale["domain"], scale["range"], strict=True)) == ARMS
            else:
                assert not set(ARMS.values()) & set(scale.get("range", []))


@pytest.mark.parametrize("name", ["learning", "roc", "precision_recall", "score", "reliability"])
def test_the_baseline_is_told_by_its_dashes_where_arms_are_lines(drawn: Any, name: str) -> None:
    for channel in (found := channels(drawn[1][name].spec, "strokeDash")):
        dashes = dict(zip(channel["scale"]["domain"], channel["scale"]["range"], strict=True))
        assert [arm for arm, dash in dashes.items() if dash != [1, 0]] == ["none"]
    assert found


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
    rows = [row for values in values_of(found["objective"].spec) for row in values]
    parts = {
        row["part"]: (row["from"], row["to"])
        for row in rows
        if row["arm"] == "l1" and "part" in row
    }
    assert parts == {"data term": (0, pytest.approx(0.7)), "l1": (pytest.approx(0.7), 1)}
    assert found["objective"].title == "The penalty is 30 % of what l1 minimises"
    assert [told for told in texts(found["objective"].spec) if "l1" in told] == ["J = 0.1: l1 30 %"]


def texts(spec: Any) -> list[str]:
    """The words in a figure's rows."""
    return [row["told"] for values in values_of(spec) for row in values if "told" in row]


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
    spec = figure(report, Evidence(), "score").spec
    view = spec["hconcat"][0]
    axis = view["layer"][0]["encoding"]["x"]["axis"]
    assert view["data"]["values"][0]["x"] == 1e-5
    assert "'0'" in axis["labelExpr"]
    assert figure_svg(figure(report, Evidence(), "score")).count(">0<") == 1


def test_long_curves_are_decimated_and_keep_their_ends(comparison: Any) -> None:
    job, runs, _ = comparison
    report = build_report([job], runs)
    ids, names = curves_wanted(report)
    epochs = np.arange(1, 20_001)
    curves = [CurveRecord(run, name, epochs, 1 / epochs) for run in ids for name in names]
    rows = values_of(figure(report, Evidence(curves), "learning").spec)[0]
    one = [row for row in rows if row["arm"] == "l1"]
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
    rows = values_of(figure(report, Evidence(curves), "learning").spec)[0]
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
    rows = values_of(figure(report, Evidence(), "score").spec)[0]
    assert len(report.arms[0].settings) == 3000
    assert len(rows) <= POINTS_MAX
    assert any(row["min"] for row in rows)


def test_more_arms_than_colours_show_the_best_and_the_baseline(studio: Any) -> None:
    body = studio.body | {"compare": [{"name": f"arm {i}"} for i in range(11)] + [{"name": "none"}]}

    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        level = 0.5 if arm == "none" else 0.8 + 0.01 * int(arm[4:])
        return {"val_accuracy": level + 0.001 * seed, "test_accuracy": level + 0.002 * seed}

    report = build_report([studio.job(body)], studio.runs(body, score))
    found = figure(report, Evidence(), "gap")
    assert "The table has 4 more arms." in found.subtitle
    shown = {row["arm"] for values in values_of(found.spec) for row in values}
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
    for found in figures(report, Evidence(list(studio.curves(runs)))).values():
        svg = figure_svg(found)
        assert "<script" not in svg
        assert "\x01" not in svg


def test_a_report_with_one_setting_draws_what_it_can(studio: Any) -> None:
    body = {"dataset": "digits", "architecture": "mlp", "loss": "cross_entropy", "seeds": 1}
    runs = list(studio.runs(body, studio.lifelike))
    report = build_report([studio.job(body)], runs)
    found = figures(report, Evidence(list(studio.curves(runs))))
    assert set(found) == {"learning", "gap"}
    for one in found.values():
        figure_svg(one)
    with pytest.raises(KeyError):
        figure(report, Evidence(), "differences")


def test_figures_without_curves_still_render(comparison: Any) -> None:
    job, runs, _ = comparison
    for one in figures(build_report([job], runs), Evidence()).values():
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
    views = figure(report, Evidence(), "score").spec["hconcat"]
    axes = [view["layer"][0]["encoding"]["x"]["axis"]["title"] for view in views]
    assert axes == ["λ", "learning rate"]
    for view in views:
        assert len(view["data"]["values"]) == 20
        assert {row["joined"] for row in view["data"]["values"]} == {0}


def test_a_better_arm_with_nothing_varied_is_named_by_the_score_figure(studio: Any) -> None:
    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        return {"val_accuracy": (0.98 if arm == "none" else 0.9) + 0.001 * seed}

    report = build_report([studio.job(studio.body)], studio.runs(studio.body, score))
    title = figure(report, Evidence(), "score").title
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

    report = build_report([studio.job(body)], studio.runs(body, score))
    return figure(report, Evidence(), "sparsity").title


def test_zeros_cost_nothing_where_an_arm_with_them_scores_as_the_baseline(studio: Any) -> None:
    levels = {"none": 0.93, "best": 0.97, "l1 0.001": 0.94, "l1 0.01": 0.95, "l1 0.1": 0.8}
    title = "49 % of the weights can be zero (l1) at 95.2 % validation accuracy; none has 93.2 %"
    assert sparse(studio, levels) == title
    levels |= {"l1 0.01": 0.9}
    assert sparse(studio, levels) == "No setting with zeros keeps none's validation accuracy"


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ([0.5, 0.9, 0.8, 0.7], "l1 was best at epoch 2 of 4 and then lost 20.0 points"),
        ([0.5, 0.6, 0.7, 0.8], "l1 was still improving at epoch 4: more epochs may help"),
        ([0.5, 0.899, 0.9, 0.9], "l1 gained nearly all by epoch 2 of 4"),
    ],
)
def test_the_learning_figure_tells_when_the_best_arm_stopped_learning(
    comparison: Any, path: list[float], title: str
) -> None:
    job, runs, _ = comparison
    report = build_report([job], runs)
    epochs = np.arange(1, 5)
    curves = [CurveRecord(r, "val_accuracy", epochs, np.array(path)) for r in best_runs(report)]
    assert figure(report, Evidence(curves), "learning").title == title


def best_runs(report: Any) -> list[str]:
    (runs,) = (arm.chosen.min.runs for arm in report.arms if arm.name == "l1")
    return runs


def test_no_band_and_no_axis_reaches_beyond_what_a_score_can_be(studio: Any) -> None:
    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        return {"val_accuracy": [1.0, 0.98, 1.0, 0.96, 1.0][seed]}

    runs = list(studio.runs(studio.body, score))
    report = build_report([studio.job(studio.body)], runs)
    for name in ("score", "learning"):
        spec = figure(report, Evidence(list(studio.curves(runs))), name).spec
        rows = [row for values in values_of(spec) for row in values]
        assert max(row["high"] for row in rows if "high" in row) <= 1
        assert max(y["scale"]["domain"][1] for y in channels(spec, "y")) <= 1


def test_an_arm_that_scores_no_better_in_training_is_not_told_to_overfit(studio: Any) -> None:
    scores = {"train_accuracy": 0.9, "val_accuracy": 0.91}
    runs = studio.runs(studio.body, lambda *_: scores)
    report = build_report([studio.job(studio.body)], runs)
    title = figure(report, Evidence(), "gap").title
    assert title == "No arm scores better in training than in validation"
