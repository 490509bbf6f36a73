import pytest

from core.errors import InvalidSpec
from core.spec import Limits
from core.spec.body import read_body

LIMITS = Limits(nesting_max=4, values_max=20)


def test_lists_become_tuples_and_whole_numbers_ints():
    read = read_body({"a": [1.0, 2.5, {"b": [True, None, "x"]}]}, LIMITS)
    assert read == {"a": (1, 2.5, {"b": (True, None, "x")})}
    assert type(read["a"][0]) is int


def test_a_number_too_large_to_be_exact_stays_a_float():
    assert read_body({"a": 1e300}, LIMITS) == {"a": 1e300}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"a": [[[[]]]]}, "/a/0/0/0"),
        ({"a": [1] * 30}, "/a"),
        ({"a": [1] * 10, "b": [1] * 10}, "/b"),
        ({"a": object()}, "/a"),
        ({"a": 2**53 + 1}, "/a"),
        ({3: 1}, ""),
    ],
)
def test_what_is_not_plain_json_of_a_sane_size_is_refused(body, pointer):
    with pytest.raises(InvalidSpec) as caught:
        read_body(body, LIMITS)
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
