"""Runs: read, checkpoints, weights, predictions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api import runs
from api.deps import House
from api.guard import json_of
from api.openapi import problems, request_body
from api.predict import predict
from api.schemas.requests import PredictionRequest
from api.schemas.runs import CheckpointPage, Prediction, Run
from api.weights import MEDIA_TYPE, Which

router = APIRouter(prefix="/v1/runs", tags=["runs"])
RunId = Annotated[str, Path(description="Id of the run.", max_length=100)]
Chosen = Annotated[
    Which,
    Query(
        description="`best`: of the best epoch by validation; `last`: of the last; `reported`:"
        " those whose scores the report shows."
    ),
]


@router.get("/{run_id}", responses=problems(404))
def get_run(house: House, run_id: RunId) -> Run:
    """Read one run."""
    return runs.read(house, run_id)


@router.get("/{run_id}/checkpoints", responses=problems(404))
def list_checkpoints(house: House, run_id: RunId) -> CheckpointPage:
    """List the stored states of a run's cohort, newest first."""
    return runs.checkpoint_page(house, run_id)


@router.get(
    "/{run_id}/weights",
    response_class=Response,
    responses={
        200: {
            "description": "The run's trained numbers as a safetensors file.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        },
        **problems(404, 409),
    },
)
def get_weights(house: House, run_id: RunId, which: Chosen = "reported") -> Response:
    """Download one run's weights, one tensor `<layer>/<parameter>` for each.

    A dense layer has `weight` (in, out) and `bias` (1, out): it computes `x @ weight + bias`. A
    conv2d layer has `weight` (out, in, k, k) and `bias` (out,); batch_norm has `scale`, `shift`,
    `running_mean` and `running_var`. Images come channels first, and
    `flatten` reads them in that order. Where the job standardised, `standardize/mean` and
    `standardize/deviation` have the shape of an example, and the network takes
    `(x - mean) / deviation`; in a regression `standardize/target_mean` and
    `standardize/target_deviation` lead back: `y * target_deviation + target_mean`.
    """
    weights = runs.weights(house, run_id, which)
    return Response(
        weights.content,
        media_type=MEDIA_TYPE,
        headers={
            "content-disposition": f'attachment; filename="{weights.filename}"',
            "etag": weights.etag,
        },
    )


@router.post(
    "/{run_id}/predict",
    responses=problems(404, 409, 413, 415),
    openapi_extra=request_body("PredictionRequest"),
)
def predict_run(request: Request, house: House, run_id: RunId) -> Prediction:
    """Say what the run's network makes of some inputs.

    Give them as the dataset has them, e.g. pixels of `digits` in [0, 1] and of an upload as in its
    file: where the job standardised, this call does so too.
    """
    return predict(house, run_id, PredictionRequest.read(json_of(request)))
