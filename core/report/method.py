"""How the replicates came about, and the method section that tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.report.measure import in_target_units
from core.report.pairs import Design
from core.report.records import JobRecord
from core.report.report import Direction, Method, Reproduce, Reproduction
from core.report.statistics import ALPHA, FEWEST
from core.report.together import Selection
from core.report.units import Replicate, shares_folds
from core.report.words import amount, base_of, counted, is_share, metric_words, number

PRACTICAL_SHARE = 0.005  # half a percentage point of accuracy
PRACTICAL_PART = 0.01  # of any other metric: 1 % of its size here
IMBALANCE = 3  # times the smallest class's examples, from which plain accuracy misleads

REFERENCES = {
    "1se": "Breiman, Friedman, Olshen and Stone 1984, Classification and Regression Trees, 3.4.3",
    "corrected": "Nadeau and Bengio 2003, Inference for the Generalization Error, "
    "Machine Learning 52:239–281",
    "holm": "Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure, "
    "Scandinavian Journal of Statistics 6:65–70",
    "region": "Kruschke 2018, Rejecting or Accepting Parameter Values in Bayesian Estimation, "
    "AMPPS 1:270–280 (region of practical equivalence)",
}


def design_of(job: JobRecord, replicates: Sequence[Replicate], compared: str) -> Design:
    """The design that all jobs of a report share, from the first one's document."""
    split = job.document.get("split")
    parts = split if isinstance(split, Mapping) else {}
    folds = job.document.get("folds")
    resampled = bool(parts.get("resample"))
    test, validation = (_fraction(parts.get(name)) for name in ("test", "validation"))
    if isinstance(folds, int):
        validation = (1 - test) / folds
    scored = test if compared.startswith("test_") else validation
    training = 1 - test - validation
    shares_data = resampled or isinstance(folds, int)
    return Design(
        replicates=tuple(replicates),
        ratio=scored / training if shares_data and training > 0 else 0.0,
        blocked=shares_folds(job.document),
        per_seed=folds if isinstance(folds, int) else 1,
    )


def practical_region(practical: float | None, metric: str, sizes: Sequence[float]) -> float:
    """Differences up to this do not matter. sizes: mean scores of the chosen settings."""
    if practical is not None:
        return practical
    if is_share(metric):
        return PRACTICAL_SHARE
    return PRACTICAL_PART * abs(sum(sizes) / len(sizes)) if sizes else 0.0


def method_of(
    job: JobRecord,
    selection: Selection,
    direction: Direction,
    *,
    design: Design,
    compared: str,
    region: float,
) -> Method:
    """The method in values and in words."""
    folds = job.document.get("folds")
    seeds = len({seed for seed, _ in design.replicates})
    keys = ["holm", "region", *(["corrected"] if design.ratio else [])]
    return Method(
        selection_metric=selection.metric,
        compared_metric=compared,
        rule=selection.rule,
        practical=region,
        alpha=ALPHA,
        unit=unit_of(job, compared),
        test=design.test,
        test_train_ratio=design.ratio or None,
        correction="Holm",
        seeds=seeds,
        folds=folds if isinstance(folds, int) else None,
        words=[
            _about_selection(selection, direction),
            _about_comparison(selection, compared),
            _about_replicates(job, design, seeds),
            _about_test(design),
            _about_verdicts(compared, region),
            *_about_units(job, compared),
            *_about_imbalance(job, compared),
        ],
        references=[REFERENCES[key] for key in ("1se", *keys)],
    )


def reproduce_of(jobs: Sequence[JobRecord]) -> Reproduce:
    """What to POST to get the same runs again."""
    return Reproduce(
        request="POST /v1/jobs",
        jobs=[
            Reproduction(
                job=job.id,
                name=job.name,
                created_at=job.created_at.isoformat() if job.created_at else None,
                dataset=str(job.facts.get("name") or ""),
                dataset_sha256=str(job.facts.get("sha256") or ""),
                versions=dict(sorted(job.versions.items())),
                body=dict(job.document),
            )
            for job in jobs
        ],
    )


def _about_selection(selection: Selection, direction: Direction) -> str:
    best = "highest" if direction == "max" else "lowest"
    rule = (
        f"takes the setting with the {best} mean"
        if selection.rule == "min"
        else f"takes the simplest setting within one standard error of the {best} mean"
    )
    return (
        f"Within an arm, rule {selection.rule} {rule} {metric_words(selection.metric)} among the "
        f"settings with the most scored replicates; test scores play no part. Simpler is the "
        f"direction that each parameter declares; with several varied parameters their ranks, "
        f"scaled to 0…1, are summed."
    )


def _about_comparison(selection: Selection, compared: str) -> str:
    if compared == selection.metric:
        return (
            f"Arms are compared on the {metric_words(compared)} that also chose their settings, "
            f"since there is no test score; an arm with more settings has an advantage."
        )
    return (
        f"Arms are ranked by {metric_words(selection.metric)} and compared on the "
        f"{metric_words(compared)} of their chosen settings, which no choice has seen; "
        f"optimism is the first minus the second, signed so that positive is too rosy."
    )


def _about_replicates(job: JobRecord, design: Design, seeds: int) -> str:
    many = counted(seeds, "seed")
    if design.blocked:
        return (
            f"Replicates are {job.document.get('folds')} folds × {many}, paired across arms. The "
            f"folds are the same for every seed, so a fold's seeds are averaged to one "
            f"observation: standard errors, intervals and tests count folds; n and sd, replicates."
        )
    if design.ratio:
        return f"Replicates are resamples of the data ({many}), the same for every arm, and paired."
    return (
        f"Replicates are {many}, paired across arms: a seed has the same initial weights and "
        f"minibatch order in all of them. The split is one and the same, so intervals speak of "
        f"training again on this data, not of other data."
    )


def _about_test(design: Design) -> str:
    corrected = (
        f" The variance of the mean is (1/n + {number(design.ratio, 3)}) · sd², since replicates "
        f"share training data (test over training size)."
        if design.ratio
        else ""
    )
    return (
        f"Each pair of arms: {design.test} test over the differences, two-sided, 95 % "
        f"intervals, Holm's correction over all pairs; fewer than {FEWEST} differences are not "
        f"tested.{corrected} Intervals of single scores are plain t-intervals over "
        f"{'the folds' if design.blocked else 'replicates'}."
    )


def _about_verdicts(compared: str, region: float) -> str:
    what = base_of(compared).replace("_", " ")
    if is_share(compared):
        within = f"±{number(100 * region)} percentage points of {what}"
    elif region:
        within = f"±{amount(compared, region)} of {what}"
    else:  # no score yet to take a part of
        within = f"±{number(100 * PRACTICAL_PART)} % of the mean {what}"
    return (
        f"Equivalent: the interval lies within {within}. Better or worse: "
        f"adjusted p below {ALPHA}. Else undecided, with the number of seeds that would "
        f"decide at the difference and deviation seen so far."
    )


def unit_of(job: JobRecord, metric: str) -> str | None:
    """What a score is told in where it depends on the targets' scale; None where it does not."""
    scaled = job.facts.get("task") == "regression" and job.document.get("standardize") is True
    return "standardised" if scaled and in_target_units(metric) else None


def _about_units(job: JobRecord, compared: str) -> list[str]:
    if unit_of(job, compared) is None:
        return []
    return [
        f"The {base_of(compared)} is in standardised units: targets are scaled by the mean and "
        f"deviation of each training part, so always answering the mean has an mse of about 1. "
        f"Set standardize to false for the targets' own units."
    ]


def _about_imbalance(job: JobRecord, compared: str) -> list[str]:
    found = job.facts.get("class_counts")
    counts = found if isinstance(found, list | tuple) else []
    if base_of(compared) != "accuracy" or not counts or max(counts) <= IMBALANCE * min(counts):
        return []
    return [
        f"Classes are imbalanced: the largest has {max(counts):,} examples, the smallest "
        f"{min(counts):,}. Accuracy counts examples, so the large classes decide; "
        f"val_balanced_accuracy weighs all classes alike."
    ]


def _fraction(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.2
