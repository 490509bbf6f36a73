from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from core.report.build import build_report
from core.report.figures import figures
from core.report.page import SETTINGS_MAX, to_html
from core.report.render import to_csv, to_json, to_markdown

EVIL = '=cmd|"</script><img src=x onerror=alert(1)>` | [x](javascript:1)'


@pytest.fixture(scope="module")
def report(comparison: Any) -> Any:
    job, runs, _ = comparison
    return build_report([job], runs)


@pytest.fixture(scope="module")
def hostile(studio: Any) -> Any:
    body = studio.body | {
        "name": EVIL,
        "seeds": 3,
        "compare": [{"name": "none"}, {"name": EVIL, "regularizers": ["l1"]}],
    }
    runs = list(studio.runs(body, studio.lifelike))
    return build_report([studio.job(body)], runs), list(studio.curves(runs))


def test_json_is_strict(report: Any) -> None:
    def refuse(token: str) -> None:
        raise AssertionError(token)

    json.loads(to_json(report), parse_constant=refuse)


def test_csv_has_a_row_for_every_setting_and_metric(report: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(report))))
    mine = [row for row in rows if row["arm"] == "l1" and row["metric"] == "accuracy"]
    assert len(mine) == 9 * 3
    lam = {float(row["/regularizers/0/lambda"]) for row in mine}
    assert lam == {s.setting["/regularizers/0/lambda"] for s in report.arms[1].settings}
    row = next(r for r in mine if r["split"] == "val" and r["chosen_min"] == "1")
    score = report.arms[1].chosen.min.scores["val_accuracy"]
    assert float(row["mean"]) == score.mean
    assert float(row["ci95_low"]) == score.ci95[0]
    assert {"zeros", "weight_norm", "objective", "term/l1"} <= {r["metric"] for r in rows}


def test_csv_starts_no_formula(hostile: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(hostile[0]))))
    assert {row["arm"][0] for row in rows} == {"n", "'"}


def test_markdown_tells_the_verdict_first(report: Any) -> None:
    text = to_markdown(report)
    assert text.startswith("# which regularizer for digits\n\n**l1 at λ = ")
    assert "| none | l1 | −1.2 |" in text
    assert "```json" in text


def test_markdown_lets_client_strings_neither_link_nor_break_tables(hostile: Any) -> None:
    text = to_markdown(hostile[0])
    table = text.split("## Arms")[1].split("##")[0]
    cells = {line.replace("\\|", "").count("|") for line in table.strip().splitlines()}
    assert len(cells) == 1
    assert "[x](" not in text.split("```json")[0]
    assert "<img" not in text.split("```json")[0]


def test_the_page_is_self_contained_and_runs_nothing(report: Any, comparison: Any) -> None:
    page = to_html(report, figures(report, comparison[2]))
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert " src=" not in page
    assert "@import" not in page
    assert "<link" not in page
    addresses = {part.split('"')[0] for part in page.split("http")[1:]}
    assert {a for a in addresses if "w3.org" not in a and not a.startswith("-equiv")} == set()
    assert page.count("<svg") == len(report.figures)
    assert report.verdict in page
    assert page.index(report.verdict) < page.index("<table")


def test_the_ids_of_the_figures_do_not_clash(report: Any, comparison: Any) -> None:
    page = to_html(report, figures(report, comparison[2]))
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
    for used in {part.split(")")[0] for part in page.split('"url(#')[1:]}:
        assert used in ids


def test_the_page_escapes_client_strings(hostile: Any) -> None:
    report, curves = hostile
    page = to_html(report, figures(report, curves))
    assert "<img" not in page
    assert "</script" not in page
    assert "&lt;img" in page


def test_a_setting_may_wrap_between_its_values_but_not_within_one(studio: Any) -> None:
    regularizer = {"kind": "elastic_net", "lambda": 0.1, "l1_ratio": {"values": [0.2, 0.8]}}
    body = studio.body | {"compare": [{"name": "net", "regularizers": [regularizer]}]}
    report = build_report([studio.job(body)], studio.runs(body, studio.lifelike))

    page = to_html(report, {})

    assert '<td class="setting">L1 ratio\u00a0=\u00a00.' in page


def test_a_page_of_many_settings_stays_short(studio: Any) -> None:
    body = studio.body | {
        "seeds": 1,
        "compare": [
            {
                "name": "l2",
                "regularizers": [{"kind": "l2", "lambda": {"log_range": [1e-5, 1], "num": 900}}],
            }
        ],
    }
    report = build_report([studio.job(body)], studio.runs(body, studio.lifelike))
    page = to_html(report, {})
    assert page.count("1 of 1") <= SETTINGS_MAX + 2


def test_the_same_rows_give_the_same_bytes(comparison: Any) -> None:
    job, runs, curves = comparison
    one, two = (build_report([job], order) for order in (runs, runs[::-1]))
    for render in (to_json, to_csv, to_markdown):
        assert render(one) == render(two)
    assert to_html(one, figures(one, curves)) == to_html(two, figures(two, curves[::-1]))
