"""How large a job may be. The values come from the service's settings and are passed in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds on one job; each refusal names the bound it met.

    nesting: objects and lists inside one another, in the body.
    values: numbers, strings, lists and objects in the body, all together.
    text: characters of one string in the body.
    parameters: trainable numbers of one run's network.
    document: the resolved specification, in which every arm stands in full, as JSON.
    faults: mistakes reported at once; the rest are counted.
    """

    runs_max: int = 10_000
    arms_max: int = 50
    epochs_max: int = 100_000
    layers_max: int = 100
    parameters_max: int = 50_000_000
    nesting_max: int = 32
    values_max: int = 30_000
    text_max: int = 10_000
    name_max: int = 200
    document_bytes_max: int = 262_144
    faults_max: int = 50
