"""A report as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence

from core.report.finding import chosen_of
from core.report.report import Arm, Chosen, Report, Score, SettingResult
from core.report.words import (
    SPLITS,
    amount,
    base_of,
    counted,
    differences,
    head_words,
    interval,
    number,
    spread_words,
)

CSV_COLUMNS = (
    "job",
    "arm",
    "setting",
    "chosen_min",
    "chosen_1se",
    "chosen_inside",
    "split",
    "metric",
    "mean",
    "sd",
    "ci95_low",
    "ci95_high",
    "n",
    "missing",
    "diverged",
)
INSIDE = "chosen inside folds"  # where a setting's label would stand
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run these
_MARKDOWN = re.compile(r"([\\`*_{}\[\]#|~!])")


def to_json(report: Report) -> str:
    """Strict JSON under the wire names; every number is finite, what is missing is null."""
    return report.model_dump_json(by_alias=True)


def to_csv(report: Report) -> str:
    """One row per setting and metric, with a column for every varied parameter's pointer.

    Before an arm's settings stand its own scores, of the settings that its folds chose.
    """
    pointers = sorted({p for arm in report.arms for s in arm.settings for p in s.setting})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*CSV_COLUMNS, *pointers])
    for arm in report.arms:
        for cells in _csv_cells(arm.scores):
            writer.writerow([*_csv_procedure(arm), *cells, None, None, *(None for _ in pointers)])
        for setting in arm.settings:
            head = _csv_head(arm, setting)
            tail = [setting.missing, setting.diverged, *map(setting.setting.get, pointers)]
            for cells in _csv_scores(setting):
                writer.writerow([*head, *cells, *tail])
    return out.getvalue()


def to_markdown(report: Report) -> str:
    """The report for a pull request, a wiki or a terminal."""
    names = [job.name or job.job for job in report.reproduce.jobs]
    parts = [
        f"# {plain(', '.join(names))}",
        f"**{plain(report.headline)}** {plain(rest_of(report))}",
        f"## Before believing it\n\n{bullets(report.notes)}" if report.notes else "",
        f"## In detail\n\n{bullets(report.details)}" if report.details else "",
        f"## Arms\n\n{_arms_table(report)}",
        f"## Pairs\n\n{_pairs_table(report)}" if report.pairs else "",
        f"## Thresholds\n\n{_thresholds_table(report)}"
        if any(arm.threshold for arm in report.arms)
        else "",
        "## Figures\n\n" + "\n".join(_figure_line(f.title, f.links) for f in report.figures)
        if report.figures
        else "",
        f"## Method\n\n{bullets(report.method.words)}",
        f"## Reproduce\n\n{_reproduce(report)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def choice_words(arm: Arm, chosen: Chosen) -> str:
    """`λ = 0.01 (4 of 5 folds)`."""
    total = sum(found.count for found in arm.chosen_counts)
    label = chosen.label or "nothing varied"
    if len(arm.settings) < 2 or total < 2:
        return label
    same = next((f.count for f in arm.chosen_counts if f.setting == chosen.setting), 0)
    return f"{label} ({same} of {counted(total, 'fold')})"


def rest_of(report: Report) -> str:
    """The verdict without its headline."""
    return report.verdict.removeprefix(report.headline).strip()


def score_words(metric: str, score: Score | None) -> str:
    """`97.1 % (96.5 % to 97.7 %)`."""
    if score is None:
        return "–"
    mean, spread = amount(metric, score.mean), spread_words(metric, score)
    return f"{mean} ({spread})" if spread else mean


def _csv_procedure(arm: Arm) -> list[object]:
    return [arm.job, inert(arm.name), INSIDE, 0, 0, sum(f.count for f in arm.chosen_counts)]


def _csv_head(arm: Arm, setting: SettingResult) -> list[object]:
    chosen = (arm.chosen.min, arm.chosen.one_se)
    return [
        arm.job,
        inert(arm.name),
        inert(setting.label),
        *(int(choice is not None and choice.setting == setting.setting) for choice in chosen),
        next((found.count for found in arm.chosen_counts if found.setting == setting.setting), 0),
    ]


def _csv_scores(setting: SettingResult) -> Iterator[list[object]]:
    """Cells from split to n of every score; zeros and parameters as metrics of their own."""
    yield from _csv_cells(setting.scores)
    for name, score in setting.measures.items():
        yield ["", name, score.mean, score.sd, *(score.ci95 or (None, None)), score.n]
    if setting.zeros is not None:
        yield ["", "zeros", setting.zeros, None, None, None, None]
    if setting.parameters is not None:
        yield ["", "parameters", setting.parameters, None, None, None, None]


def _csv_cells(scores: Mapping[str, Score]) -> Iterator[list[object]]:
    for name, score in scores.items():
        ends = score.ci95 or (None, None)
        yield [name.partition("_")[0], base_of(name), score.mean, score.sd, *ends, score.n]


def inert(text: str) -> str:
    """Nothing that a spreadsheet would run."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def plain(text: str) -> str:
    """Client strings may not format, link, or break a table."""
    inert = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", inert)


def bullets(sentences: Sequence[str]) -> str:
    """A list in Markdown."""
    return "\n".join(f"- {plain(sentence)}" for sentence in sentences)


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown, of cells that are plain already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _arms_table(report: Report) -> str:
    splits = [f"{split}_{base_of(report.metric)}" for split in SPLITS]
    scores = [head_words(split, report.method.unit) for split in splits]
    head = ["Arm", f"Chosen by {report.method.rule}", *scores, "Gap", "Zeros"]
    rows = []
    for arm in report.arms:
        chosen = chosen_of(arm, report.method.rule)
        if chosen is None:
            rows.append([plain(arm.name), "no score", *["–"] * 5])
            continue
        rows.append(
            [
                plain(arm.name),
                plain(choice_words(arm, chosen)),
                *(score_words(split, arm.scores.get(split)) for split in splits),
                "–" if chosen.gap is None else differences(report.metric, [chosen.gap])[0],
                "–" if chosen.zeros is None else f"{100 * chosen.zeros:.1f} %",
            ]
        )
    return table(head, rows)


def _pairs_table(report: Report) -> str:
    metric = report.method.compared_metric
    head = ["a", "b", "a − b", "simultaneous 95 %", "adjusted p", "a is", "Would decide"]
    rows = [
        [
            plain(pair.a),
            plain(pair.b),
            "–" if pair.difference is None else differences(metric, [pair.difference])[0],
            interval(metric, pair.ci95) if pair.ci95 else "–",
            "–" if pair.p_adjusted is None else number(pair.p_adjusted, 2),
            pair.verdict,
            "–" if pair.needed is None else counted(pair.needed.count, pair.needed.kind[:-1]),
        ]
        for pair in report.pairs
    ]
    return table(head, rows)


def _thresholds_table(report: Report) -> str:
    known = [(arm, arm.threshold) for arm in report.arms if arm.threshold is not None]
    what = known[0][1].metric.replace("_", " ")
    head = ["Arm", "Threshold", f"test {what} at 0.5", "at the threshold"]
    head += ["Gain", "simultaneous 95 %", "the threshold is"]
    rows = [
        [
            plain(arm.name),
            f"{number(found.median, 3)} ({number(found.low, 2)} to {number(found.high, 2)})",
            amount(found.metric, found.at_half.mean),
            amount(found.metric, found.at_chosen.mean),
            differences(found.metric, [found.difference])[0],
            interval(found.metric, found.ci95) if found.ci95 else "–",
            found.verdict,
        ]
        for arm, found in known
    ]
    return table(head, rows)


def _figure_line(title: str, links: dict[str, str]) -> str:
    places = ", ".join(f"[{kind}]({address})" for kind, address in links.items())
    return f"- {plain(title)}" + (f" ({places})" if places else "")


def _reproduce(report: Report) -> str:
    blocks = []
    for job in report.reproduce.jobs:
        versions = ", ".join(f"{name} {version}" for name, version in job.versions.items())
        body = json.dumps(job.body, ensure_ascii=False, indent=2, allow_nan=False)
        about = f"{job.job}, {job.dataset} (sha256 {job.dataset_sha256 or 'unknown'}), {versions}"
        blocks.append(f"{plain(about)}\n\n```json\n{body}\n```")
    return f"`{report.reproduce.request}` with:\n\n" + "\n\n".join(blocks)
