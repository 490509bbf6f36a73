"""A test part whose rows have other rows' values, and what each row scores then.

Axes: C copy of the part, K permutation, N row, O output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from core.losses import Loss
from core.metrics import Metric
from core.network.predict import Array as Inputs
from core.report.classified import Real, Whole
from core.report.statistics import RANKED, pseudo_values
from core.tensors import torch
from core.term import Knobs

PERMUTATIONS = 5
Score = Callable[["torch.Tensor"], Real]


def permutations_of(rows: Whole) -> Whole:
    """(K, N) places: which row of the part gives its value to each. The same for the same rows.

    By raw random words, whose stream numpy promises never to change.
    """
    drawn = [
        np.random.PCG64(np.random.SeedSequence([k, len(rows), int(rows[0])])).random_raw(len(rows))
        for k in range(PERMUTATIONS)
    ]
    return np.argsort(np.stack(drawn), axis=1, kind="stable")


def projected(loss_KN: Real, perm_KN: Whole) -> Real:
    """(N,) each row's part as the one asked and as the giver, less the mean, which stays theirs."""
    asked_N = loss_KN.mean(0)
    gave_N = np.zeros_like(asked_N)
    np.add.at(gave_N, perm_KN, loss_KN / len(loss_KN))
    projected_N: Real = asked_N + gave_N - asked_N.mean()
    return projected_N


def permuted(x_N: Inputs, members: Whole, perm_KN: Whole) -> Inputs:
    """(K·N, *shape): the rows once for each permutation, with other rows' values of the region."""
    flat_KND = np.repeat(x_N.reshape(1, len(x_N), -1), len(perm_KN), axis=0)
    flat_KND[:, :, members] = x_N.reshape(len(x_N), -1)[perm_KN[..., None], members]
    return flat_KND.reshape(-1, *x_N.shape[1:])


def scorer(
    kind: str, loss: Loss, constants: Mapping[str, np.ndarray], target_N: np.ndarray
) -> Score:
    """(C, N, O) outputs of C copies of the part -> (C, N) what the rows score."""
    member = Metric.members().get(kind)  # once: it looks through all subclasses
    metric = member.model_validate({}) if member else None

    def score(output_CNO: torch.Tensor) -> Real:
        copies = len(output_CNO)
        target_CN = torch.from_numpy(target_N).expand(copies, *target_N.shape)
        p_CNC = loss.probabilities(output_CNO)
        if kind in RANKED:
            said = output_CNO if p_CNC is None else p_CNC
            return pseudo_values(kind, said.double().numpy(), target_N.astype(np.int64))
        if kind == "loss":
            return _host(loss.rows(output_CNO, target_CN, _knobs(loss, constants, copies)))
        assert metric is not None, f"{kind} is no metric"
        value_CN = metric.rows(output_CNO, target_CN, p_CNC)
        assert value_CN is not None, f"{kind} had rows when it was stored"
        return _host(value_CN)

    return score


def _host(value_CN: torch.Tensor) -> Real:
    found: Real = value_CN.double().numpy()
    return found


def _knobs(loss: Loss, constants: Mapping[str, np.ndarray], copies: int) -> Knobs:
    own = {
        name: torch.full((copies,), float(getattr(loss, name)))
        for name, knob in type(loss).knobs().items()
        if not knob.structural
    }
    added = {
        name: torch.from_numpy(value).expand(copies, *value.shape)
        for name, value in constants.items()
    }
    return Knobs({**own, **added})
