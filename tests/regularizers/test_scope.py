"""Which numbers a penalty is of: weights, and biases only where it says so."""

import pytest

from core.datasets.builtin import Builtin
from core.regularizers import Regularizer
from core.regularizers.regularizer import Penalty
from core.train.program import Program
from tests.stacks import CPU
from tests.train.conftest import cohort, experiment, run_of

PENALTIES = [kind for kind, m in Regularizer.members().items() if issubclass(m, Penalty)]
LAYERS = ("flatten", {"kind": "dense", "units": 20}, {"kind": "dense", "units": 10})


def program(**changes: object) -> Program:
    return Program(cohort([run_of(experiment(**changes), 0)]), Builtin(name="digits").facts(), CPU)


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("kind", PENALTIES)
def test_a_penalty_is_of_all_weights_and_of_biases_when_asked(kind, biases):
    made = program(regularizers=[{"kind": kind, "biases": biases}])
    (at,) = made.penalties
    assert (at.span.start, at.span.stop) == made.network.slice_of("bias" if biases else "weight")
    assert made.network.slice_of("weight")[1] < made.network.slice_of("bias")[1]


@pytest.mark.parametrize("kind", PENALTIES)
def test_a_penalty_on_one_layer_is_of_its_weights_alone(kind):
    layers = [LAYERS[0], {**LAYERS[1], "regularizers": [kind]}, LAYERS[2]]
    made = program(architecture={"kind": "layers", "layers": layers})
    (at,) = made.penalties
    place = made.network.weights()[0]
    assert place.parameter.shape == (64, 20)
    assert (at.span.start, at.span.stop) == (place.start, place.stop)
