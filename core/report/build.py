"""Records in, Report out: the same rows, in any order, give the same report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from core.errors import InvalidSpec
from core.report.arms import Entry, assemble, chosen_scores, enter
from core.report.chance import answer_of, chance_of
from core.report.complexity import Complexity, complexity_of
from core.report.figures import figure_links
from core.report.measure import direction_of
from core.report.method import design_of, method_of, practical_region, reproduce_of
from core.report.pairs import compare
from core.report.records import JobRecord, RunRecord
from core.report.report import Arm, Report, Rule
from core.report.statistics import Array, Summary, summarise
from core.report.table import Table, tabulate
from core.report.together import Selection, arms_of, check_together, selection_of, unique_names
from core.report.units import Replicate, units_of
from core.report.verdict import Finding, chosen_of, verdict_of
from core.report.words import base_of, counted

BASELINE_NAMES = ("none", "base", "baseline")


def build_report(
    jobs: Sequence[JobRecord],
    runs: Iterable[RunRecord],
    *,
    metric: str | None = None,
    rule: Rule | None = None,
    practical: float | None = None,
) -> Report:
    """The comparison of all arms of these jobs.

    metric, rule and practical override the jobs' own `select` and `practical`.
    InvalidSpec: the jobs differ in dataset, split, folds or selection metric.
    """
    check_together(jobs)
    selection = selection_of(jobs, metric=metric, rule=rule, practical=practical)
    tables = _tables(jobs, runs)
    if metric is not None:
        _check_known(selection.metric, tables.values())
    direction = direction_of(selection.metric)
    entries = [
        enter(job, arm, tables[job.id], metric=selection.metric, direction=direction)
        for job in jobs
        for arm in arms_of(job, list(tables[job.id].arms))
    ]
    arms = _arms(entries, tables, selection)
    replicates = sorted({r for table in tables.values() for r in table.replicates}, key=_order)
    compared = _compared(selection.metric, tables.values())
    scores_AR, expected_AR = _aligned(entries, replicates, compared, selection.rule)
    sizes = [s for s in summarise(scores_AR).mean.tolist() if np.isfinite(s)]
    region = practical_region(selection.practical, compared, sizes)
    design = design_of(jobs[0], replicates, compared)
    names = [arm.name for arm in arms]
    pairs = compare(
        names, scores_AR, expected_AR, design=design, direction=direction, region=region
    )
    partial = any(table.unfinished for table in tables.values())
    stuck = _stuck(jobs[0], arms, compared, selection.rule)
    finding = Finding(
        arms,
        pairs,
        selection,
        direction,
        compared,
        partial,
        complexities=_complexities(entries, arms, selection.rule),
        nothing=_learned_nothing(jobs[0], arms, stuck, selection.rule),
        one_split=not design.ratio,
        statuses=frozenset(job.status for job in jobs),
    )
    report = Report(
        jobs=[job.id for job in jobs],
        metric=selection.metric,
        direction=direction,
        verdict=verdict_of(finding),
        partial=partial,
        notes=_notes(arms, entries, tables.values(), selection, stuck),
        arms=arms,
        pairs=pairs,
        figures=[],
        method=method_of(
            jobs[0], selection, direction, design=design, compared=compared, region=region
        ),
        reproduce=reproduce_of(jobs),
    )
    return report.model_copy(update={"figures": figure_links(report)})


def _tables(jobs: Sequence[JobRecord], runs: Iterable[RunRecord]) -> dict[str, Table]:
    by_job: dict[str, list[RunRecord]] = {job.id: [] for job in jobs}
    for run in runs:
        by_job[run.job].append(run)
    return {job: tabulate(members) for job, members in by_job.items()}


def _check_known(metric: str, tables: Iterable[Table]) -> None:
    known = sorted({name for table in tables for name in table.sheets if name.startswith("val_")})
    if known and metric not in known:
        raise InvalidSpec.at(
            "/metric", f"no run has a score called {metric}; there is {', '.join(known)}"
        )


def _arms(entries: Sequence[Entry], tables: dict[str, Table], selection: Selection) -> list[Arm]:
    names = unique_names([(entry.job, entry.arm) for entry in entries])
    baseline = _baseline(entries)
    summaries = {
        job.id: _summaries(job, tables[job.id])
        for job in {e.job.id: e.job for e in entries}.values()
    }
    return [
        assemble(entry, name, summaries[entry.job.id], selection, baseline=entry is baseline)
        for entry, name in zip(entries, names, strict=True)
    ]


def _summaries(job: JobRecord, table: Table) -> dict[str, Summary]:
    units = units_of(job.document, table.replicates)
    return {metric: summarise(sheet, unit_R=units) for metric, sheet in table.sheets.items()}


def _baseline(entries: Sequence[Entry]) -> Entry | None:
    """The arm to be measured against: named none, else without regularizers, else named base."""
    if len(entries) < 2:
        return None
    named = [entry for entry in entries if entry.arm.lower() == BASELINE_NAMES[0]]
    plain = [e for e in entries if e.recipe.readable and not e.recipe.regularizers]
    fallback = [entry for entry in entries if entry.arm.lower() in BASELINE_NAMES]
    return next(iter([*named, *plain, *fallback]), None)


def _compared(metric: str, tables: Iterable[Table]) -> str:
    """The test score, unless some job has scores and no such, then the selection metric itself."""
    test = f"test_{base_of(metric)}"
    return test if all(test in table.sheets for table in tables if table.sheets) else metric


def _aligned(
    entries: Sequence[Entry], replicates: Sequence[Replicate], metric: str, rule: Rule
) -> tuple[Array, np.ndarray[tuple[int, int], np.dtype[np.bool_]]]:
    """Chosen scores (A, R) over all jobs' replicates, and which of them each arm should have."""
    column_of = {replicate: column for column, replicate in enumerate(replicates)}
    scores = np.full((len(entries), len(replicates)), np.nan)
    expected = np.zeros((len(entries), len(replicates)), dtype=np.bool_)
    for row, entry in enumerate(entries):
        columns = [column_of[replicate] for replicate in entry.table.replicates]
        scores[row, columns] = chosen_scores(entry, metric, rule)
        expected[row, columns] = True
    return scores, expected


def _complexities(
    entries: Sequence[Entry], arms: Sequence[Arm], rule: Rule
) -> dict[str, Complexity]:
    return {
        arm.name: complexity_of(entry.job, entry.arm, chosen_of(arm, rule))
        for arm, entry in zip(arms, entries, strict=True)
    }


def _stuck(job: JobRecord, arms: Sequence[Arm], compared: str, rule: Rule) -> dict[str, str]:
    """Arms whose chosen setting has learned nothing, and that in words."""
    chance = chance_of(job, compared)
    return {
        arm.name: note
        for arm in arms
        if (chosen := chosen_of(arm, rule)) and (note := chance.note(chosen, compared))
    }


def _learned_nothing(
    job: JobRecord, arms: Sequence[Arm], stuck: Mapping[str, str], rule: Rule
) -> str | None:
    """What always answering does as well as every arm that has a score, if it does."""
    all_stuck = bool(stuck) and all(arm.name in stuck for arm in arms if chosen_of(arm, rule))
    return answer_of(job) if all_stuck else None


def _notes(
    arms: Sequence[Arm],
    entries: Sequence[Entry],
    tables: Iterable[Table],
    selection: Selection,
    stuck: Mapping[str, str],
) -> list[str]:
    unfinished = sum(table.unfinished for table in tables)
    total = sum(len(setting.runs) for arm in arms for setting in arm.settings)
    notes = []
    if unfinished:
        notes.append(
            f"{unfinished:,} of {counted(total, 'run')} have not finished; "
            "their scores are as last logged."
        )
    for arm, entry in zip(arms, entries, strict=True):
        chosen = chosen_of(arm, selection.rule)
        if chosen and chosen.edge:
            notes.append(f"{arm.name}: {chosen.edge}.")
        diverged = int(entry.table.diverged[entry.rows].sum())
        if diverged:
            runs = sum(len(setting.runs) for setting in arm.settings)
            notes.append(f"{arm.name}: {diverged} of {counted(runs, 'run')} diverged.")
        if not entry.recipe.readable:
            notes.append(
                f"{arm.name}: its specification is of another version, so no direction counts as "
                f"simpler, and 1se takes what min takes."
            )
        if arm.name in stuck:
            notes.append(f"{arm.name}: {stuck[arm.name]}.")
        if not chosen:
            notes.append(f"{arm.name}: no run has a {selection.metric}.")
    return notes


def _order(replicate: Replicate) -> tuple[int, int]:
    seed, fold = replicate
    return seed, -1 if fold is None else fold
