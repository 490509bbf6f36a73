"""The OpenAPI document: the routes' own, completed with request schemas, problems and keys."""

from __future__ import annotations

import json
from collections.abc import Container
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from api.errors import MEDIA_TYPE
from api.schemas.problem import Problem
from api.schemas.requests import PredictionRequest, ReportRequest
from core.datasets.coded_spec import SPECS
from core.spec.job import JobSpec

Json = dict[str, Any]  # Any: OpenAPI is JSON
EXAMPLES = Path(__file__).parent.parent / "examples" / "jobs"
_REF = "#/components/schemas/{model}"
_REASONS = {
    400: "The request is malformed.",
    401: "No API key, or a wrong one.",
    403: "Not allowed from there.",
    404: "There is no such thing.",
    406: "There is no such representation.",
    409: "The state forbids it.",
    413: "Over a limit.",
    415: "A body of a type that is not read here.",
    422: "The values cannot be used; `errors` says which.",
    429: "Too many; come back after `Retry-After`.",
    500: "A fault of ours.",
    503: "Something we depend on is away; retry later.",
}
_SHARED = frozenset({"Problem", "ProblemFault"})  # the same model in requests and answers
_ALWAYS = (400, 401, 403, 422, 500, 503)


def problems(*statuses: int) -> dict[int | str, Json]:
    """The error responses of a route: these, and those that every call may meet."""
    return {
        status: {
            "description": _REASONS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
        }
        for status in sorted({*statuses, *_ALWAYS})
    }


def request_body(model: str, **media: Any) -> Json:
    """The request body of a route that reads the guarded JSON itself."""
    schema = {"schema": {"$ref": _REF.format(model=model)}, **media}
    return {"requestBody": {"required": True, "content": {"application/json": schema}}}


JOB_BODY: Json = request_body("JobSpec")
UPLOADS = tuple(dict.fromkeys(SPECS.values()))
UPLOAD_BODY: Json = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "A CSV or NPZ file, or a zip of images.",
                        },
                        "spec": {
                            "anyOf": [
                                {"$ref": _REF.format(model=model.__name__)} for model in UPLOADS
                            ]
                        },
                    },
                },
                "encoding": {"spec": {"contentType": "application/json"}},
            }
        },
    }
}


def describe(app: FastAPI) -> Json:
    """The complete document; made once."""
    if app.openapi_schema is None:
        document = FastAPI.openapi(app)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(request_schemas(taken=schemas))
        document["components"]["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer", "description": "Where keys are configured."}
        }
        document["security"] = [{"key": []}, {}]
        _resolve_marks(document)
        _embed_examples(document)
        app.openapi_schema = document
    return app.openapi_schema


def request_schemas(taken: Container[str]) -> Json:
    """JobSpec and what else comes in, with everything they refer to; a name that an answer's
    shape has `taken` gets `Spec` in front."""
    models = (JobSpec, *UPLOADS, PredictionRequest, ReportRequest, Problem)
    _, definitions = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REF
    )
    text = json.dumps(definitions["$defs"])
    names = {name: name for name in definitions["$defs"]}
    for name in names:
        if name in taken and name not in _SHARED:
            names[name] = f"Spec{name}"
            old, new = (json.dumps(_REF.format(model=n)) for n in (name, names[name]))
            text = text.replace(old, new)
    return {names[name]: schema for name, schema in json.loads(text).items()}


def _resolve_marks(document: Json) -> None:
    """`x-schema: X` becomes a reference to X, which is another package's model."""
    waiting: list[Any] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if name := value.pop("x-schema", None):
                value.pop("type")
                value["$ref"] = _REF.format(model=name)
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _embed_examples(document: Json) -> None:
    content = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]
    content["application/json"] = {
        **content["application/json"],
        "examples": {name: {"value": body} for name, body in examples().items()},
    }


def examples() -> dict[str, Json]:
    """The example jobs of the repository, by file name."""
    found = {
        path.stem: json.loads(path.read_text("utf-8")) for path in sorted(EXAMPLES.glob("*.json"))
    }
    return found or {"least": LEAST}


LEAST: Json = {
    "dataset": "digits",
    "architecture": "mlp",
    "loss": "cross_entropy",
    "regularizer": "l2",
    "lambda": 0.01,
}
