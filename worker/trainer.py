"""The warm trainer child: `python -m worker.trainer <pid of its worker>`.

It imports torch once and then trains cohort after cohort, so a small job starts in milliseconds.
It reads one JSON line per order, writes one per event, and knows no database.
"""

from __future__ import annotations

import os
import sys

from core.settings import Settings
from core.store.artifacts import Artifacts
from worker.logs import log_to_stderr
from worker.order import Order
from worker.parent import Parent


def main() -> None:
    """Say `ready`, then carry out orders until the worker is gone."""
    parent = Parent(int(sys.argv[1]))
    # Imported here: stdout is ours alone from now on, and the watch for the worker's death runs.
    import torch

    from worker.training import carry_out

    settings = Settings()
    log_to_stderr(settings)
    torch.set_num_threads(threads())
    _warm_up()
    artifacts = Artifacts(settings.artifacts_url)
    parent.say({"event": "ready", "device": "cuda" if torch.cuda.is_available() else "cpu"})
    while True:
        order = Order.of(parent.next_order())
        for message in carry_out(order, artifacts, parent.wish):
            parent.say({"order": order.order, **message})


def threads() -> int:
    """All cores; OMP_NUM_THREADS may say fewer. The engine decides when to use more than one."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    wanted = int(asked) if asked.isdigit() and int(asked) > 0 else cores
    return max(1, min(wanted, cores))


def _warm_up() -> None:
    """Have torch load what it loads at first use, before anybody waits for it."""
    import torch

    weight = torch.zeros(2, 2, 2, requires_grad=True)
    torch.bmm(weight, weight).sum().backward()


if __name__ == "__main__":
    main()
