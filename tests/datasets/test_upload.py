import hashlib
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from core.datasets import Image, UploadLimits, UploadSpec, read_upload, upload_sha256

CSV = "a,b,y\n" + "".join(f"{i},16777217,{'u' if i % 2 else 'v'}\n" for i in range(12))


def write(folder: Path, content: str = CSV) -> Path:
    path = folder / "data"
    path.write_text(content)
    return path


def test_identity_is_of_the_bytes_and_the_spec(tmp_path: Path) -> None:
    path = write(tmp_path)
    spec = UploadSpec(name="n")
    inner = hashlib.sha256(CSV.encode()).digest()

    assert upload_sha256(path, spec) == hashlib.sha256(inner + spec.canonical()).hexdigest()
    assert upload_sha256(path, spec) == upload_sha256(path, UploadSpec(name="n", header=True))
    assert upload_sha256(path, spec) != upload_sha256(path, UploadSpec(name="m"))
    assert upload_sha256(path, spec) != upload_sha256(write(tmp_path, CSV + "\n"), spec)


def test_a_reading_carries_its_identity_and_name(tmp_path: Path) -> None:
    path = write(tmp_path)

    facts = read_upload(path, UploadSpec(name="n"), UploadLimits()).dataset.facts

    resolved = UploadSpec(name="n", format="csv", task="classification", target="y", delimiter=",")
    assert (facts.name, facts.sha256) == ("n", upload_sha256(path, resolved))


@pytest.mark.parametrize(
    "spec",
    [
        {"target": "y"},
        {"target": 2},
        {"target": -1, "delimiter": ","},
        {"task": "classification", "format": "csv", "header": True},
    ],
)
def test_saying_what_is_taken_anyway_is_the_same_dataset(
    tmp_path: Path, spec: dict[str, object]
) -> None:
    path = write(tmp_path)

    def identity(**fields: object) -> str:
        spec = UploadSpec.model_validate(fields)
        return read_upload(path, spec, UploadLimits()).dataset.facts.sha256

    assert identity(**spec) == identity()
    assert identity(ignore=["a", "b"][:1]) == identity(ignore=[0, "a"])
    assert identity(ignore=["a"]) != identity()


def test_a_column_that_counts_is_doubted(tmp_path: Path) -> None:
    rows = "".join(f"{3 * i},{i / 3},{i % 5},{'u' if i % 2 else 'v'}\n" for i in range(12))

    path = write(tmp_path, "id,rising,small,y\n" + rows)
    warnings = read_upload(path, UploadSpec(), UploadLimits()).warnings

    (doubt,) = [warning for warning in warnings if "identifiers" in warning]
    assert "column 'id' rises by whole numbers" in doubt
    assert "`ignore`" in doubt


def test_doubtful_columns_are_warned_of(tmp_path: Path) -> None:
    warnings = read_upload(write(tmp_path), UploadSpec(), UploadLimits()).warnings

    assert "1 of 2 columns hold one value only, the first is 'b'" in warnings
    assert not any("float32 rounds" in warning for warning in warnings)  # it became 2^24 exactly


def test_identifiers_are_warned_of(tmp_path: Path) -> None:
    rows = "".join(f"{20_000_000 + 3 * i},{'u' if i % 2 else 'v'}\n" for i in range(12))

    warnings = read_upload(write(tmp_path, "id,y\n" + rows), UploadSpec(), UploadLimits()).warnings

    assert any("column 'id' holds whole numbers over 16,777,216" in w for w in warnings)


def test_rows_of_pixels_become_images(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b,c,d,y\n1,2,3,4,u\n5,6,7,8,v\n")

    dataset = read_upload(path, UploadSpec(image=Image(height=2, width=2)), UploadLimits()).dataset

    assert dataset.facts.shape == (1, 2, 2)
    assert dataset.facts.feature_names == ()
    np.testing.assert_array_equal(dataset.features[1, 0], [[5, 6], [7, 8]])


def test_very_many_features_go_without_names(tmp_path: Path) -> None:
    header = ",".join(f"c{i}" for i in range(1001))
    row = ",".join("1" for _ in range(1001))
    path = write(tmp_path, f"{header},y\n{row},u\n{row},v\n")

    reading = read_upload(path, UploadSpec(), UploadLimits())

    assert reading.dataset.facts.feature_names == ()
    assert "the first is number 0" in "".join(reading.warnings)


@pytest.mark.parametrize(
    "body",
    [
        {"nmae": "x"},
        {"name": ""},
        {"delimiter": "ab"},
        {"target": True},
        {"target": 1.5},
        {"image": {"height": 0, "width": 1}},
        {"header": "yes"},
    ],
)
def test_a_spec_holds_nothing_unknown(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        UploadSpec.model_validate(body)
