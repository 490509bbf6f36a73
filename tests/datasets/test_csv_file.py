import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.datasets import Reading, UploadLimits, UploadSpec, read_upload
from core.errors import InvalidSpec, OccamError, TooLarge
from tests.counting import calls

GOOD = "age,height,kind\n1,2.5,cat\n3,4,dog\n5,6,cat\n"


def read(
    folder: Path, content: str | bytes, limits: UploadLimits | None = None, **spec: Any
) -> Reading:
    path = folder / "data.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_upload(path, UploadSpec(**spec), limits or UploadLimits())


def test_the_last_column_is_the_target(tmp_path: Path) -> None:
    reading = read(tmp_path, GOOD)

    facts = reading.dataset.facts
    assert (facts.task, facts.classes) == ("classification", ("cat", "dog"))
    assert facts.feature_names == ("age", "height")
    assert reading.dataset.features.tolist() == [[1, 2.5], [3, 4], [5, 6]]
    assert reading.dataset.targets.tolist() == [0, 1, 0]
    assert reading.dataset.features.dtype == np.float32
    assert reading.format == "csv"


@pytest.mark.parametrize("target", ["age", 0, -3])
def test_a_target_is_named_or_numbered(tmp_path: Path, target: str | int) -> None:
    reading = read(tmp_path, GOOD, target=target, ignore=["kind"], task="regression")

    assert reading.dataset.targets.tolist() == [[1], [3], [5]]
    assert reading.dataset.features.tolist() == [[2.5], [4], [6]]


def test_a_file_without_header_is_read_when_it_says_so(tmp_path: Path) -> None:
    reading = read(tmp_path, "1,2,a\n3,4,b\n", header=False)

    assert reading.dataset.facts.feature_names == ("x0", "x1")
    assert reading.dataset.features.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD + "\n\n",
        GOOD.rstrip(),
        GOOD.replace("cat", '"cat"').replace("2.5", " 2.5 "),
    ],
    ids=["byte order mark", "windows", "old mac", "blank end", "no last line break", "quotes"],
)
def test_what_programs_write_is_read_alike(tmp_path: Path, content: str) -> None:
    dataset = read(tmp_path, content).dataset

    assert dataset.features.tolist() == [[1, 2.5], [3, 4], [5, 6]]
    assert dataset.facts.classes == ("cat", "dog")


def test_columns_that_are_not_the_features_may_hold_text(tmp_path: Path) -> None:
    reading = read(tmp_path, "id,a,b,y\nn_1,1,2,u\nn_2,3,4,v\n", ignore=["id"])

    assert reading.dataset.features.tolist() == [[1, 2], [3, 4]]


def test_features_may_lie_around_the_target(tmp_path: Path) -> None:
    reading = read(tmp_path, "a,y,b,c\n1,u,2,3\n4,v,5,6\n", target="y", ignore=["b"])

    assert reading.dataset.features.tolist() == [[1, 3], [4, 6]]


REFUSED: list[tuple[str | bytes, dict[str, Any], str, str]] = [
    ("", {}, "", "the file is empty"),
    ("\n\n", {}, "", "the file is empty"),
    ("a,b\n", {}, "", "no rows of data"),
    ("a,b,y\n1,2,u\n1,2\n", {}, "", "row 3 has 2 cells, the header has 3"),
    ("a,b,y\n1,2,3,u\n", {}, "", "row 2 has 4 cells, the header has 3"),
    ("1,2\n3\n", {"header": False}, "", "row 2 has 1 cell, the first row has 2"),
    ("a,y\n1,u\n\n2,v\n", {}, "", "row 3 is blank, and data follows it"),
    ("a,y\n1,u\nabc,v\n", {}, "", "row 3, column 'a': 'abc' is not a number"),
    ("a,b,y\n1,2,u\n1,,v\n", {}, "", "row 3, column 'b' is empty; 1 cell is missing"),
    (
        "a,b,c,y\n1,2,3,u\n1,,NA,v\n,,3,u\n",
        {},
        "",
        "row 3, column 'b' is empty; 4 cells are missing \\('b': 2, 'c': 1, 'a': 1\\): fill them",
    ),
    ("a,b,y\n1,2,u\n1,,v\n", {}, "", 'leave the columns out with "ignore": \\["b"\\]'),
    (
        "a,city,day,y\n1,London,2024-01-31,u\n",
        {},
        "",
        'row 2, column \'city\': \'London\' is not a number; .* "ignore": \\["city", "day"\\]',
    ),
    ("a,y\n1,u\nnan,v\n", {}, "", "row 3, column 'a': 'nan' is not a finite"),
    ("a,y\n1,u\n99999999999999999999,v\n", {}, "", "row 3, column 'a': .* too large to be exact"),
    ("a,y\n1,u\n2,\n", {}, "", "row 3, column 'y' is empty"),
    ("a,y\n1,u\n2,\x07\n", {}, "", r"row 3, column 'y': '\\x07' cannot name a class"),
    ("a,b,a\n1,2,u\n", {}, "", "columns 1 and 3 are both called 'a'"),
    (",a,y\n0,1,u\n", {}, "", "column 1 has no name"),
    ("a\n1\n", {}, "", "no feature is left beside the target 'a'; give it some"),
    ("a;y\n1;2\n", {"delimiter": ","}, "/delimiter", 'by semicolons: say "delimiter": ";"'),
    ("a;b;y\n1,5;2;u\n", {}, "", "row 2, column 'a': '1,5' .* decimal comma; write 1.5"),
    ("5,1,5,cat\n1,2,3,dog\n", {}, "", "columns 1 and 3 are both called '5'; set header to false"),
    ("1,2\n3,4\n", {}, "/header", "the first row holds only numbers"),
    ("a\ty\n1\t2\n", {"delimiter": ","}, "/delimiter", r'by tabs: say "delimiter": "\\t"'),
    (GOOD, {"target": "kinds"}, "/target", "no column is called 'kinds'; did you mean 'kind'"),
    (GOOD, {"target": 3}, "/target", "there is no column 3; the file has 3 columns"),
    (GOOD, {"ignore": ["age", "x"]}, "/ignore/1", "no column is called 'x'"),
    (GOOD, {"ignore": ["kind"]}, "/ignore/0", "column 'kind' is the target"),
    (GOOD, {"features": "x"}, "/features", "names an array of an NPZ file"),
    (GOOD, {"format": "npz"}, "/format", "format is npz, but the file is not a zip archive"),
    (GOOD, {"task": "regression"}, "", "row 2, column 'kind': 'cat' is not a number"),
    ("a,y\n1,u\n2,u\n", {}, "/target", "the target is 'u' in every example"),
    ("a,y\n1,7\n2,7\n", {"task": "regression"}, "/target", "the target is 7 in every example"),
    (
        "a,y\n1,5\n2,6\n3,7\n4,x\n",
        {},
        "",
        "row 5, column 'y': 'x' is not a number; most of the target is numbers",
    ),
    ('a,y\n1,u\n2,"v\n', {}, "", "row 3 is not CSV"),
    ("a,y\n1,u\n2,caf\xe9\n".encode("latin-1"), {}, "", r"row 3 is not UTF-8 .*0xe9 at place 6"),
    ("a,y\n1,u\n".encode("utf-16"), {}, "", "row 1 is not UTF-8"),
    (GOOD, {"image": {"height": 2, "width": 2}}, "/image", "has 4 numbers, an example has 2"),
]


@pytest.mark.parametrize(("content", "spec", "pointer", "sentence"), REFUSED)
def test_what_is_wrong_is_refused_by_row_and_column(
    tmp_path: Path, content: str | bytes, spec: dict[str, Any], pointer: str, sentence: str
) -> None:
    with pytest.raises(InvalidSpec, match=sentence) as refusal:
        read(tmp_path, content, **spec)

    assert [fault.pointer for fault in refusal.value.faults] == [pointer]


@pytest.mark.parametrize(
    ("content", "taken"),
    [
        (GOOD.replace(",", ";"), "semicolons"),
        (GOOD.replace(",", "\t"), "tabs"),
        (GOOD.replace(",", "|"), "bars"),
        ("\ufeffsep=;\r\n" + GOOD.replace(",", ";"), ""),
        ("sep=,\n" + GOOD, ""),
        (GOOD, ""),
    ],
)
def test_what_separates_cells_is_seen_and_told(tmp_path: Path, content: str, taken: str) -> None:
    reading = read(tmp_path, content, target="kind")

    assert reading.dataset.features.tolist() == [[1, 2.5], [3, 4], [5, 6]]
    told = [w for w in reading.warnings if "taken for what stands between cells" in w]
    assert [warning.split()[0] for warning in told] == ([taken] if taken else [])


def test_commas_inside_quotes_separate_nothing(tmp_path: Path) -> None:
    content = 'a;"b,c";y\n1;2;"u,v"\n3;4;"w,x"\n'

    assert read(tmp_path, content).dataset.facts.classes == ("u,v", "w,x")


def test_rows_are_numbered_as_excel_shows_them_without_its_first_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="row 3, column 'a': 'x' is not"):
        read(tmp_path, "sep=;\na;y\n1;u\nx;v\n")


def test_names_that_are_numbers_are_doubted(tmp_path: Path) -> None:
    warnings = read(tmp_path, "5.1,3.5,setosa\n4.9,3.0,setosa\n7.0,3.2,versicolor\n").warnings

    assert any(
        "first row was taken for names, and 2 of 3 of them are numbers" in w for w in warnings
    )


def test_true_and_false_are_one_and_zero_in_a_feature_and_names_in_a_target(tmp_path: Path) -> None:
    reading = read(tmp_path, "a,b,y\n1,True,TRUE\n2, fALSE,FALSE\n3,TRUE,TRUE\n")

    assert reading.dataset.features[:, 1].tolist() == [1, 0, 1]
    assert reading.dataset.facts.classes == ("FALSE", "TRUE")


@pytest.mark.parametrize("start", [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", None])
def test_a_workbook_is_told_from_a_table(tmp_path: Path, start: bytes | None) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("docProps/app.xml", "xl/workbook.xml", "[Content_Types].xml"):
            archive.writestr(name, "<x/>")

    with pytest.raises(InvalidSpec, match="Excel workbook; save its sheet as CSV"):
        read(tmp_path, start or file.getvalue(), format="csv")


@pytest.mark.parametrize(
    ("limits", "setting"),
    [
        (UploadLimits(rows_max=3), "OCCAM_UPLOAD_ROWS_MAX"),
        (UploadLimits(columns_max=2), "OCCAM_UPLOAD_COLUMNS_MAX"),
        (UploadLimits(classes_max=1), "OCCAM_UPLOAD_CLASSES_MAX"),
        (UploadLimits(unpacked_bytes_max=23), "OCCAM_UPLOAD_UNPACKED_BYTES_MAX"),
    ],
)
def test_a_limit_is_named_where_it_is_passed(
    tmp_path: Path, limits: UploadLimits, setting: str
) -> None:
    with pytest.raises(TooLarge, match=setting):
        read(tmp_path, GOOD, limits)


def test_blank_lines_count_as_rows(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="OCCAM_UPLOAD_ROWS_MAX"):
        read(tmp_path, GOOD + "\n" * 20, UploadLimits(rows_max=10))


def test_very_many_classes_are_refused_at_once(tmp_path: Path) -> None:
    content = "a,y\n" + "".join(f"1,k{i}\n" for i in range(100_000))

    with pytest.raises(TooLarge, match="the number of classes is 100,000"):
        read(tmp_path, content)


def test_a_late_change_of_type_is_found_in_its_block(tmp_path: Path) -> None:
    rows = [f"{i},{i % 2}" for i in range(5000)]
    rows[4321] = "oops,1"

    with pytest.raises(InvalidSpec, match="row 4323, column 'a': 'oops' is not a number"):
        read(tmp_path, "a,y\n" + "\n".join(rows))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=80) | st.text(alphabet='a1,"\n\r.-_; \x00é', max_size=60))
def test_any_bytes_are_a_dataset_or_a_sentence(tmp_path: Path, content: bytes | str) -> None:
    for body in (
        content,
        b"a,b\n1,2\n2,3\n" + (content.encode() if isinstance(content, str) else content),
    ):
        try:
            dataset = read(tmp_path, body).dataset
        except OccamError:
            continue
        assert np.isfinite(dataset.features).all()


def test_a_large_file_is_read_without_a_call_for_each_cell(tmp_path: Path) -> None:
    row = ",".join(f"{i / 7:.6f}" for i in range(50))
    path = tmp_path / "data.csv"
    header = ",".join(f"c{i}" for i in range(50)) + ",y\n"
    path.write_text(header + "".join(f"{row},class_{i % 3}\n" for i in range(10_000)))

    read = lambda: read_upload(path, UploadSpec(), UploadLimits())  # noqa: E731

    assert calls(read) < 20 * 10_000
    assert read().dataset.features.shape == (10_000, 50)
