"""One fact each: every pair, how settings were chosen, how many rows, what intervals cover."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.report.basis import Basis
from core.report.finding import Finding, chosen_of
from core.report.outcome import simpler_than
from core.report.parts import PartSizes
from core.report.records import JobRecord
from core.report.report import Arm, Rows, Stability
from core.report.statistics import variance_shares
from core.report.words import counted, listed, metric_words

COVERS = {
    "rows": "Intervals cover new rows and training again, with other seeds and training rows.",
    "folds": "Intervals come from the means of folds; they cover new rows, but widely.",
    "none": "There are no intervals: seeds on one split tell nothing of other rows.",
}
ONE_PART = "Intervals cover new rows and other seeds, but not other training rows."


def details_of(
    finding: Finding,
    job: JobRecord,
    basis: Basis,
    stability: Sequence[Stability],
    sizes: PartSizes | None,
) -> list[str]:
    """In the order in which a reader asks."""
    facts = [pair.sentence for pair in finding.pairs]
    facts += _of_simplicity(finding)
    facts += _of_threshold(finding)
    facts += [said for arm in finding.scored if (said := _of_choice(finding, arm))]
    facts += [covers_words(basis), *_of_rows(job, basis, sizes)]
    return [*facts, *stability_words(stability)]


def covers_words(basis: Basis) -> str:
    """What an interval of this report covers."""
    return ONE_PART if basis.source == "rows" and basis.one_part else COVERS[basis.source]


def rows_of_parts(basis: Basis, sizes: PartSizes | None) -> Rows:
    """How many rows train, validate and test."""
    tested = None if basis.by_row is None else len(basis.by_row.row_N)
    if sizes is None:
        return Rows(train=None, validation=None, test=None, tested=tested)
    return Rows(train=sizes.train, validation=sizes.validation, test=sizes.test, tested=tested)


def stability_of(names: Sequence[str], basis: Basis) -> list[Stability]:
    """Of every arm with scores by row."""
    if basis.scored is None:
        return []
    found = variance_shares(basis.scored)
    columns = (found.seed.tolist(), found.fold.tolist(), found.rows.tolist())
    several = len(basis.scored.repeat_P) > 1  # one pass cannot tell training again from the row
    return [
        Stability(arm=name, seed=seed if several else None, fold=fold, rows=rows)
        for name, seed, fold, rows in zip(names, *columns, strict=True)
        if rows == rows  # NaN: nothing varies, or nothing was scored
    ]


def stability_words(found: Sequence[Stability]) -> Iterator[str]:
    """Whether training is stable, as one line over all arms."""
    if not found:
        return
    fold = _range([arm.fold for arm in found])
    seeds = [arm.seed for arm in found if arm.seed is not None]
    if seeds:
        yield (
            f"Of the variance of a row's score, training it again makes {_range(seeds)} and what "
            f"its fold has in common {fold}; the rest is the rows'."
        )
    else:
        yield (
            f"Of the variance of a row's score, what its fold has in common makes {fold}; how much "
            f"training again makes, repeats would tell."
        )


def _range(shares: Sequence[float]) -> str:
    low, high = (round(100 * share) for share in (min(shares), max(shares)))
    return f"{low} %" if low == high else f"{low} to {high} %"


def _of_simplicity(finding: Finding) -> Iterator[str]:
    best = finding.best
    if best is None or finding.nothing is not None:
        return
    for arm in simpler_than(finding, best):
        standing = finding.standing(best, arm)
        if standing == "equivalent":
            yield f"{arm.name} is simpler than {best.name}, and equivalent."
        elif standing == "undecided":
            yield f"Whether {arm.name}, which is simpler than {best.name}, would do is open."


def _of_threshold(finding: Finding) -> Iterator[str]:
    """Of the best arm; the others' are in the table."""
    if finding.best is not None and (found := finding.best.threshold) is not None:
        yield f"{finding.best.name}: {found.sentence[0].lower()}{found.sentence[1:]}"


def _of_choice(finding: Finding, arm: Arm) -> str | None:
    chosen = chosen_of(arm, finding.selection.rule)
    if chosen is None or len(arm.settings) < 2:
        return None
    total = sum(found.count for found in arm.chosen_counts)
    by = metric_words(finding.selection.metric)
    if total < 2:
        return f"{arm.name}: {chosen.label} was chosen by {by}."
    folds = [f"{f.label} in {f.count}" for f in arm.chosen_counts[:3]]
    left = sum(found.count for found in arm.chosen_counts[3:])
    more = [f"others in {left}"] if left else []
    return (
        f"{arm.name}: over all folds {chosen.label} is chosen by {by}; each of {total} folds by "
        f"itself, which is what is tested, chose {listed([*folds, *more])}."
    )


def _of_rows(job: JobRecord, basis: Basis, sizes: PartSizes | None) -> Iterator[str]:
    if sizes is None:
        return
    design = []
    for name, noun in (("folds", "fold"), ("repeats", "repeat"), ("inner_folds", "inner fold")):
        count = job.document.get(name)
        if isinstance(count, int) and count > 1:
            design.append(counted(count, noun))
    seeds = len({replicate.seed for replicate in basis.layout.replicates})
    design.append(counted(seeds, "seed"))
    tested = "" if basis.by_row is None else f"{counted(len(basis.by_row.row_N), 'row')} tested: "
    yield (
        f"{tested}{' × '.join(design)}; each training has {counted(sizes.train, 'row')}, "
        f"{sizes.validation:,} validate and {sizes.test:,} test."
    )
