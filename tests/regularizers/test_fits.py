"""What a regularizer asks of the data and the steps before it is accepted."""

from __future__ import annotations

import pytest

from core.regularizers import Regularizer
from core.regularizers.regularizer import Ground

MEMBERS = Regularizer.members()
TEXT = Ground(None, ("review",), "classification", 32)
ON_INPUTS = ("cutmix", "fgsm", "gaussian_noise", "mixup", "pgd")


@pytest.mark.parametrize("kind", MEMBERS)
def test_all_but_those_that_do_arithmetic_with_inputs_act_on_texts(kind) -> None:
    assert (MEMBERS[kind]().fits(TEXT) is not None) == (kind in ON_INPUTS)


def test_the_refusal_names_the_input_and_what_would_do() -> None:
    assert MEMBERS["mixup"]().fits(TEXT) == (
        'mixup does arithmetic with inputs, and "review" is text or ids; use dropout or sam'
    )


@pytest.mark.parametrize("kind", MEMBERS)
def test_every_regularizer_acts_on_minibatches_of_images_of_classes(kind) -> None:
    assert MEMBERS[kind]().fits(Ground((1, 8, 8), (), "classification", None)) is None
