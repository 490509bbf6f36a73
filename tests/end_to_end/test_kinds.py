"""Data of every kind through the service: uploaded, learned, asked about as it is."""

from __future__ import annotations

import base64
import csv
import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load

from core.datasets.builtin import Builtin
from tests.end_to_end.conftest import EMBEDDED
from tests.end_to_end.deployment import Deployment
from tests.end_to_end.test_wire import ended, post

GOOD, BAD = ("lovely", "superb", "fine"), ("dull", "awful", "weak")
NAMES = ("zero", "one", "two", "three")
embedded = pytest.mark.parametrize("service", [EMBEDDED], indirect=True)


def upload(service: Deployment, rows: list[list[Any]], **spec: Any) -> dict[str, Any]:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    parts = {"file": ("data.csv", file.getvalue().encode())}
    answer = service.http.post("/v1/datasets", files=parts, data={"spec": json.dumps(spec)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def reviews() -> list[list[Any]]:
    """300 texts whose mood is said by one word among others that say nothing."""
    rng = np.random.default_rng(1)
    rows: list[list[Any]] = [["review", "mood"]]
    for i in range(300):
        words = [f"noun{n}" for n in rng.integers(0, 30, rng.integers(2, 12))]
        words.insert(int(rng.integers(0, len(words))), str(rng.choice(GOOD if i % 2 else BAD)))
        rows.append([" ".join(words), "pos" if i % 2 else "neg"])
    return rows


@embedded
def test_a_text_classifier_learns_and_is_asked_in_words(service: Deployment) -> None:
    data = upload(service, reviews(), kind="text", text="review", target="mood")
    assert data["inputs"] == [{"name": "text", "kind": "tokens", "shape": [12], "size": 38}]
    preview = service.http.get(f"/v1/datasets/{data['id']}/preview?rows=1").json()
    assert preview["rows"] == [[reviews()[1][0]]]
    job = ended(
        service,
        post(
            service,
            {
                "dataset": data["id"],
                "compare": [
                    {"name": "bag", "architecture": {"kind": "embedding_bag", "width": 8}},
                    {"name": "cnn", "architecture": {"kind": "text_cnn", "filters": 8}},
                ],
                "loss": "cross_entropy",
                "optimizer": {"kind": "adam", "lr": 0.02},
                "epochs": 25,
                "folds": 3,
            },
        ),
    )
    assert job["status"] == "succeeded", job
    report = service.http.get(job["links"]["report"]).json()
    # measured 0.97 to 1.00
    assert min(arm["scores"]["test_accuracy"]["mean"] for arm in report["arms"]) > 0.9
    runs = service.http.get(job["links"]["runs"]).json()["data"]
    run = next(run for run in runs if run["arm"] == "bag")
    asked = ["Superb, truly superb!", {"text": "so dull, so awful"}]
    said = service.http.post(run["links"]["predict"], json={"inputs": asked}).json()
    assert said["labels"] == ["pos", "neg"]
    np.testing.assert_allclose(said["outputs"], by_hand(service, run), rtol=1e-4, atol=1e-4)
    answer = service.http.post(run["links"]["predict"], json={"inputs": [[0.5]]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["detail"] == "An input is a text, not [0.5]."


def by_hand(service: Deployment, run: dict[str, Any]) -> list[np.ndarray]:
    """Of the two questions: the mean of the vectors that the weights hold, through dense."""
    tensors = load(service.http.get(run["links"]["weights"]).content)
    codes, table = tensors["standardize/text/codes"], tensors["embedding/weight"]
    words = {word: 2 + place for place, word in enumerate(known_words())}
    outputs = []
    for text in (["superb", ",", "truly", "superb", "!"], ["so", "dull", ",", "so", "awful"]):
        rows = [codes[words.get(word, 1)] for word in text]
        mean = table[rows].mean(0)
        outputs.append(mean @ tensors["dense_1/weight"] + tensors["dense_1/bias"].ravel())
    return outputs


def known_words() -> list[str]:
    """The words of the file, the commonest first, equal ones by alphabet."""
    texts = [row[0].split() for row in reviews()[1:]]
    every = [word for words in texts for word in words]
    counts = {word: every.count(word) for word in set(every)}
    return sorted(counts, key=lambda word: (-counts[word], word))


@embedded
def test_ratings_are_learned_from_who_and_what(service: Deployment) -> None:
    rng = np.random.default_rng(0)
    users, items = rng.normal(size=(40, 2)), rng.normal(size=(25, 2))
    rows: list[list[Any]] = [["who", "what", "stars"]]
    for place in rng.permutation(40 * 25)[:700]:
        u, i = divmod(int(place), 25)
        rows.append([f"u{u}", f"m{i}", round(float(3 + users[u] @ items[i]), 2)])
    data = upload(service, rows, kind="interactions", user="who", item="what", rating="stars")
    body = {
        "dataset": data["id"],
        "architecture": {"kind": "matrix_factorization", "width": 4},
        "loss": "mse",
        "optimizer": {"kind": "adam", "lr": 0.03},
        "epochs": 50,
        "folds": 3,
    }
    job = ended(service, post(service, body))
    assert job["status"] == "succeeded", job
    runs = service.http.get(job["links"]["runs"]).json()["data"]
    # 2 numbers a user and an item make all ratings; measured 0.75 to 0.97 in each fold
    assert min(run["final"]["test_r2"] for run in runs) > 0.5
    path = runs[0]["links"]["predict"]
    two = [{"user": "u1", "item": "m2"}, {"user": "nobody", "item": "m3"}]
    said = service.http.post(path, json={"inputs": two}).json()
    assert np.isfinite(said["outputs"]).all()
    answer = service.http.post(path, json={"inputs": [{"user": "u1"}]})
    assert answer.json()["errors"][0]["pointer"] == "/inputs/0"


@embedded
def test_a_network_of_numbers_is_refused_texts_at_submit(service: Deployment) -> None:
    data = upload(service, reviews(), kind="text", text="review", target="mood")
    body = {"dataset": data["id"], "architecture": "mlp", "loss": "cross_entropy"}
    answer = service.http.post("/v1/jobs", json=body)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/architecture"
    assert error["detail"].startswith('mlp reads numbers, and "text" is no number; use ')
    layers = {"kind": "layers", "layers": ["flatten", {"kind": "dense", "units": 2}]}
    answer = service.http.post("/v1/jobs", json={**body, "architecture": layers})
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/architecture/layers/0"
    assert "put an embedding before it" in error["detail"]


def picture(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray((pixels * 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


@embedded
def test_a_folder_of_images_is_learned_and_asked_with_an_image(service: Deployment) -> None:
    digits = Builtin(name="digits").load()
    some = [i for i in range(700) if digits.targets[i] in (0, 1, 3)]
    pictures = [picture(digits.features[i, 0]) for i in some]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for place, i in enumerate(some):
            archive.writestr(f"{NAMES[digits.targets[i]]}/{i}.png", pictures[place])
    answer = service.http.post(
        "/v1/datasets",
        files={"file": ("digits.zip", file.getvalue())},
        data={"spec": json.dumps({"kind": "images", "size": [8, 8]})},
    )
    assert answer.status_code == 201, answer.text
    data = answer.json()
    assert data["classes"] == ["one", "three", "zero"]
    assert data["image"] == {"height": 8, "width": 8, "channels": 1}
    body = {
        "dataset": data["id"],
        "architecture": {"kind": "cnn", "filters": [8]},
        "loss": "cross_entropy",
        "optimizer": {"kind": "adam", "lr": 0.01},
        "epochs": 8,
        "folds": 1,
        "seeds": 1,
    }
    job = ended(service, post(service, body))
    assert job["status"] == "succeeded", job
    (run,) = service.http.get(job["links"]["runs"]).json()["data"]
    assert run["final"]["test_accuracy"] > 0.9  # measured 0.98 to 1.00
    asked = [base64.b64encode(pictures[place]).decode() for place in range(30)]
    said = service.http.post(run["links"]["predict"], json={"inputs": asked}).json()
    right = [
        label == NAMES[digits.targets[i]] for label, i in zip(said["labels"], some, strict=False)
    ]
    assert np.mean(right) > 0.9
    answer = service.http.post(run["links"]["predict"], json={"inputs": ["no image"]})
    assert answer.json()["errors"][0]["pointer"] == "/inputs/0"
