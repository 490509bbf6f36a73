"""The JSON Schema of what a client may POST: JobSpec with its shorthand and with patches."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import GetJsonSchemaHandler, TypeAdapter

from core.spec.experiment import Experiment, wire_names
from core.term import Knob

Schema = dict[str, Any]  # Any: JSON Schema

NULL: Schema = {"type": "null"}
PATCH: Schema = {"type": "object", "description": "a JSON merge patch on the body's"}
EXAMPLES: list[Schema] = [
    {
        "dataset": "digits",
        "architecture": "mlp",
        "loss": "cross_entropy",
        "regularizer": "l2",
        "lambda": 0.01,
    },
    {
        "name": "which regularizer for digits",
        "dataset": {"kind": "builtin", "name": "digits"},
        "architecture": {"kind": "mlp", "hidden": [64]},
        "loss": {"kind": "cross_entropy"},
        "folds": 5,
        "compare": [
            {"name": "none"},
            {
                "name": "l1",
                "regularizers": [{"kind": "l1", "lambda": {"log_range": [1e-5, 1e-2], "num": 8}}],
            },
        ],
    },
]


def request_schema(schema: Schema, handler: GetJsonSchemaHandler) -> Schema:
    """The schema of a job's full form, widened by what `resolve` expands."""
    fields = schema["properties"]
    fields["seeds"]["anyOf"].insert(0, {"type": "integer", "minimum": 1, "description": "how many"})
    fields["dataset"]["anyOf"].append(
        {"type": "string", "description": "a built-in's name, a kind, or the id of an upload"}
    )
    fields["regularizer"] = {
        "anyOf": [fields["regularizers"]["items"], NULL],
        "description": "shorthand for a list of one",
    }
    strength = handler(TypeAdapter(Annotated[float, Knob(ge=0)]).core_schema)
    fields["lambda"] = {
        "anyOf": [strength, NULL],
        "description": "strength of `regularizer`",
    }
    fields["compare"] |= {"anyOf": [_arms(fields), NULL]}
    return {**schema, "examples": EXAMPLES}


def _arms(fields: Schema) -> Schema:
    changes = (*wire_names(Experiment), "regularizer", "lambda")
    patches: Schema = {name: {"anyOf": [fields[name], PATCH, NULL]} for name in changes}
    name = {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 200}, NULL]}
    baseline = {
        "anyOf": [{"type": "boolean"}, NULL],
        "description": "whether the others are measured against this arm; one at most is",
    }
    return {
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "properties": {"name": name, "baseline": baseline, **patches},
            "additionalProperties": False,
        },
    }
