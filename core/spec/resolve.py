"""From any JSON value to a job that can run, or to everything that is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from core.datasets import DatasetFacts, DatasetSource, Replicate
from core.errors import InvalidSpec, NotFound
from core.search import Search, Setting
from core.spec.arms import FIELDS, Body, Draft, arm_draft, base_draft
from core.spec.body import read_body
from core.spec.check import check_experiment, check_job, default_metric, measure_fault
from core.spec.collect import Faults
from core.spec.experiment import Experiment, wire_names
from core.spec.faults import explain
from core.spec.job import Arm, JobSpec
from core.spec.limits import Limits
from core.spec.pointer import shown
from core.spec.protocol import in_words, protocol_of, settled
from core.spec.vary import dimensions_of
from core.term import Wire

BASE = "base"  # the arm of a job that compares nothing
REQUIRED = ("architecture", "loss")
UNCOUNTED = 10**12  # grids multiply; beyond this a count says nothing more
SHARED = tuple(name for name in wire_names(JobSpec) if name not in (*FIELDS, "name"))
FIRST = ("name", "dataset")  # the order in which people like to read a spec


@dataclass(frozen=True)
class ResolvedArm:
    """One alternative: its experiment, in which numbers may be ranges, and the settings to try.

    A setting maps the pointer of each varied number, relative to the arm, to its value.
    """

    name: str
    experiment: Experiment
    settings: tuple[Setting, ...]


@dataclass(frozen=True)
class Resolved:
    """A job that can run. `document` is its spec in full; resolving that gives the same again."""

    spec: JobSpec
    arms: tuple[ResolvedArm, ...]
    facts: DatasetFacts
    document: dict[str, Any]  # Any: JSON


def resolve(
    body: object, facts_of: Callable[[DatasetSource], DatasetFacts], limits: Limits
) -> Resolved:
    """Check everything and fill everything in. InvalidSpec holds one fault for each mistake.

    body: whatever the client's JSON held. facts_of: what is known of a dataset; it may raise
    NotFound or InvalidSpec. Pointers of faults are places of `body`, shorthand or not.
    """
    read = read_body(body, limits)
    faults = Faults(read, limits)
    base = base_draft(read)
    patched = _patched(read, base, faults, limits)
    spec = _job(read, base, patched, faults)
    arms = _arms(base, patched, spec, faults)
    source = spec.dataset if spec else _dataset(read)
    facts = _facts(source, read, facts_of, faults) if source else None
    if facts:
        for draft, _, experiment in arms:
            faults.of(draft, check_experiment(experiment, facts, limits))
    if spec is None or facts is None:
        raise faults.error()
    spec = settled(spec, facts)
    for path, detail in check_job(spec, facts, limits):
        faults.add(path, detail)
    experiments = [experiment for _, _, experiment in arms]
    _check_runs(spec, experiments, faults, limits)
    metric = spec.select.metric or default_metric(facts.task, facts.class_counts)
    if fault := measure_fault(metric, experiments, facts.task):
        faults.add(("select", "metric"), fault)
    if faults:
        raise faults.error()
    resolved = _resolved(spec, [(name, experiment) for _, name, experiment in arms], facts)
    _check_size(resolved.document, faults, limits)
    if faults:
        raise faults.error()
    return resolved


def runs_of(resolved: Resolved) -> Iterator[tuple[str, Setting, Replicate]]:
    """(arm, setting, replicate) of every run: arms-major, then settings, then replicates."""
    replicates = protocol_of(resolved.spec).replicates()
    for arm in resolved.arms:
        for setting in arm.settings:
            for replicate in replicates:
                yield arm.name, setting, replicate


def _patched(read: Body, base: Draft, faults: Faults, limits: Limits) -> list[tuple[str, Draft]]:
    """(name, draft) of each entry of `compare`; none where there is no comparison."""
    patches = read.get("compare")
    if patches is None:
        return []
    if not isinstance(patches, tuple) or not patches:
        example = '[{"name": "none"}, {"regularizer": "l2", "lambda": 0.01}]'
        faults.add(("compare",), f"compare is a list of arms, e.g. {example}, not {shown(patches)}")
        return []
    if len(patches) > limits.arms_max:
        count, most = len(patches), limits.arms_max
        faults.add(("compare",), f"{count} arms; at most {most} are allowed in one comparison")
        return []
    found: list[tuple[str, Draft]] = []
    for i, patch in enumerate(patches):
        if isinstance(patch, dict):
            found.append(_patched_arm(base, patch, i, faults))
        else:
            faults.add(
                ("compare", i),
                f'an arm is an object, e.g. {{"name": "none"}}, with what it changes of the body, '
                f"not {shown(patch)}",
            )
    _check_names(found, faults)
    return found


def _patched_arm(base: Draft, patch: Body, i: int, faults: Faults) -> tuple[str, Draft]:
    for shared in SHARED:
        if shared in patch:
            faults.add(
                ("compare", i, shared),
                f"arms share {shared}, so that they can be compared; give it in the body, once",
            )
    changes = {key: value for key, value in patch.items() if key not in SHARED}
    name = changes.get("name")
    return (f"arm{i + 1}" if name is None else name), arm_draft(base, changes, i)


def _check_names(arms: list[tuple[str, Draft]], faults: Faults) -> None:
    seen: set[str] = set()
    for name, draft in arms:
        if isinstance(name, str) and name in seen:
            faults.add(
                (*draft.at, "name"), f"two arms are called {shown(name)}; give each its own name"
            )
        seen.add(str(name))
    for draft in [draft for _, draft in arms if draft.body.get("baseline") is True][1:]:
        faults.add(
            (*draft.at, "baseline"),
            "another arm is the baseline already, and all are measured against one; keep one of "
            "them",
        )


def _job(
    read: Body, base: Draft, patched: list[tuple[str, Draft]], faults: Faults
) -> JobSpec | None:
    """The body without its arms. What it lacks and an arm supplies is taken from that arm."""
    body = {key: value for key, value in read.items() if key not in (*FIELDS, "compare")}
    body |= base.body
    lent = {
        name: draft.body[name]
        for name in REQUIRED
        if name not in body
        for _, draft in reversed(patched)
        if name in draft.body
    }
    try:
        spec = JobSpec.model_validate(body | lent, strict=True)
    except ValidationError as error:
        found = explain(error, JobSpec, body | lent)
        faults.of(base, (item for item in found if item[0][0] not in lent))
        spec = None
    faults.of(base, base.faults)
    return None if base.faults else spec


def _arms(
    base: Draft, patched: list[tuple[str, Draft]], spec: JobSpec | None, faults: Faults
) -> list[tuple[Draft, str, Experiment]]:
    """The arms that are valid in themselves; the mistakes of the others go to `faults`."""
    if not patched:
        if spec is None:
            experiment = _parsed(Experiment, base.body)
            return [(base, BASE, experiment)] if experiment else []
        fields = {name: getattr(spec, name) for name in Experiment.model_fields}
        return [(base, BASE, Experiment.model_construct(**fields))]
    bodies = [base.body, *(draft.body for _, draft in patched)]
    absent = [name for name in REQUIRED if all(name not in body for body in bodies)]
    arms: list[tuple[Draft, str, Experiment]] = []
    for name, draft in patched:
        if faults.full:
            break
        body = {**draft.body, "name": name}
        faults.of(draft, draft.faults)
        try:
            arm = Arm.model_validate(body, strict=True)
        except ValidationError as error:
            found = explain(error, Arm, body)  # what every arm lacks, the body is told of once
            faults.of(draft, (item for item in found if item[0] not in [(n,) for n in absent]))
        else:
            arms.append((draft, name, arm))
    return arms


def _parsed(model: type[Experiment], body: Body) -> Experiment | None:
    try:
        return model.model_validate(body, strict=True)
    except ValidationError:
        return None  # the mistakes are known: the whole body has been validated


class _Data(Wire):
    dataset: DatasetSource


def _dataset(read: Body) -> DatasetSource | None:
    """The dataset of a body that has mistakes elsewhere."""
    try:
        return _Data.model_validate({"dataset": read.get("dataset")}, strict=True).dataset
    except ValidationError:
        return None  # it is among the mistakes already


def _facts(
    source: DatasetSource,
    read: Body,
    facts_of: Callable[[DatasetSource], DatasetFacts],
    faults: Faults,
) -> DatasetFacts | None:
    try:
        return facts_of(source)
    except NotFound as error:
        faults.add(("dataset", "id"), error.detail)
    except InvalidSpec as error:
        faults.add(("dataset",), error.detail)
    return None


def _check_runs(
    spec: JobSpec, experiments: list[Experiment], faults: Faults, limits: Limits
) -> None:
    settings = sum(spec.search.count(dimensions_of(experiment)) for experiment in experiments)
    runs = settings * protocol_of(spec).count
    if runs > limits.runs_max:
        faults.add(
            (),
            f"{_count(settings)} settings x {in_words(spec)} are {_count(runs)} "
            f"runs; at most {limits.runs_max:,} are allowed in a job, so give ranges fewer "
            f'values, or use "search": {{"method": "random", "trials": 20}}, or fewer '
            f"{_fewer(spec)}",
        )


def _fewer(spec: JobSpec) -> str:
    """What multiplies the runs most, besides the settings."""
    protocol = protocol_of(spec)
    counts = {
        "seeds": len(protocol.seeds),
        "repeats": protocol.repeats,
        "folds": protocol.folds,
        "inner folds": protocol.inner_folds or 1,
    }
    return max(counts, key=lambda name: counts[name])


def _check_size(document: dict[str, Any], faults: Faults, limits: Limits) -> None:  # Any: JSON
    size = len(json.dumps(document))
    if size > limits.document_bytes_max:
        faults.add(
            (),
            f"written out with every default this job takes {size:,} bytes; at most "
            f"{limits.document_bytes_max:,} are allowed, so give it fewer arms or layers",
        )


def _count(number: int) -> str:
    return f"{number:,}" if number < UNCOUNTED else f"more than {UNCOUNTED:,}"


def _resolved(spec: JobSpec, arms: list[tuple[str, Experiment]], facts: DatasetFacts) -> Resolved:
    metric = spec.select.metric or default_metric(facts.task, facts.class_counts)
    filled: dict[str, Any] = {"select": spec.select.model_copy(update={"metric": metric})}
    if isinstance(arms[0][1], Arm):
        filled["compare"] = tuple(experiment for _, experiment in arms)
    spec = spec.model_copy(update=filled)
    found = tuple(
        ResolvedArm(name, experiment, _settings(spec.search, name, experiment))
        for name, experiment in arms
    )
    return Resolved(spec, found, facts, _document(spec))


def _settings(search: Search, name: str, experiment: Experiment) -> tuple[Setting, ...]:
    return search.propose(dimensions_of(experiment), arm=name)


def _document(spec: JobSpec) -> dict[str, Any]:  # Any: JSON
    dumped = spec.model_dump(mode="json")
    return {**{name: dumped.pop(name) for name in FIRST}, **dumped}
