"""How often and on which parts each setting trains: what a job leaves open, filled in."""

from __future__ import annotations

from core.datasets import DatasetFacts, Protocol
from core.spec.job import JobSpec

FOLDS = 5
HELD_OUT_MIN = 5_000  # a fifth of the rows this large tells models apart as well as folds would
SEEDS_OF_FOLDS, SEEDS_OF_ONE_PART = 1, 3  # folds vary the training by themselves


def settled(spec: JobSpec, facts: DatasetFacts) -> JobSpec:
    """With every number of the protocol that this data decides."""
    way = spec.split.way(grouped=facts.groups > 0, ordered=facts.ordered)
    folds = spec.folds or _folds(facts, way)
    seeds = spec.seeds or tuple(range(SEEDS_OF_FOLDS if folds > 1 else SEEDS_OF_ONE_PART))
    split = spec.split.model_copy(update={"by": way})
    return spec.model_copy(update={"folds": folds, "seeds": seeds, "split": split})


def protocol_of(spec: JobSpec) -> Protocol:
    """Of a settled specification."""
    assert spec.folds, "folds are not settled"
    assert spec.seeds, "seeds are not settled"
    return Protocol(spec.seeds, spec.repeats, spec.folds, spec.inner_folds, spec.split)


def in_words(spec: JobSpec) -> str:
    """What multiplies a setting to runs: `3 seeds x 2 repeats x 5 folds`."""
    protocol = protocol_of(spec)
    counts = {
        "seed": len(protocol.seeds),
        "repeat": protocol.repeats,
        "fold": protocol.folds,
        "inner fold": protocol.inner_folds or 1,
    }
    told = [f"{count} {noun}s" for noun, count in counts.items() if count > 1]
    return " x ".join(told) or "1 seed"


def _folds(facts: DatasetFacts, way: str) -> int:
    """Five, where there are as many groups to test; one held-out part of large data."""
    if facts.examples >= FOLDS * HELD_OUT_MIN:
        return 1
    return max(2, min(FOLDS, facts.groups)) if way == "group" else FOLDS
