"""Fields and what they hold, for tests of networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from core.datasets import Dataset
from core.datasets.fields import RESERVED, Field, numbers
from core.layers.layer import Example
from tests.stacks import generator

SIZE = 7  # of ids and tokens

__all__ = ["SIZE", "fields_of", "given", "numbers", "viewed"]


def fields_of(example: Example) -> tuple[Field, ...]:
    """Of the data that an example of the catalogue reads."""
    if not example.coded:
        return numbers(example.shapes[0])
    size = example.body.get("size", SIZE)
    names = ("text",) if len(example.shapes) == 1 else ("user", "item")
    return tuple(
        Field(name, "tokens" if shape else "ids", shape, known=size + 3, size=size)
        for name, shape in zip(names, example.shapes, strict=True)
    )


def given(fields: tuple[Field, ...], rows: int, examples: int) -> Mapping[str, torch.Tensor]:
    """(R, B, *shape) of each field; texts end anywhere, and one is as long as can be."""
    found = {}
    for place, field in enumerate(fields):
        shape, made = (rows, examples, *field.shape), generator(1 + place)
        if not field.coded:
            found[field.name] = torch.randn(shape, generator=made)
            continue
        value = torch.randint(1, field.size, shape, generator=made)
        if field.ragged:
            length_RB = torch.randint(1, 1 + field.shape[0], shape[:2], generator=made)
            length_RB[:, 0] = field.shape[0]
            value[torch.arange(field.shape[0]) >= length_RB.unsqueeze(-1)] = 0
        found[field.name] = value
    return found


def viewed(digits: Dataset, example: Example, rows: int | None = None) -> Dataset:
    """Pixels as what an example reads: the first of them, or all over again where it holds more.

    As words: how dark a pixel is, until the text ends at the first white one that may end it.
    """
    fields, flat = fields_of(example), digits.features.reshape(len(digits.features), -1)
    inputs, words, start = {}, {}, 20  # where pixels differ
    for field in fields:
        shape = field.shape
        pixels = (start + np.arange(field.numbers)) % flat.shape[1] if field.coded else None
        if pixels is None:
            pixels = np.arange(field.numbers) % flat.shape[1]
            inputs[field.name] = flat[:, pixels].reshape(-1, *shape)
            continue
        step = (field.known - RESERVED - 1e-6) * flat[:, pixels].reshape(-1, *shape)
        value = RESERVED + np.floor(step).astype(np.int32)
        if field.ragged:
            ended = np.cumsum(value == RESERVED, axis=1) > 1
            value = np.where(ended, 0, value).astype(np.int32)
        inputs[field.name] = value
        words[field.name] = tuple(f"w{i}" for i in range(field.known - RESERVED))
        start += 7
    facts, target = replace(digits.facts, inputs=fields), digits.targets
    if rows is not None:
        facts = replace(facts, examples=rows, class_counts=())
        inputs, target = {n: x[:rows] for n, x in inputs.items()}, target[:rows]
    return Dataset(facts, inputs, target, words=words)
