"""From rows of the store to what goes out. Pure; called inside the row's session."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from api.schemas.datasets import Dataset, DatasetLinks, ImageShape, InputField
from api.schemas.jobs import Job, JobLinks, Progress
from api.schemas.problem import Failure
from api.schemas.runs import MetricSummary, Run, RunLinks
from api.waiting import waiting_for
from core.datasets import DatasetFacts, Field
from core.store import models


def job_view(row: models.Job, served: frozenset[str]) -> Job:
    """A job as a client sees it; `served` are the devices that living workers train on."""
    path = f"/v1/jobs/{row.id}"
    return Job(
        id=row.id,
        name=row.name,
        status=row.status,
        spec=row.document,
        progress=Progress(
            runs_total=row.runs_total,
            runs_done=row.runs_done,
            epochs_total=row.epochs_total,
            epochs_done=row.epochs_done,
            eta_s=_eta_s(row),
        ),
        waiting=waiting_for(row.device, served) if row.status == "queued" else None,
        error=failure_view(row.error),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        links=JobLinks(
            self=path,
            runs=f"{path}/runs",
            metrics=f"{path}/metrics",
            events=f"{path}/events",
            stream=f"{path}/stream",
            report=f"{path}/report",
        ),
    )


def run_view(row: models.Run) -> Run:
    """A run as a client sees it."""
    path = f"/v1/runs/{row.id}"
    return Run(
        id=row.id,
        job=row.job_id,
        arm=row.arm,
        setting=row.setting,
        seed=row.seed,
        repeat=row.repeat,
        fold=row.fold,
        inner_fold=row.inner_fold,
        status="queued" if row.status == "paused" else row.status,
        metrics={name: _summary(found) for name, found in (row.metrics or {}).items()},
        final={name: _number(value) for name, value in (row.final or {}).items()},
        stopped_epoch=row.stopped_epoch,
        stop_reason=row.stop_reason,
        error=failure_view(row.error),
        links=RunLinks(
            self=path,
            job=f"/v1/jobs/{row.job_id}",
            metrics=f"/v1/jobs/{row.job_id}/metrics?run={row.id}",
            checkpoints=f"{path}/checkpoints",
            weights=f"{path}/weights",
            predict=f"{path}/predict",
        ),
    )


def dataset_view(row: models.Dataset) -> Dataset:
    """An uploaded dataset as a client sees it."""
    facts = DatasetFacts.of(row.facts)
    path = f"/v1/datasets/{row.id}"
    only = facts.only
    image = None
    if only is not None and only.kind == "image":
        channels, height, width = only.shape
        image = ImageShape(channels=channels, height=height, width=width)
    return Dataset(
        id=row.id,
        name=row.name,
        format=row.format,
        task=facts.task,
        examples=facts.examples,
        features=facts.features if only is not None and image is None else None,
        inputs=[_field_view(field) for field in facts.inputs],
        feature_names=list(facts.feature_names),
        image=image,
        classes=list(facts.classes),
        class_counts=list(facts.class_counts),
        groups=facts.groups,
        ordered=facts.ordered,
        duplicates=facts.duplicates,
        sha256=facts.sha256,
        bytes=row.bytes,
        warnings=row.warnings,
        created_at=row.created_at,
        links=DatasetLinks(self=path, preview=f"{path}/preview"),
    )


def _field_view(field: Field) -> InputField:
    return InputField(
        name=field.name,
        kind=field.kind,
        shape=list(field.shape),
        size=field.size if field.coded else None,
    )


def failure_view(error: Mapping[str, Any] | None) -> Failure | None:
    """Why something failed, if it did."""
    if error is None:
        return None
    code = str(error.get("code", "internal"))
    return Failure(
        type=f"urn:occam:problem:{code}",
        title=str(error.get("title", "Failed")),
        detail=str(error.get("detail", "No reason was recorded.")),
        code=code,
    )


def _summary(found: Mapping[str, Any]) -> MetricSummary:
    return MetricSummary(
        last=_number(found.get("last")),
        last_kind=found.get("kind"),
        best=_number(found.get("best")),
        best_kind=found.get("best_kind"),
        best_epoch=found.get("best_epoch"),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _eta_s(row: models.Job) -> float | None:
    """At the mean pace since the start; a job that is not running has no pace."""
    if row.status != "running" or row.started_at is None or row.epochs_done <= 0:
        return None
    elapsed_s = (datetime.now(UTC) - row.started_at).total_seconds()
    left = max(0, row.epochs_total - row.epochs_done)
    return round(max(0.0, elapsed_s) * left / row.epochs_done, 1)
