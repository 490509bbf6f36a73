from core.search.grid import GridSearch
from core.search.search import Dimension
from core.term import LinearRange, LogRange, Values

LAMBDA = Dimension("/regularizers/0/lambda", LogRange(log_range=(1e-4, 1e-2), num=3))
P = Dimension("/regularizers/1/p", Values(values=(0.5, 0.1)))
BATCH = Dimension("/batch_size", LinearRange(range=(32, 64), num=2), integer=True)


def test_nothing_to_vary_is_one_empty_setting():
    assert GridSearch().propose((), arm="base") == ({},)
    assert GridSearch().count(()) == 1


def test_a_grid_is_the_product_with_the_last_range_fastest():
    settings = GridSearch().propose((LAMBDA, P), arm="base")
    assert [tuple(setting.values()) for setting in settings] == [
        (1e-4, 0.5),
        (1e-4, 0.1),
        (1e-3, 0.5),
        (1e-3, 0.1),
        (1e-2, 0.5),
        (1e-2, 0.1),
    ]
    assert list(settings[0]) == ["/regularizers/0/lambda", "/regularizers/1/p"]


def test_whole_numbers_stay_whole():
    settings = GridSearch().propose((BATCH,), arm="base")
    assert settings == ({"/batch_size": 32}, {"/batch_size": 64})
    assert all(type(setting["/batch_size"]) is int for setting in settings)


def test_a_value_given_twice_is_tried_once():
    twice = Dimension("/p", Values(values=(0.1, 0.2, 0.1)))
    assert GridSearch().propose((twice,), arm="a") == ({"/p": 0.1}, {"/p": 0.2})
    assert GridSearch().count((twice,)) == 2


def test_the_count_is_known_without_making_the_settings():
    wide = [Dimension(f"/{i}", LinearRange(range=(0, 1), num=1000)) for i in range(8)]
    assert GridSearch().count(wide) == 10**24
