from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from core.errors import InvalidSpec
from core.report.report import Report
from core.report.summary import Summary, summary_of
from core.report.summary_render import summary_csv, summary_html, summary_markdown

BODY = {
    "architecture": "linear",
    "loss": "cross_entropy",
    "folds": 5,
    "seeds": 1,
    "compare": [
        {"name": "none"},
        {"name": "l1", "regularizers": [{"kind": "l1", "lambda": 0.01}]},
        {"name": "l2", "regularizers": [{"kind": "l2", "lambda": 0.01}]},
    ],
}
LEVELS = {"none": 0.7, "l1": 0.8, "l2": 0.9}


def on(studio: Any, dataset: str, number: int, **more: Any) -> Report:
    levels = more.pop("levels", LEVELS)
    body = BODY | {"dataset": dataset} | more
    world = studio.world(
        body, lambda arm, setting: levels[arm], rows=200, seed=number, job=f"job_{number}"
    )
    return world.report()


@pytest.fixture(scope="module")
def summary(studio: Any) -> Summary:
    names = ["digits", "breast_cancer", "wine", "iris"]
    return summary_of([on(studio, name, i) for i, name in enumerate(names * 3)])


def test_the_arm_that_is_best_everywhere_ranks_first_beyond_doubt(summary: Summary) -> None:
    assert [(arm.name, arm.average_rank, arm.best_on) for arm in summary.arms] == [
        ("l2", 1.0, 12),
        ("l1", 2.0, 0),
        ("none", 3.0, 0),
    ]
    assert summary.headline == "l2 ranks best over 12 datasets, beyond doubt."
    assert summary.proven == "Proven: l2 above l1, l2 above none and l1 above none."
    # ranks that agree everywhere: chi squared is datasets times (arms - 1)
    assert summary.friedman.statistic == pytest.approx(24)
    assert summary.arms[2].baseline


def test_a_few_datasets_prove_nothing_and_that_is_said(studio: Any) -> None:
    summary = summary_of([on(studio, name, i) for i, name in enumerate(["digits", "wine"])])
    assert summary.headline == "l2 ranks best over 2 datasets; not proven."
    assert summary.proven == "Proven: nothing yet."
    assert summary.notes[0].startswith("2 datasets say little about others")


def test_arms_that_not_every_dataset_has_are_left_out_and_named(studio: Any) -> None:
    more = [*BODY["compare"], {"name": "wide", "regularizers": ["l2"]}]
    reports = [
        on(studio, "digits", 0),
        on(studio, "wine", 1, compare=more, levels=LEVELS | {"wide": 0.95}),
    ]
    summary = summary_of(reports)
    assert {arm.name for arm in summary.arms} == set(LEVELS)
    assert "wine: wide left out, since not every dataset has it." in summary.notes


def test_datasets_without_two_arms_in_common_are_refused(studio: Any) -> None:
    renamed = [{**arm, "name": f"my {arm['name']}"} for arm in BODY["compare"]]
    levels = {f"my {name}": level for name, level in LEVELS.items()}
    reports = [on(studio, "digits", 0), on(studio, "wine", 1, compare=renamed, levels=levels)]
    with pytest.raises(InvalidSpec, match="matched by name, and none has"):
        summary_of(reports)


def test_datasets_compared_by_other_metrics_need_one_to_be_named(studio: Any) -> None:
    reports = [on(studio, "digits", 0), on(studio, "wine", 1)]
    method = reports[1].method.model_copy(update={"compared_metric": "test_loss"})
    with pytest.raises(InvalidSpec, match="say which metric to use"):
        summary_of([reports[0], reports[1].model_copy(update={"method": method})])


def test_it_comes_in_every_form(summary: Summary) -> None:
    assert json.loads(summary.model_dump_json())["object"] == "summary"
    rows = list(csv.DictReader(io.StringIO(summary_csv(summary))))
    assert len(rows) == 12 * 3
    assert {row["rank"] for row in rows if row["arm"] == "l2"} == {"1.0"}
    text = summary_markdown(summary)
    assert text.startswith("# digits, breast\\_cancer, wine, iris")
    assert "| average rank | 1 | 2 | 3 |" in text
    page = summary_html(summary)
    assert "<h1>l2 ranks best over 12 datasets, beyond doubt.</h1>" in page
    assert "<script" not in page
