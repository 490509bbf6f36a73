"""Every way to be wrong that we could think of: where the fault points and what it says."""

import json
import math

import pytest

from core.errors import InvalidSpec, NotFound
from core.spec import Limits, resolve
from tests.counting import calls

GOOD = {"dataset": "digits", "architecture": "mlp", "loss": "cross_entropy"}
NO_IMAGES = {**GOOD, "dataset": "iris"}


def facts_of(source):
    if source.kind == "upload":
        raise NotFound(f"there is no dataset {source.id}")
    return source.facts()


def faults_of(body):
    with pytest.raises(InvalidSpec) as caught:
        resolve(body, facts_of, Limits())
    return [(fault.pointer, fault.detail) for fault in caught.value.faults]


def without(*fields):
    return {key: value for key, value in GOOD.items() if key not in fields}


def having(**fields):
    return {**GOOD, **fields}


def l1(strength, **fields):
    return having(regularizers=[{"kind": "l1", "lambda": strength, **fields}])


def layers(*items):
    return having(architecture={"kind": "layers", "layers": list(items)})


def compare(*arms, **fields):
    return having(compare=list(arms), **fields)


NOT_OBJECTS = [
    (None, "", "a job is a JSON object with a dataset, an architecture and a loss, not null"),
    ([], "", "not []"),
    (3, "", "not 3"),
    ("job", "", 'not "job"'),
    (True, "", "not true"),
]
TOP_LEVEL = [
    (without("loss"), "/loss", '"loss" is missing; the kinds are "bce", "cross_entropy"'),
    (without("dataset"), "/dataset", '"dataset" is missing'),
    (without("architecture"), "/architecture", '"architecture" is missing'),
    (having(lerning_rate=1), "/lerning_rate", '"lerning_rate" is not a field of a job; its fields'),
    (having(epoch=1), "/epoch", 'did you mean "epochs"?'),
    (having(**{"a/b~c": 1}), "/a~1b~0c", '"a/b~c" is not a field of a job'),
    (having(epochs=0), "/epochs", "epochs should be at least 1, not 0"),
    (having(epochs=1.5), "/epochs", "a whole number, not 1.5"),
    (having(epochs="30"), "/epochs", 'epochs should be a whole number, not "30"'),
    (having(epochs=True), "/epochs", "not true"),
    (having(epochs=10**6), "/epochs", "1000000 epochs; at most 100000"),
    (having(epochs={"values": [1, 2]}), "/epochs", "a range cannot stand here"),
    (having(epochs={"values": [1, 2]}), "/epochs", 'give "compare" one arm for each'),
    (having(batch_size=0), "/batch_size", "at least 1, not 0"),
    (having(batch_size="ful"), "/batch_size", 'did you mean "full"?'),
    (having(batch_size=2.5), "/batch_size", '{"values": [16, 32, 64]}, not 2.5'),
    (having(batch_size=None), "/batch_size", "not null"),
    (having(batch_size={"values": [16, 0.5]}), "/batch_size/values", "0.5 is not a whole number"),
    (having(batch_size={"range": [16, 33], "num": 3}), "/batch_size/range", "24.5 is not a whole"),
    (having(seeds=0), "/seeds", "0 is not a count of seeds; give 1 to 10000"),
    (having(seeds=10**9), "/seeds", "1000000000 is not a count of seeds"),
    (having(seeds=[1, 2, 1]), "/seeds", "seed 1 is listed twice"),
    (having(seeds=[]), "/seeds", "seeds should not be empty"),
    (having(seeds=["a"]), "/seeds/0", 'a whole number, not "a"'),
    (having(seeds=[0, -1]), "/seeds/1", "at least 0, not -1"),
    (having(seeds="3"), "/seeds", "seeds is a count, e.g. 5, or a list"),
    (having(folds=0), "/folds", "at least 1, not 0"),
    ({**NO_IMAGES, "folds": 200}, "/folds", "149 distinct rows leave the test part empty"),
    (having(repeats=3, folds=1), "/repeats", 'give "folds": 5, or leave out repeats'),
    (having(repeats=0), "/repeats", "at least 1, not 0"),
    (having(inner_folds=1), "/inner_folds", "leave it out, and one part validates"),
    (having(inner_folds=-3), "/inner_folds", "at least 2, not -3"),
    ({**NO_IMAGES, "folds": 1, "inner_folds": 200}, "/inner_folds", "validation part empty"),
    (having(split={"resample": True}), "/split/resample", 'by "repeats", a field of the job'),
    (having(split={"by": "group"}), "/split/by", "this dataset has no groups; name their column"),
    (having(split={"by": "time"}), "/split/by", "this dataset has no times; name their column"),
    (having(baseline=True), "/baseline", "it belongs to one arm of the comparison"),
    (compare({"baseline": 1}), "/compare/0/baseline", "true or false, not 1"),
    (compare({"baseline": True}, {"baseline": True}), "/compare/1/baseline", "keep one of them"),
    (compare({}, {"repeats": 3}), "/compare/1/repeats", "so that they can be compared"),
    (having(split={"validation": 1}), "/split/validation", "less than 1, not 1"),
    (having(split={"validation": 0}), "/split/validation", "greater than 0, not 0"),
    (having(split={"train": 0.5}), "/split/train", '"train" is not a field of split'),
    (having(split=0.2), "/split", 'an object, not 0.2; e.g. {"validation": 0.2'),
    (having(select="val_loss"), "/select", 'an object, not "val_loss"; e.g. {"metric"'),
    (having(select={"metric": "val_acc"}), "/select/metric", 'did you mean "val_accuracy"?'),
    (having(select={"metric": "val_r2"}), "/select/metric", "is not a metric of classification"),
    (having(select={"metric": "test_loss"}), "/select/metric", 'use "val_loss"'),
    (having(select={"rule": "max"}), "/select/rule", '"max" is not a rule; it is one of "1se"'),
    (having(search="tpe"), "/search", 'search "tpe" is not yet available; use "grid" or "random"'),
    (having(search={"method": "halving"}), "/search/method", "not yet available"),
    (having(search={"method": "grd"}), "/search/method", 'did you mean "grid"?'),
    (having(search={"trials": 3}), "/search", 'does not say its "method"'),
    (having(search={"method": "grid", "trials": 3}), "/search/trials", "not a field of grid"),
    (having(search={"method": "random", "trials": 0}), "/search/trials", "at least 1, not 0"),
    (having(device="gpu"), "/device", 'one of "auto", "cpu", "cuda"'),
    (having(priority=10), "/priority", "at most 9, not 10"),
    (having(deadline_s=0), "/deadline_s", "greater than 0, not 0"),
    (having(deadline_s=31_536_001), "/deadline_s", "at most 31536000, not 31536001"),
    (having(practical=-0.1), "/practical", "at least 0, not -0.1"),
    (having(standardize="yes"), "/standardize", 'true or false, not "yes"'),
    (having(name=""), "/name", "should not be empty"),
    (having(name="x" * 201), "/name", "at most 200 characters, not 201"),
    (having(name=3), "/name", "name should be a text, not 3"),
    (having(name="a\0b"), "/name", "the character U+0000"),
    (having(name="\ud800"), "/name", "half of a surrogate pair"),
    (having(x=math.nan), "/x", "nan is not a finite number"),
    (having(x=[math.inf]), "/x/0", "inf is not a finite number"),
    (having(x=10**400), "/x", "a whole number of 1329 bits"),
    (having(x="y" * 20_000), "/x", "a text of 20000 characters"),
]
ELSEWHERE = [
    (having(lr=0.1), "/lr", 'write "optimizer": {"kind": "sgd", "lr": 0.1, "momentum": 0.9}'),
    (having(learning_rate=0.1), "/learning_rate", '{"kind": "sgd", "lr": 0.1, "momentum": 0.9}'),
    (having(lr=1, optimizer="sgd"), "/lr", 'write "optimizer": {"kind": "sgd", "lr": 1}'),
    (having(lr=1, optimizer="adam"), "/lr", 'write "optimizer": {"kind": "adam", "lr": 1}'),
    (
        having(momentum=0.5),
        "/momentum",
        '"optimizer": {"kind": "sgd", "momentum": 0.5, "lr": 0.02}',
    ),
    (having(hidden=[9]), "/hidden", 'write "architecture": {"kind": "mlp", "hidden": [9]}'),
    (having(p=0.5), "/p", 'write "regularizers": [{"kind": "dropout", "p": 0.5}]'),
    (having(patience=3), "/patience", '[{"kind": "early_stopping", "patience": 3}]'),
    (having(dropout=0.5), "/dropout", 'kind of regularizer: write "regularizers": [{"kind": "dr'),
    (having(l2=0.5), "/l2", 'write "regularizers": [{"kind": "l2", "lambda": 0.5}]'),
    (having(adam=True), "/adam", 'write "optimizer": {"kind": "adam"}'),
    (having(trials=3), "/trials", 'write "search": {"method": "random", "trials": 3}'),
    (having(stratify=False), "/stratify", 'write "split": {"stratify": false}'),
    (having(metric="val_loss"), "/metric", 'write "select": {"metric": "val_loss"}'),
    (having(cv=5), "/cv", 'it is called "folds" here'),
    (having(compare=[{"lr": 0.1}]), "/compare/0/lr", 'it belongs to "optimizer"'),
    (
        having(optimizer={"kind": "sgd", "learning_rate": 1}),
        "/optimizer/learning_rate",
        'it is called "lr" here',
    ),
    (having(split={"train": 0.6}), "/split/train", "what validation and test leave"),
]
TERMS = [
    (having(loss="cross_entrpy"), "/loss", 'did you mean "cross_entropy"?'),
    (having(loss={"kind": "cross_entrpy"}), "/loss/kind", "is not a kind of loss"),
    (having(loss={"kind": 3}), "/loss/kind", "3 is not a kind of loss"),
    (having(loss={"kind": ["mse"]}), "/loss/kind", '["mse"] is not a kind of loss'),
    (having(loss={}), "/loss", 'this loss does not say its "kind"; the kinds are'),
    (having(loss=3), "/loss", 'a loss is an object with a "kind", or its name alone, not 3'),
    (having(loss=None), "/loss", "not null"),
    (having(optimizer=["sgd"]), "/optimizer", 'an optimizer is an object with a "kind"'),
    (having(optimizer={"kind": "sgd", "l": 1}), "/optimizer/l", '"l" is not a field of sgd'),
    (having(optimizer={"kind": "sgd", "lr": 0}), "/optimizer/lr", "greater than 0, not 0"),
    (having(optimizer={"kind": "sgd", "lr": "1"}), "/optimizer/lr", "a number, or a range such as"),
    (having(optimizer={"kind": "sgd", "lr": True}), "/optimizer/lr", "not true"),
    (having(optimizer={"kind": "sgd", "lr": {"x": 1}}), "/optimizer/lr", 'not {"x": 1}'),
    (having(optimizer={"kind": "sgd", "nesterov": 1}), "/optimizer/nesterov", "true or false"),
    (having(optimizer={"kind": "sgd", "nesterov": True}), "/optimizer", "momentum above 0"),
    (having(dataset="digts"), "/dataset", 'did you mean "digits"?'),
    (having(dataset="mnist"), "/dataset", '"wine"; generated are "circles"'),
    (having(dataset="mnist"), "/dataset", "POST /v1/datasets"),
    (having(dataset={"kind": "csv"}), "/dataset/kind", '"csv" is not a kind of dataset'),
    (having(dataset="ds_gone"), "/dataset", "there is no dataset ds_gone"),
    (having(dataset={"kind": "upload", "id": "ds_gone"}), "/dataset/id", "there is no dataset"),
    (having(dataset={"kind": "upload", "id": "../x"}), "/dataset/id", "should look like ^ds_"),
    (having(dataset={"kind": "upload"}), "/dataset/id", '"id" is missing; upload needs it'),
    (having(dataset="diabetes"), "/loss", "this dataset is regression"),
    (
        having(architecture={"kind": "mlp", "hidden": 64}),
        "/architecture/hidden",
        "not 64; e.g. [64]",
    ),
    (having(architecture={"kind": "mlp", "hidden": [0]}), "/architecture/hidden/0", "at least 1"),
    (
        having(architecture={"kind": "mlp", "hidden": {"values": [1]}}),
        "/architecture/hidden",
        "a range cannot stand here",
    ),
    (
        having(architecture={"kind": "mlp", "hidden": [{"values": [8, 60_000]}, 60_000]}),
        "/architecture",
        "at most 50,000,000 are allowed",
    ),
    (
        having(architecture={"kind": "mlp", "activation": "rel"}),
        "/architecture/activation",
        '"rel" is not an activation; did you mean "relu"?',
    ),
    ({**NO_IMAGES, "architecture": "cnn"}, "/architecture", "cnn needs images"),
    (layers(), "/architecture/layers", "should not be empty"),
    (layers("flatten", {"kind": "dense"}), "/architecture/layers/1/units", "dense needs it"),
    (layers("flatten", "dense"), "/architecture/layers/1", '"units" is missing; dense needs it'),
    (having(architecture="layers"), "/architecture", '"layers" is missing; layers needs'),
    (layers({"kind": "dense", "units": 10}), "/architecture/layers/0", "put a flatten before it"),
    (layers("flatten", {"kind": "dense", "units": 5}), "/architecture/layers/1", "(10,) outputs"),
    (
        layers(
            "flatten",
            {"kind": "dense", "units": 5, "activation": "softmax"},
            {"kind": "dense", "units": 10},
        ),
        "/architecture/layers/1/activation",
        "softmax is for the last layer",
    ),
    (
        layers("flatten", {"kind": "dense", "units": 10, "regularizers": ["dropout"]}),
        "/architecture/layers/1/regularizers",
        "does not act on one layer's weights",
    ),
    (
        layers(
            "flatten",
            {"kind": "dense", "units": 10, "regularizers": [{"kind": "l1", "lambda": -3}]},
        ),
        "/architecture/layers/1/regularizers/0/lambda",
        "at least 0, not -3",
    ),
    (
        having(loss={"kind": "cross_entropy", "class_weights": "equal"}),
        "/loss/class_weights",
        'a list or "balanced", not "equal"',
    ),
    (
        having(loss={"kind": "cross_entropy", "class_weights": [1, -2]}),
        "/loss/class_weights/1",
        "greater than 0, not -2",
    ),
    (having(loss={"kind": "cross_entropy", "class_weights": [1, 2]}), "/loss", "10 classes"),
]
REGULARIZERS = [
    (l1(-1), "/regularizers/0/lambda", "lambda should be at least 0, not -1"),
    (l1("big"), "/regularizers/0/lambda", 'not "big"'),
    (l1({"values": []}), "/regularizers/0/lambda/values", "should not be empty"),
    (l1({"values": [0.1, -1]}), "/regularizers/0/lambda/values", "-1 in this range"),
    (l1({"values": [0.1, "1"]}), "/regularizers/0/lambda/values/1", 'a number, not "1"'),
    (l1({"range": [1, 0]}), "/regularizers/0/lambda/range", "larger number, not from 1 to 0"),
    (l1({"range": [1]}), "/regularizers/0/lambda/range", "a list of two numbers, not [1]"),
    (l1({"range": [0, 1], "num": 1}), "/regularizers/0/lambda/num", "at least 2, not 1"),
    (l1({"log_range": [0, 1]}), "/regularizers/0/lambda/log_range", "one, not from 0 to 1"),
    (l1({"log_range": [1, 2], "n": 3}), "/regularizers/0/lambda/n", "a log_range"),
    (l1({"log_range": [1, 2], "num": 2000}), "/regularizers/0/lambda/num", "at most 1000"),
    (l1(1, method="prox"), "/regularizers/0/method", 'did you mean "proximal"?'),
    (l1(1, lamda=1), "/regularizers/0/lamda", 'did you mean "lambda"?'),
    (having(regularizers="l1"), "/regularizers", 'a list, not "l1"'),
    (having(regularizers=["l3"]), "/regularizers/0", '"l3" is not a kind of regularizer'),
    (having(regularizers=[{"lambda": 1}]), "/regularizers/0", 'does not say its "kind"'),
    (having(regularizers=["l1"] * 21), "/regularizers", "at most 20, not 21"),
    (having(regularizers=["early_stopping"] * 2), "/regularizers/1", "listed twice"),
    (having(regularizers=["dropout"] * 2), "/regularizers/1", "listed twice"),
    (having(regularizers=["grad_clip"] * 2), "/regularizers/1", "listed twice"),
    (
        having(regularizers=["sam", "l1", "fgsm"]),
        "/regularizers/2",
        "fgsm takes the gradient anew, as sam does; keep one of them, or compare them as arms",
    ),
    (
        having(regularizers=["ema", "swa"]),
        "/regularizers/1",
        "swa says which weights a run reports, as ema does; keep one of them",
    ),
    (
        having(regularizers=["cutmix", "mixup"]),
        "/regularizers/1",
        "mixup mixes the targets, as cutmix does; keep one of them",
    ),
    (
        having(batch_size=1, regularizers=["mixup"]),
        "/regularizers/0",
        "mixup mixes the examples of a minibatch, and batch_size is 1; use 2 or more",
    ),
    (
        having(dataset="breast_cancer", regularizers=["cutmix"]),
        "/regularizers/0",
        "cutmix cuts from images (C, H, W), and an example here has shape (30,); use mixup",
    ),
    (
        having(dataset="diabetes", loss="mse", regularizers=["label_noise"]),
        "/regularizers/0",
        "label_noise draws classes, and this dataset is regression; use gaussian_noise",
    ),
    (
        layers("flatten", {"kind": "dense", "units": 10, "regularizers": ["sam"]}),
        "/architecture/layers/1/regularizers",
        "sam does not act on one layer's weights; put it in the job's regularizers",
    ),
    (
        having(architecture="linear", regularizers=["dropout"]),
        "/regularizers/0",
        "this network has none",
    ),
    (
        having(dataset="moons", architecture={"kind": "layers", "layers": ["flatten"]}),
        "/architecture",
        "without weights learns nothing",
    ),
    (
        having(optimizer={"kind": "sgd", "nesterov": True, "momentum": {"values": [0, 0.9]}}),
        "/optimizer",
        "nesterov needs a momentum above 0",
    ),
    (
        having(
            select={"metric": "val_loss"},
            compare=[{"name": "a"}, {"name": "b", "regularizers": ["label_smoothing"]}],
        ),
        "/select/metric",
        "choose by one that is, such as val_accuracy",
    ),
    (
        having(loss="mse", regularizers=[{"kind": "early_stopping", "metric": "val_brier"}]),
        "/regularizers/0/metric",
        "val_brier is of probabilities, and the loss mse gives none",
    ),
    (
        having(loss="huber", select={"metric": "val_log_loss"}),
        "/select/metric",
        "use a metric that needs none, such as val_accuracy",
    ),
    (having(loss="mse", regularizers=["label_smoothing"]), "/regularizers/0", "this one is mse"),
    (
        having(
            loss={"kind": "cross_entropy", "label_smoothing": 0.1},
            regularizers=["label_smoothing"],
        ),
        "/regularizers/0",
        "which the loss gives too",
    ),
    (
        having(optimizer={"kind": "sgd", "momentum": 0.9, "nesterov": True}, regularizers=["l1"]),
        "/regularizers/0",
        'set this penalty\'s "method" to "subgradient"',
    ),
    (having(regularizer="l3"), "/regularizer", "is not a kind of regularizer"),
    (having(regularizer="l2", **{"lambda": -1}), "/lambda", "at least 0, not -1"),
    (having(regularizer="l2", **{"lambda": {"values": ["x"]}}), "/lambda/values/0", 'not "x"'),
    (having(regularizer="dropout", **{"lambda": 1}), "/lambda", "not a field of dropout"),
    (having(**{"lambda": 1}), "/lambda", "none is named"),
    (having(regularizer={"kind": "l2", "lamda": 1}), "/regularizer/lamda", 'mean "lambda"?'),
    (having(regularizer=["l2"]), "/regularizer", 'a list of them is "regularizers"'),
    (having(regularizer="l2", regularizers=[]), "/regularizer", "keep one of them"),
    (having(regularizers=[], **{"lambda": 1}), "/lambda", "keep one of them"),
    (
        having(regularizer={"kind": "l2", "lambda": 1}, **{"lambda": 1}),
        "/lambda",
        "lambda is given twice",
    ),
]
ARMS = [
    (having(compare=[]), "/compare", "compare is a list of arms"),
    (having(compare={"name": "a"}), "/compare", "compare is a list of arms"),
    (having(compare=["l1"]), "/compare/0", 'an arm is an object, e.g. {"name": "none"}'),
    (compare(*[{}] * 51), "/compare", "51 arms; at most 50"),
    (compare({"name": "a"}, {"name": "a"}), "/compare/1/name", 'two arms are called "a"'),
    (compare({"name": "arm2"}, {}), "/compare/1/name", 'two arms are called "arm2"'),
    (compare({"name": 3}), "/compare/0/name", "a text, not 3"),
    (compare({}, {"dataset": "iris"}), "/compare/1/dataset", "arms share dataset"),
    (compare({}, {"seeds": 3}), "/compare/1/seeds", "so that they can be compared"),
    (compare({"epoch": 3}), "/compare/0/epoch", '"epoch" is not a field of an arm'),
    (compare({"loss": None}), "/compare/0/loss", '"loss" is missing'),
    (compare({}, {"epochs": -1}), "/compare/1/epochs", "at least 1, not -1"),
    (compare({"optimizer": {"lr": -1}}), "/compare/0/optimizer/lr", "greater than 0, not -1"),
    (compare({"optimizer": {"kind": "adm"}}), "/compare/0/optimizer/kind", 'mean "adam"?'),
    (compare({"regularizer": "l3"}), "/compare/0/regularizer", "is not a kind of regularizer"),
    (compare({"regularizer": "l1", "lambda": -1}), "/compare/0/lambda", "at least 0"),
    (compare({"lambda": -1}, regularizer="l1"), "/compare/0/lambda", "at least 0, not -1"),
    (compare({"lambda": 1}), "/compare/0/lambda", "none is named"),
    (
        compare({}, {"regularizers": [{"kind": "l1", "lambda": {"range": [0, 1], "num": -1}}]}),
        "/compare/1/regularizers/0/lambda/num",
        "at least 2, not -1",
    ),
    (compare({"loss": "mse"}, epochs=0), "/epochs", "at least 1, not 0"),
    (
        compare(
            {"regularizers": ["l1"]}, optimizer={"kind": "sgd", "momentum": 0.9, "nesterov": True}
        ),
        "/compare/0/regularizers/0",
        "needs a proximal step",
    ),
    (compare({"architecture": "cnn"}, dataset="iris"), "/compare/0/architecture", "needs images"),
    (
        {**without("loss"), "compare": [{"loss": "mse"}, {"name": "b"}]},
        "/compare/1/loss",
        '"loss" is missing',
    ),
    ({**without("loss"), "compare": [{}, {}]}, "/loss", '"loss" is missing'),
]
TOO_MANY = [
    (
        l1({"range": [0, 1], "num": 1000}) | {"seeds": 11, "folds": 1},
        "",
        "1,000 settings x 11 seeds are 11,000",
    ),
    (
        having(
            regularizers=[{"kind": "l1", "lambda": {"range": [0, 1], "num": 1000}}] * 20, folds=5
        ),
        "",
        "more than 1,000,000,000,000 settings x 5 folds",
    ),
]


@pytest.mark.parametrize(
    ("body", "pointer", "fragment"),
    NOT_OBJECTS + TOP_LEVEL + ELSEWHERE + TERMS + REGULARIZERS + ARMS + TOO_MANY,
)
def test_a_bad_body_has_one_fault_that_points_there_and_says_so(body, pointer, fragment):
    ((where, sentence),) = faults_of(body)
    assert where == pointer
    assert fragment in sentence


def test_all_mistakes_are_found_at_once():
    body = compare(
        {"regularizers": [{"kind": "l1", "lambda": -1}, "l3"]},
        {"loss": {"kind": "huber", "delta": 0}},
        {"architecture": "cnn"},
        dataset="iris",
        epochs=0,
        sede=3,
        seeds=0,
    )
    assert {pointer for pointer, _ in faults_of(body)} == {
        "/sede",
        "/epochs",
        "/seeds",
        "/compare/0/regularizers/0/lambda",
        "/compare/0/regularizers/1",
        "/compare/1/loss/delta",
    }


def test_what_does_not_fit_the_data_is_found_beside_other_mistakes():
    body = {**NO_IMAGES, "architecture": "cnn", "priority": 11}
    assert [pointer for pointer, _ in faults_of(body)] == ["/priority", "/architecture"]


def test_the_error_says_how_many_mistakes_there_are():
    with pytest.raises(InvalidSpec, match="2 mistakes; the first, at '/epochs': epochs should"):
        resolve(having(epochs=0, priority=11), facts_of, Limits())
    with pytest.raises(InvalidSpec, match=r"^epochs should be at least 1, not 0$"):
        resolve(having(epochs=0), facts_of, Limits())


def test_a_long_value_is_shortened():
    ((_, sentence),) = faults_of(having(epochs=["x" * 500] * 50))
    assert len(sentence) < 130
    assert sentence.endswith("…")


def nested(depth):
    value = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "body",
    [
        having(x=nested(100_000)),
        having(loss=nested(40)),
        having(regularizers=[3] * 25_000, compare=[{}] * 50),
        having(regularizers=[3] * 1_000_000),
        having(regularizers=[{"kind": "l1"}] * 12_000, compare=[{}] * 50),
        having(architecture={"kind": "mlp", "hidden": ["a"] * 25_000}, compare=[{}] * 50),
        having(compare=[{}] * 25_000),
        {f"field {i}": i for i in range(25_000)},
        {"k" * 100_000: 1},
        having(seeds=list(range(20_000))),
    ],
    ids=range(10),
)
def test_a_monstrous_body_is_refused_without_much_work(body):
    faults = []
    assert calls(lambda: faults.extend(faults_of(body))) < 5_000_000
    assert len(faults) <= Limits().faults_max
    assert len(json.dumps(faults)) < 100_000
