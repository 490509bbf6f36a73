"""What comes in beside jobs and uploads, whose schemas belong to core."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter, WithJsonSchema

from core.spec.incoming import read_model
from core.term import Wire

JOBS_MAX = 50  # in one report

Row = list[float] | list[list[float]] | list[list[list[float]]] | str | dict[str, str | int]
# Of an example only the dataset tells the shape, so `api.predict` checks it, item by item: of a
# union pydantic tells what is wrong with every branch.
AnyRow = Annotated[Any, WithJsonSchema(TypeAdapter(Row).json_schema())]


class Incoming(Wire):
    """Something a client says: nothing unknown, finite numbers, nothing converted."""

    model_config = ConfigDict(strict=True)

    @classmethod
    def read(cls, body: object) -> Self:
        """The model that `body` spells. Raises InvalidSpec with a fault for each mistake."""
        return read_model(cls, body)


class ReportRequest(Incoming):
    """Ask for one report over several jobs: on one dataset and split, or over several datasets."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"jobs": ["job_01jd5y3k9q8f0000000000000a"]}]}
    )

    jobs: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100)]],
        Field(description="Ids of the jobs.", min_length=1, max_length=JOBS_MAX),
    ]
    metric: Annotated[
        str | None,
        Field(description="Compare by this metric, not the jobs' own choice.", max_length=64),
    ] = None
    rule: Annotated[
        Literal["min", "1se"] | None, Field(description="Choose settings by this rule.")
    ] = None
    practical: Annotated[
        float | None, Field(description="Differences up to this are equivalent.", ge=0)
    ] = None


class PredictionRequest(Incoming):
    """Inputs for a trained network."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": [[5.1, 3.5, 1.4, 0.2]]}]})

    inputs: Annotated[
        list[AnyRow],
        Field(
            description="One entry per example, so one example alone is a list of one: flat, or in"
            " the shape of an example (channels first). Give the numbers as the dataset has them,"
            " e.g. pixels of `digits` in [0, 1]: where the job standardised, the service does too."
            ' Of texts each is a text; of interactions an object, {"user": …, "item": …}.',
            min_length=1,
        ),
    ]
    which: Annotated[
        Literal["best", "last", "reported"],
        Field(
            description="Weights of the best epoch by validation, of the last, or those whose"
            " scores the report shows."
        ),
    ] = "reported"
    threshold: Annotated[
        Literal["chosen"] | Annotated[float, Field(ge=0, le=1)] | None,
        Field(
            description="Of two classes: label an input as the second where its probability is"
            " above this; `chosen` is the run's own threshold, chosen on its validation rows (its"
            " final value `threshold`). Left out, the likeliest class.",
        ),
    ] = None
