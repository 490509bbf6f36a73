"""Several reports, each on its own data, as one: which arm ranks best over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Literal

import numpy as np

from core.errors import InvalidSpec
from core.report.arm_words import short
from core.report.choose import sign_of
from core.report.report import Direction, Out, Outcome, Report, Reproduce, Score
from core.report.statistics import ALPHA
from core.report.statistics.ranks import Ranks, ranks
from core.report.words import counted, listed, metric_words, number, p_words

REFERENCES = [
    "Demšar 2006, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7:1–30",
    "Friedman 1937, The Use of Ranks to Avoid the Assumption of Normality Implicit in the "
    "Analysis of Variance, JASA 32:675–701",
    "Nemenyi 1963, Distribution-free Multiple Comparisons, Princeton",
]
FEW = 5  # datasets below which the test has next to no power


class RankedArm(Out):
    """An arm over all datasets: its mean rank (1 is best), and on how many it is the best."""

    name: str
    baseline: bool
    average_rank: float
    best_on: int


class OfDataset(Out):
    """What was found on one dataset; scores and ranks of the arms that all datasets have."""

    dataset: str
    dataset_sha256: str
    jobs: list[str]
    rows: int | None
    headline: str
    outcome: Outcome
    scores: dict[str, Score]
    ranks: dict[str, float]


class Friedman(Out):
    """The test that all arms rank alike."""

    statistic: float
    degrees: int
    p: float


class Summary(Out):
    """Arms over several datasets, matched by name and compared by rank.

    critical_difference: average ranks that differ by more are shown to differ, at `alpha`.
    """

    object: Literal["summary"] = "summary"
    jobs: list[str]
    metric: str
    compared_metric: str
    direction: Direction
    headline: str
    proven: str
    verdict: str
    partial: bool
    details: list[str]
    notes: list[str]
    arms: list[RankedArm]
    datasets: list[OfDataset]
    friedman: Friedman | None
    critical_difference: float
    alpha: float
    words: list[str]
    references: list[str]
    reproduce: Reproduce


def summary_of(reports: Sequence[Report]) -> Summary:
    """Of reports on different datasets, best average rank first.

    InvalidSpec: they go by different metrics, or have fewer than two arms with scores in common.
    """
    assert len(reports) > 1, f"{len(reports)} reports are nothing to summarise"
    metrics = {report.method.compared_metric for report in reports}
    if len(metrics) > 1:
        raise InvalidSpec.at(
            "/jobs",
            f"the jobs are compared by {' and '.join(sorted(metrics))}; say which metric to use",
        )
    compared = metrics.pop()
    names = _common(reports, compared)
    if len(names) < 2:
        shared = f"only {names[0]}" if names else "none"
        raise InvalidSpec.at(
            "/jobs",
            f"over several datasets arms are matched by name, and {shared} has a "
            f"{metric_words(compared)} on all of them; give at least two the same names",
        )
    means = [[_scores(report)[name][compared].mean for name in names] for report in reports]
    found = ranks(np.array(means), sign=sign_of(reports[0].direction))
    return _told(reports, names, compared, found)


def _told(reports: Sequence[Report], names: Sequence[str], compared: str, found: Ranks) -> Summary:
    baselines = {arm.name for report in reports for arm in report.arms if arm.baseline}
    best_A = (found.rank_DA == found.rank_DA.min(axis=1, keepdims=True)).sum(axis=0)
    arms = [
        RankedArm(name=name, baseline=name in baselines, average_rank=rank, best_on=int(best))
        for name, rank, best in zip(names, found.average_A.tolist(), best_A.tolist(), strict=True)
    ]
    arms.sort(key=lambda arm: (arm.average_rank, not arm.baseline, arm.name))
    behind = [a for a in arms[1:] if a.average_rank - arms[0].average_rank > found.critical]
    partial = any(report.partial for report in reports)
    headline, proven = _headline(arms, behind, len(reports), partial=partial), _proven(arms, found)
    return Summary(
        jobs=[job for report in reports for job in report.jobs],
        metric=reports[0].metric,
        compared_metric=compared,
        direction=reports[0].direction,
        headline=headline,
        proven=proven,
        verdict=f"{headline} {proven}",
        partial=partial,
        details=_details(arms, found, len(reports)),
        notes=_notes(reports, names),
        arms=arms,
        datasets=[
            _of_dataset(report, names, compared, rank_A)
            for report, rank_A in zip(reports, found.rank_DA.tolist(), strict=True)
        ],
        friedman=Friedman(statistic=found.statistic, degrees=found.degrees, p=found.p)
        if isfinite(found.p)
        else None,
        critical_difference=found.critical,
        alpha=ALPHA,
        words=[
            f"On each dataset arms are ranked by the {metric_words(compared)} of the settings "
            "that their folds chose, 1 the best; level arms share the mean of their ranks.",
            "Friedman's test asks whether all arms rank alike; average ranks that differ by more "
            "than Nemenyi's critical difference are shown to differ, over all pairs at once.",
            "A dataset is one observation, however many rows it has.",
        ],
        references=REFERENCES,
        reproduce=Reproduce(
            request=reports[0].reproduce.request,
            jobs=[job for report in reports for job in report.reproduce.jobs],
        ),
    )


def _scores(report: Report) -> dict[str, dict[str, Score]]:
    return {arm.name: arm.scores for arm in report.arms}


def _common(reports: Sequence[Report], compared: str) -> list[str]:
    """Arms with a score on every dataset, in the order of the first."""
    found = [
        {name for name, scores in _scores(report).items() if compared in scores}
        for report in reports
    ]
    return [arm.name for arm in reports[0].arms if all(arm.name in names for names in found)]


def _of_dataset(
    report: Report, names: Sequence[str], compared: str, rank_A: Sequence[float]
) -> OfDataset:
    first, scores = report.reproduce.jobs[0], _scores(report)
    return OfDataset(
        dataset=first.dataset,
        dataset_sha256=first.dataset_sha256,
        jobs=report.jobs,
        rows=report.rows.tested,
        headline=report.headline,
        outcome=report.outcome,
        scores={name: scores[name][compared] for name in names},
        ranks=dict(zip(names, rank_A, strict=True)),
    )


def _headline(
    arms: Sequence[RankedArm], behind: Sequence[RankedArm], datasets: int, *, partial: bool
) -> str:
    name, so_far = short(arms[0].name), "So far, " if partial else ""
    level = [arm for arm in arms if arm.average_rank == arms[0].average_rank]
    if len(level) > 1:
        several = f"{counted(len(level), 'arm')} rank level over {datasets} datasets."
        return f"{so_far}{several}"
    sure = ", beyond doubt" if len(behind) == len(arms) - 1 else "; not proven"
    if behind and len(behind) < len(arms) - 1:
        sure = f"; proven against {len(behind)} of {len(arms) - 1}"
    return f"{so_far}{name} ranks best over {datasets} datasets{sure}."


def _proven(arms: Sequence[RankedArm], found: Ranks) -> str:
    pairs = [
        f"{short(a.name)} above {short(b.name)}"
        for i, a in enumerate(arms)
        for b in arms[i + 1 :]
        if b.average_rank - a.average_rank > found.critical
    ]
    if not pairs:
        return "Proven: nothing yet."
    more = f" and {len(pairs) - 4} more" if len(pairs) > 4 else ""
    return f"Proven: {listed(pairs[:4]) if not more else ', '.join(pairs[:4]) + more}."


def _details(arms: Sequence[RankedArm], found: Ranks, datasets: int) -> list[str]:
    facts = [
        f"{arm.name}: average rank {number(arm.average_rank, 3)}, best on {arm.best_on} of "
        f"{datasets}."
        for arm in arms
    ]
    if isfinite(found.p):
        facts.append(
            f"Friedman's test that all arms rank alike: chi squared {number(found.statistic, 3)} "
            f"with {found.degrees} degrees, {p_words(found.p)}."
        )
    facts.append(
        f"Average ranks that differ by more than {number(found.critical, 3)} are shown to differ."
    )
    return facts


def _notes(reports: Sequence[Report], names: Sequence[str]) -> list[str]:
    notes = []
    if len(reports) < FEW:
        notes.append(
            f"{len(reports)} datasets say little about others: with fewer than {FEW} hardly any "
            f"difference of ranks is beyond doubt."
        )
    for report in reports:
        rest = [arm.name for arm in report.arms if arm.name not in names]
        if rest:
            data = report.reproduce.jobs[0].dataset or report.jobs[0]
            notes.append(f"{data}: {listed(rest)} left out, since not every dataset has it.")
    return notes
