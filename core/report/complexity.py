"""Which of two models is simpler, where that is known at all.

Fewer trained parameters come first. Networks of one architecture differ by the share of weights
that are exactly zero, then by the strength of the same regularizers. Arms that differ in nothing
but optimizer, loss or schedule, or in the kind of regularizer, have no order.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from core.datasets import DatasetFacts
from core.errors import OccamError
from core.report.recipes import strengths_of
from core.report.records import JobRecord
from core.report.report import Chosen
from core.report.table import Key
from core.term import structure

UNREADABLE = (OccamError, ValueError, LookupError, TypeError)  # of another version of Occam


@dataclass(frozen=True)
class Complexity:
    """Of an arm at its chosen setting; None is unknown.

    strengths: of every regularizer, signed so that larger is simpler.
    """

    parameters: int | None = None
    architecture: Hashable = None
    zeros: float | None = None
    strengths: Mapping[Hashable, float] = field(default_factory=dict)


def why_simpler(a: Complexity, b: Complexity) -> str | None:
    """What a has that makes it simpler than b, in words; None where it is not known to be."""
    if a.parameters is None or b.parameters is None:
        return None
    if a.parameters != b.parameters:
        return "fewer parameters" if a.parameters < b.parameters else None
    if a.architecture != b.architecture:
        return None
    shares = [round(100 * (c.zeros or 0.0)) for c in (a, b)]  # to the whole per cent
    if shares[0] != shares[1]:
        return "more weights at zero" if shares[0] > shares[1] else None
    if a.strengths.keys() != b.strengths.keys() or a.strengths == b.strengths:
        return None
    stronger = all(value >= b.strengths[key] for key, value in a.strengths.items())
    return "stronger regularization" if stronger else None


def complexity_of(job: JobRecord, arm: str, chosen: Chosen | None) -> Complexity:
    """What is known of an arm's model, from its job's document and its chosen setting."""
    from core.spec import experiment_at  # late: it loads every plug-in

    if chosen is None:
        return Complexity()
    try:
        experiment = experiment_at(job.document, arm, chosen.setting)
    except UNREADABLE:
        return Complexity()
    return Complexity(
        parameters=chosen.parameters,
        architecture=structure(experiment.architecture),
        zeros=chosen.zeros,
        strengths=strengths_of(experiment),
    )


def parameters_of(job: JobRecord, arm: str, settings: Sequence[Key]) -> list[int | None]:
    """Trained parameters of each setting's network; None where document or data do not tell."""
    shapes = [tuple(item for item in setting if _shapes(item[0])) for setting in settings]
    first = dict(zip(reversed(shapes), reversed(settings), strict=True))
    found = {shape: _parameters(job, arm, setting) for shape, setting in first.items()}
    return [found[shape] for shape in shapes]


def _shapes(pointer: str) -> bool:
    """Whether the number there may change the network's size."""
    return pointer.startswith("/architecture/") and "/regularizers/" not in pointer


def _parameters(job: JobRecord, arm: str, setting: Key) -> int | None:
    from core.network import build  # late: it loads every layer
    from core.spec import experiment_at

    try:
        experiment = experiment_at(job.document, arm, dict(setting))
        facts = DatasetFacts.of(job.facts)
        outputs = experiment.loss.outputs(len(facts.classes), facts.outputs)
        return build(experiment.architecture, facts.inputs, outputs).parameters
    except UNREADABLE:
        return None
