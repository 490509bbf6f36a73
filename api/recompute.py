"""Scores by test row that no worker stored, computed from the weights that it did store.

A cohort's scores take at most OCCAM_ROWS_BYTES_MAX there, since they are of all its runs. A report
needs the few that were chosen, so for these they are computed when it is made, once: what was
computed is kept in this process, as the report is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from api.deps import Services
from api.weights import rows_of
from core.answers.recomputed import Trained, recomputed, seconds
from core.datasets import Dataset, DatasetFacts, Protocol, Replicate, load_source, source_of
from core.errors import NotFound, OccamError
from core.report.records import Lacking, RowBatch
from core.report.words import base_of
from core.rows import RowScores
from core.spec import experiment_at
from core.store import checkpoints, datasets, jobs, models, runs
from core.store.artifacts import TornArtifact

GONE = "the dataset that answers could be recomputed from is gone"
OTHER_VERSION = "answers cannot be recomputed, since the job is of another version"


@dataclass(frozen=True, eq=False)
class _Cohort:
    """Runs in the order of their rows, of a cohort whose weights lie under the key."""

    job: models.Job
    runs: Sequence[models.Run]
    key: str

    @property
    def facts(self) -> DatasetFacts:
        return DatasetFacts.of(self.job.facts)

    @property
    def protocol(self) -> Protocol:
        return Protocol.of(self.job.document)

    @property
    def trained(self) -> Trained:
        document = self.job.document
        return Trained(
            [experiment_at(document, run.arm, run.setting) for run in self.runs],
            [Replicate(run.seed, run.repeat, run.fold, run.inner_fold) for run in self.runs],
        )


def recomputed_rows(house: Services, run_ids: Sequence[str]) -> Iterator[RowBatch | Lacking]:
    """Of those of these runs whose weights are stored; all of them, or none and why."""
    cohorts = _cohorts(house, run_ids)
    try:
        why = _too_much(house, cohorts)
    except (
        OccamError,
        ValueError,
        LookupError,
        TypeError,
    ):  # as in read_recipe
        why = OTHER_VERSION
    if why is not None:
        yield Lacking(why)
        return
    with ExitStack() as files:
        dataset_of = cache(lambda job: _dataset(house, job, files))
        for cohort in cohorts:
            try:
                scores = _kept(house, cohort, len(cohorts), partial(dataset_of, cohort.job))
            except FileNotFoundError:
                continue  # weights that are gone are as never written
            except (NotFound, TornArtifact):
                yield Lacking(GONE)
                return
            if scores is not None:
                yield RowBatch([run.id for run in cohort.runs], scores)


def _cohorts(house: Services, run_ids: Sequence[str]) -> list[_Cohort]:
    found = []
    with house.database.read() as session:
        for cohort_id, places in sorted(runs.places_of(session, run_ids).items()):
            weights = checkpoints.of_cohort(session, cohort_id, "weights")
            if weights:
                members = [runs.get_run(session, run_id) for run_id, _ in sorted(places, key=_row)]
                job = jobs.get_job(session, members[0].job_id)
                found.append(_Cohort(job, members, weights[0].key))
    return found


def _row(place: tuple[str, int]) -> int:
    return place[1]


def _too_much(house: Services, cohorts: Sequence[_Cohort]) -> str | None:
    """Why not, where it would take longer or more memory than is allowed."""
    needed_s = sum(seconds(c.trained, c.facts, c.protocol) for c in cohorts)
    limit_s, limit = house.settings.recompute_s_max, house.settings.recompute_bytes_max
    if needed_s > limit_s:
        return (
            f"to recompute answers from the weights would take about {needed_s:,.0f} s, more than"
            f" the {limit_s:g} s of OCCAM_RECOMPUTE_S_MAX"
        )
    data = max((cohort.facts.data_bytes for cohort in cohorts), default=0)
    if data >= limit:
        return (
            f"to recompute answers from the weights would load {data:,} bytes of data, more than"
            f" the {limit:,} of OCCAM_RECOMPUTE_BYTES_MAX"
        )
    return None


def _kept(
    house: Services, cohort: _Cohort, cohorts: int, load: Callable[[], Dataset]
) -> RowScores | None:
    """What was computed before, or now within an even share of the memory."""
    rows = [run.row for run in cohort.runs if run.row is not None]
    share = (house.settings.recompute_bytes_max - cohort.facts.data_bytes) // cohorts

    def make() -> RowScores | None:
        with house.artifacts.local(cohort.key) as path:
            tensors = rows_of(path, rows, prefix="reported/")
        return recomputed(
            cohort.trained,
            tensors,
            load(),
            cohort.protocol,
            chosen=base_of(cohort.job.document["select"]["metric"]),
            bytes_max=share,
        )

    return house.answers.get((cohort.key, tuple(rows), share), make)


def _dataset(house: Services, job: models.Job, files: ExitStack) -> Dataset:
    """The job's data. Raises NotFound where it is gone or is not what it was."""

    def fetch(dataset_id: str) -> Path:
        with house.database.read() as session:
            row = datasets.get_dataset(session, dataset_id)
        try:
            return files.enter_context(house.artifacts.local(row.key, sha256=row.sha256))
        except FileNotFoundError:
            raise NotFound(f"The data of {dataset_id!r} is gone from the store.") from None

    dataset = load_source(source_of(job.document), fetch)
    if job.facts.get("sha256", "") not in ("", dataset.facts.sha256):
        raise NotFound("The dataset is not the one that the job was accepted with.")
    return dataset
