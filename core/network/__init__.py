"""A network: what an architecture becomes where it meets a dataset's shape, and how it is run."""

from core.network.graph import INPUT, Graph, LayerFault, Node
from core.network.network import ALIGN, Network, Place, build, noise_of

__all__ = [
    "ALIGN",
    "INPUT",
    "Graph",
    "LayerFault",
    "Network",
    "Node",
    "Place",
    "build",
    "noise_of",
]
