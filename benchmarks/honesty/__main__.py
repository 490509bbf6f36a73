"""Counts false claims, coverage and power of reports where the truth is known.

    python -m benchmarks.honesty                          everything, about half an hour
    python -m benchmarks.honesty --table power --jobs 100

Nulls train through the real engine and are compared by the report's own functions; power, other
worlds and what would decide are ridge regressions in closed form.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.honesty.judge import Tally, judge_scored, margin_of, tally
from benchmarks.honesty.power import kept_of, power_of
from benchmarks.honesty.reported import job_of, scored_of, truth_of
from benchmarks.honesty.trained import Lesson, lessons
from benchmarks.honesty.winner import taken_of
from benchmarks.honesty.world import World, play

ARMS = (2, 3, 6)
ROWS = (150, 500, 2000)
TABLES = ("null", "worlds", "power", "decide", "winner")
ASKED = (5, 12)  # features whose lack makes about 3.7 and 7.5 points on 500 rows
ASKED_JOBS = 1000
DECIDE = (
    (150, 0, 1),
    (500, 64, 1),
    (500, 12, 1),
    (500, 64, 3),
    (500, 0, 3),
)  # rows, hidden, repeats
WINNERS = (
    World("noise", "classification", 150, arms=6),
    World("twin", "classification", 150, hidden=64, arms=4),
    World("mirror", "classification", 150, arms=4),
    World("mirror", "regression", 150, hidden=12),
    World("planted", "classification", 150, missing=3),
    World("planted", "classification", 500, hidden=64, missing=3),
    World("planted", "classification", 500, missing=6),
)
Row = list[str]


def nulls(jobs: range, rows: list[int]) -> Iterator[Row]:
    """The real engine, all arms at once; reports of the first 2, 3 and 6 of them."""
    for kind in ("noise", "twin", "names"):
        for network in ("linear", "mlp"):
            for task in ("classification", "regression"):
                for n in rows:
                    yield from _null(
                        Lesson(kind, network, task, n, arms=2 if kind == "names" else 6),
                        jobs,
                    )


def _null(lesson: Lesson, jobs: range) -> Iterator[Row]:
    job, done = job_of(lesson), list(lessons(lesson, jobs))
    truth = truth_of(lesson, done)
    truth_A = np.array([truth[str(arm["name"])] for arm in job.document["compare"]])  # type: ignore[attr-defined]
    scored = [scored_of(job, runs) for runs in done]
    margin = margin_of(lesson.metric, truth.values())
    for arms in ARMS:
        if arms > lesson.arms:
            continue
        some = (replace(one, score_APN=one.score_APN[:arms]) for one in scored)
        found = tally(
            judge_scored(one, truth_A[:arms], sign=lesson.sign, margin=margin) for one in some
        )
        head = [lesson.kind, lesson.network, lesson.task, f"{lesson.rows}", f"{arms}"]
        yield [*head, *_shares(found)]


def worlds(jobs: range, rows: list[int]) -> Iterator[Row]:
    """Ridge on drawn features: stable and unstable training, repeats, clusters, one held-out
    part."""
    for n in rows:
        for task in ("classification", "regression"):
            for more in _variants():
                world = replace(World("twin", task, n), **more)
                if world.folds == 1 and n < 2000:
                    continue
                outcomes = [play(world, job) for job in jobs]
                truth_A = np.mean([o.fresh_A for o in outcomes], axis=0)
                if world.equal:
                    truth_A[:] = 0.5 if world.kind == "noise" else truth_A.mean()
                metric = "accuracy" if task == "classification" else "mse"
                margin = margin_of(metric, truth_A.tolist())
                found = tally(
                    judge_scored(o.scored, truth_A, sign=world.sign, margin=margin)
                    for o in outcomes
                )
                named = ", ".join(f"{k} {v}" for k, v in more.items() if k != "kind")
                yield [world.kind, named, task, f"{n}", f"{world.arms}", *_shares(found)]


def _variants() -> Iterator[dict[str, Any]]:  # Any: fields of World
    for kind in ("noise", "twin", "mirror"):
        for hidden in (0, 12, 64):
            if kind == "twin" and not hidden:
                continue  # nothing is drawn
            for repeats in (1, 3):
                yield {"kind": kind, "hidden": hidden, "repeats": repeats}
    yield {"kind": "mirror", "hidden": 0, "cluster": 3}
    yield {"kind": "mirror", "hidden": 0, "arms": 4}
    yield {"kind": "twin", "hidden": 64, "folds": 1, "repeats": 3}
    yield {"kind": "mirror", "hidden": 0, "folds": 1, "repeats": 3}


def power(jobs: range, rows: list[int]) -> Iterator[Row]:
    """Planted differences of classifiers."""
    for n in rows:
        for hidden in (0, 64):
            for missing in (6, 10):
                for repeats in (1, 3):
                    yield _power(_planted(n, hidden, missing, repeats), jobs)
    for missing in ASKED:
        yield _power(_planted(500, 64, missing, 1), range(jobs.start, jobs.start + ASKED_JOBS))


def _planted(n: int, hidden: int, missing: int, repeats: int) -> World:
    return World("planted", "classification", n, hidden=hidden, missing=missing, repeats=repeats)


def _power(world: World, jobs: range) -> Row:
    found = power_of(world, jobs)
    return [
        f"{world.rows}",
        f"{world.hidden}",
        f"{world.repeats}",
        f"{len(jobs)}",
        f"+{100 * found.truth:.1f}",
        _percent(found.found),
        _percent(found.resampled),
        _percent(found.corrected),
        _percent(found.covered),
    ]


def decide(jobs: range) -> Iterator[Row]:
    """Advice, and whether following it decides."""
    for n, hidden, repeats in DECIDE:
        for margin in (0.005, 0.03):
            world = World("planted", "classification", n, hidden=hidden, repeats=repeats)
            for kept in kept_of(world, jobs, margin=margin):
                counts = [_known(kept.median), f"{kept.jobs}"]
                yield [kept.world, f"{margin:g}", kept.kind, *counts, _known(100 * kept.decided)]


def winner(jobs: range) -> Iterator[Row]:
    """What the arm taken promises, by validation rows and where test rows overrule them."""
    for world in WINNERS:
        found = taken_of(world, jobs)
        named = f"{world.kind}, {world.arms} arms, {world.hidden} hidden"
        yield [
            named,
            world.task,
            f"{world.rows}",
            f"{found.jobs}",
            f"{100 * found.overruled:.1f}",
            f"{100 * found.by_validation:+.2f}",
            f"{100 * found.by_both:+.2f}",
            f"{100 * found.covered:.1f}",
            f"{100 * found.covered_both:.1f}",
        ]


def _shares(found: Tally) -> Row:
    return [
        f"{found.jobs}",
        f"{100 * found.false:.1f}",
        f"{100 * found.limit:.1f}",
        f"{100 * found.pairs:.1f}",
        f"{100 * found.singles:.1f}",
    ]


def _known(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.0f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


JUDGED = ("arms", "jobs", "false %", "at most", "pairs %", "singles %")
HEADS = {
    "null": ("null", "network", "task", "rows", *JUDGED),
    "worlds": ("world", "of", "task", "rows", *JUDGED),
    "power": (
        *("rows", "hidden", "repeats", "jobs", "truth", "found %"),
        *("resampled t %", "of folds %", "covers %"),
    ),
    "decide": ("world", "margin", "advice", "median", "jobs", "decided %"),
    "winner": (
        *("world", "task", "rows", "jobs", "overruled %"),
        *("score − truth, validation", "after overruling", "covered %", "after"),
    ),
}


def main(
    table: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(TABLES)}.")] = None,
    jobs: Annotated[int, typer.Option(min=20)] = 400,
    seed: Annotated[int, typer.Option(help="Number of the first sample.", min=0)] = 0,
    rows: Annotated[list[int] | None, typer.Option(help="Sizes of samples.")] = None,
    out: Annotated[Path | None, typer.Option("--json", help="Also write all rows here.")] = None,
) -> None:
    """Print one table of each kind, row by row as they come."""
    import torch

    torch.set_num_threads(1)
    samples, sizes = range(seed, seed + jobs), list(rows or ROWS)
    made = {
        "null": lambda: nulls(samples, sizes),
        "worlds": lambda: worlds(samples, sizes),
        "power": lambda: power(samples, sizes),
        "decide": lambda: decide(samples),
        "winner": lambda: winner(samples),
    }
    found: dict[str, list[Row]] = {}
    for name in table or TABLES:
        found[name] = []
        for row in made[name]():
            found[name].append(row)
            print("  ".join(row), flush=True)
        shown = Table(*HEADS[name], title=f"{name}, {jobs} jobs from {seed}")
        for row in found[name]:
            shown.add_row(*row)
        Console(width=120).print(shown)
        if out is not None:
            out.write_text(json.dumps({"jobs": jobs, "seed": seed, "tables": found}, indent=1))


if __name__ == "__main__":
    typer.run(main)
