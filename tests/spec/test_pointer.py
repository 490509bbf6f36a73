from core.spec.pointer import pointer, shown, tokens, value_at


def test_pointers_escape_as_rfc_6901_says():
    path = ("a/b", "m~n", 0, "", "~1")
    assert pointer(path) == "/a~1b/m~0n/0//~01"
    assert tokens(pointer(path)) == ("a/b", "m~n", "0", "", "~1")
    assert pointer(()) == ""


def test_a_value_is_found_at_its_path():
    document = {"a": ({"b": 3},)}
    assert value_at(document, ("a", 0, "b")) == 3
    assert value_at(document, ("a", 1, "b")) is None
    assert value_at(document, ("a", "b")) is None


def test_a_long_value_is_shown_in_part():
    assert shown({"a": [1, "é"]}) == '{"a": [1, "é"]}'
    assert len(shown(list(range(10**6)))) == 80
