"""One class is all that a new layer takes: the wire, the catalogue and the tests read it."""

from __future__ import annotations

import os
import subprocess
import sys

WIRE = """
import tests.layers.made_up
from api.catalog import entry_of
from core.architectures.layers import Layers
from core.spec.experiment import Experiment

entry = entry_of("layer", "swish")
print(entry.formula, [knob.name for knob in entry.knobs])
for inside in ("swish", {"kind": "residual", "layers": ["swish"]}):
    body = {"kind": "layers", "layers": [inside, {"kind": "dense", "units": 3}]}
    rest = {"loss": "mse", "optimizer": "sgd", "epochs": 1}
    print(Experiment.model_validate({"architecture": body, **rest}).architecture.layers[0].kind)
print("Swish" in Layers.model_json_schema()["$defs"])
"""


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_a_new_layer_is_on_the_wire_and_in_the_catalogue() -> None:
    assert run("-c", WIRE).splitlines() == [
        "y = x sigmoid(s b x) ['sharpness']",
        "swish",
        "residual",
        "True",
    ]


def test_a_new_layer_meets_every_test_that_reads_the_catalogue() -> None:
    plugin = ("-p", "tests.layers.made_up", "-p", "no:cacheprovider", "-q", "-rp", "-k", "swish")
    rooms = ("tests/layers", "tests/train/test_loop.py")
    names = {
        line.partition("::")[2].partition("[")[0]
        for line in run("-m", "pytest", *plugin, *rooms).splitlines()
        if "PASSED" in line
    }
    assert names >= {
        "test_outputs_gradients_and_statistics_are_those_of_the_reference",
        "test_the_vector_jacobian_product_is_that_of_autograd",
        "test_a_padded_minibatch_gives_what_each_run_gets_from_its_own_examples",
        "test_a_run_inside_a_cohort_equals_the_same_run_alone",
    }
