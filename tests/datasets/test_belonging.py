"""Groups and times of an upload: taken out of the features, kept, and refused where unusable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datasets import Reading, UploadLimits, UploadSpec, read_upload
from core.datasets.canonical import read_canonical, write_canonical
from core.errors import InvalidSpec

GOOD = "site,when,age,kind\nb,2026-03-01,1,x\na,2026-01-01,2,y\nb,2026-02-01,2,x\n"


def csv(folder: Path, content: str = GOOD, **spec: Any) -> Reading:
    path = folder / "data.csv"
    path.write_text(content)
    return read_upload(path, UploadSpec(**spec), UploadLimits())


def npz(folder: Path, spec: UploadSpec = UploadSpec(), **arrays: Any) -> Reading:  # noqa: B008
    path = folder / "data.npz"
    np.savez(path, x=np.eye(4), y=np.arange(4) % 2, **arrays)
    return read_upload(path, spec, UploadLimits())


def test_groups_and_times_are_no_features(tmp_path: Path) -> None:
    dataset = csv(tmp_path, group="site", time="when").dataset

    assert dataset.facts.feature_names == ("age",)
    assert dataset.groups is not None
    assert dataset.groups.tolist() == [1, 0, 1]
    assert dataset.times is not None
    assert np.argsort(dataset.times).tolist() == [1, 2, 0]
    assert (dataset.facts.groups, dataset.facts.ordered, dataset.facts.duplicates) == (2, True, 1)


def test_columns_of_groups_and_times_may_be_numbered(tmp_path: Path) -> None:
    named, numbered = (csv(tmp_path, group=g, time=t) for g, t in (("site", "when"), (0, -3)))

    assert named.dataset.facts == numbered.dataset.facts


def test_the_kept_artifact_has_them_too(tmp_path: Path) -> None:
    dataset = csv(tmp_path, group="site", time="when").dataset

    write_canonical(dataset, tmp_path / "kept")
    again = read_canonical(tmp_path / "kept")

    assert again.facts == dataset.facts
    np.testing.assert_array_equal(again.groups, dataset.groups)
    np.testing.assert_array_equal(again.times, dataset.times)


def test_a_dataset_without_them_has_none(tmp_path: Path) -> None:
    dataset = csv(tmp_path, "age,kind\n1,x\n2,y\n").dataset
    write_canonical(dataset, tmp_path / "kept")

    assert (dataset.facts.groups, dataset.facts.ordered, dataset.facts.duplicates) == (0, False, 0)
    assert read_canonical(tmp_path / "kept").groups is None


@pytest.mark.parametrize(
    "times",
    [
        ["3", "1", "2.5"],
        ["2026-01-03", "2026-01-01", "2026-01-02"],
        ["2026-01-01T12:00", "2025-12-31 23:59:59", "2026-01-01"],
        ["2026-01-01T12:00+02:00", "2026-01-01T12:00+05:00", "2026-01-01T12:00+03:00"],
    ],
)
def test_times_are_numbers_or_dates(tmp_path: Path, times: list[str]) -> None:
    rows = "\n".join(f"{t},{i},{'xy'[i % 2]}" for i, t in enumerate(times))

    found = csv(tmp_path, f"when,age,kind\n{rows}\n", time="when").dataset.times

    assert found is not None
    assert np.argsort(found).tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("content", "spec", "pointer", "words"),
    [
        (GOOD, {"group": "sites"}, "/group", "no column is called 'sites'; did you mean 'site'?"),
        (GOOD, {"time": 9}, "/time", "there is no column 9; the file has 4 columns"),
        (GOOD, {"group": "kind"}, "/group", "column 'kind' is the target; name another"),
        (GOOD, {"group": "site", "ignore": ["site"]}, "/ignore/0", "column 'site' is the group"),
        (GOOD.replace("b", "a"), {"group": "site", "ignore": ["when"]}, "/group", "every row is"),
        (GOOD.replace("\na", "\n"), {"group": "site"}, "", "row 3, column 'site' has no value"),
        (GOOD.replace("2026-02-01", ""), {"time": "when"}, "", "row 4, column 'when' has no value"),
        (GOOD.replace("2026-02-01", "May"), {"time": "when"}, "", "'May' is no time; write a num"),
        (GOOD.replace("2026-01-01", "7"), {"time": "when"}, "", "'7' is no time"),
        (GOOD.replace("01,2", "01T00:00Z,2"), {"time": "when"}, "", "some times say their zone"),
    ],
)
def test_what_cannot_be_a_group_or_a_time_is_refused(
    tmp_path: Path, content: str, spec: dict[str, Any], pointer: str, words: str
) -> None:
    ignore = [c for c in ("site", "when") if c not in spec.values()]
    with pytest.raises(InvalidSpec) as refused:
        csv(tmp_path, content, **{"ignore": ignore, **spec})

    (fault,) = refused.value.faults
    assert fault.pointer == pointer
    assert words in fault.detail


def test_arrays_called_group_and_time_are_taken(tmp_path: Path) -> None:
    dataset = npz(tmp_path, group=np.array(["b", "a", "b", "a"]), time=np.arange(4)[::-1]).dataset

    assert dataset.groups is not None
    assert dataset.groups.tolist() == [1, 0, 1, 0]
    assert dataset.times is not None
    assert dataset.times.tolist() == [3, 2, 1, 0]


def test_arrays_of_another_name_are_taken_where_it_is_said(tmp_path: Path) -> None:
    spec = UploadSpec(group="patient", time="day")

    days = ["2026-01-02"] * 3 + ["2026-01-01"]
    dataset = npz(tmp_path, spec, patient=[5, 5, 7, 7], day=days).dataset

    assert dataset.facts.groups == 2
    assert dataset.times is not None
    assert dataset.times.argmin() == 3


@pytest.mark.parametrize(
    ("spec", "arrays", "words"),
    [
        ({"group": "site"}, {}, "no array is called 'site'"),
        ({"group": 1}, {}, "in an NPZ file the group is named, not numbered"),
        ({"time": "y"}, {}, "array 'y' is the features or the target"),
        ({}, {"group": [1, 2]}, "array 'group' has shape 2; the group is one value for each of"),
        ({}, {"time": [1.0, 2.0, np.nan, 3.0]}, "time[2] is nan, not a number"),
        ({}, {"time": [1, 1, 1, 1]}, "every row has the same time; leave time out"),
    ],
)
def test_arrays_that_cannot_be_groups_or_times_are_refused(
    tmp_path: Path, spec: dict[str, Any], arrays: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidSpec) as refused:
        npz(tmp_path, UploadSpec(**spec), **arrays)

    assert words in refused.value.faults[0].detail


def test_rows_that_are_each_a_group_are_doubted(tmp_path: Path) -> None:
    reading = npz(tmp_path, group=[1, 2, 3, 4])

    assert "every row is a group of its own, so the groups keep nothing together" in (
        reading.warnings
    )
