"""JobSpec: the body of POST /v1/jobs, once shorthand is written out and arms are whole."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from core.datasets import DatasetSource, Split
from core.search import Search
from core.search.grid import GridSearch
from core.spec.experiment import Experiment
from core.spec.schema import request_schema
from core.term import Wire

SEEDS_MAX = 10_000
FOLDS_MAX = 1_000
DEADLINE_S_MAX = 31_536_000  # a year: databases count time so far without overflowing
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


def _counted(value: Any) -> Any:  # Any: whatever the client sent
    """A count of seeds to the list of them: 3 -> (0, 1, 2)."""
    if isinstance(value, (tuple, list)):
        return value
    if not isinstance(value, int) or isinstance(value, bool):
        raise PydanticCustomError("seeds", "seeds is a count, e.g. 5, or a list of whole numbers")
    if not 1 <= value <= SEEDS_MAX:
        raise PydanticCustomError(
            "seeds",
            "{count} is not a count of seeds; give 1 to {most}, or a list of seeds",
            {"count": value, "most": SEEDS_MAX},
        )
    return tuple(range(value))


def _different(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) < len(seeds):
        ((twice, _),) = Counter(seeds).most_common(1)
        raise PydanticCustomError(
            "seeds", "seed {seed} is listed twice; list each once", {"seed": twice}
        )
    return seeds


def _several(value: Any) -> Any:  # Any: whatever the client sent
    """One inner fold has nothing to validate beside it."""
    if value == 1 and not isinstance(value, bool):
        raise PydanticCustomError(
            "inner_folds",
            "inner_folds 1 would leave nothing to train on; leave it out, and one part "
            "validates, the share split.validation; or give 2 or more",
        )
    return value


Seeds = Annotated[
    tuple[Seed, ...],
    Field(min_length=1, max_length=SEEDS_MAX),
    BeforeValidator(_counted),
    AfterValidator(_different),
]


class Select(Wire):
    """How the setting that represents an arm is chosen, on validation data.

    rule: `min` takes the best mean; `1se` the simplest within one standard error of it.
    """

    metric: Annotated[
        str | None,
        Field(max_length=64, description="val_…; null: val_accuracy for classes, else val_mse"),
    ] = None
    rule: Literal["min", "1se"] = "min"


class Arm(Experiment):
    """One alternative of a comparison, whole."""

    name: Name
    baseline: Annotated[
        bool, Field(description="whether the others are measured against this arm; one at most is")
    ] = False


class JobSpec(Experiment):
    """A job: one experiment or a comparison of several, on one dataset.

    Any number that is a knob may be a range, and then every value is tried.
    """

    name: Annotated[Name | None, Field(description="for people")] = None
    dataset: Annotated[DatasetSource, Field(description="the data, the same for all arms")]
    standardize: Annotated[
        bool,
        Field(
            description="scale features by the mean and deviation of each training part; targets"
            " of a regression too, and its metrics are then in standardised units"
        ),
    ] = True
    seeds: Annotated[
        Seeds | None,
        Field(
            description="how many trainings in each fold, or their seeds; null: 1, or 3 of one"
            " held-out part"
        ),
    ] = None
    folds: Annotated[
        int | None,
        Field(
            ge=1,
            le=FOLDS_MAX,
            description="k folds, each of which tests once, so that every row is tested; 1: one"
            " held-out test part; null: 5, or 1 where a fifth of the rows is 5,000 or more",
        ),
    ] = None
    repeats: Annotated[
        int, Field(ge=1, le=FOLDS_MAX, description="times that the folds are drawn anew")
    ] = 1
    inner_folds: Annotated[
        Annotated[int, Field(ge=2, le=FOLDS_MAX)] | None,
        BeforeValidator(_several),
        Field(
            description="folds of the rows that do not test, each of which validates once; null:"
            " one part validates, the share split.validation",
        ),
    ] = None
    split: Split = Split()
    select: Select = Select()
    search: Annotated[Search, Field(description="how ranges are explored")] = GridSearch()
    compare: Annotated[
        tuple[Arm, ...] | None,
        Field(min_length=1, description="arms: each a JSON merge patch on the rest of the body"),
    ] = None
    device: Annotated[
        Literal["auto", "cpu", "cuda"], Field(description="where to train; auto: as configured")
    ] = "auto"
    priority: Annotated[
        int,
        Field(ge=0, le=9, description="higher starts first; what is running is not interrupted"),
    ] = 5
    deadline_s: Annotated[
        float | None,
        Field(
            gt=0,
            le=DEADLINE_S_MAX,
            description="seconds from its submission; a job not done by then fails",
        ),
    ] = None
    practical: Annotated[
        float | None,
        Field(ge=0, description="differences up to this are equivalent; null: 0.005 of accuracy"),
    ] = None

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """What a client may send: shorthand and patches besides the full form."""
        return request_schema(handler.resolve_ref_schema(handler(schema)), handler)
