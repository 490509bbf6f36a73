"""The report as it leaves: what every rendering and the API's response share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Direction = Literal["max", "min"]
Rule = Literal["min", "1se"]
Edge = Literal["low", "high"]
PairVerdict = Literal["better", "worse", "equivalent", "undecided"]


class Out(BaseModel):
    """Base of the parts of a report: frozen, nothing unknown, written under the wire names."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True
    )


@dataclass(frozen=True, slots=True)
class Score:
    """One number over the replicates of a setting.

    sd: sample deviation over replicates; ci95: t-interval of the mean, over folds where seeds
    share them, else over replicates, cut to what the metric can be; null below two of what they
    are over, and where nothing varied. n: replicates.
    """

    # A dataclass, not pydantic: ten thousand settings have a hundred thousand of them, which
    # would take a second to check.
    mean: float
    sd: float | None
    ci95: tuple[float, float] | None
    n: int


class SettingResult(Out):
    """One setting of an arm over its replicates.

    setting: varied values by pointer; label: the same for people, as in "λ = 0.01".
    parameters: trained numbers of its network, where they are known.
    scores: train_*, val_* and test_* metrics. zeros: share of weights that are exactly zero.
    gap: how much better the training score is than the validation score; positive is overfitting.
    measures: everything else: objective, term/* of its own penalties, weight_norm, epochs, seconds
        (of one run, its part of what its cohort took, so without a deviation).
    runs: ids of all its runs; missing and diverged: how many of them gave no score.
    """

    setting: dict[str, float]
    label: str
    parameters: int | None
    scores: dict[str, Score]
    zeros: float | None
    gap: float | None
    measures: dict[str, Score]
    runs: list[str]
    missing: int
    diverged: int


class Chosen(SettingResult):
    """The setting that a selection rule takes.

    at_edge: the chosen value is the lowest or highest tried; edge: the same as a sentence.
    optimism: validation minus test score, signed so that positive means that the validation score
        promised too much.
    """

    at_edge: Edge | None
    edge: str | None
    optimism: float | None


class Choices(Out):
    """What each rule takes; null where no setting has a score."""

    min: Chosen | None
    one_se: Chosen | None = Field(alias="1se")


class Arm(Out):
    """One alternative. job and arm say where it comes from; name is unique in the report.

    varied: what each varied parameter is called, by pointer, as in the labels of the settings.
    """

    name: str
    job: str
    arm: str
    baseline: bool
    regularizers: list[str]
    varied: dict[str, str]
    chosen: Choices
    settings: list[SettingResult]


class Pair(Out):
    """Two arms at their chosen settings: `difference` is the score of a minus that of b.

    verdict is a's: "better" means a is better than b. n: differences that entered the test.
    seeds_to_decide: null when decided, and when seeds alone would not decide (see note).
    """

    a: str
    b: str
    difference: float | None
    ci95: tuple[float, float] | None
    p: float | None
    p_adjusted: float | None
    test: str | None
    verdict: PairVerdict
    seeds_to_decide: int | None
    n: int
    note: str | None


class FigureLink(Out):
    """A figure of this report; links by format, where it can be fetched on its own."""

    name: str
    title: str
    links: dict[str, str]


class Method(Out):
    """How the numbers were made, in values and in words.

    unit: of the scores, where they depend on how the targets were scaled.
    """

    selection_metric: str
    compared_metric: str
    rule: Rule
    practical: float
    alpha: float
    unit: str | None
    test: str
    test_train_ratio: float | None
    correction: str
    seeds: int
    folds: int | None
    words: list[str]
    references: list[str]


class Reproduction(Out):
    """One job's recipe: POST `body` to get the same runs."""

    job: str
    name: str | None
    created_at: str | None
    dataset: str
    dataset_sha256: str
    versions: dict[str, str]
    body: dict[str, Any]  # Any: a resolved JobSpec, whose schema belongs to core.spec


class Reproduce(Out):
    """What to send where to get this report again."""

    request: str
    jobs: list[Reproduction]


class Report(Out):
    """A comparison of arms on one dataset and split.

    partial: some planned run has neither finished nor failed.
    notes: what a reader should know before believing the numbers, one sentence each.
    """

    object: Literal["report"] = "report"
    jobs: list[str]
    metric: str
    direction: Direction
    verdict: str
    partial: bool
    notes: list[str]
    arms: list[Arm]
    pairs: list[Pair]
    figures: list[FigureLink]
    method: Method
    reproduce: Reproduce
