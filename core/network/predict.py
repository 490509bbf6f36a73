"""What one stored run says of new inputs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from core.architectures.architecture import Architecture
from core.datasets import DatasetFacts
from core.layers.layer import Step
from core.losses import Loss
from core.network.network import Network, build
from core.network.run import forward
from core.tensors import torch
from core.term import Knobs

Array = NDArray[np.float32]
CHUNK_NUMBERS = 2**24  # activations at one time: 64 MB, whatever the client sends


def network_of(architecture: Architecture, loss: Loss, facts: DatasetFacts) -> Network:
    """The network of a run without the noise of its training."""
    outputs = loss.outputs(len(facts.classes), facts.outputs)
    return build(architecture, facts.shape, outputs)


class Trained:
    """A stored run's network in evaluation mode.

    tensors: the run's, as stored: `<layer>/<parameter>` and `standardize/…`.
    """

    def __init__(self, network: Network, tensors: Mapping[str, Array]) -> None:
        self._network, self._tensors = network, tensors

    def outputs(self, inputs: Array) -> torch.Tensor:
        """(N, O) as the network was trained to give them: targets may be standardised.

        inputs: (N, *shape), as the data has them; standardised here as the training data was.
        """
        x = inputs
        if "standardize/mean" in self._tensors:
            x = (inputs - self._tensors["standardize/mean"]) / self._tensors[
                "standardize/deviation"
            ]
        chunk = max(1, CHUNK_NUMBERS // self._network.activations)
        with torch.no_grad():
            parts = torch.from_numpy(x).unsqueeze(0).split(chunk, dim=1)
            stacked = {n: torch.from_numpy(v).unsqueeze(0) for n, v in self._tensors.items()}
            return torch.cat([evaluated(self._network, stacked, part) for part in parts], 1)[0]


def predictions(
    architecture: Architecture,
    loss: Loss,
    facts: DatasetFacts,
    tensors: Mapping[str, Array],
    inputs: Array,
) -> tuple[Array, Array | None]:
    """(N, outputs) in the targets' own units, and (N, classes) probabilities where there are any.

    tensors and inputs: as in `Trained`.
    """
    output_NO = Trained(network_of(architecture, loss, facts), tensors).outputs(inputs)
    p_1NC = loss.probabilities(output_NO.unsqueeze(0)) if facts.classes else None
    output: Array = output_NO.numpy()
    if "standardize/target_mean" in tensors:
        output = (
            output * tensors["standardize/target_deviation"] + tensors["standardize/target_mean"]
        )
    return output, None if p_1NC is None else p_1NC[0].numpy()


def evaluated(
    network: Network, tensors: Mapping[str, torch.Tensor], x_RB: torch.Tensor
) -> torch.Tensor:
    """(R, B, outputs) in evaluation mode; tensors: (R, …) each, as stored."""
    named: list[dict[str, torch.Tensor]] = [{} for _ in network.nodes]
    for place in network.places:
        named[place.node][place.name] = tensors[network.label(place)]
    step = Step(False, Knobs({}), ())
    return forward(network, named, x_RB, [step] * len(named))
