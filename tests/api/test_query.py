from __future__ import annotations

import pytest

from api.app import ROUTERS
from tests.api.conftest import LEAST, Service

GETS = [
    route.path
    for router in ROUTERS
    for route in router.routes
    if "GET" in (getattr(route, "methods", None) or ())
]


def test_a_misspelt_dry_run_is_refused_and_nothing_is_stored(service: Service) -> None:
    answer = service.client.post("/v1/jobs", params={"dryrun": "true"}, json=LEAST)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert 'did you mean "dry_run"?' in answer.json()["detail"]
    assert answer.json()["errors"][0]["pointer"] == ""
    assert service.client.get("/v1/jobs").json()["data"] == []


@pytest.mark.parametrize("path", GETS)
def test_every_call_refuses_parameters_that_it_does_not_know(service: Service, path: str) -> None:
    answer = service.client.get(path.replace("{", "").replace("}", ""), params={"nope": "1"})

    assert answer.status_code == 422
    assert "“nope”" in answer.json()["detail"]


def test_a_parameter_that_is_given_twice_is_refused(service: Service) -> None:
    answer = service.client.post("/v1/jobs?dry_run=true&dry_run=false", json=LEAST)

    assert answer.status_code == 422
    assert "given 2 times" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("/v1/jobs", {"status": "done"}, '“status”: "done" is not a status; it is one of'),
        ("/v1/runs/r/weights", {"which": "foo"}, '"foo" is not a which; it is one of "best"'),
        ("/v1/jobs", {"limit": "many"}, 'limit should be a whole number, not "many"'),
        ("/v1/jobs", {"limit": "0"}, 'limit should be at least 1, not "0"'),
        ("/v1/datasets", {"limit": "-1"}, 'limit should be at least 1, not "-1"'),
        ("/v1/jobs/j", {"wait": "-1"}, 'wait should be at least 0, not "-1"'),
        ("/v1/jobs/j", {"wait": "inf"}, "wait should be a finite number"),
        ("/v1/jobs", {"name": "x" * 201}, "at most 200 characters, not 201"),
    ],
)
def test_a_value_that_a_parameter_cannot_have_is_named_with_the_choices(
    service: Service, path: str, query: dict[str, str], words: str
) -> None:
    answer = service.client.get(path, params=query)

    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_a_dry_run_is_true_or_false(service: Service) -> None:
    answer = service.client.post("/v1/jobs", params={"dry_run": "maybe"}, json=LEAST)

    assert answer.status_code == 422
    assert 'dry_run should be true or false, not "maybe"' in answer.json()["detail"]
