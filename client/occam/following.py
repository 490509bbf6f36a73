"""Following a job: where it stands, and the score of each arm's best setting."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from occam.answers import Job, Run
from occam.client import Client
from occam.errors import NotFound, Unavailable, Unreachable
from occam.stream import StreamEvent

ASK_EVERY_S = 1.0  # how often progress is asked for while events arrive


@dataclass(frozen=True)
class Standing:
    """A job, and its arms' scores: of the best setting, the mean over its replicates.

    While it runs, of each run's newest logged epoch; in the end, of the weights that the report
    scores. A best of all epochs would promise more than the report keeps.
    """

    job: Job
    metric: str
    best: dict[str, float]

    def line(self) -> str:
        """One line for a log."""
        scores = ", ".join(f"{arm} {score:.4g}" for arm, score in self.best.items())
        return f"{self.job.status}, {self.job.progress.line()}" + (
            f" · best {self.metric}: {scores}" if scores else ""
        )


def standings(client: Client, job: Job, *, every_s: float = ASK_EVERY_S) -> Iterator[Standing]:
    """Yield where the job stands, at most every `every_s`, until it is final; the last one is."""
    metric, sign = _objective(client, job)
    tally = _Tally(client.runs(job), metric, sign)
    asked_s = monotonic()
    yield Standing(job, metric, {})
    for event in client.stream(job):
        if event.type == "metrics":
            tally.add(event)
        if monotonic() - asked_s >= every_s:
            with suppress(Unreachable, Unavailable):  # the stream itself sits out a restart
                job = client.job(job)
            asked_s = monotonic()
            if not job.finished:
                yield Standing(job, metric, tally.best())
    job = client.wait(job)
    tally.end(client.runs(job))
    yield Standing(job, metric, tally.best())


class _Tally:
    """The newest value of each run, and from these the best setting of each arm."""

    def __init__(self, runs: Iterable[Run], metric: str, sign: float) -> None:
        self._settings = {run.id: (run.arm, repr(sorted(run.setting.items()))) for run in runs}
        self._metric = metric
        self._sign = sign
        self._newest: dict[str, float] = {}

    def add(self, event: StreamEvent) -> None:
        values = event.data.get("metrics", {}).get(self._metric, ())
        for run, value in zip(event.data.get("runs", ()), values, strict=False):
            self._take(run, value)

    def end(self, runs: Iterable[Run]) -> None:
        """Of runs that ended, what they scored at the end."""
        for run in runs:
            if self._metric in run.final:
                self._take(run.id, run.final[self._metric])

    def _take(self, run: str, value: float | None) -> None:
        if value is None or not math.isfinite(value):
            self._newest.pop(run, None)
        else:
            self._newest[run] = self._sign * value

    def best(self) -> dict[str, float]:
        by_setting: dict[tuple[str, str], list[float]] = {}
        for run, value in self._newest.items():
            if run in self._settings:
                by_setting.setdefault(self._settings[run], []).append(value)
        best: dict[str, float] = {}
        for (arm, _), values in by_setting.items():
            mean = sum(values) / len(values)
            best[arm] = max(best.get(arm, -math.inf), mean)
        return {arm: self._sign * value for arm, value in best.items()}


def _objective(client: Client, job: Job) -> tuple[str, float]:
    """The metric that selects, and +1 where larger is better, else -1."""
    metric = str((job.spec.get("select") or {}).get("metric") or "val_loss")
    try:
        entry = client.catalog("metric", metric.partition("_")[2])
    except NotFound:
        return metric, -1.0  # a loss
    return metric, 1.0 if entry["traits"].get("direction") == "max" else -1.0
