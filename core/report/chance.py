"""What a model scores that has learned nothing, and which settings score no more.

A classifier that always answers the commonest class, and a regression that always answers the
mean: a run that is stuck, or regularized to nothing, does no better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.datasets import DatasetFacts
from core.report.complexity import UNREADABLE
from core.report.parts import sizes_of
from core.report.records import JobRecord
from core.report.report import Score
from core.report.words import SPLITS, amount, is_share, metric_words

ROUNDING = 1e-6  # scores are computed in float32
WAY_OUT = "try other learning rates, less regularization or more epochs"


@dataclass(frozen=True)
class Chance:
    """answer: what always answering it scores. floors: that score by metric, with the most that
    it can be by luck of the split."""

    answer: str
    floors: Mapping[str, float]

    def note(self, scores: Mapping[str, Score], metric: str) -> str | None:
        """Why these scores are told to be nothing learned, from the split that metric is of."""
        split = metric.partition("_")[0]
        known = [(base, scores.get(f"{split}_{base}")) for base in self.floors]
        found = [(base, score) for base, score in known if score]
        if not found or any(_above(score, self.floors[base]) for base, score in found):
            return None
        base, score = found[0]
        name = f"{split}_{base}"
        told = f" ({amount(name, self.floors[base])} at most)" if is_share(name) else ""
        shown = "no" if score.mean <= self.floors[base] + ROUNDING else "not shown to be"
        return (
            f"{metric_words(name)} of {amount(name, score.mean)} is {shown} better than always "
            f"answering {self.answer}{told}; {WAY_OUT}"
        )


def _above(score: Score, floor: float) -> bool:
    """Whether a score, and where it has an interval all of that, is better than the floor."""
    return (score.ci95[0] if score.ci95 else score.mean) > floor + ROUNDING


def chance_of(job: JobRecord, metric: str) -> Chance:
    """For the data of a job. metric: whose split the scores are of."""
    answer = answer_of(job)
    if job.facts.get("task") != "classification":
        return Chance(answer, {"r2": 0.0})
    try:
        facts = DatasetFacts.of(job.facts)
        size = _size(job, metric.partition("_")[0])
    except UNREADABLE:
        return Chance(answer, {})
    classes = max(len(facts.classes), 1)
    counts = facts.class_counts or (1,) * classes  # unknown: the commonest has no less than this
    commonest = max(counts) / max(sum(counts), 1)
    one_example = 1 / size if size else 0.0  # the split keeps shares of classes to within that
    floors = {"accuracy": min(commonest + one_example, 1.0), "balanced_accuracy": 1 / classes}
    return Chance(answer, floors)


def answer_of(job: JobRecord) -> str:
    """What a model answers that has learned nothing but the targets' distribution."""
    classes = job.facts.get("task") == "classification"
    return "the commonest class" if classes else "the mean of the targets"


def _size(job: JobRecord, split: str) -> int:
    """Rows in the part scored; 0 where that is not known."""
    sizes = sizes_of(job)
    parts = (sizes.train, sizes.validation, sizes.test) if sizes else (0, 0, 0)
    return dict(zip(SPLITS, parts, strict=True))[split]
