"""Runs, their values, events and artifacts on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from api.schemas.outgoing import Outgoing
from api.schemas.page import Page
from api.schemas.problem import Failure

RunStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]
ValueKind = Literal["nan", "inf", "-inf"]


class MetricSummary(Outgoing):
    """One metric of one run in short. Non-finite values are null, and their kind is told."""

    last: Annotated[float | None, Field(description="The value logged last.")]
    last_kind: Annotated[
        ValueKind | None, Field(description="What `last` really is where it is not finite.")
    ] = None
    best: Annotated[
        float | None,
        Field(description="The best value; null if none was a number, or nothing says better."),
    ]
    best_kind: Annotated[
        ValueKind | None, Field(description="What `best` really is where it is not finite.")
    ] = None
    best_epoch: Annotated[int | None, Field(description="The epoch of the best value.")]


class RunLinks(Outgoing):
    """Where to go from a run."""

    self: Annotated[str, Field(description="The run.")]
    job: Annotated[str, Field(description="Its job.")]
    metrics: Annotated[str, Field(description="Its logged values.")]
    checkpoints: Annotated[str, Field(description="Its checkpoints.")]
    weights: Annotated[str, Field(description="Its weights, as safetensors.")]
    predict: Annotated[str, Field(description="POST inputs here.")]


class Run(Outgoing):
    """One training: one arm at one setting, in one replicate."""

    id: Annotated[str, Field(description="Id of the run.", pattern="^run_")]
    object: Annotated[Literal["run"], Field(description="Always `run`.")] = "run"
    job: Annotated[str, Field(description="Id of its job.")]
    arm: Annotated[str, Field(description="Name of its arm.")]
    setting: Annotated[
        dict[str, float],
        Field(
            description="The varied values, by JSON pointer into the arm.",
            examples=[{"/regularizers/0/lambda": 0.01}],
        ),
    ]
    seed: Annotated[
        int, Field(description="Its seed; what it draws follows from it and the three below.")
    ]
    repeat: Annotated[int, Field(description="Which partition into folds, from 0.")]
    fold: Annotated[int | None, Field(description="The fold that tests; null with `folds` 1.")]
    inner_fold: Annotated[
        int | None, Field(description="The inner fold that validates; null without them.")
    ]
    status: Annotated[RunStatus, Field(description="The last three are final.")]
    metrics: Annotated[
        dict[str, MetricSummary], Field(description="Each logged metric in short, by name.")
    ]
    final: Annotated[
        dict[str, float | None],
        Field(description="Scores of the reported weights, by name; empty until it ends."),
    ]
    stopped_epoch: Annotated[int | None, Field(description="The last epoch it trained.")]
    stop_reason: Annotated[
        str | None, Field(description="`completed`, `early_stopped`, `diverged`, …")
    ]
    error: Annotated[Failure | None, Field(description="Why it failed, in one sentence.")]
    links: Annotated[RunLinks, Field(description="Where to go from here.")]


class RunPage(Page[Run]):
    """Runs in the order of the specification."""


class MetricPoint(Outgoing):
    """One logged value."""

    run: Annotated[str, Field(description="Id of the run.")]
    epoch: Annotated[int, Field(description="Epochs trained when it was measured.")]
    name: Annotated[str, Field(description="Name of the metric.", examples=["val_accuracy"])]
    value: Annotated[float | None, Field(description="The value; null if it is not finite.")]
    kind: Annotated[
        ValueKind | None, Field(description="What a null value really is; absent otherwise.")
    ] = None


class MetricPage(Page[MetricPoint]):
    """Logged values in the order they were written."""


class EventEntry(Outgoing):
    """Something that happened to a job."""

    seq: Annotated[int, Field(description="Its place in the job's history.")]
    type: Annotated[Literal["event", "status"], Field(description="The stream's event name.")]
    run: Annotated[str | None, Field(description="The run it happened to, if to one.")]
    data: Annotated[dict[str, JsonValue], Field(description="What happened.")]
    created_at: Annotated[datetime, Field(description="When (UTC).")]


class EventPage(Page[EventEntry]):
    """What happened, oldest first."""


class CheckpointLinks(Outgoing):
    """Where to get a checkpoint's bytes."""

    weights: Annotated[
        str | None, Field(description="This run's weights in it; null where it holds none.")
    ]


class Checkpoint(Outgoing):
    """A state of a run that was stored."""

    id: Annotated[str, Field(description="Id of the checkpoint.")]
    object: Annotated[Literal["checkpoint"], Field(description="Always `checkpoint`.")] = (
        "checkpoint"
    )
    run: Annotated[str, Field(description="Id of the run.")]
    kind: Annotated[
        str,
        Field(
            description="`resume`: to go on training; `weights`: the trained numbers; "
            "`rows`: what each test row scored, for the report."
        ),
    ]
    epoch: Annotated[int, Field(description="Epochs trained when it was stored.")]
    bytes: Annotated[int, Field(description="Size of the file, which its cohort shares.")]
    sha256: Annotated[str, Field(description="Checksum of that file.")]
    created_at: Annotated[datetime, Field(description="When it was stored (UTC).")]
    links: Annotated[CheckpointLinks, Field(description="Where to get it.")]


class CheckpointPage(Page[Checkpoint]):
    """Checkpoints of one run, newest first."""


class Prediction(Outgoing):
    """What a run's network says of some inputs."""

    object: Annotated[Literal["prediction"], Field(description="Always `prediction`.")] = (
        "prediction"
    )
    run: Annotated[str, Field(description="Id of the run.")]
    outputs: Annotated[
        list[list[float | None]],
        Field(
            description="One row per input: logits of each class, or predicted targets. Null where"
            " the network overflowed: that input, or a weight, is too large for 32-bit floats."
        ),
    ]
    probabilities: Annotated[
        list[list[float | None]] | None,
        Field(
            description="One row per input, adding up to 1, or of nulls where the network"
            " overflowed; null in regression."
        ),
    ]
    classes: Annotated[
        list[str] | None, Field(description="Name of each column; null in regression.")
    ]
    labels: Annotated[
        list[str | None] | None,
        Field(
            description="The likeliest class of each input, or the one that the threshold says;"
            " null for one whose probabilities are null, and null in regression."
        ),
    ]
    threshold: Annotated[
        float | None,
        Field(description="The threshold that labels go by; null where the likeliest class is."),
    ] = None
