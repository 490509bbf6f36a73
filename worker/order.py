"""What a worker asks of its trainer child: one cohort, as one JSON line.

The child imports this too, so it must not import the store: that would cost it 153 modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

# arm, setting, seed, repeat, fold, inner_fold
Member = tuple[str, Mapping[str, float], int, int, int | None, int | None]


@dataclass(frozen=True)
class Artifact:
    """Something in the artifact store, and what its bytes must hash to."""

    key: str
    sha256: str


@dataclass(frozen=True)
class Saved(Artifact):
    """A checkpoint to resume from, and the epochs that lie behind it."""

    epoch: int


@dataclass(frozen=True)
class Order:
    """Everything that the training of a cohort needs, so that the child asks no database.

    order: a number that wishes name, rising within one child.
    prefix: below which the child stores artifacts; it holds the fence, so that a worker that was
    overtaken cannot overwrite its successor's.
    checkpoints: newest first; the first whole one is resumed from.
    dataset_sha256: the facts' identity that the job was accepted with, "" when it had none.
    uploads: artifacts of uploaded datasets by their ids.
    """

    order: int
    cohort: str
    document: Mapping[str, Any]  # Any: the resolved specification, JSON
    members: tuple[Member, ...]
    prefix: str
    checkpoints: tuple[Saved, ...]
    dataset_sha256: str
    uploads: Mapping[str, Artifact]
    device: str
    checkpoint_every_s: float
    rows_bytes_max: int

    @property
    def weights_key(self) -> str:
        """Where the child stores the final weights."""
        return f"{self.prefix}/weights.safetensors"

    @property
    def rows_key(self) -> str:
        """Where the child stores the scores of single test rows."""
        return f"{self.prefix}/rows.safetensors"

    def message(self) -> dict[str, Any]:  # Any: JSON
        """As one JSON-able mapping."""
        return asdict(self)

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Order:  # Any: JSON
        """The inverse of `message`."""
        return cls(
            **{
                **message,
                "members": tuple(tuple(member) for member in message["members"]),
                "checkpoints": tuple(Saved(**c) for c in message["checkpoints"]),
                "uploads": {i: Artifact(**a) for i, a in message["uploads"].items()},
            }
        )
