"""What the report routes do: rows to records, records to a report, a report to bytes."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from api.deps import Services
from api.evidence import Read, answers_of, with_curves
from api.importance import with_importance
from api.rows import rows_by_run
from api.strict_json import shown
from api.version import version_of
from core.errors import NotFound
from core.report.build import build_report
from core.report.evidence import Evidence
from core.report.figures import figure as drawn
from core.report.figures import figures as all_drawn
from core.report.figures import with_figures
from core.report.image import figure_png, figure_svg
from core.report.page import to_html
from core.report.records import FINAL, JobRecord, RunRecord
from core.report.render import to_csv, to_json, to_markdown
from core.report.report import Report, Rule
from core.report.row_table import RowTable, row_table
from core.report.summary import Summary, summary_of
from core.report.summary_render import summary_csv, summary_html, summary_markdown
from core.report.together import by_dataset
from core.store import jobs, models, runs
from core.store.states import is_final

ReportFormat = Literal["json", "html", "md", "csv"]
FigureFormat = Literal["vega", "svg", "png"]
REPORT_MEDIA: Mapping[str, str] = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}
ROWS_MEDIA: Mapping[str, str] = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
FIGURE_MEDIA: Mapping[str, str] = {
    "vega": "application/vnd.vegalite.v6+json",
    "json": "application/json",
    "svg": "image/svg+xml",
    "png": "image/png",
}
SUFFIXES = {".vl.json": "vega", ".json": "vega", ".svg": "svg", ".png": "png"}
IMPORTANCE = "importance"  # the figure that takes as long as all others
_VERSIONED = ("occam", "torch", "numpy")


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
        return _rendered(house, job_ids, overrides, form)

    return house.shelf.get(_key(house, job_ids, overrides, ("report", form)), make)


def together(house: Services, job_ids: Sequence[str], overrides: Overrides, form: str) -> bytes:
    """One report over jobs on one dataset; a summary over jobs on several.

    Raises NotFound, and InvalidSpec where the jobs cannot be compared.
    """

    def make() -> bytes:
        job_records, run_records = _records(house, job_ids)
        groups = by_dataset(job_records)
        if len(groups) == 1:
            return _rendered(house, job_ids, overrides, form)
        found = [_of_group(house, group, run_records, overrides) for group in groups]
        return _summarised(summary_of(found), form)

    return house.shelf.get(_key(house, job_ids, overrides, ("report", form)), make)


def draw_ahead(house: Services, job_id: str) -> None:
    """Put the page of an ended job where its first reader will look."""
    written(house, [job_id], Overrides(), "html")


def rows(house: Services, job_id: str, overrides: Overrides) -> RowTable:
    """The scores by test row that the job's report is computed from.

    Raises NotFound, also where the job stored none, and what `written` raises.
    """
    job_records, run_records = _records(house, [job_id])
    found = row_table(
        job_records,
        run_records,
        rows_by_run(house),
        metric=overrides.metric,
        rule=overrides.rule,
    )
    if not found.lines:
        status = job_records[0].status
        why = "and left none" if status in FINAL else "and stores them when its runs end"
        why = f"and {found.lacking}" if found.lacking else why
        raise NotFound(f"There are no scores by row of job {job_id!r}: it is {status}, {why}.")
    return found


def figure(house: Services, job_id: str, name: str, overrides: Overrides, form: str) -> bytes:
    """One figure's bytes in one of FIGURE_MEDIA. Raises NotFound, naming those there are."""

    def make() -> bytes:
        return _drawn(house, job_id, overrides, name, form)

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


def _compared(
    house: Services, job_ids: Sequence[str], overrides: Overrides
) -> tuple[Report, Evidence]:
    """The report, and the answers on test rows that it was made from."""

    def make() -> tuple[Report, Evidence]:
        return _compare(house, job_ids, overrides)

    return house.desk.get(_key(house, job_ids, overrides, ("desk", "")), make)


def _compare(
    house: Services, job_ids: Sequence[str], overrides: Overrides
) -> tuple[Report, Evidence]:
    job_records, run_records = _records(house, job_ids)
    read = Read(rows_by_run(house))
    report = build_report(
        job_records,
        run_records,
        read,
        metric=overrides.metric,
        rule=overrides.rule,
        practical=overrides.practical,
    )
    evidence = answers_of(report, read.batches, job_records[0])
    return with_figures(report, evidence), evidence


def _asked(
    house: Services, job_ids: Sequence[str], overrides: Overrides
) -> tuple[Report, Evidence]:
    """The same, and what the models say when they are asked again; while runs go on they are not.

    Kept apart from what JSON needs, which is the first thing that a client waits for.
    """
    report, evidence = _compared(house, job_ids, overrides)
    key = _key(house, job_ids, overrides, ("desk", IMPORTANCE))
    if key is None or IMPORTANCE not in [link.name for link in report.figures]:
        return report, evidence

    def make() -> tuple[Report, Evidence]:
        return report, with_importance(house, report, evidence)

    return house.desk.get(key, make)


def _of_group(
    house: Services,
    group: Sequence[JobRecord],
    run_records: Sequence[RunRecord],
    overrides: Overrides,
) -> Report:
    ids = {job.id for job in group}
    return build_report(
        group,
        [run for run in run_records if run.job in ids],
        rows_by_run(house),
        metric=overrides.metric,
        rule=overrides.rule,
        practical=overrides.practical,
    )


def _summarised(summary: Summary, form: str) -> bytes:
    if form == "json":
        return summary.model_dump_json(by_alias=True).encode()
    if form == "csv":
        return summary_csv(summary).encode()
    if form == "md":
        return summary_markdown(summary).encode()
    return summary_html(summary).encode()


def _records(house: Services, job_ids: Sequence[str]) -> tuple[list[JobRecord], list[RunRecord]]:
    job_records: list[JobRecord] = []
    run_records: list[RunRecord] = []
    with house.database.read() as session:
        for job_id in job_ids:
            job_records.append(_job_record(jobs.get_job(session, job_id)))
            rows = runs.of_job(session, job_id, limit=None)
            run_records += [_run_record(row) for row in rows]
    return job_records, run_records


def _rendered(house: Services, job_ids: Sequence[str], overrides: Overrides, form: str) -> bytes:
    if form in ("json", "csv"):
        report, _ = _compared(house, job_ids, overrides)
        return (to_json(report) if form == "json" else to_csv(report)).encode()
    report, evidence = _asked(house, job_ids, overrides)
    if form == "md":
        return to_markdown(with_figures(report, evidence)).encode()
    return to_html(
        report, all_drawn(report, with_curves(house, report, evidence)), evidence
    ).encode()


def _drawn(house: Services, job_id: str, overrides: Overrides, name: str, form: str) -> bytes:
    report, evidence = _compared(house, [job_id], overrides)
    known = [link.name for link in report.figures]
    if name not in known:
        raise NotFound(
            f"There is no figure “{shown(name)}” in this report; there is"
            f" {', '.join(known) or 'none yet'}."
        )
    if name == IMPORTANCE:
        report, evidence = _asked(house, [job_id], overrides)
    found = drawn(report, with_curves(house, report, evidence), name)
    if form == "svg":
        return figure_svg(found).encode()
    if form == "png":
        return figure_png(found)
    return json.dumps(found.spec, allow_nan=False).encode()


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
        repeat=row.repeat,
        fold=row.fold,
        inner_fold=row.inner_fold,
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
