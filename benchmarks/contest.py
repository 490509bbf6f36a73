"""Timing several ways to do the same work: interleaved repetitions, one table."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Table

WIDTH = 110  # a table that wraps is no table
Score = float  # best validation accuracy found, to see that the same work was done


@dataclass(frozen=True)
class Contestant:
    """One way. `opened` gives the function to be timed and cleans up after it; imports, servers
    and the first call are not counted. needs: the package that may be missing."""

    name: str
    opened: Callable[[], AbstractContextManager[Callable[[], Score]]]
    needs: str | None = None


@dataclass(frozen=True)
class Result:
    """Seconds of each repetition, and the score found."""

    name: str
    seconds: list[float]
    score: float
    models: int

    @property
    def least_s(self) -> float:
        return min(self.seconds)

    @property
    def median_s(self) -> float:
        return statistics.median(self.seconds)


def run(
    contestants: Iterable[Contestant], *, repetitions: int, models: int, warm_up: bool = True
) -> list[Result]:
    """Time each contestant `repetitions` times, in turns, so that a slow minute hits all alike."""
    console = Console(stderr=True)
    seconds: dict[str, list[float]] = {}
    scores: dict[str, float] = {}
    usable = [one for one in contestants if _installed(one, console)]
    for repetition in range(repetitions + warm_up):
        for one in usable:
            with one.opened() as work:
                began = time.perf_counter()
                score = work()
                took = time.perf_counter() - began
            counted = repetition >= warm_up
            if counted:
                seconds.setdefault(one.name, []).append(took)
                scores[one.name] = score
            console.print(f"{one.name}: {took:.3f} s{'' if counted else ' (warm-up)'}")
    return [Result(name, each, scores[name], models) for name, each in seconds.items()]


def show(title: str, results: Sequence[Result], reference: str) -> None:
    """Print the table, slowest first; ratios are to the contestant called `reference`."""
    unit = next((r.median_s for r in results if r.name == reference), None)
    table = Table(title=f"{title}, {_machine()}", title_justify="left")
    for heading in ("how", "least s", "median s", "models/s", f"× {reference}", "best val acc"):
        table.add_column(heading, justify="left" if heading == "how" else "right", no_wrap=True)
    for result in sorted(results, key=lambda r: -r.median_s):
        table.add_row(
            result.name,
            f"{result.least_s:.3f}",
            f"{result.median_s:.3f}",
            f"{result.models / result.median_s:.1f}",
            "–" if unit is None else f"{result.median_s / unit:.1f}",
            f"{result.score:.4f}",
        )
    Console(width=WIDTH).print(table)


def write_json(path: Path, tables: Mapping[str, Sequence[Result]]) -> None:
    """Everything measured, with the machine it was measured on."""
    measured = {title: [asdict(result) for result in each] for title, each in tables.items()}
    path.write_text(json.dumps({"machine": _machine(), "tables": measured}, indent=2) + "\n")


def chosen(contestants: Sequence[Contestant], only: Sequence[str]) -> list[Contestant]:
    """Those whose name holds one of the words in `only`; all when it is empty."""
    return [c for c in contestants if not only or any(word in c.name for word in only)]


def _installed(one: Contestant, console: Console) -> bool:
    if one.needs is None or find_spec(one.needs) is not None:
        return True
    console.print(f"{one.name}: {one.needs} is not installed (pip install -e '.[bench]')")
    return False


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
