import json

import numpy as np

from core.datasets import Dataset, DatasetFacts, preview
from core.datasets.builtin import Builtin


def test_a_preview_shows_the_head_and_numbers_per_column() -> None:
    facts = DatasetFacts.of_numbers("classification", 3, (2,), ("u", "v"), feature_names=("a", "b"))
    features = np.array([[0.1, 1], [0.2, 2], [0.3, 6]], np.float32)
    dataset = Dataset.of_numbers(facts, features, np.array([1, 0, 1]))

    shown = preview(dataset, rows=2)

    assert shown["columns"] == ["a", "b"]
    assert shown["rows"] == [[0.1, 1.0], [0.2, 2.0]]
    assert shown["targets"] == ["v", "u"]
    assert shown["features"][0] == {"name": "a", "min": 0.1, "mean": 0.2, "max": 0.3, "missing": 0}
    assert shown["features"][1] == {"name": "b", "min": 1, "mean": 3, "max": 6, "missing": 0}
    assert shown["classes"] == [{"name": "u", "count": 1}, {"name": "v", "count": 2}]


def test_a_preview_of_regression_has_outputs_and_no_classes() -> None:
    shown = preview(Builtin(name="diabetes").load())

    assert len(shown["rows"]) == len(shown["targets"]) == 20
    assert shown["targets"][0] == [151.0]
    assert shown["classes"] == []
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown


def test_a_preview_of_large_images_shows_the_first_pixels_only() -> None:
    shown = preview(Builtin(name="digits", image_size=64).load())

    assert shown["columns"][:2] == ["pixel_0_0_0", "pixel_0_0_1"]
    assert (len(shown["columns"]), shown["features_total"]) == (1000, 4096)
