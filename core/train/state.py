"""The tensors of a cohort that is training: what changes, what is saved, what is compacted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from core.datasets.splits import Replicate
from core.network import Network
from core.train.cohort import Cohort
from core.train.randomness import initial


class Watch:
    """The best value of one metric so far, and the weights that gave it: (A,) and (A, size)."""

    def __init__(self, rows: int, size: int, direction: str, device: torch.device) -> None:
        self.sign = 1.0 if direction == "max" else -1.0
        self.tensors = {
            "value": torch.full((rows,), float("-inf"), device=device),
            "epoch": torch.zeros(rows, dtype=torch.int64, device=device),
            "weights": torch.zeros(rows, size, device=device),
        }

    def see(
        self,
        value_R: torch.Tensor,
        w_RT: torch.Tensor,
        epoch: int,
        lo: int,
        hi: int,
        margin_R: torch.Tensor | float = 0.0,
    ) -> torch.Tensor:
        """Keep, of rows [lo, hi), what improved by more than the margin; finite values only.

        Values and weights are of these rows alone.

        Returns (R,), the epochs since each row's last improvement.
        """
        best, at, weights = (self.tensors[n][lo:hi] for n in ("value", "epoch", "weights"))
        score_R = self.sign * value_R
        better_R = (score_R > best + margin_R) & torch.isfinite(score_R)
        best.copy_(torch.where(better_R, score_R, best))
        at.masked_fill_(better_R, epoch)
        weights.copy_(torch.where(better_R[:, None], w_RT, weights))
        return epoch - at

    def best(self, places: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        """Weights of the best epoch, or `last` where no epoch had a finite value."""
        seen = self.tensors["epoch"].index_select(0, places) > 0
        return torch.where(seen[:, None], self.tensors["weights"].index_select(0, places), last)


class State:
    """Everything that a checkpoint holds.

    `rows` are the cohort's rows still training (A of them); `w` is (A, size), with optimizer state,
    watches and `terms`, what regularizers keep, alongside. Runs that ended lie in `last`, `best`,
    `reported`: (R, size).
    """

    def __init__(
        self,
        cohort: Cohort,
        network: Network,
        states: Sequence[str],
        terms: Mapping[str, int],
        watches: Mapping[str, str],
        device: torch.device,
    ) -> None:
        count = len(cohort.runs)
        self.device = device
        self.rows = list(range(count))
        self.epoch = 0
        self.parts = 1
        self.w = first_weights(cohort, network).to(device)
        self.optimizer = {n: torch.zeros(count, network.trained, device=device) for n in states}
        self.terms = {n: torch.zeros(count, width, device=device) for n, width in terms.items()}
        self.watches = {
            name: Watch(count, network.size, direction, device)
            for name, direction in watches.items()
        }
        self.ended = {n: torch.zeros_like(self.w) for n in ("last", "best", "reported")}
        self.best_epoch = torch.zeros(count, dtype=torch.int64)

    def keep(self, kept: Sequence[int]) -> None:
        """Compact: keep these places among the active rows."""
        index = torch.tensor(kept, device=self.device, dtype=torch.int64)
        self.rows = [self.rows[i] for i in kept]
        self.w = self.w.index_select(0, index)
        self.optimizer = {n: v.index_select(0, index) for n, v in self.optimizer.items()}
        self.terms = {n: v.index_select(0, index) for n, v in self.terms.items()}
        for watch in self.watches.values():
            watch.tensors = {n: v.index_select(0, index) for n, v in watch.tensors.items()}

    def tensors(self) -> dict[str, torch.Tensor]:
        """All of it by name, for a checkpoint; on the host, contiguous."""
        named = {
            "rows": torch.tensor(self.rows, dtype=torch.int64),
            "clock": torch.tensor([self.epoch, self.parts], dtype=torch.int64),
            "best_epoch": self.best_epoch,
            "w": self.w,
        }
        named |= {f"optimizer/{n}": v for n, v in self.optimizer.items()}
        named |= {f"term/{n}": v for n, v in self.terms.items()}
        named |= {f"ended/{n}": v for n, v in self.ended.items()}
        for name, watch in self.watches.items():
            named |= {f"watch/{name}/{n}": v for n, v in watch.tensors.items()}
        return {n: v.detach().cpu().contiguous() for n, v in named.items()}

    def restore(self, named: dict[str, torch.Tensor]) -> None:
        """The inverse of `tensors`."""
        self.rows = named["rows"].tolist()
        self.epoch, self.parts = named["clock"].tolist()
        self.best_epoch = named["best_epoch"].clone()
        # clone: fresh memory has the alignment that the same bits depend on
        place = {n: v.to(self.device, copy=True) for n, v in named.items()}
        self.w = place["w"]
        self.optimizer = {n: place[f"optimizer/{n}"] for n in self.optimizer}
        self.terms = {n: place[f"term/{n}"] for n in self.terms}
        self.ended = {n: place[f"ended/{n}"] for n in self.ended}
        for name, watch in self.watches.items():
            watch.tensors = {n: place[f"watch/{name}/{n}"] for n in watch.tensors}


def first_weights(cohort: Cohort, network: Network) -> torch.Tensor:
    """(R, size) initial rows: drawn once per replicate, equal for every setting of it."""
    rows: dict[Replicate, torch.Tensor] = {}
    for replicate in dict.fromkeys(run.replicate for run in cohort.runs):
        row = rows[replicate] = torch.zeros(network.size)
        seed = replicate.draw_seed
        for place in network.places:
            p = place.parameter
            part = row[place.start : place.stop]
            if p.bound:
                part.copy_(initial(seed, network.label(place), p.shape, p.bound).flatten())
            else:
                part.fill_(p.start)
    return torch.stack([rows[run.replicate] for run in cohort.runs])
