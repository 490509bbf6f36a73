"""How many rows train, validate and test in each replicate, as the job's document has it."""

from __future__ import annotations

from dataclasses import dataclass

from core.datasets import Protocol, sizes
from core.report.complexity import UNREADABLE
from core.report.records import JobRecord


@dataclass(frozen=True)
class PartSizes:
    """Rows of one replicate's parts; folds differ by a few."""

    train: int
    validation: int
    test: int


def by_time(job: JobRecord, protocol: Protocol) -> bool:
    """Whether rows are tested in order of time, the first block never."""
    way = protocol.split.way(
        grouped=bool(job.facts.get("groups")), ordered=bool(job.facts.get("ordered"))
    )
    return way == "time"


def sizes_of(job: JobRecord) -> PartSizes | None:
    """Of a job's replicates; None where its document is of another version."""
    examples = job.facts.get("examples")
    if not isinstance(examples, int):
        return None
    try:
        protocol = Protocol.of(job.document)
        return PartSizes(*sizes(examples, protocol, ordered=by_time(job, protocol)))
    except UNREADABLE:
        return None
