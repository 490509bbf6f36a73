"""The client: one method for each thing the service does."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, Self, TypeVar, overload

import httpx2

from occam.answers import Answer, Estimate, Event, Job, Point, Prediction, Report, Run, Summary
from occam.datasets import Datasets
from occam.errors import Conflict, JobFailed
from occam.figure import FIGURE_FORMATS, Figure, FigureFormat
from occam.pages import Listing
from occam.progress import progress as draw
from occam.stream import StreamEvent, follow
from occam.transport import RETRIES, Query, Transport, path_part
from occam.waiting import Each, wait

DEFAULT_URL = "http://127.0.0.1:8000"
JSON = "application/json"

T = TypeVar("T", bound=Answer)
Spec = Mapping[str, Any]  # Any: JSON; the service checks it and says what is wrong and where
ReportText = Literal["html", "md", "csv", "json"]
_MEDIA_TYPES = {
    "html": "text/html",
    "md": "text/markdown",
    "csv": "text/csv",
    "json": JSON,
}


Which = Literal["reported", "best", "last"]  # weights: as the report scores, best epoch, last


class Client:
    """A connection to one Occam service.

    url: default OCCAM_URL, else http://127.0.0.1:8000. api_key: default OCCAM_API_KEY, else none.
    timeout: seconds for connecting and for each silence while reading.

    Calls block, are retried where that is safe, and raise leaves of `OccamError`. Jobs and runs are
    named by their id or by the object itself.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        timeout: float = 30.0,
        *,
        retries: int = RETRIES,
    ) -> None:
        self._transport = Transport(
            url or os.environ.get("OCCAM_URL") or DEFAULT_URL,
            api_key=api_key or os.environ.get("OCCAM_API_KEY"),
            timeout_s=timeout,
            retries=retries,
        )
        self.datasets = Datasets(self._transport)

    @property
    def url(self) -> str:
        return self._transport.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close idle connections. The client may also be used as a context manager."""
        self._transport.close()

    # jobs

    @overload
    def submit(
        self, spec: Spec, *, dry_run: Literal[False] = False, idempotency_key: str | None = None
    ) -> Job: ...

    @overload
    def submit(self, spec: Spec, *, dry_run: Literal[True]) -> Estimate: ...

    def submit(
        self, spec: Spec, *, dry_run: bool = False, idempotency_key: str | None = None
    ) -> Job | Estimate:
        """Submit a job. A retried submit makes one job, since each call carries its own key.

        With `dry_run` nothing is stored: the answer is the resolved spec and what it would cost.
        Raises InvalidSpec, whose `errors` point at each mistake in the body.
        """
        if dry_run:
            response = self._post("/v1/jobs", json=spec, query={"dry_run": "true"})
            return Estimate.model_validate_json(response.content)
        key = idempotency_key or str(uuid.uuid4())
        return _job(self._post("/v1/jobs", json=spec, idempotency_key=key))

    def job(self, job: Job | str) -> Job:
        """The job as it is now."""
        return _job(self._get(f"/v1/jobs/{_id(job)}"))

    def jobs(self, *, status: str | None = None, name: str | None = None) -> Listing[Job]:
        """All jobs, newest first, fetched page by page as they are consumed."""
        query = {"status": status, "name": name}
        return Listing("jobs", self._transport, "/v1/jobs", query, Job.model_validate)

    def cancel(self, job: Job | str) -> Job:
        """Stop a job for good; what its runs have learnt so far stays. Final jobs: Conflict."""
        return self._verb(job, "cancel", "cancelled")

    def pause(self, job: Job | str) -> Job:
        """Checkpoint a job's runs and release the device until `resume`."""
        return self._verb(job, "pause", "paused")

    def resume(self, job: Job | str) -> Job:
        """Let a paused job go on from its checkpoints."""
        return self._verb(job, "resume", "queued")

    def delete(self, job: Job | str) -> None:
        """Delete a finished job with everything it stored. Running jobs: Conflict."""
        self._transport.delete(f"/v1/jobs/{_id(job)}")

    def wait(
        self,
        job: Job | str,
        *,
        timeout_s: float | None = None,
        check: bool = False,
        each: Each | None = None,
        progress: bool = False,
    ) -> Job:
        """Block until the job is final, and return it. A restart of the service is sat out.

        progress: show how far it is, in one line (a bar in a notebook) that is drawn anew.
        each: called with every change of the job.
        check: raise JobFailed unless it succeeded. Raises TimeoutError after `timeout_s`; the job
        goes on.
        """
        steps = [*([each] if each else []), *([draw()] if progress else [])]
        ended = wait(
            self._transport,
            _id(job),
            timeout_s=timeout_s,
            each=lambda now: [step(now) for step in steps],
        )
        return _checked(ended) if check else ended

    # what a job holds

    def runs(
        self,
        job: Job | str,
        *,
        arm: str | None = None,
        status: str | None = None,
        seed: int | None = None,
        repeat: int | None = None,
        fold: int | None = None,
    ) -> Listing[Run]:
        """The runs of a job, optionally of one arm, status, seed, repeat or fold, page by page."""
        query = {"arm": arm, "status": status, "seed": seed, "repeat": repeat, "fold": fold}
        return self._of_job(job, "runs", query, Run.model_validate)

    def run(self, run: Run | str) -> Run:
        return Run.model_validate_json(self._get(f"/v1/runs/{_id(run)}").content)

    def metrics(
        self,
        job: Job | str,
        *,
        run: Run | str | None = None,
        arm: str | None = None,
        name: str | None = None,
    ) -> Listing[Point]:
        """The logged points of a job, optionally of one run, arm or metric name."""
        query = {"run": None if run is None else _id(run), "arm": arm, "name": name}
        return self._of_job(job, "metrics", query, Point.read)

    def events(self, job: Job | str) -> Listing[Event]:
        """What happened to a job so far."""
        return self._of_job(job, "events", {}, Event.model_validate)

    def stream(self, job: Job | str, *, after: str | None = None) -> Iterator[StreamEvent]:
        """Follow a job live until its end: metrics, events and changes of status.

        A lost connection is made again from the last event seen, so nothing is lost or repeated.
        `after` is the id of an event already seen; without it the job's history comes first.
        """
        return follow(self._transport, f"/v1/jobs/{_id(job)}/stream", after=after)

    @overload
    def report(self, job: Job | str, format: Literal["object"] = "object") -> Report: ...

    @overload
    def report(self, job: Job | str, format: ReportText) -> str: ...

    def report(
        self, job: Job | str, format: ReportText | Literal["object"] = "object"
    ) -> Report | str:
        """The comparison, as an object, or as the text of an HTML, Markdown, CSV or JSON file."""
        if format == "object":
            response = self._get(f"/v1/jobs/{_id(job)}/report", headers={"Accept": JSON})
            return Report.read(response.content, self._bytes)
        media_type = _MEDIA_TYPES.get(format)
        if media_type is None:
            known = ", ".join(["object", *_MEDIA_TYPES])
            raise ValueError(f"there is no report as {format!r}; there is {known}")
        return self._get(f"/v1/jobs/{_id(job)}/report", headers={"Accept": media_type}).text

    def compare(self, jobs: Sequence[Job | str]) -> Report | Summary:
        """One report over several jobs on the same dataset and split.

        Of jobs on several datasets, a summary: arms by name, compared by their ranks.
        """
        response = self._post("/v1/reports", json={"jobs": [_id(job) for job in jobs]})
        if response.json().get("object") == "summary":
            return Summary.model_validate_json(response.content)
        return Report.read(response.content, self._bytes)

    def report_rows(self, job: Job | str) -> dict[str, list[Any]]:  # Any: JSON scalars
        """The scores of single test rows behind a report, by column; a data frame takes them."""
        path = f"/v1/jobs/{_id(job)}/report/rows"
        found: dict[str, list[Any]] = self._get(path, headers={"Accept": JSON}).json()["columns"]
        return found

    @overload
    def figure(self, job: Job | str, name: str) -> Figure: ...

    @overload
    def figure(self, job: Job | str, name: str, format: FigureFormat) -> bytes: ...

    def figure(
        self, job: Job | str, name: str, format: FigureFormat | None = None
    ) -> Figure | bytes:
        """One figure of the report, which notebooks show; or its bytes in one format.

        `json` is its Vega-Lite definition.
        """
        path = f"/v1/jobs/{_id(job)}/figures/{path_part(name)}"

        def fetch(format: FigureFormat) -> bytes:
            return self._bytes(f"{path}.{format}")

        if format is None:
            return Figure(name, fetch("svg").decode(), fetch)
        if format not in FIGURE_FORMATS:
            known = ", ".join(FIGURE_FORMATS)
            raise ValueError(f"there is no figure as {format!r}; there is {known}")
        return fetch(format)

    def weights(self, run: Run | str, *, which: Which = "reported") -> bytes:
        """A run's weights, as the bytes of a safetensors file."""
        return self._get(f"/v1/runs/{_id(run)}/weights", {"which": which}).content

    def predict(
        self,
        run: Run | str,
        inputs: Sequence[Any],
        *,
        which: Which = "reported",
        threshold: Literal["chosen"] | float | None = None,
    ) -> Prediction:
        """What a trained run answers to `inputs`, one row (or nested list) for each example.

        threshold: of two classes, the probability of the second above which it is the label;
        "chosen" is what the run's validation rows chose; None labels by the likeliest class.
        """
        # Any: numbers nested as deep as the dataset's shape
        asked = {"inputs": _plain(inputs), "which": which}
        if threshold is not None:  # an older service does not know it
            asked["threshold"] = threshold
        response = self._post(f"/v1/runs/{_id(run)}/predict", json=asked)
        return Prediction.model_validate_json(response.content)

    def catalog(self, family: str | None = None, kind: str | None = None) -> dict[str, Any]:
        """What the service can train: everything, or one kind in full. Any: JSON."""
        path = "/v1/catalog"
        if family and kind:
            path += f"/{path_part(family)}/{path_part(kind)}"
        answer: dict[str, Any] = self._get(path).json()
        return answer

    # how

    def _get(
        self, path: str, query: Query | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        return self._transport.request("GET", path, query=query, headers=headers)

    def _bytes(self, path: str) -> bytes:
        return self._get(path).content

    def _of_job(
        self, job: Job | str, what: str, query: Query, read: Callable[[dict[str, Any]], T]
    ) -> Listing[T]:
        path = f"/v1/jobs/{_id(job)}/{what}"
        return Listing(f"{what} of {_id(job)}", self._transport, path, query, read)

    def _post(
        self,
        path: str,
        *,
        json: object = None,
        query: Query | None = None,
        idempotency_key: str | None = None,
    ) -> httpx2.Response:
        return self._transport.request(
            "POST", path, json=json, query=query, idempotency_key=idempotency_key
        )

    def _verb(self, job: Job | str, verb: str, reached: str) -> Job:
        """A change of state. After a lost answer the repeat may find it done: that is success."""
        try:
            return _job(
                self._post(f"/v1/jobs/{_id(job)}/{verb}", idempotency_key=str(uuid.uuid4()))
            )
        except Conflict as conflict:
            if not conflict.problem.get("retried") or self.job(job).status != reached:
                raise
            return self.job(job)


def _id(thing: Job | Run | str) -> str:
    """The id of a job or run, safe to be one part of a path."""
    return path_part(thing if isinstance(thing, str) else thing.id)


def _job(response: httpx2.Response) -> Job:
    return Job.model_validate_json(response.content)


def _checked(job: Job) -> Job:
    if job.status != "succeeded":
        raise JobFailed(job.line(), problem=job.error)
    return job


def _plain(inputs: Sequence[Any]) -> Any:  # Any: as deep as the dataset's shape
    """Arrays of numpy (or anything with `tolist`) as lists."""
    tolist = getattr(inputs, "tolist", None)
    if tolist is None:
        return list(inputs)
    return tolist()
