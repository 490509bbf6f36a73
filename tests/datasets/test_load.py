from pathlib import Path

import numpy as np
import pytest

from core.datasets import (
    Dataset,
    DatasetFacts,
    Uploaded,
    facts_of,
    load,
    load_source,
    read_canonical,
    write_canonical,
)
from core.datasets.builtin import Builtin
from core.datasets.classification import Classification


def no_store(identity: str) -> Path:
    raise AssertionError(f"{identity} was looked up")


def small(name: str = "tiny") -> Dataset:
    facts = DatasetFacts.of_numbers(
        "regression", 3, (2,), feature_names=("a", "b"), sha256="ab", name=name
    )
    features = np.arange(6, dtype=np.float32).reshape(3, 2)
    return Dataset.of_numbers(facts, features, np.ones((3, 1), np.float32))


def test_a_small_source_is_loaded_once_per_process() -> None:
    source = Builtin(name="iris")

    assert load_source(source, no_store) is load_source(Builtin(name="iris"), no_store)


def test_a_large_source_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Classification(examples=100, features=20)
    monkeypatch.setattr(load, "CACHED_BYTES_MAX", source.facts().data_bytes - 1)

    assert load_source(source, no_store) is not load_source(source, no_store)


def test_a_source_as_large_as_may_be_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Classification(examples=100, features=20)
    monkeypatch.setattr(load, "CACHED_BYTES_MAX", source.facts().data_bytes)

    assert load_source(source, no_store) is load_source(source, no_store)


def test_an_upload_is_fetched_by_its_id(tmp_path: Path) -> None:
    path = tmp_path / "artifact"
    write_canonical(small(), path)
    asked = []

    loaded = load_source(Uploaded(id="ds_1"), lambda i: asked.append(i) or path)

    assert asked == ["ds_1"]
    assert loaded.facts == small().facts


def test_the_facts_of_an_upload_come_from_the_store() -> None:
    assert facts_of(Uploaded(id="ds_1"), lambda _: small().facts) == small().facts
    assert facts_of(Builtin(name="wine"), lambda _: small().facts).name == "wine"


def test_an_upload_alone_knows_no_facts() -> None:
    with pytest.raises(LookupError, match="ds_1"):
        Uploaded(id="ds_1").facts()
    with pytest.raises(LookupError, match="ds_1"):
        Uploaded(id="ds_1").load()


def test_the_canonical_form_gives_back_the_same_dataset(tmp_path: Path) -> None:
    path = tmp_path / "artifact"
    digits = Builtin(name="digits").load()

    write_canonical(digits, path)
    read = read_canonical(path)

    assert read.facts == digits.facts
    np.testing.assert_array_equal(read.features, digits.features)
    np.testing.assert_array_equal(read.targets, digits.targets)
    assert read.targets.dtype == np.int64


def test_the_canonical_form_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_canonical(small(), tmp_path / name)
    write_canonical(small("other"), tmp_path / "other")

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()
