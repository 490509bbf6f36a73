"""What the family makes of a member: its rows give its score, and say that it is a mean."""

from __future__ import annotations

import gc
from typing import ClassVar, Literal

import pytest
import torch

from core.metrics import Metric
from core.term import Task


def made() -> type[Metric]:
    """A member that nobody has; it is of the family until it is collected."""

    class Hinge(Metric):
        """How far the true class's output is from leading by one."""

        kind: Literal["hinge"] = "hinge"
        tasks: ClassVar[tuple[Task, ...]] = ("classification",)
        direction: ClassVar[Literal["max", "min"]] = "min"
        bounds: ClassVar[tuple[float, float]] = (0.0, float("inf"))

        def rows(
            self,
            prediction_RNO: torch.Tensor,
            target_RN: torch.Tensor,
            probabilities_RNC: torch.Tensor | None,
        ) -> torch.Tensor:
            sign_RN = 2.0 * target_RN - 1
            return (1 - sign_RN * prediction_RNO[..., 0]).clamp(min=0)

    return Hinge


def test_rows_alone_make_a_member_and_its_score_is_their_mean():
    hinge = made()
    assert hinge.mean_of_examples
    assert Metric.members()["hinge"] is hinge
    z = torch.tensor([[[2.0], [-0.5], [0.25]], [[0.0], [3.0], [9.0]]])
    y = torch.tensor([[1, 0, 1], [1, 0, 0]])
    present = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    found = hinge().rows(z, y, None).tolist(), hinge().value(z, y, present, None).tolist()
    del hinge
    gc.collect()  # other tests ask what members there are
    assert "hinge" not in Metric.members()
    assert found == ([[0, 0.5, 0.75], [1, 4, 10]], pytest.approx([1.25 / 3, 2.5]))


def test_a_member_that_is_no_mean_says_so_by_writing_no_rows():
    ranking = Metric.members()["roc_auc"]
    assert not ranking.mean_of_examples
    assert ranking().rows(torch.zeros(1, 2, 1), torch.zeros(1, 2, dtype=torch.int64), None) is None


def test_a_member_that_scores_nothing_is_refused():
    with pytest.raises(AssertionError, match="scores nothing"):
        type(
            "Nothing",
            (Metric,),
            {"__annotations__": {"kind": Literal["nothing"]}, "kind": "nothing", "__module__": "x"},
        )
    gc.collect()
    assert "nothing" not in Metric.members()
