"""What the service answers, typed. Unknown members are kept, so an older client reads a newer
service; see the OpenAPI document for every field."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from occam.errors import OccamError
from occam.figure import Source
from occam.notebook import job_html, report_html
from occam.table import as_text, chosen_of, columns, ranked

Status = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
FINAL: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})


class Answer(BaseModel):
    """Base: frozen, and tolerant of members that this version does not know."""

    model_config = ConfigDict(frozen=True, extra="allow", ser_json_inf_nan="strings")

    def row(self) -> dict[str, object]:
        """It as a row of a table: its members that are no lists or objects."""
        members = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in members.items() if _is_scalar(value)}


class Progress(Answer):
    """How far a job is; `eta_s` is None while it cannot be told."""

    runs_total: int = 0
    runs_done: int = 0
    epochs_total: int = 0
    epochs_done: int = 0
    eta_s: float | None = None

    @property
    def fraction(self) -> float:
        """Between 0 and 1, by epochs, or by runs where epochs are not counted."""
        if self.epochs_total:
            return min(1.0, self.epochs_done / self.epochs_total)
        return min(1.0, self.runs_done / self.runs_total) if self.runs_total else 0.0

    def line(self) -> str:
        """One line for people: `12/40 runs · 310/1200 epochs · 4 s left`."""
        parts = [f"{self.runs_done}/{self.runs_total} runs"]
        if self.epochs_total:
            parts.append(f"{self.epochs_done}/{self.epochs_total} epochs")
        if self.eta_s is not None and self.fraction < 1:
            parts.append(f"{duration(self.eta_s)} left")
        return " · ".join(parts)


class Job(Answer):
    """A comparison on its way: queued, running or paused, then succeeded, failed or cancelled."""

    id: str
    status: Status
    name: str | None = None
    spec: dict[str, Any] = Field(default_factory=dict)  # Any: the resolved JSON document
    progress: Progress = Progress()
    error: dict[str, Any] | None = None  # Any: a problem's members are open
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    links: dict[str, Any] = Field(default_factory=dict)  # Any: href or nested links

    @property
    def finished(self) -> bool:
        """True once the status can never change again."""
        return self.status in FINAL

    @property
    def why(self) -> str | None:
        """The sentence that says why a failed job failed."""
        return None if self.error is None else str(self.error.get("detail") or self.error)

    def line(self) -> str:
        """One line for people."""
        text = f"{self.name or self.id}: {self.status}, {self.progress.line()}"
        return f"{text}. {self.why}" if self.why else text

    def row(self) -> dict[str, object]:
        counts = {"runs_done": self.progress.runs_done, "runs_total": self.progress.runs_total}
        return super().row() | counts

    def __repr__(self) -> str:
        return f"<job {self.id} {self.line()}>"

    def __str__(self) -> str:
        return self.line()

    def _repr_html_(self) -> str:
        return job_html(self)


class Estimate(Answer):
    """What `submit(…, dry_run=True)` answers: the resolved spec and its cost."""

    spec: dict[str, Any] = Field(default_factory=dict)  # Any: the resolved JSON document
    arms: int | None = None
    settings: int | None = None
    runs: int | None = None
    cohorts: int | None = None
    parameters: int | None = None
    memory_bytes: float | None = None
    time_s: float | None = None


class Run(Answer):
    """One training: an arm at one setting, in one replicate.

    fold: which fold tests, of the partition `repeat`; inner_fold: which fold of the rest validates.
    """

    id: str
    status: str
    job: str | None = None
    arm: str = ""
    setting: dict[str, Any] = Field(default_factory=dict)  # Any: the varied values, by path
    seed: int | None = None
    repeat: int = 0
    fold: int | None = None
    inner_fold: int | None = None
    metrics: dict[str, Any] = Field(default_factory=dict)  # Any: {"last", "best", "best_epoch"}
    final: dict[str, Any] = Field(default_factory=dict)  # Any: numbers, or null where not finite
    stopped_epoch: int | None = None
    links: dict[str, Any] = Field(default_factory=dict)  # Any: href or nested links

    def row(self) -> dict[str, object]:
        """Also its setting by path, and its final metrics by name."""
        return super().row() | self.setting | self.final


class Point(Answer):
    """One value of one metric of one run; NaN and infinities arrive as such."""

    run: str
    epoch: int
    name: str
    value: float

    @classmethod
    def read(cls, wire: Mapping[str, Any]) -> Point:  # Any: parsed JSON
        """From the wire, where a non-finite value is `null` with its `kind` beside it."""
        value = wire.get("value")
        number = number_of(wire.get("kind")) if value is None else float(value)
        return cls(run=wire["run"], epoch=wire["epoch"], name=wire["name"], value=number)


class Event(Answer):
    """What happened, when, to which run."""

    seq: int
    type: str
    run: str | None = None
    data: dict[str, Any] = Field(default_factory=dict)  # Any: parsed JSON
    created_at: datetime | None = None

    def row(self) -> dict[str, object]:
        return super().row() | self.data


class Score(Answer):
    """A score over replicates: mean, standard deviation, 95 % interval and their number."""

    mean: float | None = None
    sd: float | None = None
    ci95: tuple[float | None, float | None] | None = None
    n: int = 0

    def __str__(self) -> str:
        if self.mean is None:
            return "–"
        return f"{self.mean:.4g}" + (f" ± {self.sd:.2g}" if self.sd is not None else "")


class Chosen(Answer):
    """One setting of an arm and how it scored.

    label: the setting for people; at_edge: the side of its range on which the choice lies;
    zeros: share of weights that are exactly zero; runs: ids, one for each replicate.
    """

    setting: dict[str, float] = Field(default_factory=dict)
    label: str = ""
    scores: dict[str, Score] = Field(default_factory=dict)
    zeros: float | None = None
    at_edge: Literal["low", "high"] | None = None
    runs: tuple[str, ...] = ()


class ArmReport(Answer):
    """An arm: its scores, the setting each rule chose, and all settings with their scores.

    scores: of the settings that its folds chose, which is what the arm promises on new rows.
    """

    name: str
    baseline: bool = False
    at_chance: bool = False
    scores: dict[str, Score] = Field(default_factory=dict)
    chosen: dict[str, Chosen | None] = Field(default_factory=dict)
    settings: tuple[Chosen, ...] = ()


class Pair(Answer):
    """Two arms compared, row by row; interval and adjusted p hold for all pairs together.

    needed: what would decide an undecided pair: `kind` repeats or rows, and `count`. unsteady:
    folds tell too little of training to say what would.
    """

    a: str
    b: str
    difference: float | None = None
    ci95: tuple[float | None, float | None] | None = None
    p: float | None = None
    p_adjusted: float | None = None
    test: str | None = None
    verdict: str | None = None
    n: int = 0
    needed: dict[str, Any] | None = None  # Any: kind, count and a sentence
    unsteady: bool = False
    sentence: str = ""


class Action(Answer):
    """The next step: what to do, the body to post to extend the job, and its price."""

    kind: str
    sentence: str
    body: dict[str, Any] | None = None  # Any: JSON of a request
    seconds: float | None = None


class Report(Answer):
    """The comparison: what was found, what is proven, what to do, and how arms differ.

    headline, best_bet, proven and the action's sentence make the verdict; details has one fact
    each, notes what to know before believing it.
    """

    verdict: str
    headline: str = ""
    best_arm: str | None = None
    best_bet: str | None = None
    proven: str = ""
    action: Action | None = None
    outcome: str | None = None
    details: tuple[str, ...] = ()
    metric: str
    direction: Literal["max", "min"] = "max"
    partial: bool = False
    jobs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    arms: tuple[ArmReport, ...] = ()
    pairs: tuple[Pair, ...] = ()
    figures: tuple[dict[str, Any], ...] = ()  # Any: name, title, links
    method: dict[str, Any] = Field(default_factory=dict)  # Any: for people
    reproduce: dict[str, Any] = Field(default_factory=dict)  # Any: the documents to post again

    _source: Source = PrivateAttr(default=Source())

    @classmethod
    def read(cls, wire: str | bytes, fetch: Callable[[str], bytes]) -> Self:
        """From the wire. fetch: gives the bytes behind a link, to draw the figures when shown."""
        report = cls.model_validate_json(wire)
        report._source = Source(fetch)
        return report

    def rule(self) -> str:
        """The selection rule that the job asked for."""
        return str(self.method.get("rule", "min"))

    def best(self) -> Chosen | None:
        """The chosen setting of the arm that scores best, by the job's metric and rule."""
        arms = ranked(self)
        return chosen_of(arms[0], self) if arms else None

    def __repr__(self) -> str:
        return as_text(self)

    def __str__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return report_html(self, self._drawn())

    def _drawn(self) -> dict[str, bytes]:
        """SVGs by title; none of them where the service cannot draw them now."""
        fetch = self._source.fetch
        if fetch is None:
            return {}
        try:
            return {figure["title"]: fetch(figure["links"]["svg"]) for figure in self.figures}
        except OccamError:
            return {}


class RankedArm(Answer):
    """An arm over several datasets: its mean rank, 1 the best, and on how many it is the best."""

    name: str
    average_rank: float
    best_on: int = 0


class Summary(Answer):
    """Arms over several datasets, matched by name and compared by rank.

    Average ranks that differ by more than `critical_difference` are shown to differ. datasets:
    scores, ranks and headline on each.
    """

    verdict: str
    headline: str = ""
    proven: str = ""
    metric: str
    compared_metric: str = ""
    arms: tuple[RankedArm, ...] = ()
    datasets: tuple[dict[str, Any], ...] = ()  # Any: dataset, scores, ranks, headline
    friedman: dict[str, Any] | None = None  # Any: statistic, degrees and p
    critical_difference: float | None = None
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        rows = [(a.name, f"{a.average_rank:.3g}", str(a.best_on)) for a in self.arms]
        table = columns([("arm", "average rank", "best on"), *rows])
        return "\n".join([self.verdict, "", *table, *(f"note: {note}" for note in self.notes)])

    def __repr__(self) -> str:
        return str(self)


class Dataset(Answer):
    """An uploaded dataset."""

    id: str
    name: str | None = None
    format: str | None = None
    task: str | None = None
    examples: int | None = None
    features: int | None = None
    inputs: list[dict[str, Any]] = Field(default_factory=list)  # Any: JSON, of each field
    feature_names: list[str] = Field(default_factory=list)
    image: dict[str, int] | None = None
    classes: list[str] = Field(default_factory=list)
    groups: int = 0
    ordered: bool = False
    duplicates: int = 0
    sha256: str | None = None
    bytes: int | None = None
    warnings: list[str] = Field(default_factory=list)


class Prediction(Answer):
    """A row of outputs for each input; where there are classes, also their probabilities.

    classes: the name of each column; labels: the likeliest class of each input, or what the
    threshold says, where one was asked for; None where the network overflowed.
    """

    outputs: list[list[float | None]]
    probabilities: list[list[float | None]] | None = None
    classes: list[str] | None = None
    labels: list[str | None] | None = None
    threshold: float | None = None


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | datetime)


def number_of(kind: object) -> float:
    """The float that a non-finite value's kind stands for."""
    return {"inf": math.inf, "-inf": -math.inf}.get(str(kind), math.nan)


def duration(seconds: float) -> str:
    """`4 s`, `3 min`, `2.5 h`: the precision that people plan with."""
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
