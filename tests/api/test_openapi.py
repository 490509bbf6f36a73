from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from api import openapi
from api.app import create_app
from core.settings import Settings
from core.store import workers
from tests.api.conftest import Service, serving
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
CONFIG = Path(__file__).with_name("schemathesis.toml")
SECONDS = 10  # of drawing requests at random, and of the systematic ones that submit
SUBMIT = "POST /v1/jobs"  # whose schema alone makes nine of ten systematic requests


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The OpenAPI document."""
    app = create_app(Settings(data_dir=tmp_path_factory.mktemp("described")))
    return openapi.describe(app)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("attacked")
    shutil.copy(sqlite_template, folder / "occam.db")
    with serving(Settings(data_dir=folder, wait_s_max=0.2, lease_s=3600)) as found:
        with found.database.write() as session:
            workers.seen(session, "wrk_test", host="here", pid=1, device="cpu")
        yield found


def attack(service: Service, *options: str) -> None:
    """Run schemathesis with all its checks; its report is the failure's message."""
    ended = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG),
            "run", f"{service.url}/openapi.json", "--checks", "all", "--seed", "1",
            "--no-shrink", "--warnings", "off", *options,
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]


@pytest.mark.slow
def test_the_service_does_what_its_document_says_systematically(attacked: Service) -> None:
    attack(attacked, "--phases", "examples,coverage", "--exclude-name", SUBMIT)


@pytest.mark.slow
def test_submitting_does_what_its_document_says_systematically(attacked: Service) -> None:
    attack(
        attacked, "--phases", "examples,coverage", "--include-name", SUBMIT,
        "--max-time", str(SECONDS),
    )  # fmt: skip


@pytest.mark.slow
def test_the_service_does_what_its_document_says_at_random(attacked: Service) -> None:
    attack(
        attacked, "--phases", "examples,fuzzing,stateful",
        "--max-examples", "20", "--max-time", str(SECONDS),
    )  # fmt: skip


def test_the_document_is_openapi_and_served_as_it_is(
    service: Service, described: dict[str, Any]
) -> None:
    served = service.client.get("/openapi.json").json()

    assert served == json.loads(json.dumps(described))
    assert served["openapi"].startswith("3.1")


def test_every_call_documents_its_errors_as_problems(described: dict[str, Any]) -> None:
    for path, item in described["paths"].items():
        for method, operation in item.items():
            for status, response in operation["responses"].items():
                if int(status) < 400 or path == "/readyz":
                    continue
                reference = response["content"]["application/problem+json"]["schema"]["$ref"]
                assert reference == "#/components/schemas/Problem", f"{method} {path} {status}"
            assert {"400", "401", "422", "500", "503"} <= operation["responses"].keys()
            assert operation["description"], f"{method} {path}"


def test_every_field_and_parameter_is_documented(described: dict[str, Any]) -> None:
    for path, item in described["paths"].items():
        for operation in item.values():
            for parameter in operation.get("parameters", []):
                assert parameter.get("description"), f"{path} {parameter['name']}"
    ours = {name for name in described["components"]["schemas"] if name in _outgoing_names()}
    assert len(ours) > 20
    for name in ours:
        for field, schema in described["components"]["schemas"][name]["properties"].items():
            assert schema.get("description"), f"{name}.{field}"


def test_every_example_is_valid_against_its_schema(described: dict[str, Any]) -> None:
    checked = 0
    for schema, example in _examples(described):
        whole = {**schema, "components": described["components"]}
        errors = list(jsonschema_rs.validator_for(whole).iter_errors(example))
        assert not errors, f"{errors[0].message[:300]} in {json.dumps(example)[:300]}"
        checked += 1
    assert checked > 10


def test_no_shape_is_defined_twice_differently(described: dict[str, Any]) -> None:
    names = described["components"]["schemas"]
    assert "HTTPValidationError" not in names
    assert "x-schema" not in json.dumps(described)
    assert {"Arm", "SpecArm"} <= names.keys()


def test_the_documentation_page_names_every_call(
    service: Service, described: dict[str, Any]
) -> None:
    page = service.client.get("/docs").text

    assert "<script" not in page
    for path in described["paths"]:
        assert path in page


def test_the_root_leads_to_the_documentation(service: Service) -> None:
    answer = service.client.get("/")

    assert answer.is_redirect
    assert answer.headers["location"] == "/docs"


def _outgoing_names() -> set[str]:
    from api.schemas.outgoing import Outgoing

    found: set[str] = set()
    waiting: list[type] = [Outgoing]
    while waiting:
        subclasses = waiting.pop().__subclasses__()
        found |= {sub.__name__ for sub in subclasses}
        waiting += subclasses
    return found


def _examples(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    """(schema, example) wherever the document gives an example."""
    for item in document["paths"].values():
        for operation in item.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                for example in content.get("examples", {}).values():
                    yield content["schema"], example["value"]
    waiting = list(document["components"]["schemas"].values())
    while waiting:
        schema = waiting.pop()
        if isinstance(schema, dict):
            examples = schema.get("examples")
            if isinstance(examples, list) and ("type" in schema or "anyOf" in schema):
                yield from ((schema, example) for example in examples)
            waiting += schema.values()
        elif isinstance(schema, list):
            waiting += schema
