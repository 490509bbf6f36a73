"""What can run and is likely not meant: sentences for whoever asks before posting a job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from core.regularizers.regularizer import Penalty
from core.spec.experiment import Experiment
from core.spec.protocol_notes import doubts_of_protocol
from core.spec.resolve import Resolved
from core.spec.vary import dimensions_of


def notes_of(resolved: Resolved) -> tuple[str, ...]:
    """Each doubt once, however many arms share it."""
    return tuple(dict.fromkeys(_doubts(resolved)))


def _doubts(resolved: Resolved) -> Iterator[str]:
    spec = resolved.spec
    experiments = [arm.experiment for arm in resolved.arms]
    if spec.search.needs_range and not any(map(dimensions_of, experiments)):
        yield (
            f'search "{spec.search.kind}" has nothing to search, since no number is a range; '
            'give one, e.g. {"log_range": [1e-05, 0.1]}, or leave out search'
        )
    for arm in resolved.arms:
        most = spec.search.count(dimensions_of(arm.experiment))
        if len(arm.settings) < most:
            yield (
                f'search "{spec.search.kind}" found {len(arm.settings)} different settings of the '
                f'{most} for arm "{arm.name}": its ranges hold too few values; widen them, or '
                "search by grid"
            )
    yield from doubts_of_protocol(spec, resolved.facts)
    for experiment in experiments:
        yield from _doubts_of(experiment)


def _doubts_of(experiment: Experiment) -> Iterator[str]:
    epochs, warmup = experiment.epochs, experiment.schedule.warmup_epochs
    if warmup >= epochs:
        yield (
            f"schedule.warmup_epochs {warmup:g} of {epochs} epochs: the learning rate never gets "
            "past its warm-up; use fewer warm-up epochs or more epochs"
        )
    if experiment.evaluate_every > epochs:
        yield (
            f"evaluate_every {experiment.evaluate_every} is more than the {epochs} epochs: only "
            "the last one is logged and can be chosen; use a smaller number"
        )
    penalties = Counter(r.kind for r in experiment.regularizers if isinstance(r, Penalty))
    for kind, times in penalties.items():
        if times > 1:
            yield (
                f"the penalty {kind} is listed {times} times, and their strengths add up; "
                "keep one of them, or compare them as arms"
            )
