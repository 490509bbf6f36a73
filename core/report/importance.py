"""Permutation importance: how much worse a model scores a row whose feature is another row's.

Of each run, on the rows that it did not train on: a feature's values are permuted among the rows of
the test part, and its importance is the score less that on the permuted part, mean over a few
permutations (Breiman 2001, Random Forests; Fisher, Rudin and Dominici 2019, All Models are Wrong,
but Many are Useful). It says what this model uses, not what the labels depend on: of two features
that tell the same, a model may use either.

The loss of a permutation depends on pairs of rows, who is asked and whose value is put there. A
row's value is therefore its part as the one asked, plus its part as the giver, less the mean: the
first-order projection of that statistic (Hoeffding 1948), whose mean is the importance and whose
variance over rows is the importance's own. From there on it is a difference by row as any other,
with the same error: rows, luck and training (`statistics.spread`).

Axes: F region, K permutation, N row of a test part, O output, P pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.datasets import Dataset, DatasetFacts, Protocol, Replicate, parts_of
from core.datasets.fields import ONLY
from core.network import Network
from core.network.predict import Array as Inputs
from core.network.predict import Trained, network_of
from core.report.basis import Tested, lay_out
from core.report.choose import sign_of
from core.report.classified import Real, Whole
from core.report.measure import direction_of
from core.report.permuted import PERMUTATIONS, permutations_of, permuted, projected, scorer
from core.report.regions import Regions, regions_of
from core.report.statistics import ALPHA, RANKED, Scored
from core.report.statistics.interval import error_of
from core.report.statistics.spread import spread
from core.report.words import counted, listed
from core.rows import PADDING, RowScores
from core.spec.experiment import Experiment

ROWS_MAX = 1000  # of a run's test part; more would hardly narrow the intervals
ROWS_MIN = 100  # or all there are; fewer would tell too little
WORK_MAX = 1e10  # operations for one report: a few seconds of one core
MOVED = 20  # operations that take as long as moving one number of an activation


@dataclass(frozen=True, eq=False)
class Asked:
    """A run: what it is, its weights as stored, and its place among the scores by row."""

    replicate: Replicate
    protocol: Protocol
    experiment: Experiment
    weights: Callable[[], Mapping[str, Inputs]]
    scores: RowScores
    place: int

    def network(self, facts: DatasetFacts) -> Network:
        return network_of(self.experiment.architecture, self.experiment.loss, facts)


@dataclass(frozen=True, eq=False)
class Importance:
    """Of each region: the loss of score without it, its 95 % interval, and p of no loss.

    metric: by wire name, in whose unit a loss is; positive is worse without the region. An interval
    is of one region alone; p_F is adjusted for all of them, so that of those below ALPHA no more
    than that share is expected to be there by luck (Benjamini and Hochberg 1995, Controlling the
    False Discovery Rate). rows: different rows of the dataset that were asked. runs: models that
    were asked.
    """

    regions: Regions
    metric: str
    loss_F: Real
    low_F: Real
    high_F: Real
    p_F: Real
    rows: int
    runs: int

    @property
    def order(self) -> list[int]:
        """The regions, what costs most first."""
        order: list[int] = np.argsort(-self.loss_F, kind="stable").tolist()
        return order

    def stands_out(self, region: int) -> bool:
        """Whether there is a loss at all, by a test that allows for so many regions."""
        return bool(self.p_F[region] < ALPHA and self.loss_F[region] > 0)


@dataclass(frozen=True, eq=False)
class Importances:
    """By arm, in the same regions; and a sentence where there is none of some arm."""

    by_arm: Mapping[str, Importance]
    without: str | None = None


def importances_of(
    arms: Mapping[str, Sequence[Asked]], dataset: Dataset, metric: str
) -> Importances:
    """Of the runs of each arm, each on its test part; as many arms as the budget has room for.

    arms: the first is told before the others. metric: a test score; one that is no mean over rows,
    and has no pseudo-values, gives way to the test loss.
    """
    facts = dataset.facts
    if facts.only is None:
        fields = listed([field.name for field in facts.inputs])
        return Importances({}, f"It is of a table's features or of pixels; this data has {fields}.")
    work = {name: _work(asked, facts) for name, asked in arms.items()}
    first = next(iter(arms))
    plan = _plan(arms[first], work[first], facts)
    if plan is None:
        return Importances({}, _too_long(first, facts, len(arms[first])))
    regions, rows = plan
    kind = metric.removeprefix("test_")
    if not all(_is_by_row(kind, one, facts) for asked in arms.values() for one in asked):
        kind = "loss"
    spent, found = 0.0, {}
    for name, asked in arms.items():
        spent += work[name] * len(regions.names) * min(rows, _longest(asked))
        if spent <= WORK_MAX:
            found[name] = _of_arm(asked, dataset, regions, rows, kind)
    left = [name for name in arms if name not in found]
    return Importances(found, f"{listed(left)}: it would take too long." if left else None)


def _plan(asked: Sequence[Asked], work: float, facts: DatasetFacts) -> tuple[Regions, int] | None:
    """The finest regions, and rows of each test part, that there is time for."""
    longest = _longest(asked)
    for regions in regions_of(facts):
        rows = int(WORK_MAX // (work * len(regions.names)))
        if rows >= min(ROWS_MIN, longest):
            return regions, min(rows, ROWS_MAX, longest)
    return None


def _of_arm(
    asked: Sequence[Asked], dataset: Dataset, regions: Regions, rows: int, kind: str
) -> Importance:
    found = lay_out([Tested(0, one.replicate, one.scores, one.place) for one in asked], arms=1)
    constants = _constants(asked, dataset) if kind == "loss" else [{} for _ in asked]
    loss_FPN = np.full((len(regions.names), *found.fold_PN.shape), np.nan)
    where = {
        replicate: (turn, placed.at)
        for placed in found.placed
        for replicate, turn in zip(placed.replicate_R, placed.turn_R, strict=True)
    }
    for one, of_loss in zip(asked, constants, strict=True):
        turn, at = where[one.replicate]
        taken, loss_FN = _of_run(one, dataset, regions, rows, kind, of_loss)
        loss_FPN[:, turn, at[taken]] = loss_FN
    told = spread(loss_FPN, Scored(loss_FPN[:1], found.fold_PN, found.repeat_P, found.cluster_N))
    error = error_of(told)
    return Importance(
        regions=regions,
        metric=f"test_{kind}",
        loss_F=told.mean,
        low_F=told.mean - error.half,
        high_F=told.mean + error.half,
        p_F=_adjusted(error.p_of(told.mean)),
        rows=int(np.isfinite(loss_FPN[0]).any(0).sum()),
        runs=len(asked),
    )


def _adjusted(p_F: Real) -> Real:
    """For the rate of false discoveries: the least p · F / rank of this and all larger ones."""
    order_F = np.argsort(p_F, kind="stable")
    scaled_F = p_F[order_F] * len(p_F) / np.arange(1, len(p_F) + 1)
    adjusted_F = np.empty_like(scaled_F)
    adjusted_F[order_F] = np.minimum.accumulate(scaled_F[::-1])[::-1]
    return np.minimum(adjusted_F, 1.0)


def _constants(asked: Sequence[Asked], dataset: Dataset) -> list[Mapping[str, np.ndarray]]:
    """What each run's training targets add to its loss's knobs."""
    parts = parts_of(dataset, asked[0].protocol, [one.replicate for one in asked])
    return [
        one.experiment.trained_loss.constants(
            dataset.targets[parts[one.replicate].train], len(dataset.facts.classes)
        )
        for one in asked
    ]


def _too_long(arm: str, facts: DatasetFacts, runs: int) -> str:
    return (
        f"{arm}: it would take too long: {counted(facts.features, 'feature')}, each permuted "
        f"{PERMUTATIONS} times in {counted(runs, 'test part')}."
    )


def _of_run(
    one: Asked,
    dataset: Dataset,
    regions: Regions,
    rows: int,
    kind: str,
    constants: Mapping[str, np.ndarray],
) -> tuple[Whole, Real]:
    """Places in the test part that were asked, and (F, N) what each row lost."""
    stream = one.scores.stream_R[one.place]
    there_N = one.scores.index_SN[stream] != PADDING
    taken = _spaced(int(there_N.sum()), rows)
    index_N = one.scores.index_SN[stream][there_N][taken]
    target_N = one.scores.target_SN[stream][there_N][taken]
    trained = Trained(one.network(dataset.facts), one.weights())
    score = scorer(kind, one.experiment.trained_loss, constants, target_N)
    sign = sign_of(direction_of(kind))
    x_N = dataset.features[index_N]
    perm_KN = permutations_of(index_N)
    base_1N = score(trained.outputs({ONLY: x_N}).unsqueeze(0))
    loss_FN = np.empty((len(regions.names), len(taken)))
    for region, members in enumerate(regions.members):
        output_MO = trained.outputs({ONLY: permuted(x_N, members, perm_KN)})
        permuted_KN = score(output_MO.unflatten(0, perm_KN.shape))
        loss_FN[region] = projected(sign * (base_1N - permuted_KN), perm_KN)
    return taken, loss_FN


def _is_by_row(kind: str, one: Asked, facts: DatasetFacts) -> bool:
    """Whether single rows score it, or pseudo-values can be taken of it."""
    if kind in RANKED:
        return bool(facts.classes)
    return kind == "loss" or kind in one.scores.row


def _work(asked: Sequence[Asked], facts: DatasetFacts) -> float:
    """Operations that one region takes for one row of each test part."""
    networks = [one.network(facts) for one in asked]
    return float(sum(PERMUTATIONS * (n.flops + MOVED * n.activations) for n in networks))


def _longest(asked: Sequence[Asked]) -> int:
    """Rows of the longest test part."""
    return max(int(one.scores.index_SN.shape[1]) for one in asked)


def _spaced(count: int, most: int) -> Whole:
    """At most so many of `count` places, evenly."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)
