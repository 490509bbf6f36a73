"""May these jobs stand in one report, and under which names do their arms?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.errors import InvalidSpec, OccamError
from core.report.records import JobRecord
from core.report.report import Rule
from core.report.words import SPLITS, base_of
from core.term import Task

BASELINE = "none"
ARMS_MAX = 100  # of several jobs: every pair of arms takes part in the simultaneous interval


@dataclass(frozen=True)
class Selection:
    """How settings are chosen, for all arms alike. practical: null for the metric's default."""

    metric: str
    rule: Rule
    practical: float | None


def by_dataset(jobs: Sequence[JobRecord]) -> list[list[JobRecord]]:
    """The jobs on each dataset, in the order in which they are named.

    InvalidSpec where those on one dataset cannot stand in one report.
    """
    groups: dict[str, list[JobRecord]] = {}
    for job in jobs:
        groups.setdefault(dataset_of(job), []).append(job)
    places = {job.id: place for place, job in reversed(list(enumerate(jobs)))}
    for group in groups.values():
        check_together(group, places=places)
    return list(groups.values())


def dataset_of(job: JobRecord) -> str:
    """What tells a job's dataset from others."""
    return str(job.facts.get("sha256") or job.document.get("dataset"))


def check_together(jobs: Sequence[JobRecord], *, places: Mapping[str, int] | None = None) -> None:
    """InvalidSpec unless all jobs share dataset, protocol and (for regression) target scale.

    places: where the jobs stand in the request, by id; None: as they are given.
    """
    if not jobs:
        raise InvalidSpec.at("/jobs", "a report needs at least one job; name one")
    first = jobs[0]
    for i, job in enumerate(jobs):
        place = f"/jobs/{i if places is None else places[job.id]}"
        if job.id in {other.id for other in jobs[:i]}:
            raise InvalidSpec.at(place, f"{job.id} is named twice; name each job once")
        for what, mine, theirs in _sameness(first, job):
            if mine != theirs:
                raise InvalidSpec.at(
                    place,
                    f"{job.id} differs from {first.id} in {what}, so their scores cannot be "
                    f"paired; report on jobs that share dataset and split",
                )
    arms = sum(len(_arms_named(job)) for job in jobs)
    if len(jobs) > 1 and arms > ARMS_MAX:
        raise InvalidSpec.at(
            "/jobs",
            f"these {len(jobs)} jobs have {arms} arms, and one report compares at most {ARMS_MAX}; "
            f"name fewer jobs",
        )


def selection_of(
    jobs: Sequence[JobRecord],
    *,
    metric: str | None = None,
    rule: Rule | None = None,
    practical: float | None = None,
) -> Selection:
    """The jobs' own selection, or what overrides it; InvalidSpec where the jobs disagree."""
    if metric is not None and metric.partition("_")[0] in ("test", "train"):
        split = SPLITS[metric.partition("_")[0]]
        raise InvalidSpec.at(
            "/metric",
            f"{metric} would choose by the {split} score; choose by val_{base_of(metric)}",
        )
    metrics = {_of_validation(metric)} if metric else {metric_of(job) for job in jobs}
    if len(metrics) > 1:
        raise InvalidSpec.at(
            "/jobs", f"the jobs select by {' and '.join(sorted(metrics))}; say which metric to use"
        )
    _check_measure(next(iter(metrics)), jobs, "/metric" if metric else "/jobs")
    first = jobs[0].document
    chosen_rule = rule or str(_inside(first, "select").get("rule") or "min")
    margin = practical if practical is not None else first.get("practical")
    return Selection(
        metric=metrics.pop(),
        rule="1se" if chosen_rule == "1se" else "min",
        practical=float(margin) if isinstance(margin, int | float) else None,
    )


def metric_of(job: JobRecord) -> str:
    """The metric a job selects by; a bare name means its validation score."""
    from core.spec import default_metric  # late: it loads every plug-in

    named = _inside(job.document, "select").get("metric")
    if isinstance(named, str):
        return _of_validation(named)
    return default_metric(_task_of(job))


def arms_of(job: JobRecord, seen: Sequence[str]) -> list[str]:
    """Arm names in the order of the document; then any that only the runs know."""
    named = _arms_named(job)
    return [arm for arm in named if arm in seen] + sorted(set(seen) - set(named))


def declared_baseline(arms: Sequence[tuple[JobRecord, str]]) -> int | None:
    """The arm marked `"baseline": true`, else the one named none; no other is measured against.

    Of several such arms none is it: their order says nothing.
    """
    marked = [i for i, (job, arm) in enumerate(arms) if _is_marked(job, arm)]
    named = [i for i, (_, arm) in enumerate(arms) if arm.strip().lower() == BASELINE]
    for found in (marked, named):
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _is_marked(job: JobRecord, arm: str) -> bool:
    compare = job.document.get("compare")
    return any(
        isinstance(entry, Mapping) and entry.get("name") == arm and entry.get("baseline") is True
        for entry in (compare if isinstance(compare, list | tuple) else ())
    )


def unique_names(arms: Sequence[tuple[JobRecord, str]]) -> list[str]:
    """The arm's own name, followed by its job's name (or id) where two jobs use it."""
    counts = Counter(arm for _, arm in arms)
    titles = Counter((arm, job.name) for job, arm in arms)
    names = [
        arm
        if counts[arm] == 1
        else f"{arm} ({job.name if job.name and titles[arm, job.name] == 1 else job.id})"
        for job, arm in arms
    ]
    clash = {name for name, count in Counter(names).items() if count > 1}
    return [
        f"{name} ({job.id})" if name in clash else name
        for name, (job, _) in zip(names, arms, strict=True)
    ]


def _arms_named(job: JobRecord) -> list[str]:
    compare = job.document.get("compare")
    return [
        str(arm["name"])
        for arm in (compare if isinstance(compare, list | tuple) else ())
        if isinstance(arm, Mapping) and "name" in arm
    ] or ["base"]


def _check_measure(metric: str, jobs: Sequence[JobRecord], pointer: str) -> None:
    """InvalidSpec where the metric is the loss, and losses are in different units."""
    from core.spec import experiment_at, measure_fault  # late: it loads every plug-in

    try:
        experiments = [
            experiment_at(job.document, arm, {}) for job in jobs for arm in _arms_named(job)
        ]
    except (OccamError, ValueError, LookupError):
        return  # a document of another version: what its loss meant is not known
    if fault := measure_fault(metric, experiments, _task_of(jobs[0])):
        raise InvalidSpec.at(pointer, fault)


def _task_of(job: JobRecord) -> Task:
    return "classification" if job.facts.get("task") == "classification" else "regression"


def _of_validation(metric: str) -> str:
    return metric if metric.partition("_")[0] in SPLITS else f"val_{metric}"


def _sameness(first: JobRecord, other: JobRecord) -> list[tuple[str, object, object]]:
    """(what, of first, of other) for everything that must agree."""
    shas = first.facts.get("sha256"), other.facts.get("sha256")
    sources = first.document.get("dataset"), other.document.get("dataset")
    checks: list[tuple[str, object, object]] = [
        ("the dataset", *(shas if all(shas) else sources)),
        ("the split", first.document.get("split"), other.document.get("split")),
        *(
            (f"the {name.replace('_', ' ')}", first.document.get(name), other.document.get(name))
            for name in ("folds", "inner_folds")
        ),
    ]
    if first.facts.get("task") == "regression":
        scales = first.document.get("standardize"), other.document.get("standardize")
        checks.append(("standardize, hence the unit of its targets", *scales))
    return checks


def _inside(document: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}
