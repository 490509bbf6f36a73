"""For any body that hypothesis can think of, and for every plug-in in the catalogue."""

import json
import math
from functools import cache

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core.architectures import Architecture
from core.errors import InvalidSpec
from core.losses import Loss
from core.optimizers import Optimizer
from core.regularizers import Regularizer
from core.schedules import Schedule
from core.spec import Limits, experiment_at, resolve


def resolved(body):
    return resolve(body, lambda source: source.facts(), Limits())


def faults_of(body):
    try:
        resolved(body)
    except InvalidSpec as error:
        return error.faults
    return ()


@cache  # hypothesis checks every strategy it meets once, which costs more than drawing from it
def numbers(mark):
    low = mark.ge if mark.ge is not None else mark.gt + 0.001 if mark.gt is not None else 0
    high = mark.le if mark.le is not None else mark.lt - 0.001 if mark.lt is not None else low + 9
    if mark.integer:
        return st.integers(math.ceil(low), min(int(high), math.ceil(low) + 63))
    return st.floats(low, high)


@cache
def ranges(mark):
    values = st.lists(numbers(mark), min_size=1, max_size=3, unique=True)
    ends = st.lists(numbers(mark), min_size=2, max_size=2, unique=True).map(sorted)
    linear = ends.map(lambda ab: {"range": ab, "num": 2})
    log = ends.filter(lambda ab: ab[0] > 0).map(lambda ab: {"log_range": ab, "num": 2})
    return st.one_of(values.map(lambda v: {"values": v}), linear, log)


@st.composite
def terms(draw, family):
    """Any member of a family that needs no field, some of its knobs given."""
    members = [
        member
        for member in family.members().values()
        if not any(info.is_required() for info in member.model_fields.values())
    ]
    member = draw(st.sampled_from(members))
    body = {"kind": member.wire_kind()}
    for name, mark in member.knobs().items():
        if draw(st.booleans()):
            drawn = ranges(mark) if draw(st.booleans()) else numbers(mark)
            body[member.wire_name(name)] = draw(drawn)
    return draw(st.sampled_from([body, member.wire_kind()]))


@st.composite
def layer_lists(draw):
    dense = {
        "kind": "dense",
        "units": draw(st.sampled_from([4, {"values": [4, 8]}])),
        "regularizers": draw(st.lists(terms(Regularizer), max_size=2)),
    }
    noise = {"kind": "dropout", "p": draw(st.sampled_from([0.5, {"values": [0.1, 0.2]}]))}
    last = {"kind": "dense", "units": draw(st.sampled_from([1, 2, 3, 10]))}
    return {"kind": "layers", "layers": ["flatten", dense, noise, last]}


EXPERIMENT = {
    "architecture": st.one_of(terms(Architecture), layer_lists()),
    "loss": terms(Loss),
    "regularizers": st.lists(terms(Regularizer), max_size=3),
    "optimizer": terms(Optimizer),
    "schedule": terms(Schedule),
    "epochs": st.integers(1, 100),
    "batch_size": st.one_of(st.integers(1, 500), st.just("full"), st.just({"values": [8, 16]})),
}
SHORTHAND = {
    "regularizer": st.sampled_from(["l1", "l2", "elastic_net", "weight_decay", None]),
    "lambda": st.one_of(st.floats(0, 1), st.just({"log_range": [1e-3, 1], "num": 2})),
}
ARMS = st.fixed_dictionaries({}, optional={**EXPERIMENT, **SHORTHAND})
SEEDS = st.lists(st.integers(0, 99), min_size=1, max_size=3, unique=True)
BODIES = st.fixed_dictionaries(
    {
        "dataset": st.sampled_from(["digits", "iris", "diabetes", "moons", "regression"]),
        "architecture": EXPERIMENT["architecture"],
        "loss": EXPERIMENT["loss"],
    },
    optional={
        **{name: made for name, made in EXPERIMENT.items() if name not in ("architecture", "loss")},
        **SHORTHAND,
        "seeds": st.one_of(st.integers(1, 4), SEEDS),
        "folds": st.integers(2, 5),
        "search": st.sampled_from(["grid", {"method": "random", "trials": 3}]),
        "compare": st.one_of(st.none(), st.lists(ARMS, min_size=1, max_size=3)),
    },
)  # fmt: skip


@settings(max_examples=100, suppress_health_check=list(HealthCheck), deadline=None)
@given(BODIES)
def test_a_resolved_document_resolves_to_itself(body):
    try:
        job = resolved(body)
    except InvalidSpec:
        assume(False)
    again = resolved(json.loads(json.dumps(job.document)))
    assert again.document == job.document
    assert [(arm.name, arm.settings) for arm in again.arms] == [
        (arm.name, arm.settings) for arm in job.arms
    ]


@settings(max_examples=30, suppress_health_check=list(HealthCheck), deadline=None)
@given(BODIES)
def test_every_run_of_a_valid_job_can_be_rebuilt(body):
    try:
        job = resolved(body)
    except InvalidSpec:
        assume(False)
    document = json.loads(json.dumps(job.document))
    for arm in job.arms:
        for setting in arm.settings[:5]:
            concrete = experiment_at(document, arm.name, setting)
            dumped = concrete.model_dump(mode="json")
            assert not any(key in json.dumps(dumped) for key in ('"values"', '"log_range"'))
            assert type(concrete).model_validate(dumped) == concrete


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.sampled_from(["l1", "kind", "digits", "", "values", "mlp"]),
        st.text(max_size=5),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["kind", "lambda", "values", "range", "num", "layers", "x", "method"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from places(inner, (*path, i))


def put(value, path, new):
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


@st.composite
def spoiled(draw):
    """A good body with any JSON in place of some part of it."""
    body = draw(BODIES)
    return put(body, draw(st.sampled_from(list(places(body)))), draw(JSON))


@settings(max_examples=200, suppress_health_check=list(HealthCheck), deadline=None)
@given(spoiled())
def test_any_body_is_a_job_or_faults_that_point_into_it(body):
    for fault in faults_of(body):
        assert fault.detail
        _assert_points_into(body, fault.pointer)


def _assert_points_into(body, pointer):
    """Every step exists, save that the last may name a field that an object lacks."""
    tokens = pointer.split("/")[1:]
    for i, token in enumerate(tokens):
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(body, list):
            body = body[int(name)]
        else:
            assert isinstance(body, dict), pointer
            assert name in body or i == len(tokens) - 1, pointer
            body = body.get(name)
