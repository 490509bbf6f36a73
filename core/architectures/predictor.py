"""What one stored run says of new inputs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from core.architectures.architecture import Architecture
from core.architectures.network import Network, build
from core.datasets import DatasetFacts
from core.layers.layer import Step
from core.losses import Loss
from core.tensors import torch
from core.term import Knobs

Array = NDArray[np.float32]
CHUNK_NUMBERS = 2**24  # activations at one time: 64 MB, whatever the client sends


def predictions(
    architecture: Architecture,
    loss: Loss,
    facts: DatasetFacts,
    tensors: Mapping[str, Array],
    inputs: Array,
) -> tuple[Array, Array | None]:
    """(N, outputs) in the targets' own units, and (N, classes) probabilities where there are any.

    tensors: one run's, as stored: `<layer>/<parameter>` and `standardize/…`.
    inputs: (N, *shape), as the client has them; standardised here as the training data was.
    """
    outputs = loss.outputs(len(facts.classes), facts.outputs)
    network = build(architecture, facts.shape, outputs)
    x = inputs
    if "standardize/mean" in tensors:
        x = (inputs - tensors["standardize/mean"]) / tensors["standardize/deviation"]
    chunk = max(1, CHUNK_NUMBERS // network.activations)
    with torch.no_grad():
        parts = torch.from_numpy(x).unsqueeze(0).split(chunk, dim=1)
        output_1NO = torch.cat([_forward(network, tensors, part) for part in parts], 1)
        p_1NC = loss.probabilities(output_1NO) if facts.classes else None
    output: Array = output_1NO[0].numpy()
    if "standardize/target_mean" in tensors:
        output = (
            output * tensors["standardize/target_deviation"] + tensors["standardize/target_mean"]
        )
    return output, None if p_1NC is None else p_1NC[0].numpy()


def _forward(network: Network, tensors: Mapping[str, Array], x_1N: torch.Tensor) -> torch.Tensor:
    """The network in evaluation mode, with a run axis of one."""
    step = Step(False, Knobs({}), ())
    for index, node in enumerate(network.nodes):
        named = {
            place.name: torch.from_numpy(tensors[network.label(place)]).unsqueeze(0)
            for place in network.places
            if place.node == index
        }
        x_1N = node.layer.forward(x_1N, named, step)
    return x_1N
