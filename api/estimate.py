"""What a resolved job would cost. Arithmetic only; numbers are rough and say so."""

from __future__ import annotations

from collections.abc import Sequence

from api.schemas.jobs import DryRun
from core.plan import Shapes, plan
from core.spec import Experiment, Resolved, experiment_at
from core.spec.notes import notes_of
from core.spec.protocol import protocol_of


def estimate_of(resolved: Resolved, memory_bytes: int, notes: Sequence[str] = ()) -> DryRun:
    """Cut the job into cohorts as a worker would, and add up; `notes` stand beside our own."""
    protocol = protocol_of(resolved.spec)
    experiments: list[Experiment] = []
    for arm in resolved.arms:
        for setting in arm.settings:
            experiments += [experiment_at(resolved.document, arm.name, setting)] * protocol.count
    shapes = Shapes.of(resolved.facts, protocol)
    cohorts = plan(experiments, shapes, memory_bytes=memory_bytes)
    return DryRun(
        spec=resolved.document,
        arms=len(resolved.arms),
        settings=sum(len(arm.settings) for arm in resolved.arms),
        runs=len(experiments),
        cohorts=len(cohorts),
        parameters=max(cohort.parameters for cohort in cohorts),
        memory_bytes=max(cohort.memory_bytes for cohort in cohorts),
        time_s=round(sum(cohort.time_s for cohort in cohorts), 2),
        notes=[*notes_of(resolved), *notes],
    )
