"""The report as it leaves: what every rendering and the API's response share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Direction = Literal["max", "min"]
Rule = Literal["min", "1se"]
Edge = Literal["low", "high"]
PairVerdict = Literal["better", "worse", "equivalent", "undecided"]
Outcome = Literal["better", "equivalent", "undecided", "nothing_beats_baseline", "single"]
ActionKind = Literal[
    "ship",
    "add_repeats",
    "collect_rows",
    "widen_range",
    "add_arm",
    "change_training",
    "run_again",
    "wait",
]
Family = Literal["baseline", "best"]
Source = Literal["rows", "folds", "none"]


class Out(BaseModel):
    """Base of the parts of a report: frozen, nothing unknown, written under the wire names."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True
    )


@dataclass(frozen=True, slots=True)
class Score:
    """One number over the replicates of a setting.

    sd: sample deviation over replicates. ci95: 95 % interval of the mean, cut to what the metric
    can be; it covers new rows and training again where it is of an arm's own scores, else the
    folds; null where neither can be told. n: replicates.
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

    at_edge: a chosen value is the lowest or highest tried; edge: the same as a sentence; edge_of:
        the pointer of that value.
    optimism: validation minus test score, signed so that positive means that the validation score
        promised too much.
    """

    at_edge: Edge | None
    edge: str | None
    edge_of: str | None = None
    optimism: float | None


class Choices(Out):
    """What each rule takes; null where no setting has a score."""

    min: Chosen | None
    one_se: Chosen | None = Field(alias="1se")


class ChosenCount(Out):
    """How many of the folds' own choices took a setting."""

    setting: dict[str, float]
    label: str
    count: int


class Level(Out):
    """A mean over test rows and its 95 % interval, null where it cannot be told."""

    mean: float
    ci95: tuple[float, float] | None


class Threshold(Out):
    """From which probability of the second class on a row is said to be of it.

    metric: what each run's threshold makes highest on the validation rows of its fold: the metric
        that the job chooses by where decisions alone make it, else f1. positive: the second class.
    median, low, high: of the thresholds of the runs behind the arm's scores; one run's own is
        `threshold` among its final values.
    at_half, at_chosen: the metric on test rows, decided by 0.5 and by each run's threshold.
    difference: at_chosen minus at_half, paired by row; ci95 and p_adjusted hold for all arms at
        once. verdict: of the chosen threshold. n: test rows.
    """

    metric: str
    positive: str
    median: float
    low: float
    high: float
    at_half: Level
    at_chosen: Level
    difference: float
    ci95: tuple[float, float] | None
    p_adjusted: float | None
    verdict: PairVerdict
    n: int
    sentence: str = ""


class Arm(Out):
    """One alternative. job and arm say where it comes from; name is unique in the report.

    varied: what each varied parameter is called, by pointer, as in the labels of the settings.
    scores: of the whole procedure, choice included: in each fold, the scores of the setting that
        was chosen there, before its test rows were read. This is what the arm promises on new
        rows, and what pairs compare. chosen: the setting to use from now on, by all validation
        scores together; its own test scores are of one fixed setting, so they may differ.
    runs: ids of those behind `scores`, one for each replicate that has any.
    chosen_counts: the choices inside folds, the most frequent first.
    at_chance: it scores no more than always giving the same answer.
    threshold: of two classes, what another threshold than 0.5 would bring; null elsewhere, and
        where the runs stored none.
    """

    name: str
    job: str
    arm: str
    baseline: bool
    at_chance: bool = False
    regularizers: list[str]
    varied: dict[str, str]
    scores: dict[str, Score] = {}
    runs: list[str] = []
    chosen: Choices
    chosen_counts: list[ChosenCount] = []
    threshold: Threshold | None = None
    settings: list[SettingResult]


class Needed(Out):
    """What would decide an undecided pair at 80 % power: so many more repeats, or more rows."""

    kind: Literal["repeats", "rows"]
    count: int
    sentence: str


class Pair(Out):
    """Two arms compared row by row: `difference` is the score of a minus that of b.

    family: each arm against the baseline, or the best arm against each other arm.
    ci95 and p_adjusted: simultaneous over all pairs, by one procedure, so that they agree; p is
    of this pair alone. error: standard error of the difference, with its degrees of freedom.
    verdict is a's: "better" means a is better than b. n: rows (or, without scores by row, folds)
    that both were tested on. rows: by how many rows a is right more often than b, where the score
    counts rows that are right. needed: null when decided, and when nothing in reach would decide.
    unsteady: null because folds tell too little of training to say what would decide.
    """

    a: str
    b: str
    family: Family = "best"
    difference: float | None
    ci95: tuple[float, float] | None
    error: float | None = None
    degrees: float | None = None
    p: float | None
    p_adjusted: float | None
    test: str | None
    verdict: PairVerdict
    needed: Needed | None = None
    unsteady: bool = False
    n: int
    rows: float | None = None
    sentence: str = ""
    note: str | None


class Action(Out):
    """The next step. body: what to POST to `/v1/jobs/{id}/extend`, where that is the step.

    seconds: what it would take, by what the job has taken so far; null where that is unknown.
    """

    kind: ActionKind
    sentence: str
    body: dict[str, Any] | None = None  # Any: JSON of a request
    seconds: float | None = None


class Rows(Out):
    """How many rows each part of a replicate holds; tested: distinct rows with a test score."""

    train: int | None
    validation: int | None
    test: int | None
    tested: int | None


class Stability(Out):
    """Where the variance of one arm's scores of rows comes from; the shares add up to 1.

    seed: of testing the same row again by another training, null where each was tested once (it
    is then among the rows'); fold: of what rows tested by one model have in common; rows: the rest.
    """

    arm: str
    seed: float | None
    fold: float
    rows: float


class FigureLink(Out):
    """A figure of this report; links by format, where it can be fetched on its own."""

    name: str
    title: str
    links: dict[str, str]


class Method(Out):
    """How the numbers were made, in values and in words.

    unit: of the scores, where they depend on how the targets were scaled.
    source: what intervals are made of: scores by row, means of folds, or nothing.
    baseline: the arm that the others are measured against, if one was declared.
    """

    selection_metric: str
    compared_metric: str
    rule: Rule
    practical: float
    alpha: float
    unit: str | None
    test: str
    correction: str
    source: Source = "none"
    baseline: str | None = None
    seeds: int
    repeats: int = 1
    folds: int | None
    inner_folds: int | None = None
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

    headline: what was found, in at most 12 words. best_bet: the arm to use if what it adds costs
    nothing, in words: the winner on validation rows, unless the tested rows show another to be
    better; best_arm: its name. proven: what the data show beyond doubt. action: the
    next step and its price. verdict: these four joined. details: one fact each, what the numbers
    cover among them. notes: what a reader should know before believing the numbers.
    partial: some planned run has neither finished nor failed.
    """

    object: Literal["report"] = "report"
    jobs: list[str]
    metric: str
    direction: Direction
    headline: str = ""
    best_arm: str | None = None
    best_bet: str | None = None
    proven: str = ""
    action: Action | None = None
    outcome: Outcome = "undecided"
    verdict: str
    details: list[str] = []
    partial: bool
    notes: list[str]
    rows: Rows = Rows(train=None, validation=None, test=None, tested=None)
    arms: list[Arm]
    pairs: list[Pair]
    stability: list[Stability] = []
    figures: list[FigureLink]
    method: Method
    reproduce: Reproduce
