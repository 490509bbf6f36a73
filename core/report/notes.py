"""What a reader should know before believing the numbers, one sentence each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from core.report.arms import Entry
from core.report.basis import Basis
from core.report.choose import sign_of
from core.report.finding import Finding, chosen_of
from core.report.parts import PartSizes
from core.report.records import FINAL, JobRecord
from core.report.report import Pair
from core.report.statistics import Array
from core.report.words import base_of, counted, metric_words, number

FINGERS = 10  # a lead of fewer rows than that can be counted on them
MAJORITY = 0.8  # share of the commonest class from which accuracy says little
LARGE = 5000  # test rows from which one held-out part shows enough
CHANCE = 0.01  # of telling so where folds do not disagree
DISAGREEMENT = 0.5  # of the mean difference: its own deviation from fold to fold


def notes_of(
    finding: Finding,
    job: JobRecord,
    entries: Sequence[Entry],
    basis: Basis,
    *,
    stuck: Mapping[str, str],
    sizes: PartSizes | None,
    unfinished: int,
) -> list[str]:
    """In the order in which they matter."""
    return [
        *_of_progress(finding, unfinished),
        *_of_best(finding),
        *_of_arms(finding, entries, stuck),
        *_of_data(finding, job),
        *_of_design(finding, basis, sizes),
    ]


def _of_progress(finding: Finding, unfinished: int) -> Iterator[str]:
    if unfinished:
        total = sum(len(setting.runs) for arm in finding.arms for setting in arm.settings)
        settings = [setting for arm in finding.arms for setting in arm.settings]
        scored = sum(finding.selection.metric in setting.scores for setting in settings)
        yield (
            f"{unfinished:,} of {counted(total, 'run')} have not finished, and {scored:,} of "
            f"{counted(len(settings), 'setting')} have scores so far; their scores are as last "
            f"logged, and a choice may still change."
        )
    if finding.pairs and not finding.statuses <= FINAL:
        yield "Arms are compared when all runs have ended: until then nothing is claimed of them."


def _of_best(finding: Finding) -> Iterator[str]:
    best, validated = finding.best, finding.validated
    if best is None:
        return
    if validated is not None:
        yield (
            f"{validated.name} scores best on validation rows, but the test rows show "
            f"{best.name} to be better, so that is taken."
        )
    pair = next((p for rival in finding.rivals if (p := finding.pair(best, rival))), None)
    if pair is not None and pair.rows is not None:
        lead = round(sign_of(finding.direction) * pair.rows)
        if 0 < lead < FINGERS:
            yield (
                f"{best.name} is right on {counted(lead, 'row')} more than {pair.b}, of "
                f"{pair.n:,}: fewer than fingers."
            )


def _of_arms(finding: Finding, entries: Sequence[Entry], stuck: Mapping[str, str]) -> Iterator[str]:
    for arm, entry in zip(finding.arms, entries, strict=True):
        chosen = chosen_of(arm, finding.selection.rule)
        if chosen and chosen.edge:
            yield f"{arm.name}: {chosen.edge}."
        diverged = int(entry.table.diverged[entry.rows].sum())
        if diverged:
            runs = sum(len(setting.runs) for setting in arm.settings)
            yield f"{arm.name}: {diverged} of {counted(runs, 'run')} diverged."
        if not entry.recipe.readable:
            yield (
                f"{arm.name}: its specification is of another version, so no direction counts as "
                f"simpler, and 1se takes what min takes."
            )
        if arm.name in stuck:
            yield f"{arm.name}: {stuck[arm.name]}."
        if not chosen:
            yield f"{arm.name}: no run has a {finding.selection.metric}."


def _of_data(finding: Finding, job: JobRecord) -> Iterator[str]:
    counts = job.facts.get("class_counts")
    if isinstance(counts, list | tuple) and sum(counts) and max(counts) > MAJORITY * sum(counts):
        share = number(100 * max(counts) / sum(counts), 3)
        told = f"{share} % of the rows are of one class, so always answering it is right as often"
        metric = "val_balanced_accuracy"
        if base_of(finding.selection.metric) == "accuracy":
            told += f"; choose by {metric}"
        yield f"{told}."
    duplicates, split = job.facts.get("duplicates"), job.document.get("split")
    apart = isinstance(split, Mapping) and split.get("duplicates") == "apart"
    if isinstance(duplicates, int) and duplicates and apart:
        yield (
            f"{counted(duplicates, 'row')} repeat the features of another, and the split keeps "
            f'them apart: a model may be tested on what it was trained on; set "duplicates": '
            f'"together".'
        )


def _of_design(finding: Finding, basis: Basis, sizes: PartSizes | None) -> Iterator[str]:
    if basis.source != "rows" and not finding.partial and finding.best is not None:
        instead = "from the means of folds" if basis.source == "folds" else "not given"
        lacking = f", and {basis.lacking}" if basis.lacking else ""
        why = f"No scores by row are stored{lacking}"
        if basis.by_row is not None:
            why = f"No row has a {metric_words(finding.compared)} of its own{lacking}"
        yield f"{why}, so intervals and tests are {instead}."
    if basis.one_part and sizes is not None and sizes.test < LARGE and finding.best is not None:
        yield (
            f"One held-out part of {counted(sizes.test, 'row')} tests: intervals cover other test "
            f"rows and seeds, but not other training rows; folds would."
        )
    for pair in _decisive(finding):
        if _folds_disagree(finding, basis, pair):
            yield (
                f"The folds disagree about {pair.a} against {pair.b}: training is unstable, and "
                f"intervals from one data set then cover less than they say (about 89 %)."
            )


def _decisive(finding: Finding) -> Iterable[Pair]:
    """The best against the baseline or the runner-up."""
    if finding.best is None or not finding.rivals:
        return []
    pair = finding.pair(finding.best, finding.rivals[0])
    return [] if pair is None else [pair]


def _folds_disagree(finding: Finding, basis: Basis, pair: Pair) -> bool:
    """Whether the difference itself varies by half of it, beyond what its rows explain by chance.

    Rows alone make the folds' variance over that of their rows a chi squared over its degrees.
    """
    from scipy.special import chdtrc  # late: it takes a tenth of a second to import

    if basis.scored is None or pair.difference is None or basis.scored.folds < 2:
        return False
    numbers = {arm.name: i for i, arm in enumerate(finding.arms)}
    a, b = numbers[pair.a], numbers[pair.b]
    difference_PN: Array = basis.scored.score_APN[a] - basis.scored.score_APN[b]
    means, errors = [], []
    for part in _parts(basis, difference_PN):
        means.append(part.mean())
        errors.append(part.var(ddof=1) / len(part))
    if len(means) < 3:
        return False
    of_rows, between, degrees = float(np.mean(errors)), float(np.var(means, ddof=1)), len(means) - 1
    large = max(DISAGREEMENT * abs(pair.difference), finding.margin)
    by_chance = chdtrc(degrees, degrees * between / of_rows) if of_rows else 0.0
    return between - of_rows > large**2 and by_chance < CHANCE


def _parts(basis: Basis, difference_PN: Array) -> Iterator[Array]:
    """The rows' differences, averaged over passes, of each fold of each repeat."""
    scored = basis.scored
    assert scored is not None, "no scores by row"
    for repeat in np.unique(scored.repeat_P):
        mine = scored.repeat_P == repeat
        there = np.isfinite(difference_PN[mine])
        count_N = there.sum(axis=0)
        row_N = np.where(there, difference_PN[mine], 0.0).sum(axis=0) / np.maximum(count_N, 1)
        fold_N = scored.fold_PN[mine].max(axis=0)
        for fold in np.unique(fold_N[count_N > 0]):
            rows = row_N[(fold_N == fold) & (count_N > 0)]
            if len(rows) > 1:
                yield rows
