"""From a job's runs to its arms: every setting's scores, and what each rule chooses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from core.report.choose import Picked, choose, edge_of, sign_of
from core.report.complexity import parameters_of
from core.report.measure import clipped, direction_of
from core.report.recipes import Recipe, read_recipe
from core.report.records import JobRecord
from core.report.report import Arm, Choices, Chosen, Direction, Score, SettingResult
from core.report.statistics import Array, Summary, summarise
from core.report.table import Key, Table
from core.report.together import Selection
from core.report.units import units_of
from core.report.words import base_of

TERM = re.compile(r"term/([^:@#]*)")  # the kind; a layer, a method or a number may follow
SCORE_PREFIXES = ("train_", "val_", "test_")


@dataclass(frozen=True)
class Entry:
    """An arm under assembly: its place in the job's table and what was picked."""

    job: JobRecord
    arm: str
    table: Table
    recipe: Recipe
    picked: Picked | None

    @property
    def rows(self) -> slice:
        return self.table.arms[self.arm]

    @property
    def settings(self) -> tuple[Key, ...]:
        return self.table.settings[self.rows]


def enter(job: JobRecord, arm: str, table: Table, *, metric: str, direction: Direction) -> Entry:
    """Read an arm's recipe and choose its settings by the selection metric."""
    rows = table.arms[arm]
    settings = table.settings[rows]
    recipe = read_recipe(job.document, arm, settings[0])
    sheet = table.sheets.get(metric)
    units = units_of(job.document, table.replicates)
    picked = (
        choose(summarise(sheet[rows], unit_R=units), direction, settings, recipe.knobs)
        if (sheet is not None)
        else None
    )
    return Entry(job, arm, table, recipe, picked)


def assemble(
    entry: Entry,
    name: str,
    summaries: Mapping[str, Summary],
    selection: Selection,
    *,
    baseline: bool,
) -> Arm:
    """The arm as reported. summaries: of the whole table, by metric."""
    settings = _settings(entry, summaries, selection.metric)
    picked = entry.picked
    return Arm(
        name=name,
        job=entry.job.id,
        arm=entry.arm,
        baseline=baseline,
        regularizers=list(entry.recipe.regularizers),
        varied=dict(entry.recipe.names),
        chosen=Choices(
            min=_chosen(entry, settings, picked.best, selection.metric) if picked else None,
            one_se=_chosen(entry, settings, picked.simplest, selection.metric) if picked else None,
        ),
        settings=settings,
    )


def chosen_scores(entry: Entry, metric: str, rule: str) -> Array:
    """(R,) scores of the setting that the rule chose, over the table's replicates."""
    sheet = entry.table.sheets.get(metric)
    if sheet is None or entry.picked is None:
        return np.full(len(entry.table.replicates), np.nan)
    row = entry.picked.best if rule == "min" else entry.picked.simplest
    scores: Array = sheet[entry.rows][row]
    return scores


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
    lists = (summary.n, summary.mean, summary.sd, summary.half)
    return [
        None
        if not n
        else Score(
            mean=mean,
            sd=sd if n > 1 else None,
            ci95=clipped(metric, mean - half, mean + half) if isfinite(half) and half else None,
            n=n,
        )
        for n, mean, sd, half in zip(*(column[rows].tolist() for column in lists), strict=True)
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
    edge = edge_of(row, entry.settings, entry.recipe.knobs)
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
        optimism=promised,
    )
