"""From records to arms with their choices: where reports and what goes along with them begin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from core.errors import InvalidSpec
from core.report.arms import Entry, enter
from core.report.parts import PartSizes, sizes_of
from core.report.records import JobRecord, RunRecord
from core.report.table import Table, tabulate
from core.report.together import Selection, arms_of


def tables_of(jobs: Sequence[JobRecord], runs: Iterable[RunRecord]) -> dict[str, Table]:
    """The runs of each job, laid out."""
    by_job: dict[str, list[RunRecord]] = {job.id: [] for job in jobs}
    for run in runs:
        by_job[run.job].append(run)
    return {job: tabulate(members) for job, members in by_job.items()}


def check_known(metric: str, tables: Iterable[Table]) -> None:
    """InvalidSpec where runs have scores but not this one."""
    known = sorted({name for table in tables for name in table.sheets if name.startswith("val_")})
    if known and metric not in known:
        raise InvalidSpec.at(
            "/metric", f"no run has a score called {metric}; there is {', '.join(known)}"
        )


def entries_of(
    jobs: Sequence[JobRecord], tables: Mapping[str, Table], selection: Selection
) -> list[Entry]:
    """Every arm with the settings chosen for it, in the order of the jobs' documents."""
    sizes: PartSizes | None = sizes_of(jobs[0])
    return [
        enter(job, arm, tables[job.id], metric=selection.metric, rows=sizes)
        for job in jobs
        for arm in arms_of(job, list(tables[job.id].arms))
    ]
