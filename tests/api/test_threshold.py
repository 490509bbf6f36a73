"""Labels by a threshold: of a run that the real engine trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Service
from tests.api.test_importance import DIGITS, builtin, trained


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trained")


@pytest.fixture(scope="module")
def run(service: Service, folder: Path) -> dict[str, Any]:
    """The first of a job with two classes."""
    body = {**DIGITS, "dataset": "breast_cancer", "epochs": 3}
    return first_run(service, trained(service, body, builtin("breast_cancer"), folder))


def first_run(service: Service, job: dict[str, Any]) -> dict[str, Any]:
    return service.client.get(job["links"]["runs"]).json()["data"][0]


def said(service: Service, run: dict[str, Any], **asked: Any) -> Any:
    inputs = builtin("breast_cancer").features[::10].tolist()
    return service.client.post(run["links"]["predict"], json={"inputs": inputs, **asked})


def test_labels_go_by_the_threshold_that_is_asked_for(
    service: Service, run: dict[str, Any]
) -> None:
    plain = said(service, run).json()
    second = [p[1] for p in plain["probabilities"]]
    classes = plain["classes"]
    assert plain["threshold"] is None
    assert plain["labels"] == [classes[int(p > 0.5)] for p in second]
    for asked in (0.02, 0.9):
        found = said(service, run, threshold=asked).json()
        assert found["threshold"] == asked
        assert found["labels"] == [classes[int(p > asked)] for p in second]
        assert found["probabilities"] == plain["probabilities"]
        assert found["labels"] != plain["labels"]


def test_the_chosen_threshold_is_the_runs_own(service: Service, run: dict[str, Any]) -> None:
    threshold = run["final"]["threshold"]
    assert 0 < threshold < 1
    found = said(service, run, threshold="chosen").json()
    assert found["threshold"] == threshold
    assert found["labels"] == said(service, run, threshold=threshold).json()["labels"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"threshold": 1.5}, "at most 1"),
        ({"threshold": "best"}, "chosen"),
        ({"threshold": "chosen", "which": "last"}, "threshold of the reported weights"),
    ],
)
def test_a_threshold_that_there_is_not_is_a_422(
    service: Service, run: dict[str, Any], asked: dict[str, Any], words: str
) -> None:
    answer = said(service, run, **asked)
    assert answer.status_code == 422
    (fault, *_) = answer.json()["errors"]
    assert fault["pointer"].startswith("/threshold")
    assert words in answer.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset": "iris"}, "this dataset has 3"),
        ({"dataset": "breast_cancer", "loss": "mse"}, "mse gives none"),
    ],
)
def test_a_threshold_needs_probabilities_of_two_classes(
    service: Service, folder: Path, changes: dict[str, Any], words: str
) -> None:
    data = builtin(changes["dataset"])
    run = first_run(service, trained(service, {**DIGITS, "epochs": 1, **changes}, data, folder))
    answer = service.client.post(
        run["links"]["predict"], json={"inputs": data.features[:2].tolist(), "threshold": 0.3}
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/threshold"
    assert words in answer.text
