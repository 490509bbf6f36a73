"""What the models behind a report rest on: asked again, with their stored weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from api.deps import Services
from api.rows import rows_by_run
from api.weights import row_of
from core.datasets import Dataset, DatasetFacts, DatasetSource, Protocol, Replicate, load_source
from core.errors import NotFound
from core.report.evidence import Evidence
from core.report.figures.theme import best_of, in_rank, shown_arms
from core.report.records import RowBatch
from core.report.report import Arm, Report
from core.spec import experiment_at
from core.store import checkpoints, datasets, jobs, models, runs
from core.store.artifacts import TornArtifact
from core.term import Wire

if TYPE_CHECKING:
    from core.report.importance import Asked

DATA_BYTES_MAX = 256 * 2**20  # larger data is not read again for one figure


class _Gone(Exception):
    """Something is missing that the models would be asked with; a sentence."""


class _Named(Wire):
    """The part of a document that says which data."""

    dataset: DatasetSource


def with_importance(house: Services, report: Report, evidence: Evidence) -> Evidence:
    """The same with the importance of features, or why there is none.

    The first call of a process imports torch.
    """
    from core.report.importance import Importances, importances_of

    with ExitStack() as files:
        try:
            dataset = _dataset(house, report.jobs[0], files)
            asked = {arm.name: _asked(house, arm, files) for arm in _best_first(report)}
        except _Gone as gone:
            return replace(evidence, importance=Importances({}, str(gone)))
        known = {name: found for name, found in asked.items() if found}
        if not known:
            return replace(evidence, importance=Importances({}, "No run left scores by row."))
        metric = f"test_{report.method.compared_metric.partition('_')[2]}"
        return replace(evidence, importance=importances_of(known, dataset, metric))


def _best_first(report: Report) -> list[Arm]:
    shown = {arm.name: arm for arm in shown_arms(report)}
    best = best_of(report)
    order = [*([best] if best else []), *(arm for arm, _ in in_rank(report))]
    return [shown[name] for name in dict.fromkeys(arm.name for arm in order) if name in shown]


def _asked(house: Services, arm: Arm, files: ExitStack) -> list[Asked]:
    """The runs behind an arm's scores that have scores by row."""
    found: list[Asked] = []
    for batch in rows_by_run(house)(arm.runs):
        if isinstance(batch, RowBatch):
            found += _of_cohort(house, arm, batch, files)
    return found


def _of_cohort(house: Services, arm: Arm, batch: RowBatch, files: ExitStack) -> Iterator[Asked]:
    from core.report.importance import Asked

    with house.database.read() as session:
        rows = [runs.get_run(session, run_id) for run_id in batch.runs]
        document = jobs.get_job(session, rows[0].job_id).document
        stored = checkpoints.of_cohort(session, str(rows[0].cohort_id), "weights")
    path = _weights(house, arm, stored, files)
    protocol = Protocol.of(document)
    for place, row in enumerate(rows):
        assert row.row is not None, f"{row.id} has scores, so it has a place in its cohort"
        yield Asked(
            replicate=Replicate(row.seed, row.repeat, row.fold, row.inner_fold),
            protocol=protocol,
            experiment=experiment_at(document, row.arm, row.setting),
            weights=partial(row_of, path, row.row, prefix="reported/"),
            scores=batch.scores,
            place=place,
        )


def _weights(
    house: Services, arm: Arm, stored: Sequence[models.Checkpoint], files: ExitStack
) -> Path:
    """A local file, there as long as `files` are. Raises _Gone."""
    if not stored:
        raise _Gone(f"The runs of {arm.name} left no weights.")
    try:  # its checksum is not asked for: of a large file only some rows are read
        return files.enter_context(house.artifacts.local(stored[0].key))
    except FileNotFoundError:
        raise _Gone(f"The weights of {arm.name} are gone from the store.") from None


def _dataset(house: Services, job_id: str, files: ExitStack) -> Dataset:
    """The data that the job was accepted with. Raises _Gone."""
    with house.database.read() as session:
        job = jobs.get_job(session, job_id)
    facts = DatasetFacts.of(job.facts)
    if facts.data_bytes > DATA_BYTES_MAX:
        mib = facts.data_bytes // 2**20
        raise _Gone(f"The data has {mib:,} MiB, more than is read again for one figure.")
    source = _Named.model_validate({"dataset": job.document["dataset"]}).dataset
    dataset = load_source(source, partial(_upload, house, files))
    if facts.sha256 not in ("", dataset.facts.sha256):
        raise _Gone("The dataset is not the one that the job was accepted with.")
    return dataset


def _upload(house: Services, files: ExitStack, dataset_id: str) -> Path:
    try:
        with house.database.read() as session:
            row = datasets.get_dataset(session, dataset_id)
        return files.enter_context(house.artifacts.local(row.key, sha256=row.sha256))
    except (FileNotFoundError, NotFound, TornArtifact):
        raise _Gone("The stored data is missing or damaged; upload it again.") from None
