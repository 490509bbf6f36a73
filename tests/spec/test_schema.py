import json
from pathlib import Path

import jsonschema_rs
import pytest

from core.spec import JobSpec, Limits, resolve
from core.spec.schema import EXAMPLES

JOBS = sorted((Path(__file__).parents[2] / "examples" / "jobs").glob("*.json"))
LEAST = {"dataset": "digits", "architecture": "mlp", "loss": "cross_entropy"}


@pytest.fixture(scope="module")
def validator():
    schema = JobSpec.model_json_schema()
    jsonschema_rs.meta.validate(schema)
    return jsonschema_rs.Draft202012Validator(schema)


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_the_schema_accepts_every_example_and_its_resolved_form(path, validator):
    body = json.loads(path.read_text())
    validator.validate(body)
    validator.validate(resolve(body, lambda source: source.facts(), Limits()).document)


@pytest.mark.parametrize("body", EXAMPLES)
def test_the_examples_in_the_schema_are_jobs(body, validator):
    validator.validate(body)
    resolve(body, lambda source: source.facts(), Limits())


@pytest.mark.parametrize(
    "fields",
    [
        {"regularizer": "l2", "lambda": {"log_range": [1e-5, 1], "num": 3}},
        {"seeds": 3},
        {"seeds": [4, 5]},
        {"batch_size": "full"},
        {"search": {"method": "random", "trials": 3}},
        {"compare": [{"optimizer": {"lr": 0.5}}, {"regularizer": None}]},
    ],
)
def test_the_schema_accepts_shorthand_and_patches(fields, validator):
    validator.validate(LEAST | fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"loss": "cross_entrpy"},
        {"epochs": 0},
        {"epochs": {"values": [1, 2]}},
        {"lambda": -1},
        {"sede": 3},
        {"seeds": 0},
        {"batch_size": "half"},
        {"compare": [{"dataset": "iris"}]},
        {"compare": []},
        {"regularizers": [{"kind": "l1", "lambda": {"values": []}}]},
    ],
)
def test_the_schema_refuses_what_no_job_may_say(fields, validator):
    assert not validator.is_valid(LEAST | fields)
