from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from markupsafe import escape

from core.report.build import build_report
from core.report.cells import SETTINGS_MAX, arm_rows
from core.report.evidence import Evidence
from core.report.figures import figures
from core.report.gains import gain_over, gains_of
from core.report.page import to_html
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
    assert len(mine) == 9 * 3 + 3
    lam = {float(row["/regularizers/0/lambda"]) for row in mine if row["/regularizers/0/lambda"]}
    assert lam == {s.setting["/regularizers/0/lambda"] for s in report.arms[1].settings}
    row = next(r for r in mine if r["split"] == "val" and r["chosen_min"] == "1")
    score = report.arms[1].chosen.min.scores["val_accuracy"]
    assert float(row["mean"]) == score.mean
    assert float(row["ci95_low"]) == score.ci95[0]
    whole = next(r for r in mine if r["split"] == "test" and r["setting"] == "chosen inside folds")
    assert float(whole["mean"]) == report.arms[1].scores["test_accuracy"].mean
    assert {"zeros", "weight_norm", "objective", "term/l1"} <= {r["metric"] for r in rows}


def test_csv_starts_no_formula(hostile: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(hostile[0]))))
    assert {row["arm"][0] for row in rows} == {"n", "'"}


def test_markdown_tells_the_verdict_first(report: Any) -> None:
    text = to_markdown(report)
    assert text.startswith("# which regularizer for digits\n\n**l1 looks best; not proven.**")
    assert "| l1 | none | 1.2 |" in text
    assert "```json" in text


def test_markdown_lets_client_strings_neither_link_nor_break_tables(hostile: Any) -> None:
    text = to_markdown(hostile[0])
    table = text.split("## Arms")[1].split("##")[0]
    cells = {line.replace("\\|", "").count("|") for line in table.strip().splitlines()}
    assert len(cells) == 1
    assert "[x](" not in text.split("```json")[0]
    assert "<img" not in text.split("```json")[0]


def test_the_page_is_self_contained_and_runs_nothing(report: Any, comparison: Any) -> None:
    page = to_html(report, figures(report, Evidence(comparison[2])))
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert " src=" not in page
    assert "@import" not in page
    assert "<link" not in page
    addresses = {part.split('"')[0] for part in page.split("http")[1:]}
    assert {a for a in addresses if "w3.org" not in a and not a.startswith("-equiv")} == set()
    assert page.count("<svg") == len(figures(report, Evidence(comparison[2])))


def test_the_page_begins_with_what_was_found_and_what_to_do(report: Any) -> None:
    page = to_html(report, {})
    headings = re.findall(r"<h(\d)[^>]*>(.*?)</h", page)
    assert headings[0][0] == "1"
    assert headings[0][1].endswith(escape(report.headline))
    said = [report.headline, report.best_bet, report.proven, report.action.sentence]
    places = [page.index(str(escape(text))) for text in [*said, *report.details]]
    assert places == sorted(places)
    assert places[-1] < page.index("<table")


def test_the_compared_score_and_the_gain_come_first_in_the_table(report: Any) -> None:
    rows = arm_rows(report)
    assert rows[0].name == report.best_arm
    for row in rows:
        score, gain = row.cells[:2]
        assert (score.head, gain.head) == ("test accuracy", "gain over none (points)")
        assert (score.kind, gain.kind) == ("main", "main")
        assert (gain.text == "–") == row.baseline


def test_a_gain_is_positive_where_it_is_better_whichever_way_the_metric_runs(studio: Any) -> None:
    def score(arm: str, setting: Any, seed: int, fold: Any) -> dict[str, float]:
        level = {"none": 0.5, "l2": 0.4}.get(arm, 0.6) + 0.01 * (fold or 0)
        return {"val_loss": level, "test_loss": level}

    body = studio.body | {"folds": 5, "seeds": 1, "select": {"metric": "val_loss"}}
    report = build_report([studio.job(body)], studio.runs(body, score))
    gains = {gain.a: gain for gain in gains_of(report) if gain.b == "none"}
    assert gains["l2"].gain == pytest.approx(0.1)
    assert gains["l1"].gain == pytest.approx(-0.1)
    assert gain_over(report, "none", "l2").gain == pytest.approx(-0.1)
    assert gains["l2"].words("test_loss") == "+0.1"


def test_the_ids_of_the_figures_do_not_clash(report: Any, comparison: Any) -> None:
    page = to_html(report, figures(report, Evidence(comparison[2])))
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
    for used in {part.split(")")[0] for part in page.split('"url(#')[1:]}:
        assert used in ids


def test_the_page_escapes_client_strings(hostile: Any) -> None:
    report, curves = hostile
    page = to_html(report, figures(report, Evidence(curves)))
    assert "<img" not in page
    assert "</script" not in page
    assert "&lt;img" in page


def test_a_setting_may_wrap_between_its_values_but_not_within_one(studio: Any) -> None:
    regularizer = {"kind": "elastic_net", "lambda": 0.1, "l1_ratio": {"values": [0.2, 0.8]}}
    body = studio.body | {"compare": [{"name": "net", "regularizers": [regularizer]}]}
    report = build_report([studio.job(body)], studio.runs(body, studio.lifelike))

    page = to_html(report, {})

    assert 'class="setting">L1 ratio\u00a0=\u00a00.' in page


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
    assert to_html(one, figures(one, Evidence(curves))) == to_html(
        two, figures(two, Evidence(curves[::-1]))
    )
