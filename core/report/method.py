"""How the replicates came about, and the method section that tells it."""

from __future__ import annotations

from collections.abc import Sequence

from core.report.basis import Basis
from core.report.measure import in_target_units
from core.report.pairs import TESTS
from core.report.records import JobRecord
from core.report.report import Direction, Method, Reproduce, Reproduction
from core.report.statistics import ALPHA, FEWEST
from core.report.together import Selection
from core.report.words import amount, base_of, counted, is_share, metric_words, number

PRACTICAL_SHARE = 0.005  # half a percentage point of accuracy
PRACTICAL_PART = 0.01  # of any other metric: 1 % of its size here
IMBALANCE = 3  # times the smallest class's examples, from which plain accuracy misleads

CORRECTIONS = {"rows": "max-t", "folds": "Bonferroni", "none": "none"}
TESTS_OF = {"rows": ("folds", "max-t"), "folds": ("corrected",), "none": ()}
REFERENCES = {
    "1se": "Breiman, Friedman, Olshen and Stone 1984, Classification and Regression Trees, 3.4.3",
    "folds": "Bengio and Grandvalet 2004, No Unbiased Estimator of the Variance of K-Fold "
    "Cross-Validation, JMLR 5:1089–1105",
    "max-t": "Chernozhukov, Chetverikov and Kato 2013, Gaussian approximations and multiplier "
    "bootstrap for maxima of sums, Annals of Statistics 41:2786–2819",
    "corrected": "Nadeau and Bengio 2003, Inference for the Generalization Error, "
    "Machine Learning 52:239–281",
    "region": "Kruschke 2018, Rejecting or Accepting Parameter Values in Bayesian Estimation, "
    "AMPPS 1:270–280 (region of practical equivalence)",
}


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
    basis: Basis,
    compared: str,
    region: float,
    baseline: str | None,
) -> Method:
    """The method in values and in words."""
    counts = {name: _count(job.document.get(name)) for name in ("folds", "inner_folds")}
    keys = ["1se", *TESTS_OF[basis.source], "region"]
    return Method(
        selection_metric=selection.metric,
        compared_metric=compared,
        rule=selection.rule,
        practical=region,
        alpha=ALPHA,
        unit=unit_of(job, compared),
        test=TESTS[basis.source] or "none",
        correction=CORRECTIONS[basis.source],
        source=basis.source,
        baseline=baseline,
        seeds=len({replicate.seed for replicate in basis.layout.replicates}),
        repeats=max((r.repeat for r in basis.layout.replicates), default=0) + 1,
        folds=counts["folds"] if counts["folds"] > 1 else None,
        inner_folds=counts["inner_folds"] if counts["inner_folds"] > 1 else None,
        words=[
            _about_selection(selection, direction),
            _about_comparison(selection, compared),
            _about_replicates(job, basis),
            _about_test(basis),
            _about_families(baseline),
            _about_verdicts(compared, region),
            *_about_units(job, compared),
            *_about_imbalance(job, compared),
        ],
        references=[REFERENCES[key] for key in keys],
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
        f"settings with the most scored replicates: inside each fold by that fold's validation "
        f"rows, so that no choice has seen a row it is scored on, and for the setting to use by "
        f"all of them together. Simpler is the direction that each parameter declares; with "
        f"several varied parameters their ranks, scaled to 0…1, are summed."
    )


def _about_comparison(selection: Selection, compared: str) -> str:
    if compared == selection.metric:
        return (
            f"Arms are compared on the {metric_words(compared)} that also chose their settings, "
            f"since there is no test score; an arm with more settings has an advantage."
        )
    return (
        f"Arms are ranked by {metric_words(selection.metric)} and compared on the "
        f"{metric_words(compared)} of the settings chosen inside folds. The setting to use may be "
        f"another one in some fold, so its own test score may differ a little; optimism is its "
        f"validation minus its test score, signed so that positive is too rosy."
    )


def _about_replicates(job: JobRecord, basis: Basis) -> str:
    seeds = counted(len({r.seed for r in basis.layout.replicates}), "seed")
    paired = "the same for every arm and setting, so differences are paired"
    if basis.one_part:
        return f"One held-out part tests, with {seeds}, {paired}."
    repeats = counted(max(r.repeat for r in basis.layout.replicates) + 1, "repeat")
    return (
        f"Every row is tested once in each repeat: {_count(job.document.get('folds'))} folds × "
        f"{repeats} × {seeds}, each training with random numbers of its own, {paired}. Repeats "
        f"average the luck of training, never that of the sample."
    )


def _about_test(basis: Basis) -> str:
    told = {
        "rows": (
            "Intervals and tests come from differences on single test rows, averaged over "
            "repeats and seeds, plus how training varies (between folds, or between seeds of one "
            "part), plus, where each row trains the models that test the others, a measured share "
            "for the luck of the sample, which no repeat lowers. Adjusted p and intervals are "
            "simultaneous over all pairs of arms, by the largest statistic, so they never "
            "contradict each other."
        ),
        "folds": (
            f"No scores by row: each pair is tested over the means of folds, with the variance "
            f"corrected for shared training rows; fewer than {FEWEST} folds are not tested. "
            f"Adjusted p and intervals are Bonferroni's over all pairs of arms."
        ),
        "none": "No scores by row, and one held-out part: nothing is tested.",
    }
    return told[basis.source]


def _about_families(baseline: str | None) -> str:
    against = (
        f"each arm against the baseline {baseline}, and the best against the rest"
        if baseline
        else "the best against the rest; no arm is the baseline, since none is named none or "
        'marked "baseline": true'
    )
    return f"Pairs: {against}."


def _about_verdicts(compared: str, region: float) -> str:
    what = base_of(compared).replace("_", " ")
    if is_share(compared):
        within = f"±{number(100 * region)} percentage points of {what}"
    elif region:
        within = f"±{amount(compared, region)} of {what}"
    else:  # no score yet to take a part of
        within = f"±{number(100 * PRACTICAL_PART)} % of the mean {what}"
    return (
        f"Equivalent: the simultaneous interval lies within {within}. Better or worse: it lies "
        f"beyond zero. Else undecided, with the repeats or rows that would decide with 80 % power."
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


def _count(value: object) -> int:
    return value if isinstance(value, int) else 1
