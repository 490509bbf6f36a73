"""The report of a trained job, by the functions that serve it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime

import numpy as np

from benchmarks.honesty.trained import Lesson, Trained, resolved
from core.report import build_report
from core.report.basis import gather
from core.report.entries import entries_of, tables_of
from core.report.records import JobRecord, RowBatch, RowsOf, RunRecord
from core.report.report import Report
from core.report.statistics import Scored
from core.report.together import selection_of

CREATED = datetime(2026, 1, 1, tzinfo=UTC)


def job_of(lesson: Lesson) -> JobRecord:
    """The job as the store would keep it."""
    job = resolved(lesson)
    facts = job.facts.document()
    return JobRecord("job_1", "honesty", job.document, facts, "succeeded", CREATED, {})


def report_of(job: JobRecord, runs: Sequence[Trained]) -> Report:
    """Of the job's arms among these runs of one sample."""
    records, rows_of = _stored(job, runs)
    return build_report([job], records, rows_of)


def scored_of(job: JobRecord, runs: Sequence[Trained]) -> Scored:
    """What such a report compares, arms in the job's order: λ chosen inside every fold."""
    records, rows_of = _stored(job, runs)
    selection = selection_of([job], metric=None, rule=None)
    entries = entries_of([job], tables_of([job], records), selection)
    test = selection.metric.replace("val_", "test_")
    scored = gather(entries, test, selection.rule, rows_of).scored
    assert scored is not None, "no scores by row"
    return scored


def _stored(job: JobRecord, runs: Sequence[Trained]) -> tuple[list[RunRecord], RowsOf]:
    """As the store would give them."""
    arms = {str(arm["name"]) for arm in job.document["compare"]}  # type: ignore[attr-defined]
    mine = {f"run_{i}": run for i, run in enumerate(runs) if run.arm in arms}
    records = [
        RunRecord(
            id=name,
            job=job.id,
            arm=run.arm,
            setting=run.setting,
            **asdict(run.replicate),
            status="succeeded",
            final=run.final,
            epochs=1,
            seconds=1.0,
            stop_reason="completed",
        )
        for name, run in mine.items()
    ]
    return records, lambda ids: [RowBatch([one], mine[one].scores) for one in ids]


def truth_of(lesson: Lesson, jobs: Sequence[Sequence[Trained]]) -> dict[str, float]:
    """Of each arm: its mean score on fresh rows over all samples, λ chosen in every fold."""
    found: dict[str, list[float]] = {}
    for runs in jobs:
        best: dict[tuple[str, int, int | None], Trained] = {}
        for run in runs:
            place = run.arm, run.replicate.repeat, run.replicate.fold
            if place not in best or _ahead(lesson, run, best[place]):
                best[place] = run
        for (arm, _, _), run in best.items():
            found.setdefault(arm, []).append(run.fresh)
    truth = {arm: float(np.mean(values)) for arm, values in found.items()}
    if not lesson.equal:
        return truth
    same = 0.5 if lesson.kind == "noise" else float(np.mean(list(truth.values())))
    return dict.fromkeys(truth, same)


def fewer(lesson: Lesson, arms: int) -> Lesson:
    """The same with only its first arms."""
    return replace(lesson, arms=arms)


def _ahead(lesson: Lesson, run: Trained, other: Trained) -> bool:
    name = f"val_{lesson.metric}"
    return lesson.sign * run.final[name] > lesson.sign * other.final[name]
