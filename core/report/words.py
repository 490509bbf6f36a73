"""Numbers and names as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from core.report.report import Score

SPLITS = {"train": "training", "val": "validation", "test": "test"}
SYMBOLS = {
    "lambda": "λ",
    "lr": "learning rate",
    "l1_ratio": "L1 ratio",
    "epsilon": "ε",
    "delta": "δ",
}


def base_of(metric: str) -> str:
    """`val_accuracy` → `accuracy`; a name without a split stays."""
    split, _, base = metric.partition("_")
    return base if split in SPLITS and base else metric


def metric_words(metric: str) -> str:
    """`val_accuracy` → `validation accuracy`."""
    split, _, base = metric.partition("_")
    words = f"{SPLITS[split]} {base}" if split in SPLITS and base else metric
    return words.replace("_", " ")


def head_words(metric: str, unit: str | None) -> str:
    """A table's head: `test mse (standardised)`."""
    return f"{metric_words(metric)} ({unit})" if unit else metric_words(metric)


@cache
def is_share(metric: str) -> bool:
    """Whether the metric is told in per cent and percentage points."""
    from core.metrics import Metric  # late: it loads every metric

    member = Metric.members().get(base_of(metric))
    return member is not None and member.share


def number(value: float, digits: int = 4) -> str:
    """At most so many significant digits: 0.001, 1e-5, 12.35; a true minus sign."""
    mantissa, e, exponent = f"{abs(value):.{digits}g}".partition("e")
    text = f"{mantissa}e{int(exponent)}" if e else mantissa
    return f"−{text}" if value < 0 else text


def amount(metric: str, value: float) -> str:
    """A score: `96.1 %` for shares, else four significant digits."""
    return f"{100 * value:.1f} %".replace("-", "−") if is_share(metric) else number(value)


def spread_words(metric: str, score: Score) -> str:
    """`96.5 % to 97.7 %`; that nothing varied, which is no evidence, where nothing did."""
    if score.ci95:
        return f"{amount(metric, score.ci95[0])} to {amount(metric, score.ci95[1])}"
    return f"no spread over {counted(score.n, 'replicate')}" if score.sd == 0 else ""


def differences(metric: str, values: Sequence[float]) -> list[str]:
    """Differences of scores, in one precision: percentage points for shares, without the unit."""
    if not is_share(metric):
        return [number(value, 3) for value in values]
    decimals = 1 if max(map(abs, values), default=0) >= 0.01 else 2
    return [_unsigned_zero(f"{100 * v:.{decimals}f}").replace("-", "−") for v in values]


def unit_of_difference(metric: str, text: str = "") -> str:
    """` points` for shares (` point` for exactly one), else nothing."""
    return (" point" if text in ("1.0", "1.00") else " points") if is_share(metric) else ""


def interval(metric: str, ends: tuple[float, float]) -> str:
    """`−0.2 to 0.8`."""
    low, high = differences(metric, ends)
    return f"{low} to {high}"


def p_words(p: float, name: str = "p") -> str:
    """`p = 0.013`, `p < 0.001`."""
    return f"{name} < 0.001" if p < 0.001 else f"{name} = {p:.2g}"


def seconds_words(seconds: float) -> str:
    """`0.4 s`, `6 s`, `3 min`, `2.5 h`: the precision that people plan with."""
    if seconds < 1:
        return f"{max(seconds, 0.1):.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def counted(n: int, noun: str) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def knob_words(name: str) -> str:
    """The symbol of a parameter: λ for lambda."""
    return SYMBOLS.get(name, name.replace("_", " "))


def _unsigned_zero(text: str) -> str:
    return text.removeprefix("-") if not float(text) else text
