"""A report as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator

from core.report.report import Arm, Report, Score, SettingResult
from core.report.verdict import chosen_of
from core.report.words import (
    SPLITS,
    amount,
    base_of,
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
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run these
_MARKDOWN = re.compile(r"([\\`*_{}\[\]#|~!])")


def to_json(report: Report) -> str:
    """Strict JSON under the wire names; every number is finite, what is missing is null."""
    return report.model_dump_json(by_alias=True)


def to_csv(report: Report) -> str:
    """One row per setting and metric, with a column for every varied parameter's pointer."""
    pointers = sorted({p for arm in report.arms for s in arm.settings for p in s.setting})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*CSV_COLUMNS, *pointers])
    for arm in report.arms:
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
        f"# {_plain(', '.join(names))}",
        f"**{_plain(report.verdict)}**",
        "\n".join(f"- {_plain(note)}" for note in report.notes),
        f"## Arms\n\n{_arms_table(report)}",
        f"## Pairs\n\n{_pairs_table(report)}" if report.pairs else "",
        "## Figures\n\n" + "\n".join(_figure_line(f.title, f.links) for f in report.figures)
        if report.figures
        else "",
        "## Method\n\n" + "\n".join(f"- {_plain(words)}" for words in report.method.words),
        f"## Reproduce\n\n{_reproduce(report)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def score_words(metric: str, score: Score | None) -> str:
    """`97.1 % (96.5 % to 97.7 %)`."""
    if score is None:
        return "–"
    mean, spread = amount(metric, score.mean), spread_words(metric, score)
    return f"{mean} ({spread})" if spread else mean


def _csv_head(arm: Arm, setting: SettingResult) -> list[object]:
    chosen = (arm.chosen.min, arm.chosen.one_se)
    return [
        arm.job,
        _inert(arm.name),
        _inert(setting.label),
        *(int(choice is not None and choice.setting == setting.setting) for choice in chosen),
    ]


def _csv_scores(setting: SettingResult) -> Iterator[list[object]]:
    """Cells from split to n of every score; zeros and parameters as metrics of their own."""
    for name, score in (*setting.scores.items(), *setting.measures.items()):
        split = name.partition("_")[0] if name in setting.scores else ""
        low, high = score.ci95 or (None, None)
        metric = base_of(name) if split else name
        yield [split, metric, score.mean, score.sd, low, high, score.n]
    if setting.zeros is not None:
        yield ["", "zeros", setting.zeros, None, None, None, None]
    if setting.parameters is not None:
        yield ["", "parameters", setting.parameters, None, None, None, None]


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(text: str) -> str:
    """Client strings may not format, link, or break a table."""
    inert = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", inert)


def _table(head: list[str], rows: list[list[str]]) -> str:
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
            rows.append([_plain(arm.name), "no score", *["–"] * 5])
            continue
        rows.append(
            [
                _plain(arm.name),
                _plain(chosen.label or "nothing varied"),
                *(score_words(split, chosen.scores.get(split)) for split in splits),
                "–" if chosen.gap is None else differences(report.metric, [chosen.gap])[0],
                "–" if chosen.zeros is None else f"{100 * chosen.zeros:.1f} %",
            ]
        )
    return _table(head, rows)


def _pairs_table(report: Report) -> str:
    metric = report.method.compared_metric
    head = ["a", "b", "a − b", "95 % interval", "adjusted p", "a is", "Seeds to decide"]
    rows = [
        [
            _plain(pair.a),
            _plain(pair.b),
            "–" if pair.difference is None else differences(metric, [pair.difference])[0],
            interval(metric, pair.ci95) if pair.ci95 else "–",
            "–" if pair.p_adjusted is None else number(pair.p_adjusted, 2),
            pair.verdict,
            "–" if pair.seeds_to_decide is None else f"{pair.seeds_to_decide:,}",
        ]
        for pair in report.pairs
    ]
    return _table(head, rows)


def _figure_line(title: str, links: dict[str, str]) -> str:
    places = ", ".join(f"[{kind}]({address})" for kind, address in links.items())
    return f"- {_plain(title)}" + (f" ({places})" if places else "")


def _reproduce(report: Report) -> str:
    blocks = []
    for job in report.reproduce.jobs:
        versions = ", ".join(f"{name} {version}" for name, version in job.versions.items())
        body = json.dumps(job.body, ensure_ascii=False, indent=2, allow_nan=False)
        about = f"{job.job}, {job.dataset} (sha256 {job.dataset_sha256 or 'unknown'}), {versions}"
        blocks.append(f"{_plain(about)}\n\n```json\n{body}\n```")
    return f"`{report.reproduce.request}` with:\n\n" + "\n\n".join(blocks)
