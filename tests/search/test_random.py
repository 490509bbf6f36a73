import math

from hypothesis import given
from hypothesis import strategies as st

from core.search.random import RandomSearch
from core.search.search import Dimension
from core.term import LinearRange, LogRange, Values

LAMBDA = Dimension("/regularizers/0/lambda", LogRange(log_range=(1e-5, 1e-1)))
LR = Dimension("/optimizer/lr", LinearRange(range=(0.01, 0.1)))
UNITS = Dimension("/units", LinearRange(range=(1, 4), num=4), integer=True)


def test_draws_repeat_and_follow_seed_and_arm():
    draw = RandomSearch(trials=5).propose
    assert draw((LAMBDA,), arm="a") == draw((LAMBDA,), arm="a")
    assert draw((LAMBDA,), arm="a") != draw((LAMBDA,), arm="b")
    assert draw((LAMBDA,), arm="a") != RandomSearch(trials=5, seed=1).propose((LAMBDA,), arm="a")


def test_the_draws_are_those_of_every_machine():
    (setting,) = RandomSearch(trials=1).propose((LAMBDA,), arm="base")
    assert setting == {"/regularizers/0/lambda": 4.40299e-05}


def test_another_range_leaves_the_draws_of_the_first_as_they_were():
    alone = RandomSearch(trials=6).propose((LAMBDA,), arm="a")
    both = RandomSearch(trials=6).propose((LAMBDA, LR), arm="a")
    assert [s[LAMBDA.pointer] for s in alone] == [s[LAMBDA.pointer] for s in both]


def test_a_log_range_is_uniform_in_logarithm():
    settings = RandomSearch(trials=2000).propose((LAMBDA,), arm="a")
    exponents = [math.log10(setting[LAMBDA.pointer]) for setting in settings]
    assert abs(sum(exponents) / len(exponents) + 3) < 0.1
    assert abs(sum(exponent < -4 for exponent in exponents) / len(exponents) - 0.25) < 0.03


def test_whole_numbers_are_drawn_whole_and_each_equally_often():
    dimensions = (UNITS, LR)
    units = [s["/units"] for s in RandomSearch(trials=2000).propose(dimensions, arm="a")]
    assert {type(unit) for unit in units} == {int}
    assert all(abs(units.count(n) / 2000 - 0.25) < 0.05 for n in (1, 2, 3, 4))


def test_settings_are_different_and_a_small_space_is_tried_whole():
    dimension = Dimension("/p", Values(values=(0.1, 0.2, 0.3)))
    assert RandomSearch(trials=9).propose((dimension,), arm="a") == (
        {"/p": 0.1},
        {"/p": 0.2},
        {"/p": 0.3},
    )
    two = RandomSearch(trials=2).propose((dimension,), arm="a")
    assert len(two) == 2
    assert two[0] != two[1]
    assert len(RandomSearch(trials=50).propose((UNITS,), arm="a")) == 4


def test_nothing_to_vary_is_one_empty_setting():
    assert RandomSearch(trials=7).propose((), arm="a") == ({},)
    assert RandomSearch(trials=7).count(()) == 1


@given(st.floats(1e-30, 1e30), st.floats(1.0000001, 1e3), st.integers(0, 2**53 - 1), st.booleans())
def test_draws_stay_inside_the_range(low, ratio, seed, log):
    ends = (low, low * ratio)
    drawn = LogRange(log_range=ends) if log else LinearRange(range=ends)
    settings = RandomSearch(trials=3, seed=seed).propose((Dimension("/x", drawn),), arm="a")
    assert settings
    assert all(ends[0] <= setting["/x"] <= ends[1] for setting in settings)
