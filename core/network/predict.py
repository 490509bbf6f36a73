"""What one stored run says of new inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.architectures.architecture import Architecture
from core.datasets import DatasetFacts
from core.datasets.fields import FITTED, as_numbers, fitted_name
from core.layers.layer import Step
from core.losses import Loss
from core.network.network import Network, build
from core.network.run import Given, forward, lengths_of
from core.tensors import torch
from core.term import Knobs

Array = NDArray[np.float32]
Raw = Mapping[str, NDArray[Any]]  # Any: numbers, ids or tokens
CHUNK_NUMBERS = 2**24  # activations at one time: 64 MB, whatever the client sends


def network_of(architecture: Architecture, loss: Loss, facts: DatasetFacts) -> Network:
    """The network of a run without the noise of its training."""
    outputs = loss.outputs(len(facts.classes), facts.outputs)
    return build(architecture, facts.inputs, outputs)


class Trained:
    """A stored run's network in evaluation mode.

    tensors: the run's, as stored: `<layer>/<parameter>` and `standardize/…`.
    """

    def __init__(self, network: Network, tensors: Mapping[str, Array]) -> None:
        self._network, self._tensors = network, tensors

    def outputs(self, inputs: Raw) -> torch.Tensor:
        """(N, O) as the network was trained to give them: targets may be standardised.

        inputs: of each field (N, *shape), as the data has them; standardised or coded here as the
        training data was.
        """
        rows = len(next(iter(inputs.values())))
        chunk = max(1, CHUNK_NUMBERS // self._network.activations)
        with torch.no_grad():
            stacked = {n: torch.from_numpy(v).unsqueeze(0) for n, v in self._tensors.items()}
            parts = (
                {
                    n: torch.from_numpy(fitted(x[at : at + chunk], n, self._tensors)).unsqueeze(0)
                    for n, x in inputs.items()
                }
                for at in range(0, rows, chunk)
            )
            return torch.cat([evaluated(self._network, stacked, part) for part in parts], 1)[0]


def predictions(
    architecture: Architecture,
    loss: Loss,
    facts: DatasetFacts,
    tensors: Mapping[str, Array],
    inputs: Raw,
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


def evaluated(network: Network, tensors: Mapping[str, torch.Tensor], given: Given) -> torch.Tensor:
    """(R, B, outputs) in evaluation mode; tensors: (R, …) each, as stored."""
    named: list[dict[str, torch.Tensor]] = [{} for _ in network.nodes]
    for place in network.places:
        named[place.node][place.name] = tensors[network.label(place)]
    lengths = lengths_of(network, given)
    steps = [
        Step(False, Knobs({}), (), lengths_RB=None if n.lengths is None else lengths[n.lengths])
        for n in network.nodes
    ]
    return forward(network, named, given, steps)


def fitted(
    x_N: NDArray[Any], field: str, tensors: Mapping[str, NDArray[Any]], *, streams: bool = False
) -> NDArray[Any]:  # Any: numbers, ids or tokens
    """(N, *shape) of one field as the training part standardises or codes it.

    tensors: `standardize/…`. streams: x and they have a leading axis, of several training parts.
    """
    mean, deviation, codes = (
        tensors.get(FITTED + fitted_name(field, name)) for name in ("mean", "deviation", "codes")
    )
    axis = int(streams)  # of the examples
    x_N = as_numbers(x_N)
    if codes is not None:
        apart = x_N if streams else x_N[None]
        codes_SV = codes if streams else codes[None]
        flat = np.take_along_axis(codes_SV, apart.reshape(len(apart), -1).astype(np.int64), 1)
        coded: NDArray[Any] = flat.astype(np.int64).reshape(x_N.shape)
        return coded
    if mean is None or deviation is None:
        return x_N
    scaled: NDArray[Any] = (x_N - np.expand_dims(mean, axis)) / np.expand_dims(deviation, axis)
    return scaled
