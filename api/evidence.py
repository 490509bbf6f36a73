"""What a report's figures draw besides its numbers: logged curves, and answers on test rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from api.deps import Services
from core.report.evidence import Evidence, predictions_of
from core.report.figures import curves_wanted
from core.report.records import CurveRecord, JobRecord, Lacking, RowBatch, RowsOf
from core.report.report import Report
from core.store import events, runs

_CURVE_ROWS_MAX = 2000  # of a cohort: twice what a figure draws of a curve


class Read:
    """Reads scores by test row for a report, and keeps what it read for the report's figures."""

    def __init__(self, rows_of: RowsOf) -> None:
        self._rows_of = rows_of
        self.batches: list[RowBatch] = []

    def __call__(self, run_ids: Sequence[str]) -> list[RowBatch | Lacking]:
        found = list(self._rows_of(run_ids))
        self.batches += [batch for batch in found if isinstance(batch, RowBatch)]
        return found


def answers_of(report: Report, batches: Sequence[RowBatch], job: JobRecord) -> Evidence:
    """What each arm answered on its test rows. job: any of the report's, for names of classes."""
    found = {arm.name: predictions_of(batches, frozenset(arm.runs)) for arm in report.arms}
    names = job.facts.get("classes")
    return Evidence(
        predictions={name: answers for name, answers in found.items() if answers is not None},
        classes=[str(name) for name in names] if isinstance(names, Sequence) else [],
    )


def with_curves(house: Services, report: Report, evidence: Evidence) -> Evidence:
    """The same with the logged curves that the report's figures draw."""
    return replace(evidence, curves=_curves(house, report))


def _curves(house: Services, report: Report) -> list[CurveRecord]:
    """The logged values that the report's figures draw, one record per run and metric."""
    wanted_runs, wanted_names = curves_wanted(report)
    curves = _Curves(frozenset(wanted_runs), frozenset(wanted_names))
    if not wanted_runs:
        return []
    with house.database.read() as session:
        cohort_ids = runs.cohorts_of(session, wanted_runs)
        for job_id in report.jobs:
            for row in events.read_spread(session, job_id, cohort_ids, rows_max=_CURVE_ROWS_MAX):
                curves.add(json.loads(row.data))
    return curves.records()


class _Curves:
    """Gathers columnar rows into one series per run and metric, those that are wanted."""

    def __init__(self, runs: frozenset[str], names: frozenset[str]) -> None:
        self.runs, self.names = runs, names
        self.found: dict[tuple[str, str], list[tuple[int, float]]] = {}

    def add(self, data: Mapping[str, Any]) -> None:  # Any: a metrics event
        epoch = int(data["epoch"])
        kept = [(i, run) for i, run in enumerate(data["runs"]) if run in self.runs]
        for name in self.names & data["metrics"].keys():
            values = data["metrics"][name]
            for i, run in kept:
                value = float("nan") if values[i] is None else float(values[i])
                self.found.setdefault((run, name), []).append((epoch, value))

    def records(self) -> list[CurveRecord]:
        records = []
        for (run, name), points in self.found.items():
            epochs, values = zip(*sorted(points), strict=True)
            records.append(
                CurveRecord(run, name, np.asarray(epochs, np.int64), np.asarray(values, np.float64))
            )
        return records
