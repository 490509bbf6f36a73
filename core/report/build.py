"""Records in, Report out: the same rows, in any order, give the same report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.report.action import Cost, action_of
from core.report.arms import Entry, assemble, procedures, rows_counted
from core.report.basis import Basis, gather
from core.report.chance import answer_of, chance_of
from core.report.complexity import Complexity, complexity_of
from core.report.details import details_of, rows_of_parts, stability_of
from core.report.entries import check_known, entries_of, tables_of
from core.report.finding import Finding, chosen_of, ranked
from core.report.layout import summarise_over
from core.report.measure import clipped, direction_of
from core.report.method import method_of, practical_region, reproduce_of
from core.report.notes import notes_of
from core.report.pairs import Comparison, Terms, compare
from core.report.parts import PartSizes, sizes_of
from core.report.records import FINAL, JobRecord, RowsOf, RunRecord, no_rows
from core.report.report import Arm, Direction, Report, Rule, Score
from core.report.statistics import Summary, estimates, summarise
from core.report.table import Table
from core.report.threshold import thresholds_of
from core.report.together import (
    Selection,
    check_together,
    declared_baseline,
    selection_of,
    unique_names,
)
from core.report.verdict import verdict_of
from core.report.words import base_of


def build_report(
    jobs: Sequence[JobRecord],
    runs: Iterable[RunRecord],
    rows_of: RowsOf = no_rows,
    *,
    metric: str | None = None,
    rule: Rule | None = None,
    practical: float | None = None,
) -> Report:
    """The comparison of all arms of these jobs; figures come by `with_figures`.

    rows_of: gives the stored scores by test row of the runs it is asked for, which are those that
    were chosen inside folds; runs that have none are left out.
    metric, rule and practical override the jobs' own `select` and `practical`.
    InvalidSpec: the jobs differ in dataset, split, folds or selection metric.
    """
    check_together(jobs)
    selection = selection_of(jobs, metric=metric, rule=rule, practical=practical)
    tables = tables_of(jobs, runs)
    if metric is not None:
        check_known(selection.metric, tables.values())
    draft = _drafted(jobs, tables, selection, rows_of)
    stuck = _stuck(jobs[0], draft.arms, draft.compared, selection.rule)
    arms = [arm.model_copy(update={"at_chance": arm.name in stuck}) for arm in draft.arms]
    draft = replace(draft, arms=arms)
    order = [arms.index(arm) for arm, _ in ranked(arms, selection, draft.direction)]
    baseline = next((i for i, arm in enumerate(arms) if arm.baseline), None)
    names = [arm.name for arm in arms]
    found = compare(
        names,
        draft.basis,
        draft.terms,
        order=order,
        baseline=baseline,
        training=_still_train(jobs),
    )
    finding = _finding(jobs, draft, found, selection, tables, stuck)
    return _report(jobs, draft, finding, tables, stuck, baseline=baseline)


def _still_train(jobs: Sequence[JobRecord]) -> bool:
    return any(job.status not in FINAL for job in jobs)


@dataclass(frozen=True)
class _Draft:
    """What a report is built from, once settings are chosen."""

    entries: Sequence[Entry]
    arms: list[Arm]
    basis: Basis
    sizes: PartSizes | None
    direction: Direction
    compared: str
    terms: Terms


def _drafted(
    jobs: Sequence[JobRecord],
    tables: Mapping[str, Table],
    selection: Selection,
    rows_of: RowsOf,
) -> _Draft:
    sizes = sizes_of(jobs[0])
    direction = direction_of(selection.metric)
    entries = entries_of(jobs, tables, selection)
    compared = _compared(selection.metric, tables.values())
    basis = gather(entries, compared, selection.rule, rows_of)
    arms = _with_rows(_arms(entries, tables, selection, sizes), basis, compared)
    thresholds = thresholds_of(
        jobs[0], entries, basis.by_row, selection, training=_still_train(jobs)
    )
    arms = [arm.model_copy(update={"threshold": thresholds.get(i)}) for i, arm in enumerate(arms)]
    levels = summarise(basis.fold_AR).mean
    region = practical_region(selection.practical, compared, levels[np.isfinite(levels)].tolist())
    ratio = _ratio(sizes, compared)
    terms = Terms(metric=compared, direction=direction, margin=region, ratio=ratio)
    return _Draft(entries, arms, basis, sizes, direction, compared, terms)


def _finding(
    jobs: Sequence[JobRecord],
    draft: _Draft,
    found: Comparison,
    selection: Selection,
    tables: Mapping[str, Table],
    stuck: Mapping[str, str],
) -> Finding:
    return Finding(
        arms=draft.arms,
        pairs=found.pairs,
        best=None if found.best is None else draft.arms[found.best],
        validated=None if found.validated is None else draft.arms[found.validated],
        selection=selection,
        direction=draft.direction,
        compared=draft.compared,
        margin=draft.terms.margin,
        partial=any(table.unfinished for table in tables.values()),
        complexities=_complexities(draft.entries, draft.arms, selection.rule),
        nothing=_learned_nothing(jobs[0], draft.arms, stuck, selection.rule),
        tested=None if draft.basis.scored is None else draft.basis.scored.fold_PN.shape[1],
        statuses=frozenset(job.status for job in jobs),
    )


def _report(
    jobs: Sequence[JobRecord],
    draft: _Draft,
    finding: Finding,
    tables: Mapping[str, Table],
    stuck: Mapping[str, str],
    *,
    baseline: int | None,
) -> Report:
    unfinished = sum(table.unfinished for table in tables.values())
    verdict = verdict_of(finding)
    action = action_of(
        finding,
        _cost(tables.values(), draft.basis),
        unfinished=unfinished,
        one_part=draft.basis.one_part,
        repeats=len(np.unique(draft.basis.layout.repeat_R)),
    )
    stability = stability_of([arm.name for arm in draft.arms], draft.basis)
    said = [verdict.headline, verdict.best_bet, verdict.proven, action.sentence]
    return Report(
        jobs=[job.id for job in jobs],
        metric=finding.selection.metric,
        direction=finding.direction,
        headline=verdict.headline,
        best_arm=None if finding.best is None else finding.best.name,
        best_bet=verdict.best_bet,
        proven=verdict.proven,
        action=action,
        outcome=verdict.outcome,
        verdict=" ".join(filter(None, said)),
        details=details_of(finding, jobs[0], draft.basis, stability, draft.sizes),
        partial=finding.partial,
        notes=notes_of(
            finding,
            jobs[0],
            draft.entries,
            draft.basis,
            stuck=stuck,
            sizes=draft.sizes,
            unfinished=unfinished,
        ),
        rows=rows_of_parts(draft.basis, draft.sizes),
        arms=draft.arms,
        pairs=list(finding.pairs),
        stability=stability,
        figures=[],
        method=method_of(
            jobs[0],
            finding.selection,
            finding.direction,
            basis=draft.basis,
            compared=draft.compared,
            region=draft.terms.margin,
            baseline=None if baseline is None else draft.arms[baseline].name,
        ),
        reproduce=reproduce_of(jobs),
    )


def _arms(
    entries: Sequence[Entry],
    tables: Mapping[str, Table],
    selection: Selection,
    sizes: PartSizes | None,
) -> list[Arm]:
    names = unique_names([(entry.job, entry.arm) for entry in entries])
    baseline = declared_baseline([(entry.job, entry.arm) for entry in entries])
    summaries = {job: _summaries(table, sizes) for job, table in tables.items()}
    scores: dict[tuple[str, str], Mapping[str, Score]] = {}
    for job, table in tables.items():
        mine = [entry for entry in entries if entry.job.id == job]
        found = procedures(mine, table, selection.rule, sizes)
        scores |= {(job, entry.arm): of_arm for entry, of_arm in zip(mine, found, strict=True)}
    return [
        assemble(
            entry,
            name,
            summaries[entry.job.id],
            scores[entry.job.id, entry.arm],
            selection,
            baseline=i == baseline,
        )
        for i, (entry, name) in enumerate(zip(entries, names, strict=True))
    ]


def _summaries(table: Table, sizes: PartSizes | None) -> dict[str, Summary]:
    return {
        metric: summarise_over(sheet, table.layout, metric, rows=rows_counted(metric, sizes))
        for metric, sheet in table.sheets.items()
    }


def _with_rows(arms: Sequence[Arm], basis: Basis, compared: str) -> list[Arm]:
    """The arms with what their scores by row say of the means: over rows, with training in them."""
    if basis.by_row is None or basis.scored is None:
        return list(arms)
    scores = [dict(arm.scores) for arm in arms]
    for kind in sorted(basis.by_row.kinds):
        name = f"test_{kind}"
        if not any(name in mine for mine in scores):
            continue
        found = estimates(basis.scored if name == compared else basis.by_row.scored(kind))
        for i, (mean, low, high) in enumerate(
            zip(found.mean_A.tolist(), found.low_A.tolist(), found.high_A.tolist(), strict=True)
        ):
            old = scores[i].get(name)
            if old is not None and np.isfinite(mean):
                ends = clipped(name, low, high) if np.isfinite(low) and low < high else None
                scores[i][name] = Score(mean=mean, sd=old.sd, ci95=ends, n=old.n)
    return [arm.model_copy(update={"scores": mine}) for arm, mine in zip(arms, scores, strict=True)]


def _compared(metric: str, tables: Iterable[Table]) -> str:
    """The test score, unless some job has scores and no such, then the selection metric itself."""
    test = f"test_{base_of(metric)}"
    return test if all(test in table.sheets for table in tables if table.sheets) else metric


def _ratio(sizes: PartSizes | None, compared: str) -> float:
    """Rows of the compared part over those of the training part."""
    if sizes is None or not sizes.train:
        return 0.0
    part = sizes.test if compared.startswith("test_") else sizes.validation
    return part / sizes.train


def _cost(tables: Iterable[Table], basis: Basis) -> Cost:
    found = list(tables)
    sheets = [table.sheets["seconds"] for table in found if "seconds" in table.sheets]
    seconds = [value for sheet in sheets for value in sheet[np.isfinite(sheet)].tolist()]
    return Cost.of(
        seconds,
        repeats=len(np.unique(basis.layout.repeat_R)),
        settings=sum(len(table.settings) for table in found),
    )


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
        if chosen_of(arm, rule) and (note := chance.note(arm.scores, compared))
    }


def _learned_nothing(
    job: JobRecord, arms: Sequence[Arm], stuck: Mapping[str, str], rule: Rule
) -> str | None:
    """What always answering does as well as every arm that has a score, if it does."""
    all_stuck = bool(stuck) and all(arm.name in stuck for arm in arms if chosen_of(arm, rule))
    return answer_of(job) if all_stuck else None
