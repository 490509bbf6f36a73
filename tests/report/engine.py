"""A job trained by the real engine in this process, as records and rows of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from api.weights import row_of
from core.datasets import Dataset, Protocol, Replicate
from core.plan import Shapes, plan
from core.report.importance import Asked
from core.report.records import JobRecord, RowBatch, RunRecord
from core.rows import read_rows
from core.spec import Limits, experiment_at, resolve, runs_of
from core.spec.protocol import protocol_of
from core.train import Cohort, Ended, Finished, train
from tests.report.conftest import run_of

MEMORY_BYTES = 2**30


class TrainedJob:
    """Every run of a body on a dataset, whatever source the body names."""

    def __init__(self, body: Mapping[str, Any], dataset: Dataset, folder: Path) -> None:
        job = resolve(dict(body), lambda source: dataset.facts, Limits())
        self.job = JobRecord(
            id="job_1",
            name=None,
            document=job.document,
            facts=dataset.facts.document(),
            status="succeeded",
            created_at=None,
            versions={},
        )
        self.runs: list[RunRecord] = []
        self.dataset = dataset
        self._files: dict[str, tuple[Path, int]] = {}
        members = list(runs_of(job))
        experiments = [experiment_at(job.document, arm, setting) for arm, setting, _ in members]
        shapes = Shapes.of(job.facts, protocol_of(job.spec))
        for number, piece in enumerate(plan(experiments, shapes, memory_bytes=MEMORY_BYTES)):
            path = folder / f"rows_{number}.safetensors"
            self._train([members[i] for i in piece.runs], dataset, path)

    def _train(self, members: Sequence[Any], dataset: Dataset, path: Path) -> None:
        places = [
            (arm, setting, at.seed, at.repeat, at.fold, at.inner_fold)
            for arm, setting, at in members
        ]
        events = list(train(Cohort.of(self.job.document, places), dataset))
        reasons = {event.row: event.reason for event in events if isinstance(event, Ended)}
        (end,) = (event for event in events if isinstance(event, Finished))
        assert end.write_rows is not None
        end.write_rows(path)
        end.write_weights(path.with_suffix(".weights"))
        for row, (arm, setting, at) in enumerate(members):
            final = {name: values[row] for name, values in end.final.items()}
            run = run_of(len(self.runs), "job_1", arm, setting, at, final)
            run = replace(run, stop_reason=reasons.get(row, "completed"))
            self._files[run.id] = path, row
            self.runs.append(run)

    def rows_of(self, ids: Sequence[str]) -> list[RowBatch]:
        """One batch of each cohort."""
        found = []
        for path in dict.fromkeys(self._files[run][0] for run in ids):
            mine = [run for run in ids if self._files[run][0] == path]
            found.append(RowBatch(mine, read_rows(path, [self._files[run][1] for run in mine])))
        return found

    def asked(self, runs: Sequence[str]) -> list[Asked]:
        """These runs with their reported weights, to be asked what they rest on."""
        known = {run.id: run for run in self.runs}
        protocol = Protocol.of(self.job.document)
        found = []
        for batch in self.rows_of(runs):
            for place, run in enumerate(batch.runs):
                path, row = self._files[run]
                one = known[run]
                found.append(
                    Asked(
                        Replicate(one.seed, one.repeat, one.fold, one.inner_fold),
                        protocol,
                        experiment_at(self.job.document, one.arm, one.setting),
                        partial(row_of, path.with_suffix(".weights"), row, prefix="reported/"),
                        batch.scores,
                        place,
                    )
                )
        return found
