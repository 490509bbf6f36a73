import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn import datasets

from core.datasets import DatasetSource
from core.datasets.builtin import Builtin

NAMES = ("digits", "breast_cancer", "wine", "iris", "diabetes")


@pytest.mark.parametrize("name", NAMES)
def test_facts_are_what_scikit_learn_ships(name: str) -> None:
    bunch = getattr(datasets, f"load_{name}")()
    facts = Builtin(name=name).facts()

    assert (facts.examples, facts.features) == bunch.data.shape
    assert facts.classes == tuple(str(c) for c in bunch.get("target_names", ()))
    counts = tuple(np.bincount(bunch.target)) if facts.classes else ()
    assert facts.class_counts == counts
    assert facts.task == ("regression" if name == "diabetes" else "classification")
    if name != "digits":
        assert facts.feature_names == tuple(str(n) for n in bunch.feature_names)


@pytest.mark.parametrize("name", NAMES)
def test_loaded_data_keeps_what_its_facts_promise(name: str) -> None:
    dataset = Builtin(name=name).load()

    assert dataset.facts == Builtin(name=name).facts()
    assert dataset.features.dtype == np.float32
    assert dataset.features.flags.c_contiguous
    if dataset.facts.task == "classification":
        assert dataset.targets.dtype == np.int64
        assert set(dataset.targets.tolist()) == set(range(len(dataset.facts.classes)))
    else:
        assert dataset.targets.dtype == np.float32
        assert dataset.targets.shape == (dataset.facts.examples, 1)


@pytest.mark.parametrize("name", NAMES)
def test_the_data_is_scikit_learns_to_the_last_bit(name: str) -> None:
    features, targets = getattr(datasets, f"load_{name}")(return_X_y=True)
    largest = 16 if name == "digits" else 1  # a power of two, so that the division is exact

    dataset = Builtin(name=name).load()

    flat = dataset.features.reshape(len(features), -1) * np.float32(largest)
    np.testing.assert_array_equal(flat, features.astype(np.float32))
    np.testing.assert_array_equal(
        dataset.targets.ravel(), targets.astype(dataset.targets.dtype), strict=True
    )


def test_digits_are_images_between_0_and_1() -> None:
    images = Builtin(name="digits").load().features

    np.testing.assert_array_equal(images[:, 0] * 16, datasets.load_digits().images)
    assert (images.min(), images.max()) == (0, 1)


@pytest.mark.parametrize("size", [4, 5, 8, 28, 128])
def test_resizing_is_bilinear_as_torch_does_it(size: int) -> None:
    images = Builtin(name="digits").load().features
    expected = torch.nn.functional.interpolate(torch.tensor(images), (size, size), mode="bilinear")

    resized = Builtin(name="digits", image_size=size).load()

    assert resized.facts.shape == (1, size, size)
    np.testing.assert_allclose(resized.features, expected.numpy(), atol=1e-5)


def test_a_table_cannot_be_resized() -> None:
    with pytest.raises(ValidationError, match="image_size resizes images, and iris is a table"):
        Builtin(name="iris", image_size=28)


def test_each_source_has_its_own_identity() -> None:
    sources: list[DatasetSource] = [Builtin(name=name) for name in NAMES]
    sources.append(Builtin(name="digits", image_size=28))

    assert len({source.facts().sha256 for source in sources}) == len(sources)
