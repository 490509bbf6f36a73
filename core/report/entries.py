"""From records to arms with their choices: where reports and what goes along with them begin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from core.errors import InvalidSpec
from core.report.arms import Entry, enter, rows_counted
from core.report.choose import standing_of
from core.report.measure import direction_of
from core.report.parts import sizes_of
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
    sizes, metric = sizes_of(jobs[0]), selection.metric
    entries = []
    for job in jobs:
        table = tables[job.id]
        unscored = np.full((len(table.settings), len(table.layout.replicates)), np.nan)
        sheet, counted = table.sheets.get(metric, unscored), rows_counted(metric, sizes)
        standing = standing_of(sheet, table.layout, metric, rows=counted)
        entries += [
            enter(job, arm, table, direction=direction_of(metric), standing=standing)
            for arm in arms_of(job, list(table.arms))
        ]
    return entries
