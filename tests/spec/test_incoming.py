from typing import Any

import pytest

from api.schemas.requests import PredictionRequest, ReportRequest
from core.datasets import UploadSpec
from core.errors import InvalidSpec
from core.spec.incoming import read_model

CASES: list[tuple[Any, object, str, str]] = [
    (UploadSpec, {"drop": ["id"]}, "/drop", 'it is called "ignore" here'),
    (UploadSpec, {"sep": ";"}, "/sep", 'it is called "delimiter" here'),
    (UploadSpec, {"targt": "y"}, "/targt", 'did you mean "target"? Its fields are "delimiter"'),
    (UploadSpec, {"task": "clasification"}, "/task", 'did you mean "classification"?'),
    (UploadSpec, {"target": 1.5}, "/target", "a text or a whole number, not 1.5"),
    (UploadSpec, {"ignore": ["a", True]}, "/ignore/1", "a text or a whole number, not true"),
    (UploadSpec, {"ignore": "id"}, "/ignore", 'a list, not "id"; e.g. ["id"]'),
    (UploadSpec, {"image": 28}, "/image", 'an object, not 28; e.g. {"height": 28'),
    (UploadSpec, {"image": {"height": 0, "width": 9}}, "/image/height", "at least 1, not 0"),
    (UploadSpec, {"header": "yes"}, "/header", 'true or false, not "yes"'),
    (ReportRequest, {"jobs": []}, "/jobs", "jobs should not be empty"),
    (ReportRequest, {"jobs": "job_x"}, "/jobs", 'a list, not "job_x"; e.g. ["job_x"]'),
    (ReportRequest, {"jobs": ["a", 3]}, "/jobs/1", "a text, not 3"),
    (ReportRequest, {"jobs": ["a"], "rule": "max"}, "/rule", 'it is one of "1se", "min"'),
    (ReportRequest, [], "", "the body should be an object, not []"),
    (PredictionRequest, {"inputs": [[1]], "wich": "best"}, "/wich", 'did you mean "which"?'),
]


@pytest.mark.parametrize(("model", "body", "pointer", "words"), CASES)
def test_one_mistake_is_one_fault_that_names_the_value_and_the_way_out(
    model: Any, body: object, pointer: str, words: str
) -> None:
    with pytest.raises(InvalidSpec) as caught:
        read_model(model, body)

    (fault,) = caught.value.faults
    assert fault.pointer == pointer
    assert words in fault.detail


def test_what_is_missing_and_what_is_unknown_are_both_told() -> None:
    with pytest.raises(InvalidSpec) as caught:
        read_model(ReportRequest, {"foo": 1})

    assert [fault.pointer for fault in caught.value.faults] == ["/jobs", "/foo"]
    assert '"foo" is not a field of a report; its fields are "jobs"' in str(caught.value.faults[1])
