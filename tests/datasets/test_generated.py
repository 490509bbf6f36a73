from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.datasets import make_regression

from core.datasets import DatasetSource
from core.datasets.classification import Classification
from core.datasets.moons import Moons
from core.datasets.regression import Regression

KINDS = ("moons", "circles", "classification", "regression")


@pytest.mark.parametrize("kind", KINDS)
def test_generated_data_keeps_what_its_facts_promise(kind: str) -> None:
    source = DatasetSource.members()[kind](examples=101, seed=3)

    dataset, again = source.load(), source.load()

    assert dataset.facts == source.facts()
    assert dataset.facts.examples == 101
    assert dataset.features.dtype == np.float32
    assert dataset.features.flags.c_contiguous
    if dataset.facts.class_counts:
        assert dataset.facts.class_counts == tuple(np.bincount(dataset.targets))
    np.testing.assert_array_equal(dataset.features, again.features)
    np.testing.assert_array_equal(dataset.targets, again.targets)


@pytest.mark.parametrize("kind", KINDS)
def test_another_seed_gives_other_data_and_another_identity(kind: str) -> None:
    member = DatasetSource.members()[kind]

    assert not np.array_equal(member(seed=0).load().features, member(seed=1).load().features)
    assert member(seed=0).facts().sha256 != member(seed=1).facts().sha256


def test_regression_with_several_outputs_is_scikit_learns() -> None:
    source = Regression(examples=30, features=6, informative=2, outputs=3, noise=1.0, seed=5)
    _, expected = make_regression(30, 6, n_informative=2, n_targets=3, noise=1.0, random_state=5)

    np.testing.assert_allclose(source.load().targets, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"classes": 100}, "need 100 corners .* raise informative to at least 7"),
        ({"classes": 5, "clusters": 2, "informative": 3}, "raise informative to at least 4"),
        ({"features": 3}, "informative and redundant features are 5 together, more than the 3"),
        ({"examples": 1_000_000, "features": 51}, "51000000 numbers; at most 50000000"),
        ({"examples": 10, "classes": 11}, "10 examples cannot fill 11 clusters"),
        ({"examples": 9}, "greater than or equal to 10"),
        ({"examples": True}, "valid integer"),
        ({"noise": float("nan")}, "finite"),
        ({"seed": 2**32}, "less than or equal"),
    ],
)
def test_what_cannot_be_made_is_refused_in_a_sentence(
    fields: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Classification(**fields)


@settings(deadline=None, max_examples=60)
@given(
    st.builds(
        dict,
        examples=st.integers(10, 60),
        features=st.integers(1, 12),
        informative=st.integers(1, 12),
        redundant=st.integers(0, 4),
        classes=st.integers(2, 12),
        clusters=st.integers(1, 3),
        seed=st.integers(0, 2**32 - 1),
    )
)
def test_every_valid_classification_can_be_made(fields: dict[str, Any]) -> None:
    try:
        source = Classification(**fields)
    except ValidationError:
        return

    assert source.load().facts == source.facts()


def test_without_noise_the_moons_lie_on_their_circles() -> None:
    dataset = Moons(examples=200, noise=0.0).load()
    outer = dataset.features[dataset.targets == 0]

    np.testing.assert_allclose(np.hypot(outer[:, 0], outer[:, 1]), 1, atol=1e-6)
