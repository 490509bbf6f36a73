from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save_file

from api.weights import row_of
from core.network import build
from core.spec import experiment_at
from core.store import checkpoints, jobs, runs
from core.store.artifacts import Artifacts
from tests.api.conftest import Service, Trained, finish, take
from tests.fields import numbers

RNG = np.random.default_rng(0)


def stacked(rows: int) -> dict[str, np.ndarray]:
    return {
        f"{which}/{name}": RNG.normal(size=(rows, *shape)).astype(np.float32)
        for which in ("best", "last", "reported")
        for name, shape in (("0/weight", (3, 2)), ("0/bias", (2,)), ("scale", ()))
    }


@pytest.fixture
def held(service: Service) -> Trained:
    return take(service.database, service.post(seeds=3, epochs=2)["id"])


def store_weights(
    service: Service, held: Trained, folder: Path, tensors: dict[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    tensors = tensors or stacked(len(held.run_ids))
    save_file(tensors, folder / "stacked.safetensors")
    key = f"cohorts/{held.cohort_id}/weights.safetensors"
    stored = Artifacts(service.settings.artifacts_url).put(key, folder / "stacked.safetensors")
    with service.database.write() as session:
        checkpoints.insert_checkpoint(
            session, held.cohort_id, held.fence, epoch=2, kind="weights",
            key=stored.key, sha256=stored.sha256, size_bytes=stored.bytes,
        )  # fmt: skip
    return tensors


def test_a_value_that_is_no_number_is_told_from_none(service: Service, held: Trained) -> None:
    loss = {"last": None, "kind": "nan", "best": 0.5, "best_epoch": 1}
    norm = {"last": 2.0, "best": None, "best_epoch": None}
    update = runs.RunUpdate(held.run_ids[0], metrics={"val_loss": loss, "weight_norm": norm})
    with service.database.write() as session:
        runs.record(session, held.cohort_id, held.fence, [update])

    found = service.client.get(f"/v1/runs/{held.run_ids[0]}").json()["metrics"]

    assert (found["val_loss"]["last"], found["val_loss"]["last_kind"]) == (None, "nan")
    assert (found["val_loss"]["best"], found["val_loss"]["best_kind"]) == (0.5, None)
    assert (found["weight_norm"]["last"], found["weight_norm"]["last_kind"]) == (2.0, None)


@pytest.mark.parametrize("which", ["best", "last", "reported"])
def test_a_runs_weights_are_its_row_of_the_stacked_file(
    service: Service, held: Trained, tmp_path: Path, which: str
) -> None:
    tensors = store_weights(service, held, tmp_path)
    finish(service.database, held, val_accuracy=[0.9, 0.8, 0.7])
    for row, run_id in enumerate(held.run_ids):
        answer = service.client.get(f"/v1/runs/{run_id}/weights", params={"which": which})

        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/vnd.safetensors"
        name = f"{run_id}-{which}.safetensors"
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
        found = load(answer.content)
        assert set(found) == {"0/weight", "0/bias", "scale"}
        for key, value in found.items():
            np.testing.assert_array_equal(value, tensors[f"{which}/{key}"][row])


def test_weights_that_are_not_there_yet_are_a_409_and_never_a_404(
    service: Service, held: Trained
) -> None:
    running = service.client.get(f"/v1/runs/{held.run_ids[0]}/weights")
    assert running.status_code == 409
    finish(service.database, held, val_accuracy=[0.9, 0.8, 0.7])
    assert service.client.get(f"/v1/runs/{held.run_ids[0]}/weights").status_code == 404
    assert service.client.get("/v1/runs/run_none/weights").status_code == 404
    odd = service.client.get(f"/v1/runs/{held.run_ids[0]}/weights?which=first")
    assert odd.status_code == 422


def test_checkpoints_of_a_run_are_listed(service: Service, held: Trained, tmp_path: Path) -> None:
    store_weights(service, held, tmp_path)

    page = service.client.get(f"/v1/runs/{held.run_ids[1]}/checkpoints").json()

    (found,) = page["data"]
    assert (found["run"], found["kind"], found["epoch"]) == (held.run_ids[1], "weights", 2)
    assert found["links"]["weights"] == f"/v1/runs/{held.run_ids[1]}/weights"
    assert len(found["sha256"]) == 64


def test_reading_one_row_does_not_read_the_others(tmp_path: Path) -> None:
    tensors = {"best/w": np.arange(24, dtype=np.float32).reshape(4, 3, 2), "other": np.zeros(4)}
    save_file(tensors, tmp_path / "x.safetensors")

    found = row_of(tmp_path / "x.safetensors", 2, prefix="best/")

    assert list(found) == ["w"]
    np.testing.assert_array_equal(found["w"], tensors["best/w"][2])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/inputs"),
        ({"inputs": []}, "/inputs"),
        ({"inputs": 3}, "/inputs"),
        ({"inputs": [["a", 1, 2, 3]]}, "/inputs/0/0"),
        ({"inputs": [[True] * 64]}, "/inputs/0/0"),
        ({"inputs": [[[[0.0] * 7 + [None]] * 8]]}, "/inputs/0/0/0/7"),
        ({"inputs": [0.5] * 64}, "/inputs"),
        ({"inputs": [[1, 2, 3]]}, "/inputs/0"),
        ({"inputs": [[0.0] * 64, [0.0] * 63]}, "/inputs/1"),
        ({"inputs": [[[0.0] * 8] * 8]}, "/inputs"),
        ({"inputs": [[[0.0] * 4] * 8]}, "/inputs/0"),
        ({"inputs": [[1e300] * 64]}, "/inputs/0"),
        ({"inputs": [[0.0] * 64], "which": "first"}, "/which"),
    ],
)
def test_inputs_that_do_not_fit_are_pointed_at(
    service: Service, held: Trained, body: dict[str, Any], pointer: str
) -> None:
    answer = service.client.post(f"/v1/runs/{held.run_ids[0]}/predict", json=body)

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("inputs", [[0.5] * 64, [[[0.5] * 8] * 8]])
def test_one_example_that_is_in_no_list_is_told_to_be_wrapped(
    service: Service, held: Trained, inputs: list[Any]
) -> None:
    answer = service.client.post(f"/v1/runs/{held.run_ids[0]}/predict", json={"inputs": inputs})

    assert "looks like one example; wrap it in a list: [[" in answer.json()["detail"]


def test_predicting_with_a_run_that_is_not_done_is_a_409(service: Service, held: Trained) -> None:
    answer = service.client.post(
        f"/v1/runs/{held.run_ids[0]}/predict", json={"inputs": [[0.0] * 64]}
    )

    assert answer.status_code == 409


def test_a_linear_model_predicts_what_numpy_does(service: Service, tmp_path: Path) -> None:
    held = take(service.database, service.post(architecture="linear", seeds=2, epochs=2)["id"])
    weight = RNG.normal(size=(2, 64, 10)).astype(np.float32)
    bias = RNG.normal(size=(2, 1, 10)).astype(np.float32)
    mean = RNG.normal(size=(2, 1, 8, 8)).astype(np.float32)
    deviation = RNG.uniform(1, 2, size=(2, 1, 8, 8)).astype(np.float32)
    names = layer_names(service, held)
    tensors = {"reported/standardize/mean": mean, "reported/standardize/deviation": deviation}
    tensors |= {f"reported/{names[role]}": v for role, v in (("weight", weight), ("bias", bias))}
    store_weights(service, held, tmp_path, tensors)
    inputs = RNG.normal(size=(5, 1, 8, 8)).astype(np.float32)

    answer = service.client.post(
        f"/v1/runs/{held.run_ids[1]}/predict", json={"inputs": inputs.tolist()}
    )
    flat = service.client.post(
        f"/v1/runs/{held.run_ids[1]}/predict", json={"inputs": inputs.reshape(5, 64).tolist()}
    )

    assert answer.status_code == 200, answer.text
    scaled = ((inputs - mean[1]) / deviation[1]).reshape(5, 64)
    logits = scaled @ weight[1] + bias[1]
    odds = np.exp(logits - logits.max(1, keepdims=True))
    found = answer.json()
    np.testing.assert_allclose(found["outputs"], logits, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        found["probabilities"], odds / odds.sum(1, keepdims=True), rtol=1e-3, atol=1e-5
    )
    assert found["classes"] == [str(i) for i in range(10)]
    assert found["labels"] == [str(i) for i in logits.argmax(1)]
    assert flat.json() == found


def test_an_input_on_which_the_network_overflows_has_no_label_and_the_others_have(
    service: Service, tmp_path: Path
) -> None:
    held = take(service.database, service.post(architecture="linear", seeds=2, epochs=2)["id"])
    names = layer_names(service, held)
    weight = np.zeros((2, 64, 10), np.float32)
    weight[:, :, 3] = 1.0
    tensors = {
        f"reported/{names['weight']}": weight,
        f"reported/{names['bias']}": np.zeros((2, 1, 10), np.float32),
    }
    store_weights(service, held, tmp_path, tensors)
    inputs = [[1.0] * 64, [3e38] * 64, [0.5] * 64]  # each a float32; 64 times the second is none

    found = service.client.post(f"/v1/runs/{held.run_ids[0]}/predict", json={"inputs": inputs})

    assert found.status_code == 200, found.text
    said = found.json()
    assert said["labels"] == ["3", None, "3"]
    assert said["probabilities"][1] == [None] * 10
    assert said["outputs"][1][3] is None
    assert sum(said["probabilities"][0]) == pytest.approx(1)


def layer_names(service: Service, held: Trained) -> dict[str, str]:
    """Role -> stored name of the linear model's two tensors."""
    with service.database.read() as session:
        document = jobs.get_job(session, held.job_id).document
    experiment = experiment_at(document, "base", {})
    network = build(experiment.architecture, numbers((1, 8, 8)), 10)
    return {place.parameter.role: network.label(place) for place in network.places}
