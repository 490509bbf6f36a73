"""From a job's runs to its arms: every setting's scores, and what each rule chooses."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.report.choose import Picked, Standing, choose, edge_of, order_of, sign_of
from core.report.complexity import parameters_of
from core.report.layout import Whole, summarise_over
from core.report.measure import bounds_of, counts_rows, direction_of
from core.report.parts import PartSizes
from core.report.recipes import Recipe, read_recipe
from core.report.records import JobRecord
from core.report.report import (
    Arm,
    Choices,
    Chosen,
    ChosenCount,
    Direction,
    Rule,
    Score,
    SettingResult,
)
from core.report.statistics import Array, Summary, summarise
from core.report.table import Key, Table
from core.report.together import Selection
from core.report.words import base_of

TERM = re.compile(r"term/([^:@#]*)")  # the kind; a layer, a method or a number may follow
SCORE_PREFIXES = ("train_", "val_", "test_")


@dataclass(frozen=True)
class Entry:
    """An arm under assembly: its place in the job's table and what was picked.

    picked: by all validation scores together; None where there are none. inside: in each part of
    the layout, by that part's own.
    """

    job: JobRecord
    arm: str
    table: Table
    recipe: Recipe
    picked: Picked | None
    inside: tuple[Picked | None, ...]

    @property
    def rows(self) -> slice:
        return self.table.arms[self.arm]

    @property
    def settings(self) -> tuple[Key, ...]:
        return self.table.settings[self.rows]

    def taken_R(self, rule: Rule) -> Whole:
        """(R,) the setting that was chosen inside each replicate's part; -1 for none."""
        taken = [found.row(rule) if found else -1 for found in self.inside]
        return np.array(taken, np.int64)[self.table.layout.part_R]

    def scores_R(self, metric: str, rule: Rule) -> Array:
        """(R,) scores of the settings chosen inside; NaN where there is none."""
        sheet, taken_R = self.table.sheets.get(metric), self.taken_R(rule)
        if sheet is None:
            return np.full(len(taken_R), np.nan)
        scores: Array = sheet[self.rows][taken_R, np.arange(len(taken_R))]
        return np.where(taken_R >= 0, scores, np.nan)

    def runs_R(self, rule: Rule) -> list[str | None]:
        """(R,) ids of the runs behind them."""
        start = self.rows.start
        return [
            self.table.run_of.get((start + row, column)) if row >= 0 else None
            for column, row in enumerate(self.taken_R(rule).tolist())
        ]


def enter(
    job: JobRecord,
    arm: str,
    table: Table,
    *,
    direction: Direction,
    standing: Standing,
) -> Entry:
    """Read an arm's recipe and choose its settings by how they stand under the selection metric.

    standing: of all the table's settings, as `standing_of` tells it.
    """
    rows = table.arms[arm]
    recipe = read_recipe(job.document, arm, table.settings[rows][0])
    order = order_of(table.settings[rows], recipe.knobs)
    picked, *inside = choose(standing.of(rows), direction=direction, order=order)
    return Entry(job, arm, table, recipe, picked, tuple(inside))


def assemble(
    entry: Entry,
    name: str,
    summaries: Mapping[str, Summary],
    scores: Mapping[str, Score],
    selection: Selection,
    *,
    baseline: bool,
) -> Arm:
    """The arm as reported, without what scores by row add.

    summaries: of the table, by metric. scores: of the arm's procedure.
    """
    settings = _settings(entry, summaries, selection.metric)
    picked = entry.picked
    return Arm(
        name=name,
        job=entry.job.id,
        arm=entry.arm,
        baseline=baseline,
        regularizers=list(entry.recipe.regularizers),
        varied=dict(entry.recipe.names),
        scores=dict(scores),
        runs=list(dict.fromkeys(filter(None, entry.runs_R(selection.rule)))),
        chosen=Choices(
            min=_chosen(entry, settings, picked.best, selection.metric) if picked else None,
            one_se=_chosen(entry, settings, picked.simplest, selection.metric) if picked else None,
        ),
        chosen_counts=_counts(entry, selection.rule),
        settings=settings,
    )


def rows_counted(metric: str, rows: PartSizes | None) -> int | None:
    """Rows of the metric's part, where it is the share of them that are right; else None."""
    if rows is None or not counts_rows(metric):
        return None
    return {"val": rows.validation, "test": rows.test}.get(metric.partition("_")[0])


def procedures(
    entries: Sequence[Entry], table: Table, rule: Rule, rows: PartSizes | None
) -> list[dict[str, Score]]:
    """Of each arm of a table: scores of the settings chosen inside folds, over replicates.

    rows: how many each part holds, where that is known.
    """
    found: list[dict[str, Score]] = [{} for _ in entries]
    for name in table.sheets:
        if name.startswith(SCORE_PREFIXES):
            scores_AR = np.stack([entry.scores_R(name, rule) for entry in entries])
            summary = summarise_over(scores_AR, table.layout, name, rows=rows_counted(name, rows))
            scores = _scores(name, summary, slice(None))
            for of_arm, score in zip(found, scores, strict=True):
                if score is not None:
                    of_arm[name] = score
    return found


def _counts(entry: Entry, rule: Rule) -> list[ChosenCount]:
    counts = Counter(picked.row(rule) for picked in entry.inside if picked)
    return [
        ChosenCount(
            setting=dict(entry.settings[row]),
            label=entry.recipe.label(entry.settings[row]),
            count=count,
        )
        for row, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def _settings(entry: Entry, summaries: Mapping[str, Summary], metric: str) -> list[SettingResult]:
    rows, table = entry.rows, entry.table
    columns = {name: _scores(name, summary, rows) for name, summary in summaries.items()}
    zeros = columns.pop("zeros", None)
    gaps = _gaps(table, rows, metric)
    parameters = parameters_of(entry.job, entry.arm, entry.settings)
    results = []
    for i, setting in enumerate(entry.settings):
        row = rows.start + i
        present = {name: s for name, scores in columns.items() if (s := scores[i]) is not None}
        of_weights = zeros[i] if zeros else None
        results.append(
            SettingResult(
                setting=dict(setting),
                label=entry.recipe.label(setting),
                parameters=parameters[i],
                scores={k: s for k, s in present.items() if k.startswith(SCORE_PREFIXES)},
                zeros=of_weights.mean if of_weights else None,
                gap=gaps[i],
                measures=_measures(entry.recipe, present),
                runs=list(table.runs[row]),
                missing=int(table.missing[row]),
                diverged=int(table.diverged[row]),
            )
        )
    return results


def _measures(recipe: Recipe, present: Mapping[str, Score]) -> dict[str, Score]:
    """What is no score of a split; of other arms' penalties, which are all zero here, nothing."""
    found = {}
    for name, score in present.items():
        if name.startswith(SCORE_PREFIXES):
            continue
        kind = TERM.match(name)
        if kind and recipe.readable and kind[1] not in recipe.regularizers:
            continue
        # a cohort's time is shared out evenly, which is one measurement and no deviation
        found[name] = replace(score, sd=None, ci95=None) if name == "seconds" else score
    return found


def _scores(metric: str, summary: Summary, rows: slice) -> list[Score | None]:
    """One Score per row; null where nothing was scored.

    An interval of no width says that nothing varied, not that the mean is certain: there is none.
    """
    least, most = bounds_of(metric)
    low = np.maximum(summary.mean - summary.half, least)
    high = np.minimum(summary.mean + summary.half, most)
    wide = np.isfinite(summary.half) & (summary.half > 0)
    lists = (summary.n, summary.mean, summary.sd, low, high, wide)
    return [
        Score(mean, sd if n > 1 else None, (low, high) if wide else None, n) if n else None
        for n, mean, sd, low, high, wide in zip(*(x[rows].tolist() for x in lists), strict=True)
    ]


def _gaps(table: Table, rows: slice, metric: str) -> list[float | None]:
    base = base_of(metric)
    train, validation = (table.sheets.get(f"{split}_{base}") for split in ("train", "val"))
    if train is None or validation is None:
        return [None] * (rows.stop - rows.start)
    gap = summarise(sign_of(direction_of(metric)) * (train[rows] - validation[rows]))
    pairs = zip(gap.mean.tolist(), gap.n.tolist(), strict=True)
    return [mean if n else None for mean, n in pairs]


def _chosen(entry: Entry, settings: Sequence[SettingResult], row: int, metric: str) -> Chosen:
    result = settings[row]
    scored = sum(metric in setting.scores for setting in settings)
    part = scored if scored < len(settings) and entry.table.unfinished else None
    edge = edge_of(row, entry.settings, entry.recipe.knobs, scored=part)
    validation, test = result.scores.get(metric), result.scores.get(f"test_{base_of(metric)}")
    promised = (
        sign_of(direction_of(metric)) * (validation.mean - test.mean)
        if validation and test and metric.startswith("val_")
        else None
    )
    return Chosen(
        **{name: getattr(result, name) for name in SettingResult.model_fields},
        at_edge=edge[0] if edge else None,
        edge=edge[1] if edge else None,
        edge_of=edge[2] if edge else None,
        optimism=promised,
    )
