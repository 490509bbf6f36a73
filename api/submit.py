"""From a body to a stored job: resolve, write everything in one transaction, then ring.

A key that was answered before is answered from its row, and pays for nothing else: the answer
stands even where the body would be refused today, because its dataset was deleted meanwhile.

This is the one place of the API that commits a job; the queue hears of it after the commit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from api.deps import Services
from api.estimate import estimate_of
from api.schemas.jobs import DryRun
from api.views import job_view
from api.waiting import served_for, waiting_for
from core.datasets import DatasetFacts, DatasetSource, facts_of
from core.datasets.uploaded import Uploaded
from core.settings import Settings
from core.spec import Limits, Resolved, resolve, runs_of
from core.store import datasets, idempotency, jobs, workers
from core.store.idempotency import Replay
from core.store.jobs import NewRun
from core.store.sweep import WORKER_ALIVE_S

PATH = "/v1/jobs"


@dataclass(frozen=True)
class Answer:
    """What the client gets, now and whenever it repeats its key."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Key:
    """A client's idempotency key, as stored, and what it stands for."""

    scope: str
    fingerprint: str


def submit(house: Services, body: object, *, principal: str, key: str | None) -> Answer:
    """Store a job with its runs, or answer an earlier post with the same key again.

    Raises InvalidSpec, also for a key that came with another body before.
    """
    reserved = None if key is None else _Key(f"{principal} {PATH} {key}", _fingerprint(body))
    if reserved is not None:
        with house.database.read() as session:
            earlier = idempotency.find(
                session,
                reserved.scope,
                reserved.fingerprint,
                ttl_s=house.settings.idempotency_ttl_s,
            )
        if earlier is not None:
            return _again(earlier)
    answer = _store(house, _resolve(house, body), reserved)
    house.ring()
    return answer


def estimate(house: Services, body: object) -> DryRun:
    """What the job would be and cost; nothing is stored. Raises InvalidSpec."""
    resolved = _resolve(house, body)
    with house.database.read() as session:
        served = workers.served(session, WORKER_ALIVE_S)
    waiting = waiting_for(resolved.spec.device, served)
    notes = [] if waiting is None else [waiting]
    return estimate_of(resolved, house.settings.cohort_memory_bytes, notes)


def _again(earlier: Replay) -> Answer:
    headers = {**earlier.headers, "idempotency-replayed": "true"}
    return Answer(earlier.status, earlier.body, headers)


def _store(house: Services, resolved: Resolved, reserved: _Key | None) -> Answer:
    """Commit the job with its answer; if the same post came twice at once, return the other's."""
    new_runs = _new_runs(resolved)
    source = resolved.spec.dataset
    with house.database.write() as session:
        if reserved is not None:
            earlier = idempotency.reserve(
                session,
                reserved.scope,
                reserved.fingerprint,
                ttl_s=house.settings.idempotency_ttl_s,
            )
            if earlier is not None:
                return _again(earlier)
        row = jobs.insert_job(
            session,
            resolved.document,
            new_runs,
            facts=resolved.facts.document(),
            dataset_id=source.id if isinstance(source, Uploaded) else None,
        )
        job = job_view(row, served_for(session, [row]))
        answer = Answer(201, job.model_dump_json(), {"location": job.links.self})
        if reserved is not None:
            idempotency.keep(
                session,
                reserved.scope,
                status=answer.status,
                body=answer.body,
                headers=answer.headers,
            )
    if house.warmer is not None:
        house.warmer.expect(job.id)
    return answer


def _resolve(house: Services, body: object) -> Resolved:
    def stored(dataset_id: str) -> DatasetFacts:
        with house.database.read() as session:
            return DatasetFacts.of(datasets.get_dataset(session, dataset_id).facts)

    def look_up(source: DatasetSource) -> DatasetFacts:
        return facts_of(source, stored)

    return resolve(body, look_up, _limits(house.settings))


def _new_runs(resolved: Resolved) -> list[NewRun]:
    epochs = {arm.name: arm.experiment.epochs for arm in resolved.arms}
    return [
        NewRun(arm=arm, setting=setting, **asdict(replicate), epochs=epochs[arm])
        for arm, setting, replicate in runs_of(resolved)
    ]


def _fingerprint(body: object) -> str:
    """Equal for bodies that differ in spaces and the order of keys only."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _limits(settings: Settings) -> Limits:
    return Limits(
        runs_max=settings.runs_max,
        arms_max=settings.arms_max,
        epochs_max=settings.epochs_max,
        layers_max=settings.layers_max,
        parameters_max=settings.parameters_max,
        name_max=settings.name_length_max,
    )
