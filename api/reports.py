"""What the report routes do: rows to records, records to a report, a report to bytes."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from api.deps import Services
from api.strict_json import shown
from api.version import version_of
from core.errors import NotFound
from core.report.build import build_report
from core.report.figures import curves_wanted
from core.report.figures import figure as drawn
from core.report.figures import figures as all_drawn
from core.report.image import figure_png, figure_svg
from core.report.page import to_html
from core.report.records import CurveRecord, JobRecord, RunRecord
from core.report.render import to_csv, to_json, to_markdown
from core.report.report import Report, Rule
from core.store import events, jobs, models, runs
from core.store.states import is_final

ReportFormat = Literal["json", "html", "md", "csv"]
FigureFormat = Literal["vega", "svg", "png"]
REPORT_MEDIA: Mapping[str, str] = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}
FIGURE_MEDIA: Mapping[str, str] = {
    "vega": "application/vnd.vegalite.v6+json",
    "json": "application/json",
    "svg": "image/svg+xml",
    "png": "image/png",
}
SUFFIXES = {".vl.json": "vega", ".json": "vega", ".svg": "svg", ".png": "png"}
_VERSIONED = ("occam", "torch", "numpy")
_CURVE_ROWS_MAX = 2000  # of a cohort: twice what a figure draws of a curve


@dataclass(frozen=True)
class Overrides:
    """What a client may ask otherwise than the jobs did; None leaves it to them."""

    metric: str | None = None
    rule: Rule | None = None
    practical: float | None = None


def written(house: Services, job_ids: Sequence[str], overrides: Overrides, form: str) -> bytes:
    """The comparison as of now, in one of REPORT_MEDIA; partial while runs go on.

    Raises NotFound, and InvalidSpec where the jobs cannot be compared.
    """

    def make() -> bytes:
        return _rendered(house, _report_of(house, job_ids, overrides), form)

    return house.shelf.get(_key(house, job_ids, overrides, ("report", form)), make)


def figure(house: Services, job_id: str, name: str, overrides: Overrides, form: str) -> bytes:
    """One figure's bytes in one of FIGURE_MEDIA. Raises NotFound, naming those there are."""

    def make() -> bytes:
        return _drawn(house, _report_of(house, [job_id], overrides), name, form)

    return house.shelf.get(_key(house, [job_id], overrides, (name, form)), make)


def split_suffix(name: str) -> tuple[str, str | None]:
    """`learning.svg` -> (`learning`, `svg`); no suffix leaves the choice to Accept."""
    for suffix, form in SUFFIXES.items():
        if name.endswith(suffix):
            return name.removesuffix(suffix), form
    return name, None


def _key(
    house: Services, job_ids: Sequence[str], overrides: Overrides, what: tuple[str, str]
) -> Hashable | None:
    """By what an answer may be kept: only final jobs never change. Raises NotFound."""
    with house.database.read() as session:
        rows = [jobs.get_job(session, job_id) for job_id in job_ids]
    if not all(is_final(row.status) for row in rows):
        return None
    return tuple((row.id, row.version) for row in rows), overrides, what


def _report_of(house: Services, job_ids: Sequence[str], overrides: Overrides) -> Report:
    job_records: list[JobRecord] = []
    run_records: list[RunRecord] = []
    with house.database.read() as session:
        for job_id in job_ids:
            job_records.append(_job_record(jobs.get_job(session, job_id)))
            rows = runs.of_job(session, job_id, limit=None)
            run_records += [_run_record(row) for row in rows]
    return build_report(
        job_records,
        run_records,
        metric=overrides.metric,
        rule=overrides.rule,
        practical=overrides.practical,
    )


def _rendered(house: Services, report: Report, form: str) -> bytes:
    if form == "json":
        return to_json(report).encode()
    if form == "csv":
        return to_csv(report).encode()
    if form == "md":
        return to_markdown(report).encode()
    return to_html(report, all_drawn(report, _curves(house, report))).encode()


def _drawn(house: Services, report: Report, name: str, form: str) -> bytes:
    known = [link.name for link in report.figures]
    if name not in known:
        raise NotFound(
            f"There is no figure “{shown(name)}” in this report; there is"
            f" {', '.join(known) or 'none yet'}."
        )
    found = drawn(report, _curves(house, report), name)
    if form == "svg":
        return figure_svg(found).encode()
    if form == "png":
        return figure_png(found)
    return json.dumps(found.spec, allow_nan=False).encode()


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


def _job_record(row: models.Job) -> JobRecord:
    return JobRecord(
        id=row.id,
        name=row.name,
        document=row.document,
        facts=row.facts,
        status=row.status,
        created_at=row.created_at,
        versions={name: version_of(name) for name in _VERSIONED},
    )


def _run_record(row: models.Run) -> RunRecord:
    return RunRecord(
        id=row.id,
        job=row.job_id,
        arm=row.arm,
        setting=row.setting,
        seed=row.seed,
        fold=row.fold,
        status=row.status,
        final=row.final or _latest(row),
        epochs=row.stopped_epoch or row.epochs,  # the first is null where it ran to the end
        seconds=row.seconds,
        stop_reason=row.stop_reason,
    )


def _latest(row: models.Run) -> Mapping[str, float | None]:
    """Of a run that still trains, its newest values: what a partial report goes by."""
    if is_final(row.status):
        return {}
    return {name: value.get("last") for name, value in (row.metrics or {}).items()}
