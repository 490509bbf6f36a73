import pytest

from core.spec.arms import arm_draft, base_draft, merged

BODY = {
    "architecture": {"kind": "mlp", "hidden": (64,), "activation": "relu"},
    "loss": "cross_entropy",
    "optimizer": {"kind": "sgd", "lr": {"log_range": (0.01, 1), "num": 4}, "momentum": 0.9},
}


def arm(patch, **fields):
    return arm_draft(base_draft({**BODY, **fields}), patch, 2)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        # the examples of RFC 7396, appendix A, that are about objects
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ("b",)}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ("b",)}, {"a": ("b",)}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": ({"b": "c"},)}, {"a": (1,)}, {"a": (1,)}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ((1, 2), {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_is_that_of_the_rfc(target, patch, result):
    assert merged(target, patch) == result


def test_a_patch_changes_a_part_of_an_object():
    assert arm({"architecture": {"hidden": (8,)}}).body["architecture"] == {
        "kind": "mlp",
        "hidden": (8,),
        "activation": "relu",
    }


def test_another_kind_replaces_the_object():
    assert arm({"optimizer": {"kind": "adam"}}).body["optimizer"] == {"kind": "adam"}


def test_a_range_replaces_a_range_but_its_number_of_values_can_be_changed():
    rate = {"optimizer": {"lr": {"values": (0.1,)}}}
    assert arm(rate).body["optimizer"]["lr"] == {"values": (0.1,)}
    fewer = {"optimizer": {"lr": {"num": 2}}}
    assert arm(fewer).body["optimizer"]["lr"] == {"log_range": (0.01, 1), "num": 2}


def test_a_patch_on_a_bare_name_changes_a_part_of_what_it_names():
    body = arm({"loss": {"label_smoothing": 0.1}}).body
    assert body["loss"] == {"kind": "cross_entropy", "label_smoothing": 0.1}


def test_a_patch_on_a_default_changes_a_part_of_it_unless_it_says_a_kind():
    base = base_draft({"loss": "mse"})
    part = arm_draft(base, {"optimizer": {"lr": 0.5}}, 0).body["optimizer"]
    assert part == {"kind": "sgd", "lr": 0.5, "momentum": 0.9, "nesterov": False}
    whole = arm_draft(base, {"optimizer": {"kind": "sgd", "lr": 0.5}}, 0).body["optimizer"]
    assert whole == {"kind": "sgd", "lr": 0.5}


def test_shorthand_is_written_out_after_patching():
    patched = arm({"lambda": 0.5}, regularizer="l2", **{"lambda": 0.1})
    assert patched.body["regularizers"] == ({"kind": "l2", "lambda": 0.5},)
    other = arm({"regularizer": "l1"}, regularizer="l2", **{"lambda": 0.1})
    assert other.body["regularizers"] == ({"kind": "l1", "lambda": 0.1},)


def test_an_inherited_lambda_is_left_to_regularizers_that_have_one():
    dropout = arm({"regularizer": "dropout"}, regularizer="l2", **{"lambda": 0.1})
    assert dropout.body["regularizers"] == ({"kind": "dropout"},)
    none = arm({"regularizer": None}, regularizer="l2", **{"lambda": 0.1})
    assert "regularizers" not in none.body
    assert none.faults == ()


def test_an_arm_may_use_the_other_form_of_regularizers():
    listed = arm({"regularizers": ("dropout",)}, regularizer="l2", **{"lambda": 0.1})
    assert listed.body["regularizers"] == ("dropout",)
    short = arm({"regularizer": "l2", "lambda": 1}, regularizers=("dropout",))
    assert short.body["regularizers"] == ({"kind": "l2", "lambda": 1},)


@pytest.mark.parametrize(
    ("patch", "path", "where"),
    [
        ({}, ("optimizer", "lr"), ("optimizer", "lr")),
        ({"optimizer": {"lr": 1}}, ("optimizer", "lr"), ("compare", 2, "optimizer", "lr")),
        ({"optimizer": {"lr": 1}}, ("optimizer", "momentum"), ("optimizer", "momentum")),
        (
            {"optimizer": {"kind": "adam"}},
            ("optimizer", "momentum"),
            ("compare", 2, "optimizer", "momentum"),
        ),
        ({"loss": "huber"}, ("loss", "delta"), ("compare", 2, "loss", "delta")),
        (
            {"regularizer": "l2", "lambda": {"values": (1,)}},
            ("regularizers", 0, "lambda", "values", 0),
            ("compare", 2, "lambda", "values", 0),
        ),
        (
            {"regularizer": "l2", "lambda": 1},
            ("regularizers", 0, "kind"),
            ("compare", 2, "regularizer", "kind"),
        ),
    ],
)
def test_each_place_of_an_arm_knows_who_wrote_it(patch, path, where):
    assert arm(patch).client_path(path) == where
