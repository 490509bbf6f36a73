"""A report as one self-contained HTML page: no script, no external resource, light and dark."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from core.report.figures.theme import BASELINE, GRID, INK, MUTED, PAPER, Figure, colour_of
from core.report.image import figure_svg
from core.report.report import Arm, Pair, Report, Score, SettingResult
from core.report.together import Selection
from core.report.verdict import chosen_of, ranked
from core.report.words import (
    SPLITS,
    amount,
    base_of,
    differences,
    head_words,
    interval,
    metric_words,
    number,
    spread_words,
    unit_of_difference,
)

if TYPE_CHECKING:
    from jinja2 import Template

# what the page needs, for the response's header as well
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
SETTINGS_MAX = 100  # rows of one arm on the page; the CSV has all
PAIRS_MAX = 200
# colours of paper and ink follow the reader's theme; those of data stay
_THEMED = {INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--line)", PAPER: "var(--paper)"}


@dataclass(frozen=True)
class Cell:
    """A score on the page: its mean and, smaller, its interval."""

    mean: str
    interval: str = ""


def to_html(report: Report, figures: Mapping[str, Figure]) -> str:
    """The page. figures: as `figures(report, curves)` gives them."""
    colours = colour_of(report)
    return _template().render(
        report=report,
        policy=CONTENT_SECURITY_POLICY.partition("; frame-ancestors")[0],  # not allowed in meta
        title=", ".join(job.name or job.job for job in report.reproduce.jobs),
        metric=metric_words(report.metric),
        compared=metric_words(report.method.compared_metric),
        unit=unit_of_difference(report.metric).strip(),
        splits=[
            head_words(f"{split}_{base_of(report.metric)}", report.method.unit) for split in SPLITS
        ],
        arms=[_arm_row(report, arm) for arm in _in_rank(report)],
        pairs=[_pair_row(report, pair) for pair in report.pairs[:PAIRS_MAX]],
        pairs_left=max(0, len(report.pairs) - PAIRS_MAX),
        settings=[_settings(report, arm) for arm in report.arms if len(arm.settings) > 1],
        settings_max=SETTINGS_MAX,
        figures=[(name, figure.title, _inline(name, figure)) for name, figure in figures.items()],
        colours=dict(zip(colours["domain"], colours["range"], strict=True)),
        no_colour=BASELINE,
        bodies={
            job.job: json.dumps(job.body, ensure_ascii=False, indent=2)
            for job in report.reproduce.jobs
        },
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    source = resources.files("core.report").joinpath("page.html.j2").read_text("utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)


def _inline(name: str, figure: Figure) -> str:
    """The figure's SVG for a page that holds several: its ids its own, its colours the theme's."""
    svg = figure_svg(figure, prefix=f"{name}-")
    for colour, variable in _THEMED.items():
        for attribute in ("fill", "stroke"):
            svg = svg.replace(f'{attribute}="{colour}"', f'{attribute}="{variable}"')
    return svg


def _in_rank(report: Report) -> list[Arm]:
    selection = Selection(report.metric, report.method.rule, None)
    order = [arm for arm, _ in ranked(report.arms, selection, report.direction)]
    return order + [arm for arm in report.arms if arm not in order]


def _arm_row(report: Report, arm: Arm) -> dict[str, object]:
    chosen = chosen_of(arm, report.method.rule)
    simple = arm.chosen.one_se if report.method.rule == "min" else arm.chosen.min
    return {
        "name": arm.name,
        "baseline": arm.baseline,
        "chosen": chosen,
        "label": (chosen.label if chosen else "") or "–",
        "other": simple.label if simple and chosen and simple.setting != chosen.setting else "",
        "scores": _cells(report, chosen),
        "gap": _signed(report.metric, chosen.gap if chosen else None),
        "optimism": _signed(report.metric, chosen.optimism if chosen else None),
        "zeros": _percent(chosen.zeros if chosen else None),
        "epochs": _plain(chosen, "epochs"),
        "seconds": _plain(chosen, "seconds"),
    }


def _settings(report: Report, arm: Arm) -> dict[str, object]:
    taken = [c.setting for c in (arm.chosen.min, arm.chosen.one_se) if c]
    first = arm.settings[:SETTINGS_MAX]
    kept = first + [s for s in arm.settings[SETTINGS_MAX:] if s.setting in taken]
    return {
        "name": arm.name,
        "count": len(arm.settings),
        "rows": [
            {
                "label": setting.label,
                "marks": " ".join(
                    rule
                    for rule, chosen in (("min", arm.chosen.min), ("1se", arm.chosen.one_se))
                    if chosen and chosen.setting == setting.setting
                ),
                "scores": _cells(report, setting)[:2],
                "gap": _signed(report.metric, setting.gap),
                "zeros": _percent(setting.zeros),
                "runs": f"{len(setting.runs) - setting.missing - setting.diverged} of "
                f"{len(setting.runs)}",
            }
            for setting in kept
        ],
    }


def _pair_row(report: Report, pair: Pair) -> dict[str, object]:
    metric = report.method.compared_metric
    return {
        "pair": pair,
        "difference": _signed(metric, pair.difference),
        "interval": interval(metric, pair.ci95) if pair.ci95 else "–",
        "p": "–" if pair.p_adjusted is None else _p(pair.p_adjusted),
        "seeds": "" if pair.seeds_to_decide is None else f"{pair.seeds_to_decide:,}",
    }


def _cells(report: Report, result: SettingResult | None) -> list[Cell]:
    names = [f"{split}_{base_of(report.metric)}" for split in SPLITS]
    return [_cell(name, result.scores.get(name) if result else None) for name in names]


def _cell(metric: str, score: Score | None) -> Cell:
    if score is None:
        return Cell("–")
    if score.ci95 is None:
        told = spread_words(metric, score).partition(" over ")[0]  # the page's head says over what
        return Cell(amount(metric, score.mean), told)
    low, high = (amount(metric, end).removesuffix(" %") for end in score.ci95)
    return Cell(amount(metric, score.mean), f"{low} to {high}")


def _signed(metric: str, value: float | None) -> str:
    if value is None:
        return "–"
    text = differences(metric, [value])[0]
    return f"+{text}" if value > 0 and text.strip("0.") else text


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _plain(chosen: SettingResult | None, measure: str) -> str:
    score = chosen.measures.get(measure) if chosen else None
    return number(score.mean, 3) if score else "–"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else number(value, 2)
