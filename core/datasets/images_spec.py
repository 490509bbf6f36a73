"""How a client says that a zip archive holds images in folders named by class."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import Field

from core.datasets.upload_spec import Name, Side
from core.term import Wire

# of ImageNet's training images, as torchvision normalises by
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
Given = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and deviation of each channel, of pixels in [0, 1]."""


class Normalize(Wire):
    """Mean and deviation of each channel, of pixels in [0, 1]."""

    mean: Annotated[tuple[float, ...], Field(min_length=1, max_length=3)]
    std: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1, max_length=3)]


class ImagesSpec(Wire):
    """Images of classes: a zip of `class/image.png`, JPEG or what else Pillow reads.

    name: shown in lists and reports.
    size: height and width to which every image is resized (bilinear, filling all of it).
    channels: 1 is grey, 3 is colour; told from the first image when null.
    normalize: what jobs that standardise take for mean and deviation of a channel: `fitted` on each
        training part, `imagenet`, or given.
    """

    kind: Literal["images"]
    name: Name | None = None
    size: tuple[Side, Side] = (32, 32)
    channels: Literal[1, 3] | None = None
    normalize: Literal["fitted", "imagenet"] | Normalize = "fitted"

    def canonical(self) -> bytes:
        """The same bytes for the same spec, defaults filled in."""
        document = self.model_dump(mode="json")
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()

    def given(self, channels: int) -> Given | None:
        """Mean and deviation of so many channels; None where they are fitted. Raises ValueError."""
        if self.normalize == "fitted":
            return None
        mean, std = (
            IMAGENET if self.normalize == "imagenet" else (self.normalize.mean, self.normalize.std)
        )
        if not len(mean) == len(std) == channels:
            raise ValueError(
                f"normalize has {len(mean)} means and {len(std)} deviations, and images have "
                f"{channels} channel{'s' if channels > 1 else ''}; say channels, or give as many"
            )
        return tuple(mean), tuple(std)
